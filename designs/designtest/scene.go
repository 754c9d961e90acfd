package designtest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/sim"
)

// scene is one run of a trial: an allocator on a machine, and who calls it.
type scene struct {
	machine.Machine
	alloc   designs.Allocator
	variant designs.Variant
	config  designs.Config
	rules   spec.Rules
	ledger  *ledger
	stream  rng.Stream
	seen    tally
	callers []*caller
	words   []atomic.Uint32 // the suite's own words on the machine: word 0 is present, the others are the callers' (caller.over)
	// simulated: every step is a choice, so trials are short.
	simulated bool
	noClose   bool // the trial leaves nothing to be closed
	// last, when not nil, runs as a task of CPU 0 when all others are done, before the closing.
	last func(t *kernel.Task)

	first sync.Mutex
	found error // the first breach; protected by first
}

// stopped unwinds a task after a breach: the machine turns the panic into the end of the run.
type stopped struct{ why error }

// String is what the machine prints.
func (s stopped) String() string { return s.why.Error() }

// sceneWords is the number of the suite's own words: there are never more callers.
const sceneWords = 32

// present counts the tasks that are not done; the last one starts the closing. Being a word of the machine, it orders what each caller did before
// what the closing does, in the eyes of the simulator too.
func (s *scene) present() *atomic.Uint32 { return &s.words[0] }

// newScene makes a run on a machine with an allocator in its first state.
func newScene(m machine.Machine, a designs.Allocator, v designs.Variant, c designs.Config, words []atomic.Uint32, seed uint64) *scene {
	s := &scene{Machine: m, alloc: a, variant: v, config: c, words: words, stream: rng.New(rng.Mix(seed))}
	s.rules = spec.NewRules(v, c, int(m.Memory().Bytes()))
	s.ledger = newLedger(s.rules)
	for i := range words {
		words[i].Store(0)
	}
	return s
}

// breaks ends the run: the contract's sentence does not hold. Called by a task or an interrupt; does not return.
func (s *scene) breaks(sentence spec.Sentence, format string, args ...any) {
	s.stop(&spec.Breach{Sentence: sentence, Message: fmt.Sprintf(format, args...)})
}

func (s *scene) stop(err error) {
	s.note(err)
	panic(stopped{err})
}

// must ends the run when err is not nil.
func (s *scene) must(err error) {
	if err != nil {
		s.stop(err)
	}
}

// note keeps the first error of a run.
func (s *scene) note(err error) {
	s.first.Lock()
	if s.found == nil {
		s.found = err
	}
	s.first.Unlock()
}

// task spawns a task that counts as present until its body calls leave.
func (s *scene) task(by *kernel.Task, name string, cpu int, body func(t *kernel.Task)) {
	s.present().Add(1)
	s.Spawn(by, machine.Spec{Name: name, CPU: cpu, Body: body})
}

// leave says that a task is done. The last to leave starts what comes last, and then the closing, on CPU 0, which no trial takes offline.
func (s *scene) leave(t *kernel.Task) {
	if s.present().Add(^uint32(0)) != 0 {
		return
	}
	switch last := s.last; {
	case last != nil:
		s.last = nil
		s.task(t, "last", 0, func(t *kernel.Task) {
			last(t)
			s.leave(t)
		})
	case !s.noClose:
		s.Spawn(t, machine.Spec{Name: "closing", CPU: 0, Body: s.closing})
	}
}

// closing is the end of a run: a sole caller gives back what is held, then twice takes all there is, which must be what the variant guarantees
// (C3, C4, C9).
func (s *scene) closing(t *kernel.Task) {
	c := s.caller("closing")
	for _, other := range s.callers {
		for _, it := range other.held {
			c.free(t, it)
		}
		other.held = nil
	}
	for range 2 {
		for len(c.held) < s.most() && c.alloc(t, kernel.NoWait) {
		}
		if got := len(c.held); got < s.rules.Guaranteed {
			s.breaks(s.lossBreaks(), "a sole caller got %d items at the end, and %d are guaranteed", got, s.rules.Guaranteed)
		}
		c.freeAll(t)
	}
	if s.variant.Capabilities.MayWait {
		for range min(s.rules.Guaranteed, 2) {
			c.alloc(t, kernel.Kernel)
		}
		c.freeAll(t)
	}
}

// most is where taking all stops when the allocator has no limit.
func (s *scene) most() int {
	if s.variant.Capabilities.Unbounded {
		return s.rules.Guaranteed
	}
	return int(^uint(0) >> 1)
}

// lossBreaks is the sentence behind items that are missing in the end: a CPU died with them, somebody freed them, or they never were there.
func (s *scene) lossBreaks() spec.Sentence {
	switch {
	case s.seen.unplugs > 0:
		return spec.C9
	case slices.ContainsFunc(s.callers, func(c *caller) bool { return c.frees > 0 }):
		return spec.C4
	}
	return spec.C3
}

// verdict judges a run from what its callers found and what the machine says. Everything is quiet now.
func (s *scene) verdict(run error) error {
	for _, c := range s.callers {
		s.seen.allocs += c.allocs
		s.seen.refusals += c.refusals
		s.seen.lockless += c.lockless
		s.seen.irqs += c.irqs
	}
	if s.found != nil {
		return s.found
	}
	if run != nil {
		return s.stuck(run)
	}
	if s.noClose {
		return nil
	}
	return checked(s.alloc)
}

// stuck explains a run that the machine ended: who is still inside Alloc waits there.
func (s *scene) stuck(run error) error {
	var f *sim.Failure
	if errors.As(run, &f) && f.Class != sim.Deadlock && f.Class != sim.Livelock && f.Class != sim.Misuse {
		return run
	}
	for _, c := range s.callers {
		if c.inside && !c.gfp.MayWait() {
			return &spec.Breach{Sentence: spec.C6, Message: fmt.Sprintf("%s, with flags %v, waits in Alloc: %v", c.name, c.gfp, run)}
		}
	}
	for _, c := range s.callers {
		if c.inside {
			return &spec.Breach{Sentence: spec.C5, Message: fmt.Sprintf("%s waits in Alloc and nobody will wake it, %d items held: %v", c.name, s.ledger.held(), run)}
		}
	}
	return run
}

// checked is the breach that Check finds.
func checked(a designs.Allocator) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &spec.Breach{Sentence: spec.C7, Message: fmt.Sprintf("Check panicked: %v", r)}
		}
	}()
	if fault := a.Check(); fault != nil {
		return &spec.Breach{Sentence: spec.C7, Message: fmt.Sprintf("Check at quiescence: %v", fault)}
	}
	return nil
}

var errNoAllocator = errors.New("New returned neither an allocator nor an error")
