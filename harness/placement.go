package harness

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"headroom/kernel/machine"
)

// The policies by which a run chooses its processors.
const (
	Compact = "compact"  // fill a core, then its last-level cache, then its node, before the next
	Scatter = "scatter"  // round robin over the nodes, one thread a core first
	OneNode = "one-node" // one NUMA node only, the one with the most processors, one thread a core first
	SMTLast = "smt-last" // one thread a core first, node by node; siblings last: the standard
)

// Policies lists the policies, the standard one first.
func Policies() []string { return []string{SMTLast, Compact, Scatter, OneNode} }

// Place orders the processors of a topology by a policy; the first n of them are those a run on n CPUs uses. It returns an error that lists what
// there is when no policy has that name.
func Place(t machine.Topology, policy string) ([]machine.CPU, error) {
	threads := threadRanks(t)
	compact := func(a, b machine.CPU) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Package, b.Package), cmp.Compare(a.L3, b.L3), cmp.Compare(a.Core, b.Core), cmp.Compare(a.ID, b.ID))
	}
	siblingsLast := func(a, b machine.CPU) int { return cmp.Or(cmp.Compare(threads[a.ID], threads[b.ID]), compact(a, b)) }
	switch policy {
	case SMTLast:
		return slices.SortedFunc(slices.Values(t.CPUs), siblingsLast), nil
	case Compact:
		return slices.SortedFunc(slices.Values(t.CPUs), compact), nil
	case Scatter:
		turn, taken := map[int]int{}, map[int]int{} // by processor: how many of its node come before it
		for _, c := range slices.SortedFunc(slices.Values(t.CPUs), siblingsLast) {
			turn[c.ID] = taken[c.Node]
			taken[c.Node]++
		}
		return slices.SortedFunc(slices.Values(t.CPUs), func(a, b machine.CPU) int {
			return cmp.Or(cmp.Compare(turn[a.ID], turn[b.ID]), siblingsLast(a, b))
		}), nil
	case OneNode:
		most := map[int]int{}
		node := -1
		for _, c := range slices.SortedFunc(slices.Values(t.CPUs), compact) {
			if most[c.Node]++; node < 0 || most[c.Node] > most[node] {
				node = c.Node
			}
		}
		on := slices.DeleteFunc(slices.Clone(t.CPUs), func(c machine.CPU) bool { return c.Node != node })
		slices.SortFunc(on, siblingsLast)
		return on, nil
	}
	return nil, fmt.Errorf("no placement is called %q; there are %s", policy, strings.Join(Policies(), ", "))
}

// threadRanks counts the threads of each core among the processors of the topology: a process that may use second threads only has one a core.
func threadRanks(t machine.Topology) map[int]int {
	type core struct{ pack, core int }
	rank, seen := map[int]int{}, map[core]int{}
	for _, c := range slices.SortedFunc(slices.Values(t.CPUs), func(a, b machine.CPU) int {
		return cmp.Or(cmp.Compare(a.Thread, b.Thread), cmp.Compare(a.ID, b.ID))
	}) {
		rank[c.ID] = seen[core{c.Package, c.Core}]
		seen[core{c.Package, c.Core}]++
	}
	return rank
}

// How far apart two processors are, by what the system reports of them.
const (
	DistanceSMT  = "smt"  // threads of one core
	DistanceLLC  = "llc"  // cores that share the last-level cache
	DistanceNode = "node" // a NUMA node, but no cache that is known to be shared
	DistanceFar  = "far"  // two nodes
)

// Distances lists the distances, the shortest first.
func Distances() []string { return []string{DistanceSMT, DistanceLLC, DistanceNode, DistanceFar} }

// Apart is how far apart two different processors are.
func Apart(a, b machine.CPU) string {
	switch {
	case a.Package == b.Package && a.Core == b.Core:
		return DistanceSMT
	case a.Node != b.Node:
		return DistanceFar
	case a.L3 >= 0 && a.L3 == b.L3:
		return DistanceLLC
	}
	return DistanceNode
}

// Pair is the first two of the processors that are so far apart; ok is false when there are none.
func Pair(cpus []machine.CPU, distance string) (pair []machine.CPU, ok bool) {
	for i, a := range cpus {
		for _, b := range cpus[i+1:] {
			if Apart(a, b) == distance {
				return []machine.CPU{a, b}, true
			}
		}
	}
	return nil, false
}

// numbers are the system's numbers of processors.
func numbers(cpus []machine.CPU) (ids []int) {
	for _, c := range cpus {
		ids = append(ids, c.ID)
	}
	return ids
}
