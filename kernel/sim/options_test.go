package sim_test

import (
	"testing"

	"headroom/kernel/sim"
)

// A machine that cannot be made is refused; one that can has the CPUs and nodes asked for, the CPUs dealt to the nodes in blocks.
func TestOptionsAreChecked(t *testing.T) {
	for _, bad := range []sim.Options{
		{}, {CPUs: -1}, {CPUs: 65}, {CPUs: 2, Nodes: 3}, {CPUs: 1, Entities: 65}, {CPUs: 1, Entities: -1}, {CPUs: 1, Nodes: -1},
		{CPUs: 1, MemoryBytes: -1}, {CPUs: 1, MemoryBytes: 1, Entities: 65},
	} {
		if m, err := sim.New(bad); err == nil {
			m.Close()
			t.Errorf("%+v gives a machine", bad)
		}
	}
	m, err := sim.New(sim.Options{CPUs: 6, Nodes: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.CPUs() != 6 || m.Memory().Nodes() != 3 {
		t.Errorf("%d CPUs, %d nodes", m.CPUs(), m.Memory().Nodes())
	}
	for cpu, node := range []int{0, 0, 1, 1, 2, 2} {
		if m.Node(cpu) != node {
			t.Errorf("CPU %d is on node %d, want %d", cpu, m.Node(cpu), node)
		}
	}
}

// Run without a strategy is an error.
func TestRunNeedsAStrategy(t *testing.T) {
	m, err := sim.New(sim.Options{CPUs: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Run() == nil {
		t.Error("Run without a strategy gives no error")
	}
}
