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
	Small      []*Small         // of each failure, where somebody made them small; empty otherwise
	Reports    []lockdep.Report // in the order of finding
	Chains     []*Replay        // of each report: the executions that show it
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
	list, err := s.executions(r, strategy, found)
	if err != nil {
		return nil, err
	}
	found.Edges = r.graph.Edges()
	found.judge(r.reached())
	found.Chains, err = s.replaysOf(r, list, found.Reports)
	return found, err
}

// executions makes one after another, and returns those in which the lock checker saw something new.
func (s *Search) executions(r *runner, strategy explore.Strategy, found *Found) (list []shown, err error) {
	_, exhaustive := strategy.(*explore.DFS)
	stream, length, left := rng.New(s.Seed), 0, further
	for (s.Executions == 0 || found.Executions < s.Executions) && !s.Stop() {
		seed := stream.Uint64()
		if !strategy.Begin(seed, length) {
			found.Exhausted = true
			return list, nil
		}
		facts := r.graph.Facts()
		err := r.run(strategy)
		if errors.Is(err, sim.ErrAbandoned) {
			continue
		}
		found.Executions++
		found.Steps += int64(r.steps)
		length = max(length, min(r.steps, stepsWithoutProgress))
		var f *sim.Failure
		if err != nil && !errors.As(err, &f) {
			return list, err
		}
		if f != nil && f.Class == sim.Machinery {
			return list, fmt.Errorf("%s: the simulator has not room for it: %s: make the scenario smaller", s.File.Name, f.Message)
		}
		if f != nil || r.graph.Facts() > facts {
			execution, err := s.again(r, strategy, f)
			if err != nil {
				return list, err
			}
			if f != nil {
				found.failed(&Replay{File: s.File, Without: s.WithoutCompletions, Strategy: s.Strategy, Seed: seed, Class: f.Class, Message: oneLine(f.Message),
					Execution: *execution})
			}
			if r.graph.Facts() > facts {
				list = append(list, shown{*execution, len(r.graph.Reports())})
			}
		}
		if reports := r.graph.Reports(); len(reports) > len(found.Reports) {
			found.Reports, found.Latest = slices.Clone(reports), found.Executions
		}
		if found.settled(r.reached()) {
			if left--; left <= 0 || exhaustive || len(found.Failures) == 0 {
				return list, nil
			}
		}
	}
	return list, nil
}

func oneLine(message string) string { return strings.ReplaceAll(message, "\n", " ") }

// again makes the latest execution once more, to record it and to see that it goes as before.
func (s *Search) again(r *runner, strategy explore.Strategy, first *sim.Failure) (*Execution, error) {
	hash := r.machine.Hash()
	strategy.Again()
	execution, f, err := r.record(strategy, nil)
	if err != nil {
		return nil, err
	}
	if (f == nil) != (first == nil) || f != nil && *f != *first || execution.Hash != hash {
		return nil, fmt.Errorf("%w: an execution of %s ended once so (%v, hash %#016x), and otherwise when repeated (%v, hash %#016x)",
			fuzz.ErrUnrepeatable, s.File.Name, first, hash, f, execution.Hash)
	}
	return execution, nil
}

// failed keeps a failing run, if it is the first of its class or has fewer preemptions than that which is kept.
func (found *Found) failed(replay *Replay) {
	at := slices.IndexFunc(found.Failures, func(have *Replay) bool { return have.Class == replay.Class })
	switch {
	case at < 0:
		found.Failures = append(found.Failures, replay)
	case cmp.Or(cmp.Compare(replay.Preemptions, found.Failures[at].Preemptions), cmp.Compare(len(replay.Short), len(found.Failures[at].Short))) < 0:
		found.Failures[at] = replay
	}
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
