package page

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/choice"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// allocSlow finds a block for a caller whose own list has none: the zones above the low mark, then with kswapd woken down to the caller's own mark,
// then what the CPUs keep, then, if he may wait, what reclaim finds.
func (a *Allocator) allocSlow(t *kernel.Task, gfp kernel.GFP, order int) (Page, error) {
	if uint(order) > MaxOrder {
		panic(fmt.Sprintf("page: a block of order %d: give 0 to %d", order, MaxOrder))
	}
	if gfp&kernel.NoLocks != 0 {
		return a.AllocNoLocks(t, order)
	}
	if a.planted(t) && gfp&kernel.NoFail == 0 {
		count(t, &a.cpus[t.CPU()].counts.failed)
		return 0, kernel.ErrNoMemory
	}
	rights := a.rights(t)
	if p, ok := a.fromZones(t, order, a.config.demand(0, 0, a.config.Marks.Low)); ok {
		return p, nil
	}
	a.press(t, gfp)
	d := a.config.demand(gfp, rights, a.config.Marks.Min)
	if p, ok := a.fromZones(t, order, d); ok {
		return p, nil
	}
	if a.emptyWithoutWaiting(t) {
		if p, ok := a.fromZones(t, order, d); ok {
			return p, nil
		}
	}
	if gfp.MayWait() && rights&kernel.RightMemalloc == 0 { // who is in reclaim does not start another
		if p, ok := a.fromReclaim(t, gfp, order); ok {
			return p, nil
		}
	}
	reachEmpty.Hit()
	count(t, &a.cpus[t.CPU()].counts.failed)
	return 0, kernel.ErrNoMemory
}

// planted reports whether this call is to fail, however much memory there is.
func (a *Allocator) planted(t *kernel.Task) bool { return a.short != nil && a.short.Short(t) }

// press notes that memory is low: lists keep little, and kswapd is woken if the caller may.
func (a *Allocator) press(t *kernel.Task, gfp kernel.GFP) {
	reachLow.Hit()
	for i := range a.zones {
		z := &a.zones[i]
		if z.hint.pressed.LoadRelaxed() == 0 {
			z.hint.pressed.StoreRelaxed(1)
		}
		if gfp&kernel.KswapdReclaim != 0 {
			z.wakeKswapd(t)
		}
	}
}

// fromZones takes a block from the nearest zone that may give one.
func (a *Allocator) fromZones(t *kernel.Task, order int, d demand) (Page, bool) {
	for i, number := range a.cpus[t.CPU()].order {
		z := &a.zones[number]
		index, ok := a.fromZone(t, z, order, d)
		if ok {
			if i > 0 {
				reachFar.Hit()
			}
			if !mutant.On(pg16) {
				z.pages[index].state.StoreRelaxed(owned(order))
			}
			return z.page(index), true
		}
	}
	return 0, false
}

// fromZone takes a block for the caller and, if his CPU's list can be had and holds this order, a batch for the list.
func (a *Allocator) fromZone(t *kernel.Task, z *zone, order int, d demand) (index uint32, ok bool) {
	if uint(order) >= a.listed {
		return z.grab(t, order, d, nil)
	}
	if a.irqOff && mutant.On(pg02) {
		return z.grab(t, order, d, &z.lists[t.CPU()]) // see refill
	}
	if a.irqOff {
		t.IRQSave()
	}
	l := &z.lists[t.CPU()]
	if !a.irqOff && !a.enter(t, l) {
		reachBusy.Hit()
		return z.grab(t, order, d, nil)
	}
	// An interrupt may have freed here since the look, and what is on a list is for everybody.
	if r := &l.rings[order]; r.words.length.Load() != 0 {
		index, ok = r.popTop(), true
		l.words.pages.Store(l.words.pages.Load() - 1<<order)
	} else {
		index, ok = z.grab(t, order, d, l)
		if ok {
			count(t, &a.cpus[t.CPU()].counts.refills)
		}
	}
	if a.irqOff {
		t.IRQRestore()
	} else {
		if ok {
			l.words.run.Store(l.words.run.Load() >> 1)
		}
		l.words.lock.Unlock(t)
	}
	return index, ok
}

