package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"headroom/harness"
	"headroom/harness/measure"
	"headroom/harness/report"
	"headroom/harness/result"
	"headroom/harness/workload"
)

// The exit statuses of headroom ab that git bisect run gives a meaning to. It takes 1 to 127 for a bad revision, 125 excepted: so what is not about
// a revision at all must end above.
const (
	exitSkip = 125 // this revision cannot be judged: go on with another
	exitStop = 128 // nothing can be judged: stop
)

// skipped is an error about a revision that cannot be built or measured.
type skipped struct{ error }

// abOptions are the flags of headroom ab.
type abOptions struct {
	bench  benchOptions // what to measure
	gate   float64
	asJSON bool
}

const abName = "ab"

func abCommand() *cobra.Command {
	var o abOptions
	c := &cobra.Command{
		Use:   abName + " REV1 REV2",
		Short: "Build two revisions, measure both in one run, and say whether the second is slower",
		Long: `Ab builds the program of two git revisions in a temporary folder (the checkout is not touched) and measures both in one run: each cell
with one program and right after with the other, in random order, so that what the machine does meanwhile falls on both. What is
measured is this program's plan, as far as both revisions can take it; the other cells are listed. "." stands for the working tree
with what is not committed in it.

A cell is worse when the interval of the ratios of its pairs leaves out 1, the ratio lies beyond the spread of one program's own
samples, and a paired t test still says so after correction for the number of cells, and when the ratios in ns leave out 1 as well;
it is a regression when it is also worse by more than the gate.

Exit status, as git bisect run wants it:
  0    no regression: REV2 is good
  1    a regression: REV2 is bad
  125  a revision cannot be built or measured: skip it
  128  the arguments or the environment cannot be used: stop. Other commands say 2, which git bisect would take for a bad revision
  130  interrupted: stop. Nothing is kept`,
		Example: `  headroom ab v1 HEAD --quick
  headroom ab HEAD . --design percpu_tags --gate 3
  git bisect start HEAD v1 && git bisect run bin/headroom ab v1 HEAD --quick --workload fastpath`,
		Args: arguments(2),
		RunE: func(_ *cobra.Command, args []string) error { return ab(o, args[0], args[1]) },
	}
	f := c.Flags()
	f.BoolVar(&o.bench.quick, "quick", false, "short samples of few cells: the first variant of each design in fastpath, window and tag-exhaust")
	f.StringArrayVar(&o.bench.traces, "trace", nil, "replay this recording; may be repeated")
	f.Float64Var(&o.bench.pace, "pace", 0, "speed of the replay as a multiple of the recorded one; 0 is flat out")
	f.StringArrayVar(&o.bench.workloads, "workload", nil, "measure only this workload; may be repeated (default all; with --trace only the replay)")
	f.StringArrayVar(&o.bench.designs, "design", nil, "measure only this design, or design:variant; may be repeated (default all)")
	f.IntSliceVar(&o.bench.cpus, "cpus", nil, "counts of CPUs to use, such as 1,2 (default powers of two up to all)")
	f.IntVar(&o.bench.touch, "touch", 0, "bytes to write behind each tag between alloc and free: 0, or a multiple of 64")
	f.Float64Var(&o.gate, "gate", 5, "per cent by which a cell may be worse")
	f.StringVar(&o.bench.out, "out", "", "keep the results of the two revisions in the folders a and b of this one")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.Uint64Var(&o.bench.seed, "seed", 1, "order of the measurements")
	return c
}

// ab compares two revisions and sets the exit status.
func ab(o abOptions, first, second string) error {
	if err := nativeOnly(); err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	d, err := o.duel(ctx, [2]string{first, second})
	var skip skipped
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "headroom: interrupted: nothing is kept")
		return status(exitInterrupted)
	case errors.As(err, &skip):
		fmt.Fprintf(os.Stderr, "headroom: %v\n", err)
		return status(exitSkip)
	case err != nil:
		return err
	}
	if d.Regressions() > 0 {
		return status(exitFound)
	}
	return nil
}

