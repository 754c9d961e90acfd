package designtest

import (
	"errors"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/kernel"
)

// mostPromised keeps the promises of a run few, and mostGranted those that a caller asks for beyond what there may be.
const (
	mostPromised = 3
	mostGranted  = 1 << 16
)

// stageReserve: a task is promised some items and draws all but one of them, while another takes every item that it can get. Then nothing but the
// promise is left: one more is refused, and those granted all the same are drawn and must be there, so that promises and items held never exceed what
// there is. With everything held, somebody else asks for a promise: where the table says so he sleeps until all is given back, and gets it. What
// a task cancels others can have. On the way a promise is drawn on another CPU than it was made on.
func stageReserve(s *scene) {
	c := s.caller("reserver")
	a := s.alloc.(designs.Reserver)
	s.task(nil, c.name, 0, func(t *kernel.Task) {
		n := 1 + c.stream.Below(min(s.rules.Guaranteed, mostPromised))
		if err := c.reserve(t, a, kernel.Kernel, n); err != nil {
			s.breaks(spec.C10, "a sole caller that may wait is not promised %d items of %d: %v", n, s.rules.Guaranteed, err)
		}
		taker := s.taker(t)
		for range n - 1 {
			c.draw(t, a)
			if c.stream.Below(2) == 0 {
				c.free(t, c.pick())
			}
		}
		taker.join(t)
		s.exhaust(t, c, a)
		s.lastPromise(t, c, a)
		if s.variant.Capabilities.ReserveWaits {
			s.waitForPromise(t, c, taker, a)
		} else if err := c.reserve(t, a, kernel.Kernel, mostGranted); err == nil {
			s.breaks(spec.C10, "%d items are promised", mostGranted)
		}
		s.cancelled(t, c, taker, a)
		s.leave(t)
	})
}

// taker spawns a task on CPU 1 that allocates until it is refused, and tells when it is done.
func (s *scene) taker(t *kernel.Task) *caller {
	k := s.caller("taker")
	k.sent++
	s.task(t, k.name, 1, func(t *kernel.Task) {
		for k.alloc(t, k.noWait()) {
		}
		k.over.Add(1)
		s.leave(t)
	})
	return k
}

// exhaust: with one promise left, take what can be taken in the ordinary way, then by promises as long as they are granted; these are drawn.
func (s *scene) exhaust(t *kernel.Task, c *caller, a designs.Reserver) {
	for c.alloc(t, kernel.NoWait) {
	}
	granted := 0
	for granted < mostGranted && c.reserve(t, a, kernel.NoWait, 1) == nil {
		granted++
	}
	if granted == mostGranted {
		s.breaks(spec.C10, "promises have no end: %d items are promised beside %d held", granted, s.ledger.held())
	}
	for range granted {
		c.draw(t, a)
	}
}

// lastPromise draws the promise that is left, half the time on the other CPU.
func (s *scene) lastPromise(t *kernel.Task, c *caller, a designs.Reserver) {
	if c.stream.Below(2) == 0 {
		c.draw(t, a)
		return
	}
	c.sent++
	s.task(t, "elsewhere", 1, func(t *kernel.Task) {
		c.draw(t, a)
		c.over.Add(1)
		s.leave(t)
	})
	c.join(t)
}

// waitForPromise: everything is held. Two tasks ask for a promise, sleep, and get it when all has been given back.
func (s *scene) waitForPromise(t *kernel.Task, c, taker *caller, a designs.Reserver) {
	var waiters []*caller
	for cpu := range 2 {
		w := s.caller("waiting reserver")
		waiters = append(waiters, w)
		w.sent++
		s.task(t, w.name, cpu, func(t *kernel.Task) {
			w.task = t
			n := min(s.rules.Guaranteed, mostPromised)
			if err := w.reserve(t, a, kernel.Kernel, n); err != nil {
				s.breaks(spec.C10, "the table says that reservers wait, and one was refused: %v", err)
			}
			for range n {
				w.draw(t, a)
			}
			w.freeAll(t)
			w.over.Add(1)
			s.leave(t)
		})
	}
	s.untilAsleep(t, waiters[:1])
	for _, it := range taker.held {
		c.elsewhere(t, 1, it)
	}
	taker.held = nil
	c.freeAll(t)
	c.join(t)
	for _, w := range waiters {
		w.join(t)
	}
}

// cancelled: a promise is made and taken back; the closing finds what it left behind. A promise that is refused leaves nothing behind either.
func (s *scene) cancelled(t *kernel.Task, c, taker *caller, a designs.Reserver) {
	c.freeAll(t)
	for _, it := range taker.held {
		c.free(t, it)
	}
	taker.held = nil
	if c.reserve(t, a, kernel.NoWait, 1) == nil {
		a.Cancel(t, 1)
	}
	if c.reserve(t, a, kernel.NoWait, mostGranted) == nil {
		s.breaks(spec.C10, "%d items are promised", mostGranted)
	}
}

// reserve is Reserve; while it lasts, inside is set. A refusal must be one that the contract knows.
func (c *caller) reserve(t *kernel.Task, a designs.Reserver, gfp kernel.GFP, n int) error {
	defer c.scene.blame(spec.C10, "Reserve")
	c.gfp, c.inside = gfp, true
	err := a.Reserve(t, gfp, n)
	c.inside = false
	if err != nil && !errors.Is(err, kernel.ErrWouldBlock) && !errors.Is(err, kernel.ErrNoMemory) {
		c.scene.breaks(spec.C10, "Reserve answered with an error that it may not have: %v", err)
	}
	return err
}

// draw is AllocReserved, which must give an item.
func (c *caller) draw(t *kernel.Task, a designs.Reserver) {
	defer c.scene.blame(spec.C10, "AllocReserved")
	it, err := a.AllocReserved(t)
	if err != nil {
		c.scene.breaks(spec.C10, "a promise was made, and the draw failed: %v", err)
	}
	c.scene.must(c.scene.ledger.take(it))
	c.held = append(c.held, it)
}
