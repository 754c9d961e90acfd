package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"headroom/fuzz"
	"headroom/fuzz/explore"
	"headroom/fuzz/lockdep"
	"headroom/internal/rng"
	"headroom/kernel/reach"
	"headroom/kernel/sim"
)

// Search looks for what a scenario expects.
type Search struct {
	File       *File
	Strategy   string // one of explore.Names; "" is the first
	Bound      int    // see explore.New
	Seed       uint64
	Executions int         // end after so many; 0 for no limit
	Stop       func() bool // asked between executions; once true, always true
	// WithoutCompletions leaves the waiting for workers and events out of the lock checker.
	WithoutCompletions bool
}

// Found is what a search ends with.
type Found struct {
	File       *File
	Executions int
	Steps      int64
	Failures   []*Replay        // one of each class, in the order of finding
	Reports    []lockdep.Report // in the order of finding
	Latest     int              // the execution, from 1, in which the latest report was made
	Edges      int              // pairs of lock classes that were nested
	Reached    []string         // the points of File.Reach that were passed, sorted
	Exhausted  bool             // a depth-first search has made every execution within its bound
	Unmet      []string         // why the expectation is not met; empty when it is
}

// further is how many executions look for a shorter schedule, once a class of failure was found.
const further = 64

// Run searches until the expectation is met or broken, and no longer than it may. A scenario that expects nothing takes all that it is given. The error is
// for what cannot be run.
func (s *Search) Run() (*Found, error) {
	if s.Strategy == "" {
		s.Strategy = explore.Names[0]
	}
	strategy, err := explore.New(s.Strategy, s.Bound)
	if err != nil {
		return nil, err
	}
	fuzz.SetMutant(s.File.Mutant)
	defer fuzz.SetMutant("")
	r, err := newRunner(s.File, s.WithoutCompletions)
	if err != nil {
		return nil, err
	}
	defer r.close()
	found := &Found{File: s.File}
	if err := s.executions(r, strategy, found); err != nil {
		return nil, err
	}
	found.Edges = r.graph.Edges()
	found.judge(r.reached())
	return found, nil
}

// executions makes one after another.
func (s *Search) executions(r *runner, strategy explore.Strategy, found *Found) error {
	_, exhaustive := strategy.(*explore.DFS)
	stream, length, left := rng.New(s.Seed), 0, further
	for (s.Executions == 0 || found.Executions < s.Executions) && !s.Stop() {
		seed := stream.Uint64()
		if !strategy.Begin(seed, length) {
			found.Exhausted = true
			return nil
		}
		err := r.run(strategy)
		if errors.Is(err, sim.ErrAbandoned) {
			continue
		}
		found.Executions++
		found.Steps += int64(r.steps)
		length = max(length, min(r.steps, stepsWithoutProgress))
		if reports := r.graph.Reports(); len(reports) > len(found.Reports) {
			found.Reports, found.Latest = slices.Clone(reports), found.Executions
		}
		var f *sim.Failure
		if err != nil && !errors.As(err, &f) {
			return err
		}
		if f != nil && f.Class == sim.Machinery {
			return fmt.Errorf("%s: the simulator has not room for it: %s: make the scenario smaller", s.File.Name, f.Message)
		}
		if f != nil {
			if err := s.failed(r, strategy, f, seed, found); err != nil {
				return err
			}
		}
		if found.settled(r.reached()) {
			if left--; left <= 0 || exhaustive || len(found.Failures) == 0 {
				return nil
			}
		}
	}
	return nil
}

// failed keeps a failing run, if it is the first of its class or has fewer preemptions than that which is kept.
func (s *Search) failed(r *runner, strategy explore.Strategy, f *sim.Failure, seed uint64, found *Found) error {
	hash := r.machine.Hash()
	strategy.Again()
	replay, again, err := r.record(strategy)
	if err != nil {
		return err
	}
	if again == nil || *again != *f || replay.Hash != hash {
		return fmt.Errorf("%w: an execution of %s failed once (%v, hash %#016x), and otherwise when repeated (%v, hash %#016x)",
			fuzz.ErrUnrepeatable, s.File.Name, f, hash, again, r.machine.Hash())
	}
	replay.Strategy, replay.Seed = s.Strategy, seed
	at := slices.IndexFunc(found.Failures, func(have *Replay) bool { return have.Class == f.Class })
	switch {
	case at < 0:
		found.Failures = append(found.Failures, replay)
	case cmp.Or(cmp.Compare(replay.Preemptions, found.Failures[at].Preemptions), cmp.Compare(len(replay.Short), len(found.Failures[at].Short))) < 0:
		found.Failures[at] = replay
	}
	return nil
}

