package workload

import (
	"headroom/designs"
	"headroom/kernel"
)

// reach finds out how many items one CPU can have while all others stand still: what it cannot have sits in other CPUs' lists, or is lost. Its steals
// and refills are no part of what the workload counts.
type reach struct {
	held  []designs.Item
	whole int // what could be had before any list held anything, or unlimited
}

// mostReached times the items an allocator was made for, or has room for, is where reach gives up: those that are made of whole pages round up by less.
const mostReached = 16

// unlimited is the whole of an allocator whose items do not run out.
const unlimited = -1

func (r *run) newReach() reach {
	return reach{held: make([]designs.Item, 0, mostReached*max(r.config.Items, r.config.Room))}
}

// begin counts the whole. Nobody else may have used the allocator yet.
func (c *reach) begin(r *run, t *kernel.Task) {
	if c.whole = c.count(r, t); c.whole == cap(c.held) {
		c.whole = unlimited
	}
}

// count takes all that can be had without waiting, gives it back, and returns how many that were. All other tasks are outside the allocator.
func (c *reach) count(r *run, t *kernel.Task) int {
	stats, ok := r.allocator.(designs.StatsReader)
	var before designs.Stats
	if ok {
		before = stats.Stats()
	}
	c.held = c.held[:0]
	for len(c.held) < cap(c.held) {
		it, err := r.allocator.Alloc(t, kernel.NoWait)
		if err != nil {
			break
		}
		c.held = append(c.held, it)
	}
	for _, it := range c.held {
		r.allocator.Free(t, it)
	}
	if ok {
		r.leaveOut(before, stats.Stats())
	}
	return len(c.held)
}

// leaveOut takes the slow paths between two counts out of what is counted, as if they had been taken before the measured interval.
func (r *run) leaveOut(before, after designs.Stats) {
	r.warmed.Waits += after.Waits - before.Waits
	r.warmed.Locks += after.Locks - before.Locks
	r.warmed.Steals += after.Steals - before.Steals
	r.warmed.Refills += after.Refills - before.Refills
	r.warmed.Spills += after.Spills - before.Spills
}
