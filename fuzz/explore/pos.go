package explore

import (
	"math/bits"

	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// POS is partial order sampling: each step that could be taken has a random priority, and the highest is taken. The steps that race with it, on the
// same word, one a store, then draw anew, so that orders that matter are drawn evenly, however long the stretches between them are (Yuan, Yang and Gu,
// 2018).
type POS struct {
	beside
	stream   rng.Stream
	priority [64]uint32
	known    uint64 // entities whose next step has a priority
	taken    int    // who was chosen before, -1 for nobody
	access   sim.Access
	watch    *sim.Watch
	seed     uint64
}

// Watches is how the machine shows what each entity is about to do.
func (p *POS) Watches(w *sim.Watch) { p.watch = w }

// Begin starts the execution of a seed.
func (p *POS) Begin(seed uint64, length int) bool {
	p.stream, p.seed, p.known, p.taken, p.access = rng.New(seed), seed, 0, -1, sim.Access{}
	p.begin(seed)
	return true
}

// Again starts the same execution.
func (p *POS) Again() { p.Begin(p.seed, 0) }

// Next gives the step of the highest priority.
func (p *POS) Next(eligible uint64, current int) int {
	p.settle(eligible)
	if p.agents != 0 {
		eligible = p.thin(eligible)
	}
	pick, best := -1, uint32(0)
	for rest := eligible; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		if p.known>>i&1 == 0 {
			p.known |= 1 << i
			p.priority[i] = uint32(p.stream.Uint64() >> 32)
		}
		if pick < 0 || p.priority[i] > best {
			pick, best = i, p.priority[i]
		}
	}
	p.take(pick)
	return pick
}

// take notes who goes on.
func (p *POS) take(pick int) { p.taken, p.access = pick, p.watch.Pending[pick] }

// settle makes the one who took a step draw anew, and those whose steps raced with it.
func (p *POS) settle(eligible uint64) {
	if p.taken < 0 {
		return
	}
	p.known &^= 1 << p.taken
	if p.access.Word == 0 {
		return
	}
	for others := eligible & p.known; others != 0; others &= others - 1 {
		if i := bits.TrailingZeros64(others); p.watch.Pending[i].Races(p.access) {
			p.known &^= 1 << i
		}
	}
}

// Choose draws one of the answers; what ordinarily happens is as likely as all others.
func (p *POS) Choose(n int) int { return unlikely(&p.stream, n) }