func (r *ring) popTop() uint32 {
	n := r.words.length.Load() - 1
	r.words.length.Store(n)
	return r.slots[(r.words.bottom.Load()+n)&r.mask].Load()
}

// grab takes a block out of the zone if the demand allows it, and more of the same for the list l, if not nil. A refused look leaves the list and
// its limit as they are.
func (z *zone) grab(t *kernel.Task, order int, d demand, l *list) (index uint32, ok bool) {
	z.enter(t)
	defer z.leave(t)
	if z.awaited() { // O4
		l = nil
	}
	return z.cut(t, order, d, l)
}

// cut is grab's part under the zone's lock.
func (z *zone) cut(t *kernel.Task, order int, d demand, l *list) (index uint32, ok bool) {
	size := int64(1) << order
	z.collect(t)
	d, rest := d.in(z)
	free := z.freeNear(max(d.mark, d.ordinary) + rest.setAside + rest.promised + size)
	if !d.allows(free, order) {
		return 0, false
	}
	if index, ok = z.take(order); !ok {
		return 0, false
	}
	if free-size < d.ordinary {
		reachReserve.Hit()
	}
	if choice.Enabled && z.config.Taken != nil {
		z.config.Taken(t, z.freePages()-size)
	}
	if d.urgent {
		z.setAside(int(size))
	}
	if mutant.On(um01) {
		rest = d
	}
	if l != nil {
		size += z.refill(t, l, order, rest)
	}
	z.account(t, -size)
	return index, true
}

// refill moves blocks to the list, after one that the caller has and that still counts as free, as far as the demand rest allows, and returns how many
// pages those are; list held, and the zone's lock.
func (z *zone) refill(t *kernel.Task, l *list, order int, rest demand) (taken int64) {
	size, blocks := int64(1)<<order, l.refillBlocks(order)-1
	if blocks == 0 {
		return 0
	}
	free := z.freeNear(rest.mark+rest.setAside+rest.promised+size*int64(blocks+1)) - size
	for ; blocks > 0 && rest.allows(free-taken, order); blocks-- { // I5
		more, found := z.take(order)
		if !found {
			break
		}
		taken += size
		if mutant.On(pg02) && z.config.Lists == IRQOff {
			z.leave(t)
			l.push(more, order)
			z.enter(t)
		} else {
			l.push(more, order)
		}
		reachRefill.Hit()
	}
	return taken
}

// counts are the slow paths taken on a CPU; its tasks and interrupts write them with interrupts masked.
type counts struct{ refills, spills, drains, reclaims, failed, waits mem.Plain64 }

// Stats are counts of slow paths since creation.
type Stats struct {
	Refills  uint64 // looks into a zone that a list was at hand for
	Spills   uint64 // lists that gave pages to their zone
	Drains   uint64 // lists of other CPUs that were emptied
	Reclaims uint64 // times a caller went into direct reclaim
	Failed   uint64 // calls of Alloc that returned an error
	Waits    uint64 // times a caller slept for a promise, or to take a page that backs one
	Locks    uint64 // acquisitions of zones' locks
}

// Stats sums the counts of all CPUs; only at quiescence.
func (a *Allocator) Stats() Stats {
	var s Stats
	for cpu := range a.cpus {
		c := a.cpus[cpu].counts
		s.Refills += c.refills.Load()
		s.Spills += c.spills.Load()
		s.Drains += c.drains.Load()
		s.Reclaims += c.reclaims.Load()
		s.Failed += c.failed.Load()
		s.Waits += c.waits.Load()
	}
	for i := range a.zones {
		s.Locks += a.zones[i].area.locks.Load()
	}
	return s
}

// count adds one to a counter that only the calling CPU writes.
func count(t *kernel.Task, w *mem.Plain64) {
	t.IRQSave()
	w.Store(w.Load() + 1)
	t.IRQRestore()
}
