package page

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mutant"
)

// late is the blocks of a zone that were freed while neither list nor zone could be had: a stack onto which anybody pushes at any moment, and which
// a holder of the zone's lock takes as a whole. Nobody takes a single block off, so a head that is the same has not been another meanwhile.
type late struct {
	head atomic.Uint32 // number of the newest block, plus 1; 0 for none
}

// tardy is the state of a block on that stack.
func tardy(order int) uint32 { return kindLate | uint32(order)<<orderShift }

// AllocNoLocks hands out a block as Alloc does, without waiting for any lock: it answers kernel.ErrNoMemory rather. Flags and rights are not asked
// for: it uses no reserve and wakes nobody. It panics on an order out of range.
//
// IRQOff, after the RFC of 2020: the lists of the caller's CPU, of the nearest zone and then the others, with interrupts masked; only order 0 is on
// lists. Nothing is refilled and no mark is looked at. Any context but NMI.
//
// TryLock, after alloc_pages_nolock of 2025: one pass over the zones. In each the CPU's list, if its lock can be had at once; if that has nothing, the
// zone down to the ordinary mark, if its lock can be had at once, with a refill of the list if that is held. Any context; with rt=on it answers at
// once in hard interrupts and NMI, where a lock that may have sleepers must not be given up.
func (a *Allocator) AllocNoLocks(t *kernel.Task, order int) (Page, error) {
	if uint(order) > MaxOrder {
		panic(fmt.Sprintf("page: a block of order %d: give 0 to %d", order, MaxOrder))
	}
	if !a.irqOff {
		return a.tryZones(t, order)
	}
	if order != 0 {
		return 0, kernel.ErrNoMemory
	}
	masks := !mutant.On(nl05)
	if masks {
		t.IRQSave()
	}
	l := a.cpus[t.CPU()].home
	n := l.words.pages.Load()
	if n <= uint32(a.config.Leave) {
		if l, n = a.farList(t); l == nil {
			if masks {
				t.IRQRestore()
			}
			reachDry.Hit()
			return 0, kernel.ErrNoMemory
		}
	}
	index := l.rings[0].popTop()
	l.words.pages.Store(n - 1)
	if masks {
		t.IRQRestore()
	}
	z := l.zone
	z.pages[index].state.StoreRelaxed(owned(0))
	return z.page(index), nil
}

// farList is the list of the caller's CPU in the nearest zone that has more pages there than are left to others, and how many; nil for none.
func (a *Allocator) farList(t *kernel.Task) (*list, uint32) {
	for _, number := range a.cpus[t.CPU()].order {
		l := &a.zones[number].lists[t.CPU()]
		if n := l.words.pages.Load(); n > uint32(a.config.Leave) {
			return l, n
		}
	}
	return nil, 0
}

// barred: with rt=on who gives a zone's lock up may have to wake a sleeper, which interrupts must not.
func (a *Allocator) barred(t *kernel.Task) bool {
	return lock.RT && t.Context() >= kernel.HardIRQ
}

func (a *Allocator) tryZones(t *kernel.Task, order int) (Page, error) {
	if a.barred(t) {
		reachDry.Hit()
		return 0, kernel.ErrNoMemory
	}
	for _, number := range a.cpus[t.CPU()].order {
		z := &a.zones[number]
		if mutant.On(nl02) && z.late.head.Load() != 0 {
			break
		}
		if index, ok := a.tryZone(t, z, order); ok {
			if !mutant.On(nl01) {
				z.pages[index].state.StoreRelaxed(owned(order)) // I9
			}
			return z.page(index), nil
		}
	}
	reachDry.Hit()
	return 0, kernel.ErrNoMemory
}

// tryZone takes a block from the CPU's list of a zone or from the zone itself, as far as their locks can be had at once.
func (a *Allocator) tryZone(t *kernel.Task, z *zone, order int) (index uint32, ok bool) {
	l := &z.lists[t.CPU()]
	if uint(order) >= a.listed || !l.words.lock.TryLock(t) {
		return z.tryGrab(t, order, nil)
	}
	r, w := &l.rings[order], l.words
	switch {
	case r.words.length.Load() == 0:
		if !a.planted(t) {
			index, ok = z.tryGrab(t, order, l)
		}
	case w.pages.Load() <= uint32(a.config.Leave):
		index, ok = z.tryGrab(t, order, nil)
	default:
		index, ok = r.popTop(), true
		w.pages.Store(w.pages.Load() - 1<<order)
		if run := w.run.Load(); run != 0 {
			w.run.Store(run >> 1)
		}
	}
	w.lock.Unlock(t)
	return index, ok
}

// tryGrab is grab for who does not wait for the zone's lock: down to the ordinary mark, whatever his rights.
func (z *zone) tryGrab(t *kernel.Task, order int, l *list) (index uint32, ok bool) {
	if !z.tryEnter(t) {
		return 0, false
	}
	if z.awaited() { // O4
		l = nil
	}
	index, ok = z.cut(t, order, z.config.demand(kernel.NoMemalloc, 0, z.config.Marks.Min), l)
	z.leave(t)
	return index, ok
}

