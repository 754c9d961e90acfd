//go:build sim

package slab

import (
	"testing"

	"headroom/kernel/lock"
	"headroom/kernel/reach"
)

// The caches explored: slabs of one object and of several, on one node and on two, with and without slabs kept.
var (
	oneObject = Config{ObjectBytes: 64, Order: -1, High: 1, Batch: 1, MinPartial: -1}
	several   = Config{ObjectBytes: 32, Order: -1, High: 2, Batch: 2, MinPartial: -1}
	allKept   = Config{ObjectBytes: 32, Order: -1, High: 1, Batch: 1, MinPartial: 8}
	kept      = Config{ObjectBytes: 24, Order: 1, High: 3, Batch: 2, MinPartial: 1}
)

var programs = []struct {
	name string
	program
}{
	{"slabs of one object", churning(1, 4, oneObject)}, {"slabs of two", churning(1, 4, several)}, {"slabs kept", churning(1, 4, kept)},
	{"two nodes", churning(2, 4, several)}, {"two nodes, one object", churning(2, 4, oneObject)}, {"two nodes, all kept", churning(2, 2, allKept)},
	{"sharing", sharing()}, {"death", death()}, {"without locks", lockless()},
}

// Every invariant, over random schedules: no object twice, no data race, nothing lost, no deadlock. Together the programs take every slow path.
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

// With rt=on the page allocator's locks sleep: caches whose interrupts stay out of them serve all the same, for they hold none of their own and mask
// no interrupts there.
func TestSleepingPageLocksServeTasks(t *testing.T) {
	lock.RT = true
	defer func() { lock.RT = false }()
	for _, p := range []program{churning(1, 4, oneObject), churning(2, 4, several), death()} {
		setup := p.setup
		p.setup = func(s *scene) {
			s.sent = mostSent
			setup(s)
		}
		if err := explore(p); err != nil {
			t.Error(err)
		}
	}
}
