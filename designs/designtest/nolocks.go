package designtest

import (
	"fmt"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/kernel"
)

// stageNoLocks: tasks on all CPUs, and the interrupts they raise, allocate through the entry that takes no locks, as a function and by the flag, and
// free. Neither the function nor the flag ever asks for a lock and would wait, nor does Free unless the table says TakesLocks; the sim
// build counts such locks.
func stageNoLocks(s *scene) {
	calls := churnCallsNative
	if s.simulated {
		calls = churnCallsSim
	}
	for i := range s.CPUs() + 1 {
		c, irq := s.caller(fmt.Sprintf("caller %d", i)), s.caller(fmt.Sprintf("interrupt %d", i))
		s.task(nil, c.name, i%s.CPUs(), func(t *kernel.Task) {
			entry, ok := s.alloc.(designs.NoLockAllocator)
			if !ok {
				s.breaks(spec.C1, "the table says NoLocks, and there is no method AllocNoLocks")
			}
			c.fill(t)
			for range calls {
				c.withoutLocks(t, irq, entry)
				if c.stream.Below(4) == 0 {
					t.Resched()
				}
			}
			c.join(t)
			c.freeAll(t)
			s.leave(t)
		})
	}
}

// fill takes an item and gives it back, so that the CPU's list has some where there is one.
func (c *caller) fill(t *kernel.Task) {
	if c.alloc(t, kernel.NoWait) {
		c.free(t, c.pick())
	}
}

// withoutLocks makes one random call.
func (c *caller) withoutLocks(t *kernel.Task, irq *caller, entry designs.NoLockAllocator) {
	s := c.scene
	can := s.variant.Capabilities
	n := c.stream.Below(8)
	switch {
	case n == 0 && inInterrupts(can.AllocIn):
		c.joinTo(t, 0) // the interrupt's caller is one
		c.interrupt(t, t.CPU(), func(t *kernel.Task) { irq.allocNoLocks(t, entry) })
	case len(c.held) == 0 || len(c.held) < 4 && n < 5:
		c.allocNoLocks(t, entry)
	default:
		before := t.LocksAsked()
		c.free(t, c.pick())
		if !can.TakesLocks {
			s.neverAsked(t, before, "Free")
		}
	}
}

// allocNoLocks takes an item by the function or by the flag, and keeps it.
func (c *caller) allocNoLocks(t *kernel.Task, entry designs.NoLockAllocator) {
	s, what := c.scene, "AllocNoLocks"
	before := t.LocksAsked()
	var it designs.Item
	var err error
	if c.stream.Below(3) == 0 {
		what = "Alloc with NoLocks"
		it, err = c.call(t, kernel.NoWait|kernel.NoLocks)
	} else {
		it, err = c.callEntry(t, entry)
	}
	s.neverAsked(t, before, what)
	if err != nil {
		s.must(s.rules.Refusal(false, s.Leaving(t), it, err))
		c.refusals++
		return
	}
	s.must(s.ledger.take(it))
	c.held = append(c.held, it)
	c.allocs++
	c.lockless++
}

func (c *caller) callEntry(t *kernel.Task, entry designs.NoLockAllocator) (designs.Item, error) {
	defer c.scene.blame(spec.C1, "AllocNoLocks")
	c.gfp, c.inside = kernel.NoLocks, true
	it, err := entry.AllocNoLocks(t)
	c.inside = false
	return it, err
}

// neverAsked breaks C6 when a task has asked for a lock that it would have waited for.
func (s *scene) neverAsked(t *kernel.Task, before int, what string) {
	if n := t.LocksAsked() - before; n != 0 {
		s.breaks(spec.C6, "%s asked for %d locks that it would wait for", what, n)
	}
}
