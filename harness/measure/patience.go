package measure

import "headroom/kernel/arch"

// Patience is the state of a loop in which a CPU spins for another one.
//
// Two measuring processes on the same processors at real-time priority would wait for ever: each spins on one processor for its own thread
// that queues behind the other process on the other. Who has spun for long in vain lets the next thread of its priority run.
type Patience struct{ looks uint32 }

// patientLooks is 0.1 ms of looks at 2 ns, and about a millisecond when there is a pause between them: far above any wait of a sample alone.
const patientLooks = 1 << 16

// Turn is called once for each look in vain.
func (p *Patience) Turn() {
	p.looks++
	if p.looks%patientLooks == 0 {
		arch.Yield()
	}
}
