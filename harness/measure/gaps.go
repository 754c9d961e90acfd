package measure

import (
	"headroom/kernel/arch"
	"headroom/kernel/latency"
	"headroom/kernel/machine"
)

// Gaps reads the time-stamp counter again and again for the given time in ns, records in ticks how long each turn of that loop took, and returns how
// long it spun, in ns. A turn takes about 10 ns; when something takes the processor away, or slows it, one takes longer: what the machine does to
// any code that runs on it. Called on the CPU to be measured, at the priority of the measurement it stands beside.
func Gaps(forNs int64, turns *latency.Histogram) (spunNs float64) {
	ticks := uint64(float64(forNs)*machine.TicksPerNs()) + 1 // not less than forNs
	begun := arch.TSC()
	last := begun
	for last-begun < ticks {
		now := arch.TSC()
		turns.Record(now - last)
		last = now
	}
	return float64(last-begun) / machine.TicksPerNs()
}
