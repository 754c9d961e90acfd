//go:build sim

package slab

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/sim"
)

// lockless: callers that wait for no lock beside those that do, on all CPUs and in an interrupt. None of the former ever asks for a lock.
func lockless() program {
	return program{cpus: 3, nodes: 1, pages: 6, config: oneObject, setup: func(s *scene) {
		for i := range 4 {
			choice := s.stream.Uint64()
			s.task(fmt.Sprintf("task/%d", i), i%3, func(t *kernel.Task) { s.mixed(t, choice) })
		}
		s.Interrupt(nil, 0, &machine.Work{Run: func(t *kernel.Task) {
			if o, ok := s.allocNoLocks(t); ok {
				s.free(t, o)
			}
		}})
	}}
}

// mixed makes some calls of both kinds, as the bits of a number say, and frees all it holds.
func (s *scene) mixed(t *kernel.Task, choice uint64) {
	var mine []Object
	for range 8 {
		what := choice & 7
		choice >>= 3
		o, ok := Object(0), false
		switch {
		case what < 3:
			o, ok = s.allocNoLocks(t)
		case what == 3:
			o, ok = s.alloc(t)
		case len(mine) > 0:
			s.free(t, mine[0])
			mine = mine[1:]
		}
		if ok {
			mine = append(mine, o)
		}
	}
	for _, o := range mine {
		s.free(t, o)
	}
}

func (s *scene) allocNoLocks(t *kernel.Task) (Object, bool) {
	before := t.LocksAsked()
	o, err := s.c.AllocNoLocks(t)
	if n := t.LocksAsked() - before; n != 0 {
		s.Fail(sim.Contract, "a path that takes no locks asked for %d", n)
	}
	if err != nil {
		return 0, false
	}
	if s.held[o] {
		s.Fail(sim.Uniqueness, "object %d was handed out twice", o)
	}
	s.held[o] = true
	return o, true
}
