package explore

import (
	"math/bits"

	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// Swarm draws for each execution a strategy and how sticky it is: who took a step goes on with probability 1-1/s, for s from 1 to 128. Bugs differ in
// what finds them: a race of two steps wants many switches, a counter that wraps wants one task to get far ahead. Of the random strategies it is the
// one that misses none of the seeded bugs.
type Swarm struct {
	random  Random
	pos     POS
	pct     PCT
	base    Strategy
	watches bool // base is pos
	stream  rng.Stream
	drawn   uint64 // random bits for stickiness
	left    int    // choices they suffice for
	keep    uint64 // of 1<<keepBits draws so many let the current one go on
	seed    uint64
	length  int
}

const (
	keepBits = 8 // a choice takes so many random bits
	keepMask = 1<<keepBits - 1
)

// Watches is how the machine shows what each entity is about to do.
func (s *Swarm) Watches(w *sim.Watch) { s.pos.Watches(w) }

// Beside is how the machine names its own entities.
func (s *Swarm) Beside(agents uint64) {
	s.random.Beside(agents)
	s.pos.Beside(agents)
	s.pct.Beside(agents)
}

// Begin draws the strategy of an execution and starts it.
func (s *Swarm) Begin(seed uint64, length int) bool {
	s.seed, s.length = seed, length
	s.stream = rng.New(seed)
	s.left = 0
	drawn := s.stream.Uint64()
	s.keep = 1<<keepBits - 1<<keepBits>>(drawn&7) // 1 - 1/s, for s = 1, 2, 4 ... 128
	switch drawn >> 3 & 7 {
	case 0, 1, 2, 3:
		s.base = &s.random
	case 4, 5:
		s.base = &s.pos
	default:
		s.base, s.keep = &s.pct, 0 // it is sticky by itself
		s.pct.Changes = 1 + int(drawn>>6&3)
	}
	s.watches = s.base == &s.pos
	return s.base.Begin(drawn, length)
}

// Again starts the same execution.
func (s *Swarm) Again() { s.Begin(s.seed, s.length) }

// Next lets the current one go on, or asks the strategy of this execution.
func (s *Swarm) Next(eligible uint64, current int) int {
	if eligible&(eligible-1) == 0 && !s.watches {
		return bits.TrailingZeros64(eligible)
	}
	if s.keep != 0 && current >= 0 && eligible>>current&1 != 0 {
		if s.left == 0 {
			s.drawn, s.left = s.stream.Uint64(), 64/keepBits
		}
		stay := s.drawn&keepMask < s.keep
		s.drawn >>= keepBits
		s.left--
		if stay {
			if s.watches {
				s.pos.settle(eligible)
				s.pos.take(current)
			}
			return current
		}
	}
	return s.base.Next(eligible, current)
}

// Choose asks the strategy of this execution.
func (s *Swarm) Choose(n int) int { return s.base.Choose(n) }
