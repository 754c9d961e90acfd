package machine

import (
	"sync"

	"golang.org/x/sys/unix"

	"headroom/kernel/arch"
)

// calibrateNs is how long the counter is compared with the system's clock: reading both takes about 0.1 us, so the rate is right to 1e-5.
const calibrateNs = 10_000_000

// TicksPerNs is the rate of the time-stamp counter, measured once a process against CLOCK_MONOTONIC_RAW over 10 ms.
var TicksPerNs = sync.OnceValue(func() float64 {
	firstNs, firstTicks := monotonic()
	for {
		ns, ticks := monotonic()
		if ns-firstNs >= calibrateNs {
			return float64(ticks-firstTicks) / float64(ns-firstNs)
		}
	}
})

// monotonic reads both clocks, the counter in between two readings of the system's clock that lie close together.
func monotonic() (ns int64, ticks uint64) {
	const closeNs = 1000
	for {
		before := systemNs()
		ticks = arch.TSC()
		after := systemNs()
		if after-before < closeNs {
			return before + (after-before)/2, ticks
		}
	}
}

func systemNs() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &ts) // cannot fail: the clock exists on every Linux since 2.6.28
	return ts.Nano()
}
