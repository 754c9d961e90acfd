package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headroom/harness"
	"headroom/harness/measure"
	"headroom/harness/report"
	"headroom/harness/result"
	"headroom/harness/trace"
	"headroom/harness/workload"
)

// benchOptions are the flags of headroom bench.
type benchOptions struct {
	quick     bool
	traces    []string
	pace      float64
	workloads []string
	designs   []string
	cpus      []int
	touch     int
	slower    float64
	tuning    tuning
	out       string
	latest    bool
	asJSON    bool
	seed      uint64
}

func benchCommand() *cobra.Command {
	var o benchOptions
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure designs under identical workloads and write a report",
		Long: `Bench measures every design that can run a workload, one fresh process a sample, cells interleaved in random order.
The result is a folder: raw.txt (Go benchmark format, for benchstat), cells.json, env.txt, pictures, report.md and report.html.
Interrupting it (Ctrl-C) keeps the samples that are complete.`,
		Example: `  headroom bench --quick
  headroom bench --workload window --design percpu_tags --design mutex
  headroom bench --quick --trace my.ftrace.gz
  headroom bench --trace my.ftrace.gz --pace 1
  headroom bench --workload bio-inflight --rate 100000 --depth 16
  headroom bench --workload fastpath --latency every --placement compact`,
		Args: arguments(0),
		RunE: func(*cobra.Command, []string) error { return bench(o) },
	}
	f := c.Flags()
	f.BoolVar(&o.quick, "quick", false, "short samples and few parameters: a finished report in about a minute")
	f.StringArrayVar(&o.traces, "trace", nil, "replay this recording (a stream file of headroom record, or ftrace, trace-cmd report or perf script text, gzip or not); may be repeated")
	f.Float64Var(&o.pace, "pace", 0, "speed of the replay as a multiple of the recorded one; 0 is flat out")
	f.StringArrayVar(&o.workloads, "workload", nil, "measure only this workload, or all; may be repeated (default all; with --trace only the replay; see headroom list)")
	f.StringArrayVar(&o.designs, "design", nil, "measure only this design, or design:variant; may be repeated (default all)")
	f.IntSliceVar(&o.cpus, "cpus", nil, "counts of CPUs to use, such as 1,2 (default powers of two up to all)")
	f.IntVar(&o.touch, "touch", 0, "bytes to write behind each tag between alloc and free: 0, or a multiple of 64")
	f.Float64Var(&o.slower, "plant-slower", 0, "lengthen every operation of every design by so many per cent, to see whether a comparison notices")
	o.tuning.register(f)
	f.StringVar(&o.out, "out", "", "folder for the result (default results/DATE-HOST-COMMIT)")
	f.BoolVar(&o.latest, "latest", false, "make results/latest point at the result")
	f.BoolVar(&o.asJSON, "json", false, "print the cells as JSON, one a line, instead of the report's path")
	f.Uint64Var(&o.seed, "seed", 1, "order in which cells are interleaved")
	return c
}

