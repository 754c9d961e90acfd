package fuzz

import (
	"errors"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"

	"headroom/designs"
	"headroom/fuzz/explore"
	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// Shrinker makes a failing run small: it takes tasks, operations, items, CPUs, faults and preemptions away while the run still fails in the same way,
// until nothing more can go: in the same class, and where messages name the rule that was broken, by the same rule.
//
// Schedules shrink by delta debugging over their segments (Zeller and Hildebrandt, 2002). A program without some part is tried under the schedule
// at hand, as far as it fits, then under all with very few preemptions, then under random ones. At the end a depth-first search of all runs with fewer
// preemptions than were left finds one, or proves that there is none.
type Shrinker struct {
	Variant    designs.Variant
	Stop       func() bool // asked between executions; once true, always true
	Executions int         // end after so many; 0 for no limit

	best *Replay
	lean bool // programs keep to the rule of Generate: their waits can all be served
	made int
	err  error
}

// Shrunk says what shrinking did.
type Shrunk struct {
	Executions int
	Finished   bool // nothing more can go; otherwise the budget ended first
	Before     Extent
	After      Extent
}

// Extent is how large a failing run is.
type Extent struct {
	Tasks       int `json:"tasks"`
	Ops         int `json:"ops"`
	Items       int `json:"items"`
	CPUs        int `json:"cpus"`
	Preemptions int `json:"preemptions"`
	Segments    int `json:"segments"`
	Steps       int `json:"steps"`
}

func extent(r *Replay) Extent {
	return Extent{Tasks: len(r.Program.Tasks), Ops: r.Program.ops(), Items: r.Program.Config.Items, CPUs: r.Program.CPUs,
		Preemptions: r.Preemptions, Segments: len(r.Schedule), Steps: r.Steps}
}

// effort is how many executions a smaller program gets before it counts as right.
type effort struct{ search, draws int }

// Most programs that fail do so soon, so little is tried at first, and more once nothing else goes.
var (
	little = effort{search: 300, draws: 150}
	much   = effort{search: 2_000, draws: 500}
)

// fewPreemptions bounds the search of a smaller program.
const fewPreemptions = 2

// Run shrinks a failing run of the variant. The error is for what could not be run.
func (s *Shrinker) Run(r *Replay) (*Replay, *Shrunk, error) {
	s.best = r
	s.lean = r.Program.servesItsWaits(s.Variant)
	shrunk := &Shrunk{Before: extent(r)}
	for changed := true; changed && !s.over(); {
		changed = s.segments()
		changed = s.answers() || changed
		changed = s.program(little) || changed
		changed = s.prove() || changed
		if !changed {
			changed = s.program(much)
		}
	}
	shrunk.Executions, shrunk.Finished, shrunk.After = s.made, !s.over(), extent(s.best)
	s.best.Strategy, s.best.Seed = r.Strategy, r.Seed
	return s.best, shrunk, s.err
}

// over reports whether the budget is used up, or something could not be run.
func (s *Shrinker) over() bool {
	return s.err != nil || s.Executions > 0 && s.made >= s.Executions || s.Stop()
}

// attempt makes one execution, and returns it if it fails in the way asked for.
func (s *Shrinker) attempt(r *runner, strategy explore.Strategy) *Replay {
	s.made++
	got, f, err := r.record(strategy)
	if err != nil {
		s.err = err
		return nil
	}
	if !s.alike(f) {
		return nil
	}
	return got
}

// alike reports whether a failure, which may be nil, is the one that is made small.
func (s *Shrinker) alike(f *sim.Failure) bool {
	return f != nil && f.Class == s.best.Class && rule(f.Class, oneLine(f.Message)) == rule(f.Class, s.best.Message)
}

// digits are what differs in the messages of equal failures.
var digits = regexp.MustCompile("[0-9]+")

// rule is the part of a failure's message that says what was broken; "" in the classes whose messages say who was where.
func rule(class sim.Class, message string) string {
	switch class {
	case sim.Panic, sim.Contract:
		return digits.ReplaceAllString(message, "#")
	case sim.Misuse: // behind the task that did it
		_, message, _ = strings.Cut(message, ": ")
		return digits.ReplaceAllString(message, "#")
	}
	return ""
}

// smaller reports whether a schedule is simpler than another: it has fewer preemptions and faults, or as many and fewer segments.
func smaller(a, b *Replay) bool {
	if a.Preemptions != b.Preemptions {
		return a.Preemptions < b.Preemptions
	}
	return len(a.Schedule) < len(b.Schedule)
}

// open makes a runner, or notes why it cannot be made.
func (s *Shrinker) open(p Program) *runner {
	r, err := newRunner(s.Variant, p, runnerOptions{bare: s.best.Bare, linear: linearFor(s.best.Class)})
	if err != nil {
		s.err = err
		return nil
	}
	return r
}

// segments takes stretches of the schedule away, long ones first.
func (s *Shrinker) segments() (changed bool) {
	r := s.open(s.best.Program)
	if r == nil {
		return false
	}
	defer r.close()
	for size := len(s.best.Schedule) / 2; size > 0; size /= 2 {
		for at := 0; at < len(s.best.Schedule) && !s.over(); {
			left := slices.Delete(slices.Clone(s.best.Schedule), at, min(at+size, len(s.best.Schedule)))
			if got := s.attempt(r, &explore.Tolerant{Segments: left}); got != nil && smaller(got, s.best) {
				s.best, changed = got, true
				continue
			}
			at += size
		}
	}
	return changed
}

// answers takes faults away: it answers one question after another as it is answered ordinarily.
func (s *Shrinker) answers() (changed bool) {
	r := s.open(s.best.Program)
	if r == nil {
		return false
	}
	defer r.close()
	for i := 0; i < len(s.best.Schedule); i++ {
		for k := 0; i < len(s.best.Schedule) && k < len(s.best.Schedule[i].Answers) && !s.over(); k++ {
			if s.best.Schedule[i].Answers[k].Choice == 0 {
				continue
			}
			left := slices.Clone(s.best.Schedule)
			left[i].Answers = slices.Clone(left[i].Answers)
			left[i].Answers[k].Choice = 0
			if got := s.attempt(r, &explore.Tolerant{Segments: left}); got != nil && smaller(got, s.best) {
				s.best, changed = got, true
			}
		}
	}
	return changed
}

// program tries one smaller program after another, from the start whenever one fails too.
func (s *Shrinker) program(e effort) (changed bool) {
	for again := true; again; {
		again = false
		for _, c := range reductions(s.best.Program, s.Variant) {
			if s.over() {
				return changed
			}
			if got := s.failing(c, e); got != nil {
				s.best, changed, again = got, true, true
				break
			}
		}
	}
	return changed
}

// failing looks for a run of a smaller program that fails in the same class.
func (s *Shrinker) failing(c reduction, e effort) *Replay {
	if c.program.check() != nil || c.program.Config.Validate(s.Variant.Knobs) != nil || s.lean && !c.program.servesItsWaits(s.Variant) {
		return nil
	}
	r, err := newRunner(s.Variant, c.program, runnerOptions{bare: s.best.Bare, linear: linearFor(s.best.Class)})
	if err != nil {
		return nil // the design refuses this configuration
	}
	defer r.close()
	if got := s.attempt(r, &explore.Tolerant{Segments: s.fit(c)}); got != nil {
		return got
	}
	if got := s.search(r, min(fewPreemptions, s.best.Preemptions), e.search, nil); got != nil {
		return got
	}
	swarm := &explore.Swarm{}
	text := fnv.New64a()
	_, _ = text.Write([]byte(c.program.String())) // a hash takes everything
	stream := rng.New(text.Sum64())               // of the program alone: what was tried once finds nothing the second time
	for n := 0; n < e.draws && !s.over(); n++ {
		swarm.Begin(stream.Uint64(), s.best.Steps)
		if s.fails(r, swarm) {
			swarm.Again()
			return s.attempt(r, swarm)
		}
	}
	return nil
}

// fit is the schedule at hand for a smaller program.
func (s *Shrinker) fit(c reduction) []explore.Segment {
	o := runnerOptions{bare: s.best.Bare, linear: linearFor(s.best.Class)}
	return c.schedule(s.best.Schedule, s.best.Program.options(s.Variant, o), c.program.options(s.Variant, o))
}

// fails makes one execution without recording it.
func (s *Shrinker) fails(r *runner, strategy explore.Strategy) bool {
	s.made++
	var f *sim.Failure
	err := r.run(strategy)
	if err != nil && !errors.As(err, &f) && !errors.Is(err, sim.ErrAbandoned) {
		s.err = err
	}
	return s.alike(f)
}

// search makes all executions with at most so many preemptions, but no more than most of them; when it comes to the end it sets done, if there is one
// to set. It returns the first that fails.
func (s *Shrinker) search(r *runner, bound, most int, done *bool) *Replay {
	d := &explore.DFS{Most: bound}
	for range most {
		if s.over() {
			return nil
		}
		if !d.Begin(0, 0) {
			if done != nil {
				*done = true
			}
			return nil
		}
		if s.fails(r, d) {
			d.Again()
			return s.attempt(r, d)
		}
	}
	return nil
}

// proofExecutions bounds one proof: the machines that act by themselves have many times the executions of others.
const proofExecutions = 300_000

// prove looks for a run with fewer preemptions; when all were tried and none fails, the run is minimal.
func (s *Shrinker) prove() (changed bool) {
	if s.best.Preemptions == 0 {
		s.best.Minimal = true
		return false
	}
	r := s.open(s.best.Program)
	if r == nil {
		return false
	}
	defer r.close()
	done := false
	if got := s.search(r, s.best.Preemptions-1, proofExecutions, &done); got != nil {
		got.Minimal = true // the search goes up from none
		s.best = got
		return true
	}
	s.best.Minimal = done
	return false
}
