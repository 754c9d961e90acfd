package fuzz

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"headroom/designs"
	"headroom/fuzz/explore"
	"headroom/fuzz/lockdep"
	"headroom/internal/rng"
	"headroom/kernel/reach"
	"headroom/kernel/sim"
)

// ErrUnrepeatable: a failing run was repeated and took another way. That is a finding about the design, or the simulator, in itself.
var ErrUnrepeatable = errors.New("the run depends on something besides its input")

// Hunt looks for a failure of one variant in generated programs under the schedules of a strategy.
type Hunt struct {
	Variant     designs.Variant
	Strategy    string // one of explore.Names; "" is the first
	Bound       int    // see explore.New; for a depth-first search, of tiny programs, the most preemptions
	Twice       bool   // make every execution two times, and compare
	Seed        uint64
	Bare        bool                 // leave out the race checks, the lock checker and the look at histories, for speed
	NoLockdep   bool                 // leave out the lock checker
	Stop        func() bool          // asked between executions; once true, always true
	Executions  int                  // end after so many; 0 for no limit
	MaxPrograms int                  // likewise
	Each        func(executions int) // told now and then how far the hunt is; may be nil
	// Programs, when not empty, are run instead of generated ones. They are programs of Variant.
	Programs []Program
	// Draw, when not nil, draws the programs instead of Size.Generate. They are programs of Variant; one that the design refuses to be made for is passed
	// over.
	Draw      func(s *rng.Stream) Program
	Schedules int    // of each program; 0 for the standard
	Traits    Traits // what the machine of generated programs does by itself
	Vary      bool   // draw that for each program instead

	hub bool // see runnerOptions
}

// Found is what a hunt ends with.
type Found struct {
	Executions int
	Programs   int
	Steps      int64
	Failure    *Replay // nil when no execution failed
	// Reports are what the lock checker found, over all executions of a program; the hunt ends with the first. It looks at no elements and no waits for
	// them: what programs hold while they wait is their own matter.
	Reports []lockdep.Report
	Program Program        // the latest: that of the reports, if there are any
	Nested  int            // pairs of lock classes that were nested, all programs together
	Reached map[string]int // hits of the variant's "sometimes" points, by name
	Missed  []string       // the points never reached
	Search  *Search        // of a depth-first search, else nil
}

// Search says how much of the executions of its programs a depth-first search has made.
type Search struct {
	Exhausted int // programs of which every execution within the bound was made
	Whole     int // those of them that have none beyond the bound either
	Bound     int // up to which bound the program was exhausted in which the search was broken off; -1 if not even without preemptions, or if there is none
	Pruned    int // executions abandoned: only orders of steps without a conflict were left
	Plain     int // programs of which nothing was left out so, because their machines have entities of their own
	TookOver  int // executions that got nowhere for so long that the machine went on in turn: how those went on was not tried in every way
}

// schedulesPerProgram is how many schedules a program gets before the next is drawn. Most seeded bugs need a handful; construction is cheap.
const schedulesPerProgram = 128

// Run hunts until Stop says so, a failure is found, or there is nothing left to search. The error is for what could not be run at all.
func (h *Hunt) Run() (*Found, error) {
	found := &Found{Reached: map[string]int{}}
	stream := rng.New(h.Seed)
	hits := make([]uint32, len(reach.All()))
	defer func() { h.report(found, hits) }()
	if h.Strategy == "" {
		h.Strategy = explore.Names[0]
	}
	var r *runner
	defer func() { r.retire(found, hits) }()
	for !h.over(found) && (h.MaxPrograms == 0 || found.Programs < h.MaxPrograms) {
		strategy, err := explore.New(h.Strategy, h.Bound)
		if err != nil {
			return found, err
		}
		program := h.nextProgram(&stream, strategy, found.Programs)
		found.Programs++
		if r == nil || len(h.Programs) != 1 { // with one program the same machine goes on
			r.retire(found, hits)
			r, err = newRunner(h.Variant, program, h.options())
			if err != nil && h.Draw != nil && !errors.Is(err, ErrNativeOnly) {
				continue
			}
			if err != nil {
				return found, err
			}
		}
		failed, err := h.schedules(r, strategy, &stream, found)
		found.Reports, found.Program = r.reports(), program
		if failed || err != nil || len(found.Reports) > 0 {
			return found, err
		}
	}
	return found, nil
}

// options are the checks that the hunt makes.
func (h *Hunt) options() runnerOptions {
	o := runnerOptions{bare: h.Bare, hub: h.hub}
	if !h.Bare {
		o.lockdep, o.linear = !h.NoLockdep, linearEvery
	}
	return o
}

// Add makes found what this hunt and one more of the same variant came to together. Failure, Reports, Program and Search are those of the later one.
func (found *Found) Add(more *Found) {
	found.Executions += more.Executions
	found.Programs += more.Programs
	found.Steps += more.Steps
	found.Nested = max(found.Nested, more.Nested)
	found.Failure, found.Reports, found.Program, found.Search = more.Failure, more.Reports, more.Program, more.Search
	found.Missed = slices.DeleteFunc(slices.Clone(more.Missed), func(name string) bool { return found.Reached[name] > 0 })
	if found.Reached == nil {
		found.Reached = map[string]int{}
	}
	for name, n := range more.Reached {
		found.Reached[name] += n
	}
}

// retire closes a runner, if there is one, and adds what it reached to hits and found.
func (r *runner) retire(found *Found, hits []uint32) {
	if r == nil {
		return
	}
	if r.locks != nil {
		found.Nested += r.locks.Edges()
	}
	for i, n := range r.machine.Reached() {
		hits[i] += n
	}
	r.close()
}

