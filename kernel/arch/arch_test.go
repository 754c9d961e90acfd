package arch

import (
	"runtime"
	"testing"
)

// The counter never runs backwards on one thread, and it does run.
func TestCounterRunsForward(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	first := TSC()
	last := first
	for range 100_000 {
		now := TSC()
		if now < last {
			t.Fatalf("the counter went from %d to %d", last, now)
		}
		last = now
	}
	if last == first {
		t.Error("the counter stood still")
	}
}

// Pause returns for every number of turns, none included, and Yield returns.
func TestHintsReturn(t *testing.T) {
	for _, turns := range []uint32{0, 1, 2, 100} {
		Pause(turns)
	}
	Yield()
}
