// Package shrink makes failing runs small: it takes tasks, operations, items, CPUs, faults and preemptions away while the run still fails in the same
// class, and as Shrinker.Same wants it, until nothing more can go. What the runs are of, a program or a scenario, it knows only as a Case.
//
// Schedules shrink by delta debugging over their segments (Zeller and Hildebrandt, 2002). A case without some part is tried under the schedule at hand, as
// far as it fits, then under all with very few preemptions, then under random ones. At the end a depth-first search of all runs with fewer preemptions than
// were left finds one, or proves that there is none.
package shrink

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"

	"headroom/fuzz/explore"
	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// Case is what a run is of.
type Case interface {
	// Open makes what runs it. A smaller case whose parts refuse to be made so is passed over.
	Open() (Runner, error)
	// Smaller lists the cases with one part less, the largest parts first.
	Smaller() []Smaller
	// Extent is how large it is; what belongs to a run is left zero.
	Extent() Extent
	// String tells it from others.
	String() string
}

// Smaller is a case with a part less.
type Smaller struct {
	Case Case
	// Fit is a schedule of the larger case for the smaller one: entities may have other numbers there.
	Fit func(schedule []explore.Segment) []explore.Segment
}

// Runner runs one case under one schedule after another.
type Runner interface {
	// Run makes one execution. The result is nil or a *sim.Failure; sim.ErrAbandoned when the strategy gave it up.
	Run(s explore.Strategy) error
	// Record makes one execution and notes it; nil if it does not fail.
	Record(s explore.Strategy) (*Run, error)
	Close()
}

// Run is a failing run.
type Run struct {
	Of          Case
	Class       sim.Class
	Preemptions int
	Steps       int
	Schedule    []explore.Segment
	Minimal     bool // every run of the case with fewer preemptions was tried, and none fails so
	Whole       any  // all that is kept of such a run, for who made the case
}

