// Package coro switches between coroutines by direct hand-over: the running one names its successor, and nothing runs in between.
//
// Each coroutine is made by iter.Pull, which gives a pair of functions, next and yield, around one slot that always holds one parked
// goroutine. Whichever of the two is legal for a slot transfers control to the goroutine parked there and parks the caller in its place. So
// with n coroutines and the main goroutine there are n slots, n parked and one running, and any of them can hand over to any other in one
// switch (about 40 ns) instead of two through a hub.
//
// The iter documentation does not promise this symmetric use. Hub mode uses it as documented, every switch passing through the main
// goroutine, and runs the same schedules; it is the fallback should a Go release break the other.
//
// Invariants:
//
//	I1  Switch resumes the goroutine it names: each parked one is in exactly one slot, and where[] says in which (mutant CO-01)
//	I2  every coroutine has ended when Close returns (mutant CO-02)
package coro

import (
	"iter"

	"headroom/kernel/mutant"
)

var (
	co01 = mutant.Define(mutant.Mutant{ID: "CO-01", Host: "internal/coro", Breaks: "I1",
		Story: "the hub resumes coroutine 1, whichever was named"})
	co02 = mutant.Define(mutant.Mutant{ID: "CO-02", Host: "internal/coro", Breaks: "I2",
		Story: "Close ends the first coroutine only"})
)

// Main is the number of the goroutine that made the Set.
const Main = 0

// Set is a number of coroutines and the main goroutine that made it. Only one of them runs at a time. Coroutine numbers start at 1.
type Set struct {
	slots   []slot  // slots[i] was made for coroutine i; slots[0] is unused
	where   []int32 // the slot in which goroutine g is parked
	current int32
	closing bool
	hub     bool
	target  int32 // hub mode: who the main goroutine must resume next
	body    func(self int)
}

type slot struct {
	next     func() (struct{}, bool)
	yield    func(struct{}) bool
	nextTurn bool // next is the legal call, not yield
	ended    bool
}

// New makes n coroutines that each run body(self) again and again: a body that is finished with one piece of work hands over with Switch, and
// starts the next when it is switched to. With hub every switch passes through the main goroutine. The caller must Close the set.
func New(n int, hub bool, body func(self int)) *Set {
	s := &Set{slots: make([]slot, n+1), where: make([]int32, n+1), hub: hub, body: body}
	for i := 1; i <= n; i++ {
		s.open(i)
	}
	return s
}

func (s *Set) open(i int) {
	next, _ := iter.Pull(func(yield func(struct{}) bool) {
		s.slots[i].yield = yield
		for !s.closing {
			s.body(i)
		}
		s.slots[i].ended = true
	})
	s.slots[i].next = next
	s.slots[i].nextTurn = true
	s.where[i] = int32(i)
}

// Current is the number of the running goroutine, Main or a coroutine.
func (s *Set) Current() int { return int(s.current) }

// Closing reports whether Close was called: a coroutine that Switch returns to must end its body.
func (s *Set) Closing() bool { return s.closing }

// Switch parks the caller and resumes goroutine to; it returns when somebody switches back. Switching to oneself does nothing.
func (s *Set) Switch(to int) {
	self := s.current
	if int32(to) == self {
		return
	}
	if s.hub {
		s.switchHub(to)
		return
	}
	if next, yield := s.Turn(to); next != nil {
		next()
	} else {
		yield(struct{}{})
	}
	s.current = self
}

// Turn prepares a switch to another goroutine, and returns what the caller must then call, next or else yield. It is Switch for callers that cannot
// afford a level of calls: each return after a switch of stacks is mispredicted. Not in hub mode, not to oneself. A coroutine that comes back from it
// to find Closing true must not rely on Current: one that ended named no successor.
func (s *Set) Turn(to int) (next func() (struct{}, bool), yield func(struct{}) bool) {
	at := s.where[to]
	s.where[s.current] = at
	s.current = int32(to)
	sl := &s.slots[at]
	sl.nextTurn = !sl.nextTurn
	if sl.nextTurn {
		return nil, sl.yield
	}
	return sl.next, nil
}

// switchHub: a coroutine leaves its wish in target and yields to the main goroutine, which resumes coroutines until it is wished for itself.
func (s *Set) switchHub(to int) {
	self := s.current
	s.target = int32(to)
	if self != Main {
		s.slots[self].yield(struct{}{})
		s.current = self
		return
	}
	for s.target != Main {
		i := s.target
		if mutant.On(co01) {
			i = 1
		}
		s.current = i
		s.target = Main // a coroutine that ends leaves nobody else to run
		s.slots[i].next()
	}
	s.current = Main
}

// Close ends every coroutine; only the main goroutine calls it, when no body has work in hand. Each body must return once Closing is true.
//
// I2: a coroutine that ends resumes whoever is parked in its own slot. The parked goroutines form a cycle through the slots, so the chain of
// endings that starts with one coroutine comes back to the main goroutine.
func (s *Set) Close() {
	s.closing = true
	for i := 1; i < len(s.slots); i++ {
		if !s.slots[i].ended && !(i > 1 && mutant.On(co02)) {
			s.Switch(i)
		}
	}
}
