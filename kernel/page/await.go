package page

import (
	"headroom/kernel"
	"headroom/kernel/mutant"
)

// CachePin is CacheTake for a caller who may wait, with Config.Promises: it takes a clean page out of the cache, to pin it or to make it dirty. Where
// that page backs a promise, the promise is first moved to free memory of another zone, or to what the CPUs keep at hand; where there is none, a
// caller with DirectReclaim waits until others have given memory back (process context, no spinning lock held), and one without gets
// kernel.ErrWouldBlock and the page stays where it is. It reports false and no error when the page is not there as a clean one. Any context but NMI.
func (a *Allocator) CachePin(t *kernel.Task, gfp kernel.GFP, p Page, key uint64) (found bool, err error) {
	z, _ := a.descriptor(p)
	found, settled := z.pin(t, p, key)
	if !settled && a.movePromise(t, z) {
		found, settled = z.pin(t, p, key)
	}
	if settled {
		return found, nil
	}
	if !gfp.MayWait() {
		return false, kernel.ErrWouldBlock
	}
	a.untilAdmitted(t, gfp, func() bool {
		a.movePromise(t, z)
		found, settled = z.pin(t, p, key)
		return settled
	})
	return found, nil
}

// pin takes a page out of the cache unless the zone's promises need it, which is reported as not settled.
//
// I8: the look and the removal are under one lock with reclaim's. I17: both are under the zone's lock with the look at the promises.
func (z *zone) pin(t *kernel.Task, p Page, key uint64) (found, settled bool) {
	d := &z.pages[z.index(p)]
	sure := mutant.On(pg05) && d.state.LoadRelaxed() == kindClean
	z.enter(t)
	z.collect(t)
	z.cache.enter(t)
	found = sure || d.state.LoadRelaxed() == kindClean && d.key.Load() == key
	backs := found && z.freePages()+z.unpromised() <= 0 && !mutant.On(rv03)
	if found && !backs {
		z.remove(&z.cache.clean, d)
		d.state.StoreRelaxed(owned(0))
	}
	z.cache.leave(t)
	z.leave(t)
	switch {
	case backs:
		reachBacks.Hit()
		return false, false
	case !found:
		reachDropped.Hit()
	}
	return found, true
}

// movePromise takes one promise off a zone: another zone makes it, or pages that the CPUs keep at hand come back to cover it. It reports false when
// neither helps.
func (a *Allocator) movePromise(t *kernel.Task, from *zone) bool {
	moved := false
	a.enterZones(t)
	for i := range a.zones {
		z := &a.zones[i]
		if promised := from.pledge.promised.Load(); z != from && promised > 0 && z.countable(false) > 0 {
			from.pledge.promised.Store(promised - 1)
			z.pledge.promised.Store(z.pledge.promised.Load() + 1)
			reachMoved.Hit()
			moved = true
			break
		}
	}
	a.leaveZones(t)
	return moved || a.emptyWithoutWaiting(t)
}

// dropUnpromised gives the oldest clean page back to the zone, unless promises need all there is: then dropping it would help nobody. It reports
// false when it dropped none.
//
// I17: under the zone's lock the page is never between the cache and the free lists.
func (z *zone) dropUnpromised(t *kernel.Task) bool {
	if mutant.On(rv02) {
		index, ok := z.oldest(t, &z.cache.clean, kindInside)
		if ok {
			z.giveBack(t, index, 0)
		}
		return ok
	}
	z.enter(t)
	defer z.leave(t)
	z.collect(t)
	if z.freePages()+z.unpromised() <= 0 {
		reachBacks.Hit()
		return false
	}
	index, ok := z.oldest(t, &z.cache.clean, kindInside)
	if ok {
		z.put(index, 0)
		z.account(t, 1)
		z.relax()
	}
	return ok
}

// awaited reports whether somebody waits, so that no page may be left on a list.
func (z *zone) awaited() bool {
	return z.await != nil && z.await.waiting.Load() != 0 && !mutant.On(rv05)
}

// untilAdmitted tries, and waits for a change in between. Process context.
//
// O4: the wait is announced (waiting), memory is marked as low in every zone under its lock, and the lists are drained; then comes the first try. Whoever
// frees to a list after its drain sees the mark, by the list's lock, and empties the list; whoever fills one sees the announcement, and does not. So
// from the drain on all that is freed reaches a zone, and tell comes after it.
//
// O5: changes is read, then the try is made, then the queue entered (a full barrier) and changes looked at again. tell raises changes after the memory
// is in its zone, then looks at the queue. So a try that came too early is not followed by a sleep.
func (a *Allocator) untilAdmitted(t *kernel.Task, gfp kernel.GFP, try func() bool) {
	w := a.await
	w.waiting.Add(1)
	for i := range a.zones {
		z := &a.zones[i]
		z.enter(t)
		z.hint.pressed.StoreRelaxed(1)
		z.leave(t)
	}
	a.Drain(t)
	for seen := w.changes.Load(); !try(); seen = w.changes.Load() {
		for i := range a.zones {
			if gfp&kernel.IO != 0 {
				a.zones[i].write(t, writePages)
			}
		}
		if mutant.On(rv04) {
			seen = w.changes.Load()
		}
		w.waiters.Prepare(t, false)
		if w.changes.Load() == seen {
			reachAwait.Hit()
			count(t, &a.cpus[t.CPU()].counts.waits)
			t.Schedule()
		}
		w.waiters.Finish(t)
	}
	w.waiting.Add(^uint32(0))
}

// tell says that memory came back, to those who wait. Any context but NMI; it may be called with a list's lock held.
func (z *zone) tell(t *kernel.Task) {
	if w := z.await; w != nil && w.waiting.Load() != 0 {
		w.changes.Add(1)
		w.waiters.Wake(t, 0)
	}
}
