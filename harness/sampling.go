package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"headroom/designs/catalog"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/harness/workload"
)

// sampling is a run in progress.
type sampling struct {
	runner   *Runner
	plan     Plan
	cells    []result.Cell
	samples  [][]result.Sample // by cell, in the order taken
	failures []failure         // by cell
	rounds   int               // begun so far
	skipped  int
	order    *rand.Rand
}

func newSampling(r *Runner, p Plan) *sampling {
	s := &sampling{runner: r, plan: p, order: rand.New(rand.NewPCG(r.Seed, 1)), samples: make([][]result.Sample, len(p.Cells)),
		failures: make([]failure, len(p.Cells))}
	for i := range p.Cells {
		s.cells = append(s.cells, newCell(&p.Cells[i]))
	}
	return s
}

// failure is why a cell was given up: what its sample of that round, counted from 1, ended with; nil while it is not given up.
type failure struct {
	round int
	err   error
}

// String is one line: what follows in an error of a sample is the trace of a panic.
func (f *failure) String() string {
	first, _, _ := strings.Cut(f.err.Error(), "\n")
	return fmt.Sprintf("in round %d: %s", f.round, first)
}

func newCell(spec *workload.Spec) result.Cell {
	c := result.Cell{Workload: spec.Workload, Params: spec.Params(), Design: spec.Design, Variant: spec.Variant, CPUs: spec.CPUs}
	if v, err := catalog.Find(spec.Design, spec.Variant); err == nil {
		c.ItemKind, c.IRQPairs = string(v.Capabilities.Kind), v.Capabilities.IRQPairs
		c.Guarantee, c.OwnLocks, c.Over = result.GuaranteeClass(v), v.Capabilities.OwnLocks, v.Capabilities.Over
	}
	if spec.Workload == workload.Trace && spec.Kind == "page" {
		c.ItemKind = "page"
	}
	return c
}

// take runs the rounds: every cell once a round, in random order; then more rounds for cells with too few samples that count. A cell one of whose
// samples failed has no part in later rounds: the fault may be a hang, which costs a minute each time.
func (s *sampling) take(ctx context.Context) {
	s.runner.Progress.Start(len(s.cells) * s.plan.Samples)
	defer s.runner.Progress.Done()
	began := time.Now()
	for round := range s.plan.Samples {
		if round >= minSamples && s.late(began) {
			return
		}
		s.round(ctx, func(int) bool { return true })
	}
	for range s.plan.Most - s.plan.Samples {
		if s.late(began) {
			return // what is not comparable by now stays so
		}
		class := s.classify()
		s.round(ctx, func(cell int) bool {
			return count(s.samples[cell], classOf(&s.cells[cell], class)) < minSamples
		})
	}
}

// late reports whether the time is up in which samples are taken beyond the fewest.
func (s *sampling) late(began time.Time) bool {
	return s.plan.LimitNs > 0 && time.Since(began) > time.Duration(s.plan.LimitNs)
}

// minSamples is the fewest samples a median and its interval are given for.
const minSamples = 6

func (s *sampling) round(ctx context.Context, want func(cell int) bool) {
	s.rounds++
	for _, i := range s.order.Perm(len(s.cells)) {
		if s.failures[i].err != nil || !want(i) {
			continue
		}
		ended, err := s.sample(ctx, i, s.runner.Program)
		if ended {
			return
		}
		if err != nil {
			s.failures[i] = failure{s.rounds, err}
			s.runner.Progress.Warn(fmt.Sprintf("%s is given up: its sample failed %v", s.cells[i].Name(), &s.failures[i]))
		}
	}
}

// firstFailure is the error of the first cell that was given up, with the cell's name; nil when none was.
func (s *sampling) firstFailure() error {
	for i := range s.failures {
		if err := s.failures[i].err; err != nil {
			return s.named(i, err)
		}
	}
	return nil
}

// named puts the cell's name before an error.
func (s *sampling) named(cell int, err error) error {
	return fmt.Errorf("%s: %w", s.cells[cell].Name(), err)
}

// taken reports whether any sample was completed.
func (s *sampling) taken() bool {
	return slices.ContainsFunc(s.samples, func(list []result.Sample) bool { return len(list) > 0 })
}

