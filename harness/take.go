package harness

import (
	"context"

	"headroom/harness/workload"
)

// Take takes one sample, in a process of its own: what Run does for each cell of a plan. For a caller that has an order of its own. The error says
// why the sample could not be taken.
func (r *Runner) Take(ctx context.Context, spec workload.Spec) (*Taken, error) { return r.one(ctx, spec) }
