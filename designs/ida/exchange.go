package ida

import (
	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// allocSlow finds an id for a CPU whose magazine is empty, or sleeps until there is one.
func (w *Wrapped) allocSlow(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if id, ok := w.find(t, gfp); ok {
		return id, nil
	}
	if gfp.MayWait() {
		// From here to the end, and not only while it sleeps: an id freed between two of its looks must not go into a magazine it cannot see.
		w.shared.waiting.Add(1)
		id := w.await(t, gfp)
		w.shared.waiting.Add(^uint32(0))
		return id, nil
	}
	reachEmpty.Hit()
	w.count(t, &w.cpus[t.CPU()].failed)
	return 0, kernel.ErrWouldBlock
}

// await sleeps until it finds an id; the caller is counted in waiting.
func (w *Wrapped) await(t *kernel.Task, gfp kernel.GFP) designs.Item {
	for {
		if !mutant.On(id05) {
			w.shared.waiters.Prepare(t, false) // O1: first into the queue, then the look
		}
		id, ok := w.find(t, gfp&^kernel.DirectReclaim) // it is about to sleep already, so not for memory
		if mutant.On(id05) {
			w.shared.waiters.Prepare(t, false)
		}
		if !ok {
			reachWait.Hit()
			w.count(t, &w.cpus[t.CPU()].waits)
			t.Schedule()
		}
		w.shared.waiters.Finish(t)
		if !ok {
			if mutant.On(id09) {
				w.shared.waiting.Add(^uint32(0))
			}
			id, ok = w.find(t, gfp)
			if mutant.On(id09) {
				w.shared.waiting.Add(1)
			}
		}
		if ok {
			return id
		}
	}
}

// find looks for an id in the CPU's magazines, the depot, the tree, and other CPUs' magazines when they can be robbed.
func (w *Wrapped) find(t *kernel.Task, gfp kernel.GFP) (designs.Item, bool) {
	if id, ok := w.reload(t); ok {
		return id, true
	}
	if id, err := w.tree.Alloc(t, gfp); err == nil {
		return id, true
	}
	if w.locked {
		return w.steal(t)
	}
	return 0, false
}

// reload brings ids into the CPU's magazine: those of the one before, or of a full one from the depot; and takes one.
func (w *Wrapped) reload(t *kernel.Task) (designs.Item, bool) {
	if w.size == 0 {
		return 0, false
	}
	t.IRQSave()
	c := w.cpus[t.CPU()]
	w.enter(t, c)
	if c.count.Load() == 0 && c.filled.Load() != 0 {
		c.swap()
	}
	if c.count.Load() == 0 {
		w.fromDepot(t, c)
	}
	n := c.count.Load()
	id := uint32(0)
	if n != 0 {
		id = w.rounds[c.loaded.Load()][n-1].Load()
		c.count.Store(n - 1)
	}
	w.leave(t, c)
	t.IRQRestore()
	return designs.Item(id), n != 0
}

// swap lets the two magazines of a CPU change places.
func (c cpu) swap() {
	reachPrevious.Hit()
	loaded, count := c.loaded.Load(), c.count.Load()
	c.loaded.Store(c.before.Load())
	c.count.Store(c.filled.Load())
	c.before.Store(loaded)
	c.filled.Store(count)
}

// fromDepot exchanges the CPU's empty magazine for a full one, if the depot has one.
func (w *Wrapped) fromDepot(t *kernel.Task, c cpu) {
	s := w.shared
	s.lock.Lock(t)
	s.locks.Store(s.locks.Load() + 1)
	if n := s.full.Load(); n != 0 {
		reachDepot.Hit()
		c.refills.Store(c.refills.Load() + 1)
		full := w.stock[n-1].Load()
		w.stock[n-1].Store(c.loaded.Load())
		s.full.Store(n - 1)
		c.loaded.Store(full)
		c.count.Store(w.size)
	}
	s.lock.Unlock(t)
}

// freeSlow frees an id while callers wait, or while the CPU's magazine is full; the CPU's magazines held, which it lets go of; interrupts masked.
func (w *Wrapped) freeSlow(t *kernel.Task, c cpu, it designs.Item) {
	if w.size == 0 || w.shared.waiting.Load() != 0 {
		w.leave(t, c)
		w.tree.Free(t, it)
		w.wake(t)
		return
	}
	if c.filled.Load() < w.size {
		c.swap()
	}
	flushed := false
	if c.count.Load() == w.size && !w.toDepot(t, c) {
		reachFlush.Hit()
		c.spills.Store(c.spills.Load() + 1)
		w.empty(t, c.loaded.Load(), w.size)
		c.count.Store(0)
		flushed = true
	}
	n := c.count.Load()
	w.rounds[c.loaded.Load()][n].Store(uint32(it))
	c.count.Store(n + 1)
	woken := w.shared.waiting.Load() != 0 // O1: before the lock is let go
	w.leave(t, c)
	if flushed || woken {
		w.wake(t)
	}
}

// toDepot exchanges the CPU's full magazine for an empty one, if the depot has room.
func (w *Wrapped) toDepot(t *kernel.Task, c cpu) bool {
	s := w.shared
	s.lock.Lock(t)
	s.locks.Store(s.locks.Load() + 1)
	n := s.full.Load()
	ok := int(n) < len(w.stock)
	if ok {
		reachStored.Hit()
		empty := w.stock[n].Load()
		w.stock[n].Store(c.loaded.Load())
		s.full.Store(n + 1)
		c.loaded.Store(empty)
		c.count.Store(0)
	}
	s.lock.Unlock(t)
	return ok
}

// steal takes an id from another CPU's magazines, and puts what else was there into the tree, where everybody finds it.
func (w *Wrapped) steal(t *kernel.Task) (designs.Item, bool) {
	for step := range w.cpus {
		victim := (t.CPU() + step) % len(w.cpus)
		t.IRQSave()
		c := w.cpus[victim]
		c.lock.Lock(t)
		if c.count.Load() == 0 && c.filled.Load() != 0 {
			c.swap()
		}
		n := c.count.Load()
		id := uint32(0)
		if n != 0 {
			id = w.rounds[c.loaded.Load()][n-1].Load()
			w.empty(t, c.loaded.Load(), n-1)
			c.count.Store(0)
			reachSteal.Hit()
			c.steals.Store(c.steals.Load() + 1)
		}
		c.lock.Unlock(t)
		t.IRQRestore()
		if n > 1 {
			w.wake(t)
		}
		if n != 0 {
			return designs.Item(id), true
		}
	}
	return 0, false
}

func (w *Wrapped) wake(t *kernel.Task) {
	if w.shared.waiters.Wake(t, 0) > 0 {
		reachWake.Hit()
	}
}

// count adds one to a counter of the caller's CPU; masked, and under the lock where a thief may count there.
func (w *Wrapped) count(t *kernel.Task, counter *mem.Plain64) {
	t.IRQSave()
	c := w.cpus[t.CPU()]
	w.enter(t, c)
	counter.Store(counter.Load() + 1)
	w.leave(t, c)
	t.IRQRestore()
}