// sample takes one sample of a cell with the given program, and rests. It reports whether ctx ended: then the sample does not count.
func (s *sampling) sample(ctx context.Context, i int, program string) (ended bool, err error) {
	if ctx.Err() != nil {
		return true, nil
	}
	s.runner.Progress.Step(s.cells[i].Name())
	taken, err := one(ctx, program, s.plan.Cells[i])
	if err != nil {
		if ctx.Err() != nil {
			return true, nil // interrupted in the middle of a sample: it does not count
		}
		return false, err
	}
	s.samples[i] = append(s.samples[i], taken.Sample)
	s.skipped = max(s.skipped, taken.Skipped)
	rest(ctx, time.Duration(s.plan.RestNs))
	return false, nil
}

// rest leaves the machine to others for a while: real-time bursts without a pause would stall it.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// sampleLimit ends a sample that hangs: none takes more than a second but for reading a large recording.
const sampleLimit = time.Minute

// one starts a process of the given program for one sample.
func one(ctx context.Context, program string, spec workload.Spec) (*Taken, error) {
	input, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(ctx, sampleLimit)
	defer cancel()
	cmd := exec.CommandContext(limit, program, "sample")
	var out, problem bytes.Buffer
	// Ctrl-C is for this program alone, which then ends the sample. Should this thread die the sample dies too: left alone, it would go on
	// spinning at real-time priority.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &problem
	if err := cmd.Run(); err != nil {
		if limit.Err() != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("the sample did not end within %v: it hangs, or the machine is overloaded", sampleLimit)
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) && problem.Len() > 0 {
			return nil, errors.New(strings.TrimSpace(problem.String()))
		}
		return nil, err
	}
	var taken Taken
	if err := json.Unmarshal(out.Bytes(), &taken); err != nil {
		return nil, fmt.Errorf("what the sample printed: %w", err)
	}
	return &taken, nil
}

const distanceChanged = "the distance between the CPUs changed during the sample"

// classify gives every multi-CPU sample its distance class, by what the round trips of this run have shown so far, and returns the class most
// of them fell into: the one all cells are compared in. Cells that choose their processors by distance are classed by themselves, one distance at a
// time: there the class most samples fell into is named for the distance.
func (s *sampling) classify() string {
	class := s.classifyAt("")
	for _, distance := range Distances() {
		usual := s.classifyAt(distance)
		for i := range s.samples {
			if param(&s.cells[i], workload.ParamDistance) != distance {
				continue
			}
			for j := range s.samples[i] {
				sample := &s.samples[i][j]
				if sample.Class == usual {
					sample.Class = distance
				} else {
					sample.Class = distance + ", " + sample.Class
				}
			}
		}
	}
	return class
}

// classifyAt classes the samples of the cells of one distance, "" for all that name none.
func (s *sampling) classifyAt(distance string) string {
	var lists [][]result.Sample
	var trips []float64
	for i, list := range s.samples {
		if param(&s.cells[i], workload.ParamDistance) != distance {
			continue
		}
		lists = append(lists, list)
		for j := range list {
			if list[j].RTTNs[0] > 0 {
				trips = append(trips, list[j].RTTNs[0], list[j].RTTNs[1])
			}
		}
	}
	boundary := measure.Boundary(trips)
	counts := map[string]int{}
	for _, list := range lists {
		for i := range list {
			sample := &list[i]
			if sample.RTTNs[0] == 0 {
				continue
			}
			before, after := measure.Class(sample.RTTNs[0], boundary), measure.Class(sample.RTTNs[1], boundary)
			sample.Class = before
			if sample.Dropped != "" && !strings.HasPrefix(sample.Dropped, distanceChanged) {
				continue // the sample itself says why it does not count
			}
			sample.Dropped = ""
			if before != after {
				sample.Dropped = fmt.Sprintf(distanceChanged+": %.0f ns before, %.0f ns after", sample.RTTNs[0], sample.RTTNs[1])
				continue
			}
			counts[before]++
		}
	}
	switch {
	case math.IsInf(boundary, 1):
		return measure.Single
	case counts[measure.Far] > counts[measure.Near]:
		return measure.Far
	}
	return measure.Near
}