// over reports whether the budget is used up.
func (h *Hunt) over(found *Found) bool {
	return h.Executions > 0 && found.Executions >= h.Executions || h.Stop()
}

// nextProgram draws a program: a tiny one for a search that goes on until it is exhausted.
func (h *Hunt) nextProgram(stream *rng.Stream, strategy explore.Strategy, n int) Program {
	if len(h.Programs) > 0 {
		return h.Programs[n%len(h.Programs)]
	}
	if h.Draw != nil {
		return h.Draw(stream)
	}
	size := Ordinary
	if _, ok := strategy.(*explore.DFS); ok {
		size = Tiny
	}
	p := size.Generate(stream, h.Variant)
	p.Traits = h.Traits
	if h.Vary {
		p.Traits = GenerateTraits(stream, h.Variant, p.CPUs)
	}
	return p
}

// session is the hunt in one program.
type session struct {
	hunt       *Hunt
	found      *Found
	runner     *runner
	stream     *rng.Stream
	strategy   explore.Strategy
	twice      *explore.Twice // around strategy, or unused
	exhaustive bool           // the strategy says when there is nothing left
	executions int            // begun
	seed       uint64         // of the execution that runs
	length     int            // of the longest
	hash       uint64         // of the latest
	items      uint64         // digest of those it handed out
	tookOver   int            // executions in which the machine took over
	err        error
}

// schedules runs one program under many schedules and reports whether one failed.
func (h *Hunt) schedules(r *runner, strategy explore.Strategy, stream *rng.Stream, found *Found) (failed bool, err error) {
	s := &session{hunt: h, found: found, runner: r, stream: stream, strategy: strategy, twice: &explore.Twice{Of: strategy}}
	var search *explore.DFS
	if search, s.exhaustive = strategy.(*explore.DFS); s.exhaustive {
		pruned := r.pruned
		defer func() { found.searched(search, r.pruned-pruned, s.tookOver) }()
	}
	if h.Twice {
		s.strategy = s.twice
	}
	for s.begin() {
		r.onward = func() bool { return s.ended() && s.begin() }
		err := r.perform()
		if errors.Is(err, sim.ErrAbandoned) && s.twice.Diverged == "" {
			if !s.twice.Second() {
				r.pruned++
			}
			continue
		}
		var f *sim.Failure
		switch {
		case err == nil: // there are no more
			return false, s.err
		case !s.ended():
			return false, s.err
		case !errors.As(err, &f):
			return false, err
		}
		found.Failure, err = r.capture(s.strategy, f)
		if found.Failure != nil {
			found.Failure.Strategy, found.Failure.Seed = h.Strategy, s.seed
		}
		return true, err
	}
	return false, nil
}

// begin prepares the next execution, if there is to be one.
func (s *session) begin() bool {
	if !s.exhaustive && s.executions == cmp.Or(s.hunt.Schedules, schedulesPerProgram) || s.hunt.over(s.found) || len(s.runner.reports()) > 0 {
		return false
	}
	s.seed = 0
	if !s.exhaustive {
		s.seed = s.stream.Uint64()
	}
	if !s.strategy.Begin(s.seed, s.length) {
		return false
	}
	s.executions++
	s.runner.prepare(s.strategy)
	return true
}

// ended counts an execution, and reports false when it was the second of two and differs from the first.
func (s *session) ended() bool {
	r, hash, items := s.runner, s.hash, s.items
	s.length, s.hash, s.items = max(s.length, r.steps), r.machine.Hash(), r.ledger.digest
	s.found.count(r, s.hunt.Each)
	if r.machine.TookOver() && !s.twice.Second() {
		s.tookOver++
	}
	if s.hunt.Twice && s.twice.Second() && (s.twice.Diverged != "" || s.hash != hash || s.items != items) {
		s.err = fmt.Errorf("%w: run a second time, the program\n%stook another way: %s", ErrUnrepeatable, r.program.String(),
			cmp.Or(s.twice.Diverged, "equal choices, other words or other items"))
	}
	return s.err == nil
}

// count adds an execution, and tells each now and then.
func (found *Found) count(r *runner, each func(int)) {
	found.Executions++
	found.Steps += int64(r.steps)
	if each != nil && found.Executions%1024 == 0 {
		each(found.Executions)
	}
}

// searched adds the end of a depth-first search of one program. One is not exhausted where the machine took over: what could have come then has not.
func (found *Found) searched(d *explore.DFS, pruned, tookOver int) {
	if found.Search == nil {
		found.Search = &Search{Bound: -1}
	}
	found.Search.Pruned += pruned
	found.Search.TookOver += tookOver
	if d.NoneSlept() {
		found.Search.Plain++
	}
	switch bound, done, whole := d.Exhausted(); {
	case !done:
		found.Search.Bound = bound
	case tookOver > 0:
	case whole:
		found.Search.Whole++
		fallthrough
	default:
		found.Search.Exhausted++
	}
}

// oneLine takes the line breaks out of a message: in a replay file it is one line.
func oneLine(s string) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(s) }

// report turns the hits into names; only the slow paths that the variant names count.
func (h *Hunt) report(found *Found, hits []uint32) {
	v := &h.Variant
	for i, p := range reach.All() {
		if p.Host != cmp.Or(v.SlowHost, "designs/"+v.Design) || v.SlowPaths != nil && !slices.Contains(v.SlowPaths, p.Name) {
			continue
		}
		found.Reached[p.Name] = int(hits[i])
		if hits[i] == 0 {
			found.Missed = append(found.Missed, p.Name)
		}
	}
}
