package slab

import (
	"headroom/kernel"
	"headroom/kernel/mutant"
)

// AllocNoLocks hands out an object as Alloc does, without waiting for any lock: from the list of the caller's CPU, else from its node's slabs, else
// from new pages (page.Allocator.AllocNoLocks), if the node's lock can be had at once. Else it answers kernel.ErrNoMemory. Other nodes' slabs are not
// looked at. After kmalloc_nolock of 2025. Any context but NMI, in which the masked interrupts that protect the lists would not help.
func (c *Cache) AllocNoLocks(t *kernel.Task) (Object, error) {
	t.IRQSave()
	l := &c.lists[t.CPU()]
	if n := l.words.length.Load(); n != 0 {
		o := l.slots[n-1].Load()
		l.words.length.Store(n - 1)
		t.IRQRestore()
		return Object(o), nil
	}
	t.IRQRestore()
	return c.tryAlloc(t)
}

func (c *Cache) tryAlloc(t *kernel.Task) (Object, error) {
	if o, ok := c.restock(t, c.lists[t.CPU()].home, none, true); ok {
		return o, nil
	}
	p, err := c.pages.AllocNoLocks(t, c.order)
	if err != nil {
		return 0, err
	}
	z, offset := c.zoneOf(Object(p))
	if o, ok := c.restock(t, z, int(offset>>c.slabShift), true); ok {
		reachNew.Hit()
		return o, nil
	}
	reachUndone.Hit()
	if !mutant.On(so09) {
		c.pages.FreeNoLocks(t, p, c.order) // I8
	}
	return 0, kernel.ErrNoMemory
}

// tryEnter is enter for who does not wait; interrupts masked.
func (z *zone) tryEnter(t *kernel.Task, w *listWords) bool {
	if mutant.On(so10) {
		z.enter(t, w)
		return true
	}
	if !z.words.lock.TryLock(t) {
		reachHeld.Hit()
		return false
	}
	w.locks.Store(w.locks.Load() + 1)
	return true
}
