package harness

import (
	"context"

	"headroom/designs"
	"headroom/harness/workload"
)

// Take takes one sample in a process of its own, as Run does for each cell of a plan: for a caller with an order of its own. program is what to
// start with the word "sample". The error says why the sample could not be taken.
func Take(ctx context.Context, program string, spec workload.Spec) (*Taken, error) {
	return one(ctx, program, spec)
}

// TightPair describes fastpath on a variant as a plan has it, with memory below it in which it does not run out. durationNs is the sample's length.
func TightPair(v designs.Variant, knobs map[string]int, cpus int, durationNs int64) workload.Spec {
	d := workload.Description{Name: workload.Fastpath}
	return workload.Spec{Workload: workload.Fastpath, Design: v.Design, Variant: v.Name, Knobs: knobs, CPUs: cpus, Room: room(d, v), DurationNs: durationNs}
}
