package explore

import (
	"math/bits"

	"headroom/internal/rng"
)

// PCT gives each entity a random priority and lets the highest go on. At a few steps, drawn from the length expected, the one that runs falls
// behind all others. A bug that needs d orderings is found with a probability of at least 1/(n*k^(d-1)), for n entities and k steps, with d-1 changes
// (Burckhardt, Kothari, Musuvathi and Nagarakatte, 2010).
type PCT struct {
	Changes int // how often a priority changes, at most MaxChanges

	beside
	stream   rng.Stream
	priority [64]uint32 // of the entities in known; those that fell behind have one below fallen
	known    uint64
	at       [MaxChanges + 1]int // the steps at which it changes, in order, and -1 behind the last
	next     int                 // index into at
	change   int                 // at[next]
	step     int
	eligible uint64 // what was asked before
	pick     int    // and its answer
	seed     uint64
	length   int
}

// MaxChanges is how often a priority can change in an execution.
const MaxChanges = 8

const (
	// fallen is above the priorities of those that fell behind, which are numbered down from it, and below those of the others.
	fallen = 1 << 10
	// shortRun is the length assumed when none is known.
	shortRun = 64
)

// Begin draws the changes of an execution.
func (p *PCT) Begin(seed uint64, length int) bool {
	p.seed, p.length = seed, length
	p.stream = rng.New(seed)
	p.begin(seed)
	if length < 1 {
		length = shortRun
	}
	n := max(0, min(p.Changes, MaxChanges))
	for i := range n {
		step := 1 + p.stream.Below(length)
		for ; i > 0 && p.at[i-1] > step; i-- {
			p.at[i] = p.at[i-1]
		}
		p.at[i] = step
	}
	p.at[n] = -1
	p.known, p.next, p.change, p.step, p.eligible = 0, 0, p.at[0], 0, 0
	return true
}

// Again starts the same execution.
func (p *PCT) Again() { p.Begin(p.seed, p.length) }

// Next gives the one of the highest priority.
func (p *PCT) Next(eligible uint64, current int) int {
	if p.agents != 0 {
		eligible = p.thin(eligible)
	}
	p.step++
	if p.step == p.change {
		p.lower(current)
	} else if eligible == p.eligible {
		return p.pick
	}
	if fresh := eligible &^ p.known; fresh != 0 {
		p.meet(fresh)
	}
	p.eligible, p.pick = eligible, bits.TrailingZeros64(eligible)
	best := p.priority[p.pick]
	for rest := eligible & (eligible - 1); rest != 0; rest &= rest - 1 {
		if i := bits.TrailingZeros64(rest); p.priority[i] > best {
			p.pick, best = i, p.priority[i]
		}
	}
	return p.pick
}

// meet draws the priorities of entities that were not there before.
func (p *PCT) meet(fresh uint64) {
	p.known |= fresh
	for ; fresh != 0; fresh &= fresh - 1 {
		p.priority[bits.TrailingZeros64(fresh)] = fallen + uint32(p.stream.Uint64()>>33)
	}
}

// lower makes the one that runs fall behind, and finds the next change.
func (p *PCT) lower(current int) {
	for p.at[p.next] == p.step {
		p.next++
	}
	p.change = p.at[p.next]
	if current >= 0 {
		p.priority[current] = fallen - uint32(p.next)
		p.known |= 1 << current
	}
}

// Choose draws one of the answers; what ordinarily happens is as likely as all others.
func (p *PCT) Choose(n int) int { return unlikely(&p.stream, n) }

// unlikely draws 0 half of the time, else any answer.
func unlikely(s *rng.Stream, n int) int {
	if drawn := s.Uint64(); drawn>>63 != 0 {
		return int((drawn >> 31 & 0xffffffff) * uint64(n) >> 32)
	}
	return 0
}
