//go:build numa

package numaboot_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"headroom/designs/catalog"
	"headroom/harness"
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

// A whole sample, as a run takes it, ends well on every CPU of several nodes: the design's check holds, and threads are where they were pinned. A slow
// host may spoil its figures, which count for nothing here.
func TestSamplesOnSeveralNodes(t *testing.T) {
	l := layout(t)
	for _, design := range []string{"percpu_tags", "page"} {
		v, err := catalog.Default(design)
		if err != nil {
			t.Fatal(err)
		}
		input, err := json.Marshal(workload.Spec{Workload: workload.Fastpath, Design: v.Design, Variant: v.Name, CPUs: l.CPUs(), DurationNs: 20_000_000})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := harness.Sample(bytes.NewReader(input), &out); err != nil {
			t.Fatal(err)
		}
		var taken harness.Taken
		if err := json.Unmarshal(out.Bytes(), &taken); err != nil {
			t.Fatal(err)
		}
		s := taken.Sample
		if len(s.PerCPU) != l.CPUs() || slices.Min(s.PerCPU) == 0 || s.Counters["failed"] != 0 {
			t.Errorf("%s: operations by CPU %v, counters %v", v.FullName(), s.PerCPU, s.Counters)
		}
	}
}
