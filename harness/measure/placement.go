package measure

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"headroom/harness/result"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// placement describes where CPUs and memory lie, as far as this process may use them: nodes, their distances, caches, hardware threads. root is /sys
// but for tests.
func placement(root string, cpus []int) result.Env {
	topology, err := machine.ReadTopology(root, cpus)
	if err != nil {
		topology = machine.Topology{}
	}
	nodes := topology.Nodes()
	online, _ := machine.OnlineNodes(root)
	distances, _ := machine.ReadDistances(root, nodes)
	return result.Env{
		{Key: "cpus-allowed", Value: strconv.Itoa(len(cpus))},
		{Key: "numa-nodes", Value: strconv.Itoa(len(nodes))},
		{Key: "numa-cpus", Value: groups(topology, func(c machine.CPU) int { return c.Node })},
		{Key: "numa-distances", Value: table(nodes, distances)},
		{Key: "numa-binding", Value: binding(nodes, online)},
		{Key: "l3-groups", Value: groups(topology, func(c machine.CPU) int { return c.L3 })},
		{Key: "smt", Value: yes(smt(topology))},
	}
}

// groups lists the CPUs by a number that a group of them has in common: "0: 0-3; 1: 4-7". "" when the number of one is unknown.
func groups(t machine.Topology, number func(machine.CPU) int) string {
	members := map[int][]int{}
	var numbers []int
	for _, c := range t.CPUs {
		n := number(c)
		if n < 0 {
			return ""
		}
		if members[n] == nil {
			numbers = append(numbers, n)
		}
		members[n] = append(members[n], c.ID)
	}
	slices.Sort(numbers)
	var text []string
	for _, n := range numbers {
		text = append(text, fmt.Sprintf("%d: %s", n, machine.FormatCPUList(members[n])))
	}
	return strings.Join(text, "; ")
}

// table lists the distances from each node: "0: 10 21; 1: 21 10".
func table(nodes []int, distances [][]int) string {
	var rows []string
	for i, row := range distances {
		rows = append(rows, fmt.Sprintf("%d: %s", nodes[i], strings.Trim(fmt.Sprint(row), "[]")))
	}
	return strings.Join(rows, "; ")
}

// The answers to whether memory can be bound to nodes; a refusal is followed by its reason.
const (
	bindingNeedless = "not needed: one node"
	bindingWorks    = "works"
	bindingRefused  = "refused: "
)

// binding tries to bind a page to each of the nodes in use. On a system of one node there is nothing to bind.
func binding(nodes, online []int) string {
	if len(online) < 2 && len(nodes) < 2 {
		return bindingNeedless
	}
	if len(nodes) == 0 {
		return ""
	}
	m, err := mem.Make(len(nodes), 1, nodes)
	if err != nil {
		return bindingRefused + err.Error()
	}
	defer m.Release()
	if err := m.Unbound(); err != nil {
		return bindingRefused + err.Error()
	}
	return bindingWorks
}

func smt(t machine.Topology) bool {
	return slices.ContainsFunc(t.CPUs, func(c machine.CPU) bool { return c.Thread > 0 })
}