// duel builds the revisions, measures them, and prints and keeps what came out.
func (o *abOptions) duel(ctx context.Context, names [2]string) (*harness.Duel, error) {
	request, err := o.request()
	if err != nil {
		return nil, err
	}
	var revisions [2]*revision
	for i, name := range names {
		if revisions[i], err = findRevision(ctx, name); err != nil {
			return nil, err
		}
	}
	temporary, err := os.MkdirTemp("", "headroom-ab-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temporary)
	sides, err := buildSides(ctx, temporary, revisions)
	if err != nil {
		return nil, skipped{err}
	}
	plan, missing := harness.NewDuelPlan(request, sides)
	if len(plan.Cells) == 0 {
		if len(missing) > 0 {
			return nil, skipped{fmt.Errorf("nothing to measure in both revisions: %s is not in %s: %s", missing[0].Cell, missing[0].Side, missing[0].Reason)}
		}
		return nil, errors.New("nothing to measure: no design named can run a workload named; see headroom list")
	}
	env := measure.Environment(commandLine())
	d, err := o.measure(ctx, plan, sides, env)
	if err != nil {
		return nil, err
	}
	d.Missing = append(d.Missing, missing...)
	if err := o.keep(d, env, revisions); err != nil {
		return nil, err
	}
	if o.asJSON {
		return d, printJSON(os.Stdout, d)
	}
	return d, printDuel(os.Stdout, d, revisions)
}

// measure runs the plan with both programs, and says of the run what a reader has to know.
func (o *abOptions) measure(ctx context.Context, plan harness.Plan, sides [2]harness.Side, env result.Env) (*harness.Duel, error) {
	ruler, err := harness.TakeRuler(firstTwo())
	if err != nil {
		return nil, err
	}
	started := time.Now().UTC()
	runner := &harness.Runner{Seed: o.bench.seed, Progress: newProgress(plan.SecondsPerSample())}
	d, err := runner.Duel(ctx, plan, sides, o.gate)
	if err != nil {
		return nil, skipped{err}
	}
	if d.Judged() == 0 {
		return nil, skipped{errors.New("no cell has enough pairs of samples that count: the machine is too restless; run again")}
	}
	for k := range d.Runs {
		run := &d.Runs[k]
		run.Command, run.Started = commandLine(), started
		run.Warnings = append(run.Warnings, measure.Doubts(env, ruler.RealtimeError())...)
	}
	for _, name := range plan.Redefined(sides[0].Offer, sides[1].Offer) {
		d.Doubts = append(d.Doubts, fmt.Sprintf("the revisions describe one operation of %s in different words: their figures may not be of the same thing", name))
	}
	return d, nil
}

// request checks the flags and is what to measure. A quick run, unless it is told what, takes the three workloads that say most about a change, and each design's first
// variant.
func (o *abOptions) request() (harness.Request, error) {
	b := o.bench
	if !(o.gate >= 0) { // a NaN is not at least 0
		return harness.Request{}, fmt.Errorf("--gate %g: give a percentage of at least 0", o.gate)
	}
	for _, side := range sideFolders {
		if err := usableOut(o.folder(side)); err != nil {
			return harness.Request{}, err
		}
	}
	if b.quick && len(b.workloads) == 0 && len(b.traces) == 0 {
		b.workloads = []string{workload.Fastpath, workload.Window, workload.TagExhaust}
	}
	if b.quick && len(b.designs) == 0 {
		b.designs = harness.FirstVariants()
	}
	return b.request()
}

// sideFolders are where --out keeps the two results.
var sideFolders = [2]string{"a", "b"}

func (o *abOptions) folder(side string) string {
	if o.bench.out == "" {
		return ""
	}
	return filepath.Join(o.bench.out, side)
}

// buildSides builds both programs, the same commit once, and asks each what it can measure.
func buildSides(ctx context.Context, folder string, revisions [2]*revision) (sides [2]harness.Side, err error) {
	for i, r := range revisions {
		sides[i] = harness.Side{Name: r.String()}
		if i > 0 && r.hash == revisions[0].hash {
			sides[i].Program, sides[i].Offer = sides[0].Program, sides[0].Offer
			continue
		}
		fmt.Fprintf(os.Stderr, "building %v\n", r)
		if sides[i].Program, err = r.build(ctx, folder, sideFolders[i]); err != nil {
			return sides, err
		}
		if sides[i].Offer, err = harness.Ask(ctx, sides[i].Program); err != nil {
			return sides, fmt.Errorf("%v cannot be measured: %w", r, err)
		}
	}
	return sides, nil
}

// keep writes the result of each side, when a folder was named.
func (o *abOptions) keep(d *harness.Duel, env result.Env, revisions [2]*revision) error {
	if o.bench.out == "" {
		return nil
	}
	for k := range d.Runs {
		run := &d.Runs[k]
		run.Warnings = append(run.Warnings, fmt.Sprintf("one side of a comparison: this is %v, measured together with %v", revisions[k], revisions[1-k]))
		dir := o.folder(sideFolders[k])
		if err := result.Write(dir, revisions[k].mark(env), run); err != nil {
			return err
		}
		if _, err := report.Write(dir); err != nil {
			return err
		}
	}
	return nil
}

// mark is the environment with the revision that was measured in place of the one checked out; what the working tree is, env says already.
func (r *revision) mark(env result.Env) result.Env {
	if r.hash == "" {
		return env
	}
	marked := append(result.Env{}, env...)
	for i, p := range marked {
		switch p.Key {
		case result.KeyCommit:
			marked[i].Value = r.short()
		case result.KeyModified:
			marked[i].Value = "no"
		}
	}
	return marked
}

// interval is a figure in a table.
func interval(f harness.Figure) string {
	if f.Low == 0 && f.High == 0 {
		return fmt.Sprintf("%.4g [too few]", f.Median)
	}
	return fmt.Sprintf("%.4g [%.4g, %.4g]", f.Median, f.Low, f.High)
}
