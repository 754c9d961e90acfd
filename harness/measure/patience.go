package measure

import "headroom/kernel/arch"

// Patience is the state of a loop in which a CPU spins for another one.
//
// Two measuring processes on the same processors at real-time priority would wait for ever: each spins on one processor for its own thread
// that queues behind the other process on the other. Who has spun for long in vain lets the next thread of its priority run.
type Patience struct {
	looks uint32
	since uint64 // ticks of the time-stamp counter when the wait began, or the processor was last yielded; 0 before the first reading
}

const (
	// patientTicks without a yield are 0.2 to 1 ms, at 1 to 5 ticks a nanosecond: far above any wait of a sample alone.
	patientTicks = 1 << 20
	// freeLooks lie between two readings of the clock, so that 10 ns a reading are little beside 16 looks of 2 to 40 ns.
	freeLooks = 16
)

// Turn is called once for each look in vain, where a look is a load and perhaps a pause.
func (p *Patience) Turn() {
	if p.looks++; p.looks%freeLooks == 0 {
		p.Round()
	}
}

// Round is Turn for looks that take long themselves, such as a round of the CPU's other tasks: it reads the clock each time, and reports whether it
// yielded the processor.
func (p *Patience) Round() bool {
	now := arch.TSC()
	if p.since == 0 {
		p.since = now
	}
	if now-p.since < patientTicks {
		return false
	}
	arch.Yield()
	p.since = arch.TSC()
	return true
}