func bench(o benchOptions) error {
	if err := nativeOnly(); err != nil {
		return err
	}
	request, err := o.request()
	if err != nil {
		return err
	}
	if err := usableOut(o.out); err != nil {
		return err
	}
	plan := harness.NewPlan(request)
	if len(plan.Cells) == 0 {
		return fmt.Errorf("nothing to measure: no design named can run a workload named; see headroom list")
	}
	for i := range plan.Cells {
		if err := plan.Cells[i].Check(); err != nil {
			return err
		}
	}
	for _, t := range plan.Traces {
		printTrace(os.Stderr, &t)
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	ruler, err := harness.TakeRuler(firstTwo())
	if err != nil {
		return err
	}
	started := time.Now().UTC()
	env := append(measure.Environment(commandLine()), o.tuning.describePlacement(&request))
	runner := &harness.Runner{Program: program, Seed: o.seed, Progress: newProgress(plan.SecondsPerSample())}
	ctx, stop := interruptible()
	defer stop()
	run, err := runner.Run(ctx, plan)
	if err != nil {
		return err
	}
	if run.Interrupted && !measured(run) {
		fmt.Fprintln(os.Stderr, "headroom: interrupted before a sample was complete: there is nothing to keep")
		return status(exitInterrupted)
	}
	run.Command, run.Started = commandLine(), started
	run.Warnings = append(run.Warnings, measure.Doubts(env, ruler.RealtimeError())...)
	if err := o.finish(env, run); err != nil {
		return err
	}
	setAside(run)
	leftOut(plan.Left, o.quick)
	if failed := harness.Failed(run); len(failed) > 0 {
		fmt.Fprintf(os.Stderr, "headroom: given up, since a sample failed: %s\n", strings.Join(failed, ", "))
		return status(exitFound)
	}
	return nil
}

// setAside counts the samples that do not count.
func setAside(run *result.Run) {
	aside, all := 0, 0
	for i := range run.Cells {
		c := &run.Cells[i]
		aside, all = aside+len(c.Dropped), all+len(c.Kept)+len(c.Dropped)
	}
	if aside > 0 {
		fmt.Fprintf(os.Stderr, "%d of %d samples were set aside; the report says why\n", aside, all)
	}
}

// leftOut names what a longer run would have measured. A quick run leaves variants out by its nature, not for its time alone.
func leftOut(names []string, quick bool) {
	if len(names) == 0 {
		return
	}
	why := "for want of time"
	if quick {
		why = "of a quick run"
	}
	fmt.Fprintf(os.Stderr, "left out %s:\n", why)
	for _, n := range names {
		fmt.Fprintf(os.Stderr, "  %s\n", n)
	}
}

// A pace outside these says nothing about a load: slower takes hours, faster is flat out.
const (
	minPace = 1e-3
	maxPace = 1e6
)

// maxPacedNs is the longest pass of a paced replay: half of what a sample may take.
const maxPacedNs = 30e9

// maxSlowerPct keeps a planted slowdown from turning a run of minutes into one of hours.
const maxSlowerPct = 1000

// measured reports whether a run holds a sample.
func measured(run *result.Run) bool {
	return slices.ContainsFunc(run.Cells, func(c result.Cell) bool { return len(c.Kept)+len(c.Dropped) > 0 })
}

// usableOut refuses a folder that holds something other than a result: its files would be overwritten.
func usableOut(dir string) error {
	entries, err := os.ReadDir(dir)
	if dir == "" || err != nil || len(entries) == 0 {
		return nil // it is made when there is something to put in
	}
	if _, err := os.Stat(filepath.Join(dir, result.CellsFile)); err != nil {
		return fmt.Errorf("--out %s: the folder holds something else than a result: name an empty or a new one", dir)
	}
	return nil
}

// firstTwo are the processors whose distance and cost stand for the machine's.
func firstTwo() []cpu {
	list, err := harness.Processors(2)
	if err != nil {
		list, _ = harness.Processors(1)
	}
	return list
}

// request checks the flags and reads the recordings.
func (o *benchOptions) request() (harness.Request, error) {
	q := harness.Request{Quick: o.quick, Workloads: o.workloads, Designs: o.designs, CPUs: o.cpus, Pace: o.pace, Touch: o.touch, SlowerPct: o.slower}
	ids, err := harness.AllProcessors()
	if err != nil {
		return q, err
	}
	q.Allowed = len(ids)
	q.CPUs = slices.Compact(slices.Sorted(slices.Values(o.cpus)))
	if !(o.pace == 0 || o.pace >= minPace && o.pace <= maxPace) { // a NaN is neither
		return q, fmt.Errorf("--pace %g: give 0 for flat out, or %g to %g times the recorded speed", o.pace, minPace, maxPace)
	}
	if o.touch < 0 || o.touch%64 != 0 {
		return q, fmt.Errorf("--touch %d: give 0, or a multiple of 64 bytes", o.touch)
	}
	if !(o.slower >= 0 && o.slower <= maxSlowerPct) {
		return q, fmt.Errorf("--plant-slower %g: give 0 to %d per cent", o.slower, maxSlowerPct)
	}
	for _, n := range o.cpus {
		if n < 1 || n > q.Allowed {
			return q, fmt.Errorf("--cpus %d: this process may use %d CPUs; give 1 to %d, or widen the affinity mask", n, q.Allowed, q.Allowed)
		}
	}
	for _, name := range o.workloads {
		if name == harness.AllWorkloads {
			continue
		}
		if _, err := workload.Find(name); err != nil {
			return q, fmt.Errorf("--workload: %w", err)
		}
	}
	for _, name := range o.designs {
		if err := harness.KnownDesign(name); err != nil {
			return q, fmt.Errorf("--design: %w", err)
		}
	}
	for _, file := range o.traces {
		r, err := trace.Open(file)
		if err != nil {
			return q, err
		}
		if o.pace > 0 && float64(r.SpanNs)/o.pace > maxPacedNs {
			return q, fmt.Errorf("%s: at --pace %g one pass takes %.0f s, and a sample may take %.0f: give a higher pace, or 0 for flat out",
				file, o.pace, float64(r.SpanNs)/o.pace/1e9, maxPacedNs/1e9)
		}
		q.Recording = append(q.Recording, r.Split()...)
	}
	if len(o.traces) == 0 && slices.Contains(o.workloads, workload.Trace) {
		return q, fmt.Errorf("--workload trace needs a recording: name it with --trace FILE")
	}
	if len(o.traces) > 0 && len(o.workloads) == 0 {
		q.Workloads = []string{workload.Trace}
	}
	return q, o.tuning.apply(&q, ids)
}

// finish writes the result folder and says where it is.
func (o *benchOptions) finish(env result.Env, run *result.Run) error {
	dir := o.out
	if dir == "" {
		dir = freshFolder(env, run.Started)
	}
	if err := result.Write(dir, env, run); err != nil {
		return err
	}
	path, err := report.Write(dir)
	if err != nil {
		return err
	}
	if o.latest && !run.Interrupted {
		if err := pointLatest(dir); err != nil {
			return err
		}
	}
	if o.asJSON {
		e := json.NewEncoder(os.Stdout)
		for i := range run.Cells {
			if err := e.Encode(&run.Cells[i]); err != nil {
				return err
			}
		}
	} else {
		if err := summarise(os.Stdout, run); err != nil {
			return err
		}
		fmt.Println(path)
	}
	if run.Interrupted {
		fmt.Fprintf(os.Stderr, "headroom: interrupted: the samples completed until then are in %s\n", dir)
		return status(exitInterrupted)
	}
	return nil
}

const resultsFolder = "results"

// freshFolder names a folder that does not exist: results/2026-01-31-host-commit, with -2, -3 ... behind it if need be.
func freshFolder(env result.Env, started time.Time) string {
	name := fmt.Sprintf("%s-%s-%s", started.Format("2006-01-02"), env.Get("host"), env.Get("commit"))
	if env.Get("modified") == "yes" {
		name += "-modified"
	}
	dir := filepath.Join(resultsFolder, name)
	for n := 2; ; n++ {
		if _, err := os.Lstat(dir); err != nil {
			return dir
		}
		dir = filepath.Join(resultsFolder, fmt.Sprintf("%s-%d", name, n))
	}
}

// pointLatest makes results/latest a link to dir; the old link is replaced in one step.
func pointLatest(dir string) error {
	link := filepath.Join(resultsFolder, "latest")
	target, err := filepath.Rel(resultsFolder, dir)
	if err != nil {
		return err
	}
	fresh := link + ".new"
	_ = os.Remove(fresh) // left over from an interrupted run, if it is there at all
	if err := os.Symlink(target, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, link)
}

// commandLine is how the user started the program, so that he can do it again.
func commandLine() string {
	words := append([]string{filepath.Join("bin", "headroom")}, os.Args[1:]...)
	for i, w := range words {
		if strings.ContainsAny(w, " \t\"'$&|;<>()*?") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

func sampleCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "sample",
		Short:  "Take one sample: what bench starts for each (description on standard input)",
		Hidden: true,
		Args:   arguments(0),
		RunE:   func(*cobra.Command, []string) error { return harness.Sample(os.Stdin, os.Stdout) },
	}
}