// Shrinker makes a failing run small.
type Shrinker struct {
	Stop       func() bool // asked between executions; once true, always true
	Executions int         // end after so many; 0 for no limit
	// Same reports whether a run of a smaller case, which fails in the same class as the one at hand, shows the same thing; nil for always.
	Same func(smaller, best *Run) bool

	best *Run
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

// Describe says what it was and what is left, and whether something more can go; minimal is that of the run that is left.
func (s *Shrunk) Describe(minimal bool) (sum, rest string) {
	b, a, acts := s.Before, s.After, ""
	if b.Acts > 0 {
		acts = fmt.Sprintf(", what the machine may do by itself %d to %d", b.Acts, a.Acts)
	}
	sum = fmt.Sprintf("made small in %d executions: tasks %d to %d, operations %d to %d, items %d to %d, CPUs %d to %d%s, preemptions %d to %d, steps %d to %d",
		s.Executions, b.Tasks, a.Tasks, b.Ops, a.Ops, b.Items, a.Items, b.CPUs, a.CPUs, acts, b.Preemptions, a.Preemptions, b.Steps, a.Steps)
	switch {
	case !s.Finished:
		return sum, "the budget for that ended first: something more may go"
	case minimal:
		return sum, "nothing more can go; every execution with fewer preemptions was made, and none fails so"
	}
	return sum, "nothing more can go"
}

// Extent is how large a failing run is.
type Extent struct {
	Tasks       int `json:"tasks"` // of a scenario interrupts and works too
	Ops         int `json:"ops"`
	Items       int `json:"items"`
	CPUs        int `json:"cpus"`
	Acts        int `json:"acts"` // times the machine may act by itself: faults, migrations, hot-plugs, kills
	Preemptions int `json:"preemptions"`
	Segments    int `json:"segments"`
	Steps       int `json:"steps"`
}

func extent(r *Run) Extent {
	e := r.Of.Extent()
	e.Preemptions, e.Segments, e.Steps = r.Preemptions, len(r.Schedule), r.Steps
	return e
}

// effort is how many executions a smaller case gets before it counts as right.
type effort struct{ search, draws int }

// Most cases that fail do so soon, so little is tried at first, and more once nothing else goes.
var (
	little = effort{search: 300, draws: 150}
	much   = effort{search: 2_000, draws: 500}
)

// fewPreemptions bounds the search of a smaller case.
const fewPreemptions = 2

// Run shrinks a failing run. The error is for what could not be run.
func (s *Shrinker) Run(r *Run) (*Run, *Shrunk, error) {
	s.best = r
	shrunk := &Shrunk{Before: extent(r)}
	for changed := true; changed && !s.over(); {
		changed = s.segments()
		changed = s.answers() || changed
		changed = s.parts(little) || changed
		changed = s.prove() || changed
		if !changed {
			changed = s.parts(much)
		}
	}
	shrunk.Executions, shrunk.Finished, shrunk.After = s.made, !s.over(), extent(s.best)
	return s.best, shrunk, s.err
}

// over reports whether the budget is used up, or something could not be run.
func (s *Shrinker) over() bool {
	return s.err != nil || s.Executions > 0 && s.made >= s.Executions || s.Stop()
}

// attempt makes one execution, and returns it if it fails in the class asked for.
func (s *Shrinker) attempt(r Runner, strategy explore.Strategy) *Run {
	s.made++
	got, err := r.Record(strategy)
	if err != nil {
		s.err = err
		return nil
	}
	if got == nil || got.Class != s.best.Class || s.Same != nil && !s.Same(got, s.best) {
		return nil
	}
	return got
}

// smaller reports whether a schedule is simpler than another: it has fewer preemptions and faults, or as many and fewer segments.
func smaller(a, b *Run) bool {
	if a.Preemptions != b.Preemptions {
		return a.Preemptions < b.Preemptions
	}
	return len(a.Schedule) < len(b.Schedule)
}

// open makes a runner of the run at hand, or notes why it cannot be made.
func (s *Shrinker) open() Runner {
	r, err := s.best.Of.Open()
	if err != nil {
		s.err = err
		return nil
	}
	return r
}

// segments takes stretches of the schedule away, long ones first.
func (s *Shrinker) segments() (changed bool) {
	r := s.open()
	if r == nil {
		return false
	}
	defer r.Close()
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
	r := s.open()
	if r == nil {
		return false
	}
	defer r.Close()
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

// parts tries one smaller case after another, from the start whenever one fails too.
func (s *Shrinker) parts(e effort) (changed bool) {
	for again := true; again; {
		again = false
		for _, c := range s.best.Of.Smaller() {
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

// failing looks for a run of a smaller case that fails in the same class.
func (s *Shrinker) failing(c Smaller, e effort) *Run {
	r, err := c.Case.Open()
	if err != nil {
		return nil // it is refused
	}
	defer r.Close()
	if got := s.attempt(r, &explore.Tolerant{Segments: c.Fit(s.best.Schedule)}); got != nil {
		return got
	}
	if got := s.search(r, min(fewPreemptions, s.best.Preemptions), e.search, nil); got != nil {
		return got
	}
	swarm := &explore.Swarm{}
	text := fnv.New64a()
	_, _ = text.Write([]byte(c.Case.String())) // a hash takes everything
	stream := rng.New(text.Sum64())            // of the case alone: what was tried once finds nothing the second time
	for n := 0; n < e.draws && !s.over(); n++ {
		swarm.Begin(stream.Uint64(), s.best.Steps)
		if s.fails(r, swarm) {
			swarm.Again()
			if got := s.attempt(r, swarm); got != nil {
				return got
			}
		}
	}
	return nil
}

// fails makes one execution without recording it.
func (s *Shrinker) fails(r Runner, strategy explore.Strategy) bool {
	s.made++
	var f *sim.Failure
	err := r.Run(strategy)
	if err != nil && !errors.As(err, &f) && !errors.Is(err, sim.ErrAbandoned) {
		s.err = err
	}
	return f != nil && f.Class == s.best.Class
}

// search makes all executions with at most so many preemptions, but no more than most of them; when it comes to the end it sets done, if there is one
// to set. It returns the first that fails.
func (s *Shrinker) search(r Runner, bound, most int, done *bool) *Run {
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
			if got := s.attempt(r, d); got != nil {
				return got
			}
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
	r := s.open()
	if r == nil {
		return false
	}
	defer r.Close()
	done := false
	if got := s.search(r, s.best.Preemptions-1, proofExecutions, &done); got != nil {
		got.Minimal = true // the search goes up from none
		s.best = got
		return true
	}
	s.best.Minimal = done
	return false
}

// Refit renumbers the entities of a schedule from those of a machine to those of a smaller case's, on which the entity gone is not there any more; -1 if
// all are.
func Refit(schedule []explore.Segment, gone int, from, to sim.Options) []explore.Segment {
	var left []explore.Segment
	for _, s := range schedule {
		own := s.Entity >= from.Entities
		s.Entity = from.Renumber(s.Entity, to)
		if s.Entity < 0 || !own && s.Entity == gone {
			continue
		}
		if gone >= 0 && !own && s.Entity > gone {
			s.Entity--
		}
		left = append(left, s)
	}
	return left
}

// Needed leaves out of a list, of which the last stays, all without which the others show the same; shows says whether some of them do, in their order. The
// whole list does.
func Needed[T any](list []T, shows func(some []T) (bool, error)) ([]T, error) {
	for size := len(list) - 1; size > 0; size /= 2 {
		for at := 0; at < len(list)-1; {
			left := slices.Delete(slices.Clone(list), at, min(at+size, len(list)-1))
			if again, err := shows(left); err != nil {
				return nil, err
			} else if again {
				list = left
				continue
			}
			at += size
		}
	}
	return list, nil
}
