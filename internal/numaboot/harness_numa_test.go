//go:build numa

package numaboot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"headroom/designs/catalog"
	"headroom/harness/measure"
	"headroom/harness/workload"
)

// The environment that a run records tells the guest as it was built, and that memory could be bound.
func TestEnvironmentTellsTheLayout(t *testing.T) {
	l := layout(t)
	var cpus, distances []string
	for node := range l.Nodes {
		cpus = append(cpus, fmt.Sprintf("%d: %d-%d", node, first(l, node), first(l, node+1)-1))
		row := []string{}
		for to := range l.Nodes {
			row = append(row, fmt.Sprint(l.Distance(node, to)))
		}
		distances = append(distances, fmt.Sprintf("%d: %s", node, strings.Join(row, " ")))
	}
	env := measure.Environment("guest")
	for key, want := range map[string]string{
		"cpus-allowed": fmt.Sprint(l.CPUs()), "numa-nodes": fmt.Sprint(l.Nodes), "numa-cpus": strings.Join(cpus, "; "),
		"numa-distances": strings.Join(distances, "; "), "numa-binding": "works", "numa-balancing": "1",
		"smt": map[bool]string{true: "yes", false: "no"}[l.Threads > 1], "hypervisor": "TCGTCGTCGTCG", "command": "guest",
	} {
		if got := env.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

// A workload ends well on every CPU of several nodes, and the design's check holds afterwards. It runs as on a machine whose processors it does not
// know, thus without real-time priority: emulated processors that spin at that priority can stop a guest on a busy host.
func TestWorkloadsOnSeveralNodes(t *testing.T) {
	l := layout(t)
	for _, design := range []string{"percpu_tags", "page"} {
		v, err := catalog.Default(design)
		if err != nil {
			t.Fatal(err)
		}
		spec := workload.Spec{Workload: workload.Fastpath, Design: v.Design, Variant: v.Name, CPUs: l.CPUs(), DurationNs: 1_000_000}
		o, err := workload.Run(machineOf(t, processors(t).CPUs), nil, v, spec, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s := o.Sample; len(s.PerCPU) != l.CPUs() || slices.Min(s.PerCPU) == 0 || s.Counters["failed"] != 0 {
			t.Errorf("%s: operations by CPU %v, counters %v", v.FullName(), s.PerCPU, s.Counters)
		}
	}
}