// classOf is the class the samples of a cell must be of, given the one its run compares: on one CPU there is none.
func classOf(c *result.Cell, class string) string {
	if c.CPUs == 1 {
		return ""
	}
	if distance := param(c, workload.ParamDistance); distance != "" {
		return distance
	}
	return class
}

func count(samples []result.Sample, class string) (n int) {
	for _, s := range samples {
		if s.Class == class && s.Dropped == "" {
			n++
		}
	}
	return n
}

// finish sorts the samples into kept and dropped, and adds what the run says about itself.
func (s *sampling) finish(interrupted bool) *result.Run {
	run := &result.Run{Interrupted: interrupted, Lacking: s.plan.Lacking, Traces: s.plan.Traces}
	compared := s.classify()
	for i := range s.cells {
		c := s.cells[i]
		failed := &s.failures[i]
		class := classOf(&c, compared)
		for _, sample := range s.samples[i] {
			switch {
			case sample.Dropped != "":
				c.Dropped = append(c.Dropped, sample)
			case failed.err != nil:
				sample.Dropped = fmt.Sprintf("a sample of this cell failed in round %d", failed.round)
				c.Dropped = append(c.Dropped, sample)
			case c.CPUs > 1 && sample.Class != class:
				sample.Dropped = fmt.Sprintf("distance class %s: the run compares class %s", sample.Class, class)
				c.Dropped = append(c.Dropped, sample)
			default:
				c.Kept = append(c.Kept, sample)
			}
		}
		c.Class = class
		if c.Warnings = doubts(&c); failed.err != nil {
			c.Warnings = []string{sampleFailed + failed.String()}
			run.Warnings = append(run.Warnings, fmt.Sprintf("%s was given up: its sample failed %v", c.Name(), failed))
		}
		run.Cells = append(run.Cells, c)
	}
	if interrupted {
		run.Warnings = append(run.Warnings, "the run was interrupted: it holds the samples completed until then")
	}
	if s.skipped > 0 {
		run.Warnings = append(run.Warnings, fmt.Sprintf("%d recorded page lifetimes of order 1 and above were left out: no design here serves them", s.skipped))
	}
	run.Control = control(run.Cells)
	return run
}

// sampleFailed begins the warning of a cell that was given up.
const sampleFailed = "not comparable: a sample failed "

// Failed names the cells of a run that were given up since a sample of theirs failed; the samples they had before are among those set aside.
func Failed(run *result.Run) (names []string) {
	for i := range run.Cells {
		c := &run.Cells[i]
		if slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.HasPrefix(w, sampleFailed) }) {
			names = append(names, c.Name())
		}
	}
	return names
}

// failedWords says what allocations that failed do to the figures of a workload: in which direction these are wrong.
func failedWords(name string) string {
	switch name {
	case workload.Fastpath, workload.Window:
		return "they are counted as operations and are cheaper than the rest, so that ns/op is too low"
	case workload.ExhaustRecover:
		return "before and after the drought, where they took time and are no operations, so that the throughput there is too low"
	case workload.BioInflight:
		return "they took time and are no operations, so that ns/op is too high; no tail contains them, so that tails are too low"
	}
	return "they took time and are no operations, so that ns/op is too high"
}

// doubts are the reasons not to trust a cell, one sentence each.
func doubts(c *result.Cell) (list []string) {
	switch {
	case len(c.Kept)+len(c.Dropped) == 0:
		list = append(list, "not comparable: no sample was completed")
	case len(c.Kept) == 0:
		list = append(list, "not comparable: no sample in the distance class the run compares")
	case len(c.Kept) < minSamples:
		list = append(list, fmt.Sprintf("not comparable: %d samples of at least %d", len(c.Kept), minSamples))
	}
	failed, early := 0.0, 0.0
	for _, s := range c.Kept {
		failed += s.Counters[workload.CounterFailed]
		early += s.Counters[workload.CounterEarly]
	}
	if early > 0 {
		list = append(list, fmt.Sprintf("%.0f tasks got an item although one task had taken all it could get: the recovery is that of the others", early))
	}
	if failed > 0 {
		list = append(list, fmt.Sprintf("%.0f allocations failed: %s", failed, failedWords(c.Workload)))
	}
	return list
}