// tryEnter is enter for who does not wait.
func (z *zone) tryEnter(t *kernel.Task) bool {
	if mutant.On(nl04) {
		z.enter(t)
		return true
	}
	masks := !lock.RT || z.config.RawZone
	if masks {
		t.IRQSave()
	}
	if z.config.RawZone && z.area.raw.TryLock(t) || !z.config.RawZone && z.area.lock.TryLock(t) {
		z.area.locks.Store(z.area.locks.Load() + 1)
		return true
	}
	if masks {
		t.IRQRestore()
	}
	reachHeld.Hit()
	return false
}

// FreeNoLocks gives a block back as Free does, without waiting for any lock: to the CPU's list, if its lock can be had at once, else to the zone, if
// that lock can, else to the zone's stack of late blocks, from which the next holder of the zone's lock takes it in. It is for the TryLock form;
// lists of the form IRQOff it does not touch. Misuse panics as in Free. Any context; with Config.Promises any but NMI, since somebody who waits for a
// promise may have to be woken, and it panics there.
func (a *Allocator) FreeNoLocks(t *kernel.Task, p Page, order int) {
	l := a.cpus[t.CPU()].home
	z := l.zone
	offset := uint64(p) - z.first
	if offset >= z.bytes {
		z = a.zoneOf(p)
		offset = uint64(p) - z.first
		l = &z.lists[t.CPU()]
	}
	index := uint32(offset >> a.shift)
	d := &z.pages[index]
	if uint(order) > MaxOrder || d.state.LoadRelaxed() != owned(order) || offset&(1<<a.shift-1) != 0 {
		misuse(p, order, d.state.LoadRelaxed())
	}
	if a.await != nil && t.Context() == kernel.NMI {
		panic("page: FreeNoLocks in NMI, and somebody who waits for a promise may have to be woken")
	}
	if !a.barred(t) && uint(order) < a.listed && !a.irqOff && a.tryList(t, l, index, order) {
		return
	}
	if !a.barred(t) && z.tryEnter(t) {
		z.put(index, order)
		z.account(t, 1<<order) // O1
		z.collect(t)
		z.relax()
		z.leave(t)
	} else {
		z.postpone(index, order)
	}
	if !mutant.On(nl07) {
		z.tell(t) // O5: a late block too is memory that came back, since who tries takes it in
	}
}

// tryList puts a block on a list that can be had at once and has room, or makes room because its zone can be had at once. While somebody waits for a
// promise no list has room.
func (a *Allocator) tryList(t *kernel.Task, l *list, index uint32, order int) bool {
	w := l.words
	if !w.lock.TryLock(t) {
		reachBusy.Hit()
		return false
	}
	room := !l.zone.awaited() && (w.pages.Load() < w.high.LoadRelaxed() || l.trySpill(t)) // O4
	if room {
		l.push(index, order)
		w.note(1 << order)
		if w.pages.Load() >= w.high.LoadRelaxed() || l.zone.hint.pressed.LoadRelaxed() != 0 {
			l.trySpill(t)
		}
	}
	w.lock.Unlock(t)
	return room
}

// trySpill is spill for who does not wait for the zone's lock; false when that could not be had. List held.
func (l *list) trySpill(t *kernel.Task) bool {
	z := l.zone
	if !z.tryEnter(t) {
		return false
	}
	if n := min(l.spillPages(z.hint.pressed.LoadRelaxed() != 0), l.words.pages.Load()); n != 0 {
		reachSpill.Hit()
		z.account(t, int64(l.pour(n))) // O1: pour links the blocks first
	}
	z.collect(t)
	z.relax()
	z.leave(t)
	z.tell(t)
	return true
}

// postpone puts a block, which the caller has, on the stack of late ones.
//
// O6: the link and the state are written before the compare-and-swap that makes the block the head; collect swaps the head out before it reads them.
// Without that order the collector follows a link that is not written yet.
func (z *zone) postpone(index uint32, order int) {
	reachLate.Hit()
	d := &z.pages[index]
	d.state.StoreRelaxed(tardy(order))
	for {
		old := z.late.head.Load()
		d.next.SetRaw(old)
		if mutant.On(nl06) {
			z.late.head.Store(index + 1)
			return
		}
		if z.late.head.CompareAndSwap(old, index+1) {
			return
		}
	}
}

// collect links the late blocks; zone's lock held.
func (z *zone) collect(t *kernel.Task) {
	if z.late.head.LoadRelaxed() == 0 {
		return
	}
	reachCollect.Hit()
	pages := int64(0)
	at := z.late.head.Swap(0) // O6
	for at != 0 {
		d := &z.pages[at-1]
		next, order := d.next.Raw(), orderOf(d.state.LoadRelaxed())
		z.put(at-1, order)
		pages += 1 << order
		at = next
	}
	z.account(t, pages) // O1
}

// eachLate calls f for every late block; only at quiescence.
func (z *zone) eachLate(f func(index uint32, order int)) {
	for at, seen := z.late.head.Load(), 0; at != 0 && seen <= len(z.pages); seen++ {
		f(at-1, orderOf(z.pages[at-1].state.Load()))
		at = z.pages[at-1].next.Raw()
	}
}