// record makes one execution and notes all that a replay file holds of it.
func (r *runner) record(strategy explore.Strategy) (*Replay, *sim.Failure, error) {
	record := &explore.Record{From: strategy}
	replay := &Replay{File: r.file}
	r.machine.Observe(func(s sim.Step) {
		if last := len(record.Segments) - 1; last >= 0 {
			record.Segments[last].Place, _, _ = fuzz.Place(s.PCs)
		}
		replay.note(r, s)
	})
	defer r.machine.Observe(nil)
	err := r.run(record)
	var f *sim.Failure
	switch {
	case err == nil || errors.Is(err, sim.ErrAbandoned):
		return nil, nil, nil
	case !errors.As(err, &f):
		return nil, nil, err
	}
	replay.Class, replay.Message, replay.Preemptions = f.Class, strings.ReplaceAll(f.Message, "\n", " "), record.Preemptions
	replay.Steps, replay.Hash, replay.Schedule, replay.Situation = r.machine.Steps(), r.machine.Hash(), record.Segments, r.situation()
	return replay, f, nil
}

// reached lists the points that the scenario names and that were passed.
func (r *runner) reached() []string {
	var names []string
	hits := r.machine.Reached()
	for i, p := range reach.All() {
		if i < len(hits) && hits[i] > 0 && slices.Contains(r.file.Reach, p.Name) && r.meant(p) && !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

// has reports whether what is expected was found.
func (found *Found) has(c Class) bool {
	if rule, one := strings.CutPrefix(string(c), string(Lockdep)+":"); one {
		return slices.ContainsFunc(found.Reports, func(r lockdep.Report) bool { return string(r.Rule) == rule })
	}
	if c == Lockdep {
		return len(found.Reports) > 0
	}
	return slices.ContainsFunc(found.Failures, func(r *Replay) bool { return Class(r.Class) == c })
}

// settled reports whether more executions can change nothing.
func (found *Found) settled(reached []string) bool {
	expect := found.File.Expect
	if len(expect) == 0 {
		return len(found.Failures)+len(found.Reports) > 0
	}
	for _, f := range found.Failures {
		if !slices.Contains(expect, Class(f.Class)) {
			return true
		}
	}
	if len(found.surplus()) > 0 {
		return true
	}
	return len(reached) == len(found.File.Reach) && !slices.ContainsFunc(expect, func(c Class) bool { return !found.has(c) })
}

// surplus lists the rules of reports that are not expected, each once.
func (found *Found) surplus() (list []Class) {
	if slices.Contains(found.File.Expect, Lockdep) {
		return nil
	}
	for _, r := range found.Reports {
		c := Lockdep + ":" + Class(r.Rule)
		if !slices.Contains(found.File.Expect, c) && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}

// judge says why the expectation is not met.
func (found *Found) judge(reached []string) {
	found.Reached = reached
	add := func(format string, args ...any) { found.Unmet = append(found.Unmet, fmt.Sprintf(format, args...)) }
	expect := found.File.Expect
	for _, c := range expect {
		if !found.has(c) {
			add("%s was expected, and no execution led there", c)
		}
	}
	for _, f := range found.Failures {
		if !slices.Contains(expect, Class(f.Class)) {
			add("%s was not expected", f.Class)
		}
	}
	for _, c := range found.surplus() {
		add("%s was not expected", c)
	}
	for _, name := range found.File.Reach {
		if !slices.Contains(reached, name) {
			add("the slow path %q was never taken: of it this shows nothing", name)
		}
	}
}

// Met reports whether the expectation is met.
func (found *Found) Met() bool { return len(found.Unmet) == 0 }
