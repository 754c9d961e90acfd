package designtest

import (
	"fmt"

	"headroom/designs/spec"
	"headroom/kernel"
)

// maxWaiters is how many callers sleep at once; more than one, since who wakes one of them may forget the others.
const maxWaiters = 3

// stageWait: a task of CPU 0 holds every item. Waiters come to CPU 0 and fall asleep; then items are freed on CPU 1, one by one, and each
// waiter must get one. Where the table says Oversleeps all items are freed, and a waiter frees what it got. Natively every step is determined: the
// owner's Resched runs the waiters until they sleep.
func stageWait(s *scene) {
	owner := s.caller("owner")
	s.task(nil, owner.name, 0, func(t *kernel.Task) {
		for owner.alloc(t, kernel.NoWait) {
		}
		n := min(maxWaiters, len(owner.held))
		var waiters []*caller
		for i := range n {
			w := s.caller(fmt.Sprintf("waiter %d", i))
			waiters = append(waiters, w)
			s.task(t, w.name, 0, func(t *kernel.Task) {
				w.task = t
				w.alloc(t, kernel.Kernel)
				if s.variant.Capabilities.Oversleeps {
					w.freeAll(t)
				}
				s.leave(t)
			})
		}
		s.untilAsleep(t, waiters)
		s.seen.waits += n
		if s.variant.Capabilities.Oversleeps {
			n = len(owner.held)
		}
		for range n {
			owner.elsewhere(t, 1, owner.pick())
		}
		owner.join(t)
		s.leave(t)
	})
}

// sleepLooks bounds the wait for the waiters: a look lets every other task of the CPU run first, in a simulation with some chance only.
const sleepLooks = 2000

// untilAsleep returns when all callers sleep inside Alloc.
func (s *scene) untilAsleep(t *kernel.Task, waiters []*caller) {
	for range sleepLooks {
		asleep := 0
		for _, w := range waiters {
			if w.task != nil && w.task.Parked() {
				asleep++
			}
		}
		if asleep == len(waiters) {
			return
		}
		t.Resched()
	}
	s.breaks(spec.C5, "%d callers that may wait came to an empty allocator, and they do not sleep", len(waiters))
}

// stageRush: a task of CPU 1 holds every item and frees all, while a caller on CPU 0 comes and may fall asleep. Whether a free falls between his look
// and his sleep is the schedule's choice.
func stageRush(s *scene) {
	owner := s.caller("owner")
	s.task(nil, owner.name, 1, func(t *kernel.Task) {
		for owner.alloc(t, kernel.NoWait) {
		}
		w := s.caller("late")
		s.task(t, w.name, 0, func(t *kernel.Task) {
			w.alloc(t, kernel.Kernel)
			s.leave(t)
		})
		for range owner.stream.Below(8) {
			t.Resched()
		}
		owner.freeAll(t)
		s.leave(t)
	})
}

// stageRefusal: the allocator is empty, and a task that waits for this CPU will free an item as soon as it gets it. So a caller that may not
// wait, yet gives the CPU away, is seen even if it is woken at once.
func stageRefusal(s *scene) {
	c := s.caller("refused")
	ran := false
	s.task(nil, c.name, 0, func(t *kernel.Task) {
		for c.alloc(t, kernel.NoWait) {
		}
		for _, gfp := range s.neverWaiting() {
			if len(c.held) == 0 {
				break
			}
			ran = false
			it := c.pick()
			s.task(t, "next", 0, func(t *kernel.Task) {
				ran = true
				s.free(t, it)
				s.leave(t)
			})
			c.alloc(t, gfp) // a reserve may still give one
			if ran {
				s.breaks(neverWaitBreaks(gfp), "a caller with flags %v gave its CPU away in Alloc", gfp)
			}
			for !ran {
				t.Resched()
			}
			c.alloc(t, kernel.NoWait)
		}
		s.leave(t)
	})
}

// neverWaiting are the flags with which the variant must not wait: all, when its table says that it never does.
func (s *scene) neverWaiting() []kernel.GFP {
	flags := []kernel.GFP{kernel.NoWait, kernel.Atomic, 0}
	if !s.variant.Capabilities.MayWait {
		flags = append(flags, kernel.Kernel)
	}
	return flags
}

func neverWaitBreaks(gfp kernel.GFP) spec.Sentence {
	if gfp.MayWait() {
		return spec.C5
	}
	return spec.C6
}
