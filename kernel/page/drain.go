package page

import (
	"headroom/kernel"
	"headroom/kernel/mutant"
)

// emptyWithoutWaiting gives the pages of every list that can be had at once back to their zones, and reports whether there were any: in the
// TryLock form the lists whose lock is free, in the IRQOff form those of the caller's CPU. Any context but NMI.
func (a *Allocator) emptyWithoutWaiting(t *kernel.Task) bool {
	moved := uint32(0)
	for i := range a.zones {
		for cpu := range a.zones[i].lists {
			l := &a.zones[i].lists[cpu]
			if a.irqOff && cpu != t.CPU() || !a.enter(t, l) {
				continue
			}
			moved += a.empty(t, l, cpu)
			a.leave(t, l)
		}
	}
	return moved != 0
}

// empty flushes one list, of the given CPU, which the caller has hold of.
func (a *Allocator) empty(t *kernel.Task, l *list, cpu int) uint32 {
	n := l.words.pages.Load()
	if n == 0 {
		return 0
	}
	if cpu != t.CPU() {
		reachDrain.Hit()
		count(t, &a.cpus[t.CPU()].counts.drains)
	}
	l.flush(t, n)
	return n
}

// Drain makes every CPU give what it keeps back to the zones, and returns when all have. In the TryLock form the caller does it himself, list by
// list; in the IRQOff form an interrupt makes each CPU do it. On a machine without interrupts that form empties the caller's CPU only. Process
// context with no spinning lock held.
func (a *Allocator) Drain(t *kernel.Task) {
	if a.irqOff {
		a.drainByInterrupt(t)
		return
	}
	for i := range a.zones {
		for cpu := range a.zones[i].lists {
			l := &a.zones[i].lists[cpu]
			if mutant.On(sp02) {
				a.empty(t, l, cpu)
				continue
			}
			l.words.lock.Lock(t)
			a.empty(t, l, cpu)
			l.words.lock.Unlock(t)
		}
	}
}

// drainByInterrupt: the answers are counted under a lock of their own, which the waiting caller takes to look, so no wake-up is lost.
func (a *Allocator) drainByInterrupt(t *kernel.Task) {
	d := a.drains
	d.lock.Lock(t) // one at a time: each CPU has one interrupt to be raised
	if a.raise == nil {
		a.emptyOwn(t)
		d.lock.Unlock(t)
		return
	}
	d.pending.Store(uint32(len(a.works))) // nobody else looks before the first interrupt
	for cpu := range a.works {
		a.raise(t, cpu, &a.works[cpu])
	}
	for {
		d.waiters.Prepare(t, false)
		t.IRQSave()
		d.guard.Lock(t)
		pending := d.pending.Load()
		d.guard.Unlock(t)
		t.IRQRestore()
		if pending == 0 {
			d.waiters.Finish(t)
			break
		}
		t.Schedule()
		d.waiters.Finish(t)
	}
	d.lock.Unlock(t)
}

// answer is the interrupt: the CPU it arrived on empties its lists. When that is not the one it was raised for, that one is offline and
// CPUDead has its lists.
func (a *Allocator) answer(t *kernel.Task) {
	reachAsked.Hit()
	a.emptyOwn(t)
	d := a.drains
	d.guard.Lock(t)
	left := d.pending.Load() - 1
	d.pending.Store(left)
	d.guard.Unlock(t)
	if left == 0 {
		d.waiters.Wake(t, 0)
	}
}

func (a *Allocator) emptyOwn(t *kernel.Task) {
	t.IRQSave()
	for i := range a.zones {
		a.empty(t, &a.zones[i].lists[t.CPU()], t.CPU())
	}
	t.IRQRestore()
}

// CPUDead gives the pages and the share of the free counts of a CPU that went offline back to the zones. t runs on another CPU, in process
// context, and no interrupt uses the dead CPU's lists any more; those of a Drain that is under way are waited for.
func (a *Allocator) CPUDead(t *kernel.Task, cpu int) {
	a.drains.lock.Lock(t)
	defer a.drains.lock.Unlock(t)
	for i := range a.zones {
		z := &a.zones[i]
		l := &z.lists[cpu]
		if !a.irqOff {
			l.words.lock.Lock(t)
		}
		if !mutant.On(pg03) && l.words.pages.Load() != 0 {
			reachDead.Hit()
			l.flush(t, l.words.pages.Load())
		}
		if !a.irqOff {
			l.words.lock.Unlock(t)
		}
		z.enter(t)
		share := int64(int32(l.words.drift.LoadRelaxed()))
		l.words.drift.StoreRelaxed(0)
		z.area.free.Store(z.area.free.Load() + uint64(share))
		z.leave(t)
	}
}
