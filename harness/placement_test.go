package harness

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"headroom/kernel/machine"
)

// synthetic is a machine of nodes with cores of so many threads; the last-level cache is shared by so many cores. As Linux numbers them, first
// threads come first: CPU core+cores*thread.
func synthetic(nodes, coresPerNode, threads, coresPerL3 int) (t machine.Topology) {
	cores := nodes * coresPerNode
	for id := range cores * threads {
		core := id % cores
		t.CPUs = append(t.CPUs, machine.CPU{ID: id, Node: core / coresPerNode, Package: core / coresPerNode, Core: core % coresPerNode,
			L3: core / coresPerL3 * coresPerL3, Thread: id / cores})
	}
	return t
}

// Each policy puts the processors in its order, whatever order they are given in. The machine of 2 nodes with 4 cores of 2 threads has CPUs 0 to 3
// and 8 to 11 on node 0.
func TestPlacementOrdersProcessors(t *testing.T) {
	two := synthetic(2, 4, 2, 2)
	for _, c := range []struct {
		name     string
		topology machine.Topology
		policy   string
		want     []int
	}{
		{"two nodes", two, Compact, []int{0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15}},
		{"two nodes", two, SMTLast, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
		{"two nodes", two, Scatter, []int{0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15}},
		{"two nodes", two, OneNode, []int{0, 1, 2, 3, 8, 9, 10, 11}},
		{"second threads only", machine.Topology{CPUs: two.CPUs[8:]}, SMTLast, []int{8, 9, 10, 11, 12, 13, 14, 15}},
		{"more of the second node", machine.Topology{CPUs: two.CPUs[3:8]}, OneNode, []int{4, 5, 6, 7}},
		{"nodes of unequal size", machine.Topology{CPUs: two.CPUs[3:8]}, Scatter, []int{3, 4, 5, 6, 7}},
		{"siblings beside cores", machine.Topology{CPUs: []machine.CPU{two.CPUs[8], two.CPUs[1], two.CPUs[0]}}, SMTLast, []int{0, 1, 8}},
		{"siblings beside cores", machine.Topology{CPUs: []machine.CPU{two.CPUs[8], two.CPUs[1], two.CPUs[0]}}, Compact, []int{0, 8, 1}},
		{"one processor", synthetic(1, 1, 1, 1), Scatter, []int{0}},
		{"no processor", machine.Topology{}, OneNode, nil},
	} {
		got, err := Place(c.topology, c.policy)
		if err != nil || !slices.Equal(numbers(got), c.want) {
			t.Errorf("%s, %s: %v, %v, want %v", c.name, c.policy, numbers(got), err, c.want)
		}
		turned := machine.Topology{CPUs: slices.Clone(c.topology.CPUs)}
		slices.Reverse(turned.CPUs)
		if again, _ := Place(turned, c.policy); !slices.Equal(again, got) {
			t.Errorf("%s, %s: turned round %v, want %v", c.name, c.policy, numbers(again), numbers(got))
		}
	}
	const says = `no placement is called "middle"; there are smt-last, compact, scatter, one-node`
	if _, err := Place(two, "middle"); err == nil || err.Error() != says {
		t.Errorf("an unknown policy: %v", err)
	}
}

// A pair at each distance is found where there is one, and the first of the order.
func TestPairsAreFoundByDistance(t *testing.T) {
	unknown := synthetic(1, 2, 1, 1)
	for i := range unknown.CPUs {
		unknown.CPUs[i].L3 = -1
	}
	for _, c := range []struct {
		name     string
		topology machine.Topology
		want     string // by distance, the shortest first
	}{
		{"2 nodes, 4 cores, 2 threads, 2 cores a cache", synthetic(2, 4, 2, 2), "smt 0-8, llc 0-1, node 0-2, far 0-4"},
		{"2 nodes, 4 cores, one cache each", synthetic(2, 4, 1, 4), "smt none, llc 0-1, node none, far 0-4"},
		{"caches of their own", synthetic(1, 2, 1, 1), "smt none, llc none, node 0-1, far none"},
		{"caches unknown", unknown, "smt none, llc none, node 0-1, far none"},
		{"one CPU", synthetic(1, 1, 1, 1), "smt none, llc none, node none, far none"},
	} {
		order, err := Place(c.topology, SMTLast)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range Distances() {
			name := d + " none"
			if pair, ok := Pair(order, d); ok {
				name = fmt.Sprintf("%s %d-%d", d, pair[0].ID, pair[1].ID)
			}
			got = append(got, name)
		}
		if list := strings.Join(got, ", "); list != c.want {
			t.Errorf("%s: %s, want %s", c.name, list, c.want)
		}
	}
}
