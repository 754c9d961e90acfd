//go:build sim

package page

import (
	"testing"

	"headroom/kernel/lock"
	"headroom/kernel/reach"
)

// programs are all checks, by name.
var programs = []struct {
	name string
	program
}{
	{"churn TryLock", churn(TryLock, 1)}, {"churn IRQOff", churn(IRQOff, 1)}, {"churn on two nodes", churn(TryLock, 2)}, {"floating", floating()},
	{"interrupted refills", interrupted()},
	{"marks", marks()}, {"resize TryLock", resize(TryLock)}, {"resize IRQOff", resize(IRQOff)}, {"lowering", lowering()}, {"urgent", urgent()},
	{"death TryLock", death(TryLock)}, {"death IRQOff", death(IRQOff)},
	{"caching TryLock", caching(TryLock)}, {"caching IRQOff", caching(IRQOff)}, {"background", background()},
	{"dirtying TryLock", dirtying(TryLock, 4, 2)}, {"dirtying IRQOff", dirtying(IRQOff, 4, 2)}, {"hogs", hogging()},
	{"hogs reaped", reaping()}, {"one dirty page", dirtying(TryLock, 1, 1)},
	{"without locks TryLock", lockless(TryLock)}, {"without locks IRQOff", lockless(IRQOff)}, {"without locks, crowded", crowded()},
	{"promises TryLock", promising(TryLock, 1, false)}, {"promises IRQOff", promising(IRQOff, 1, false)}, {"promises on two nodes", promising(TryLock, 2, false)},
	{"promised and wanted", kept()}, {"promises by estimate", estimating()}, {"promised cache", cached(1)}, {"promised cache on two nodes", cached(2)},
	{"waiting for a promise TryLock", awaiting(TryLock, false)}, {"waiting for a promise IRQOff", awaiting(IRQOff, false)},
	{"waiting for a promise, freed without locks", awaiting(TryLock, true)},
}

// Every invariant, over random schedules: no page twice, no data race, nothing lost, no deadlock, no mark passed. Together the programs take every
// slow path.
func TestNoScheduleBreaksAnInvariant(t *testing.T) {
	total := map[int]uint32{}
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			reached, err := exploreFor(p.program, schedules)
			if err != nil {
				t.Error(err)
			}
			for i, n := range reached {
				total[i] += n
			}
		})
	}
	for i, point := range reach.All() {
		if point.Host == host && total[i] == 0 {
			t.Errorf("no schedule reached %s", point.Name)
		}
	}
}

// With rt=on zone locks sleep: programs whose interrupts stay out of the allocator run all the same in the TryLock form.
func TestSleepingLocksServeTasks(t *testing.T) {
	lock.RT = true
	defer func() { lock.RT = false }()
	for _, p := range []program{marks(), resize(TryLock), death(TryLock), caching(TryLock), background(), hogging(), lowering(), urgent(),
		promising(TryLock, 1, false), cached(2), lockless(TryLock), inRaw(churn(IRQOff, 1))} {
		if err := explore(p); err != nil {
			t.Error(err)
		}
	}
}
