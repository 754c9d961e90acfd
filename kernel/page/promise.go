package page

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// pledge is the pages that a zone has been promised for: pages of order 0 that it must be able to give at once.
type pledge struct {
	promised mem.Plain64 // zone's lock
}

// await is who waits for a promise, or to take a page that backs one. Every look into a zone reads waiting; it changes only when somebody waits.
type await struct {
	waiting atomic.Uint32 // callers that wait or are about to
	changes atomic.Uint32 // raised when memory came back while somebody waited
	waiters lock.WaitQueue
}

func newAwait(a *Allocator, place kernel.Place) (err error) {
	if a.config.Promises {
		if a.await, err = mem.New[await](place.Memory(), 0); err != nil {
			return fmt.Errorf("page: %w", err)
		}
	}
	return nil
}

func newPledge(z *zone, a *Allocator, m *mem.Memory, node int) (err error) {
	if a.await != nil {
		z.await = a.await
		z.pledge, err = mem.New[pledge](m, node)
	}
	return err
}

// Reserve promises n pages of order 0: until as many calls of Draw and Cancel have used the promise up, Draw does not fail, whatever others do. The
// answer is yes when so many pages are countable: free above the mark, or clean in the cache, and not promised. Otherwise a caller with DirectReclaim
// waits until others have given memory back (process context, no spinning lock held), and one without gets kernel.ErrWouldBlock. More than the zones
// could ever promise is kernel.ErrNoMemory. It panics on an allocator made without Config.Promises, or when n is below 0. Any context but NMI.
func (a *Allocator) Reserve(t *kernel.Task, gfp kernel.GFP, n int) error {
	if a.await == nil || n < 0 {
		panic(fmt.Sprintf("page: a promise of %d pages: give Config.Promises, and 0 or more", n))
	}
	switch {
	case n > len(a.zones)*(a.config.Pages-a.config.Marks.Min):
		return kernel.ErrNoMemory
	case a.admit(t, n, a.config.Estimate):
		return nil
	case gfp.MayWait():
		a.untilAdmitted(t, gfp, func() bool { return a.admit(t, n, false) })
		return nil
	case !a.config.Estimate && a.emptyWithoutWaiting(t) && a.admit(t, n, false):
		return nil
	}
	reachNotPromised.Hit()
	return kernel.ErrWouldBlock
}

// admit promises n pages if they are countable, all or none: under the locks of all zones, so the answer is right for one moment.
func (a *Allocator) admit(t *kernel.Task, n int, estimate bool) bool {
	a.enterZones(t)
	left := int64(n)
	for i := range a.zones {
		left -= max(0, a.zones[i].countable(estimate))
	}
	admitted := left <= 0
	if admitted {
		left = int64(n)
		for _, number := range a.cpus[t.CPU()].order {
			z := &a.zones[number]
			share := min(left, max(0, z.countable(estimate)))
			z.pledge.promised.Store(z.pledge.promised.Load() + uint64(share))
			left -= share
		}
	}
	a.leaveZones(t)
	return admitted
}

// countable is how many pages more the zone can be promised for; zone's lock held.
//
// I19: the shared word is off by at most the drift of all CPUs, so that much less than it says is there for sure.
func (z *zone) countable(estimate bool) int64 {
	free := int64(z.area.free.Load())
	switch {
	case !estimate:
		free = z.freePages()
	case !mutant.On(rv06):
		free -= int64(len(z.lists) * z.config.Drift)
	}
	return free - int64(z.config.Marks.Min) + z.unpromised()
}

// unpromised is the clean pages less what is promised, which may be below zero; zone's lock held, without which clean pages only become more.
func (z *zone) unpromised() int64 {
	return int64(z.cache.clean.pages.Load()) - int64(z.pledge.promised.Load())
}

// uncovered is the free pages that promises need, beside the clean ones; zone's lock held.
func (z *zone) uncovered() int64 {
	if z.pledge == nil || mutant.On(rv01) {
		return 0
	}
	return max(0, -z.unpromised())
}

// enterZones takes the locks of all zones, in the order of their numbers, and takes in what was freed late.
func (a *Allocator) enterZones(t *kernel.Task) {
	for i := range a.zones {
		a.zones[i].enter(t)
		a.zones[i].collect(t)
	}
}

func (a *Allocator) leaveZones(t *kernel.Task) {
	for i := range a.zones {
		a.zones[i].leave(t)
	}
}

// Draw hands out a page that was promised: a free one, or a clean one that is dropped on the spot. It never fails and never waits; it panics when no
// promise is left. Any context but NMI.
//
// I17: the zone that made the promise has a free or a clean page for it.
func (a *Allocator) Draw(t *kernel.Task) Page {
	for _, number := range a.cpus[t.CPU()].order {
		z := &a.zones[number]
		z.enter(t)
		p, ok := z.draw(t)
		z.leave(t)
		if ok {
			return p
		}
	}
	reachMissed.Hit()
	a.enterZones(t) // a promise may have moved to a zone that had been passed by
	for i := range a.zones {
		if p, ok := a.zones[i].draw(t); ok {
			a.leaveZones(t)
			return p
		}
	}
	a.leaveZones(t)
	panic("page: a draw, and no promise is left")
}

// draw takes a page for a promise that the zone has made, false when there is none; zone's lock held.
func (z *zone) draw(t *kernel.Task) (Page, bool) {
	promised := z.pledge.promised.Load()
	if promised == 0 {
		return 0, false
	}
	z.collect(t)
	z.pledge.promised.Store(promised - 1)
	if least := int64(z.config.Marks.Min); z.freeNear(least) <= least { // the reserve is for others as long as there are clean pages
		if index, ok := z.oldest(t, &z.cache.clean, owned(0)); ok {
			reachDrawnClean.Hit()
			return z.page(index), true
		}
	}
	index, ok := z.take(0)
	if !ok {
		panic("page: a promise cannot be kept (I17)")
	}
	z.account(t, -1)
	z.pages[index].state.StoreRelaxed(owned(0))
	return z.page(index), true
}

// Cancel takes n promises back that were neither drawn on nor cancelled, and so lets others have the memory. It panics when fewer are left. Any
// context but NMI.
func (a *Allocator) Cancel(t *kernel.Task, n int) {
	left := uint64(n)
	a.enterZones(t)
	for i := range a.zones {
		w := &a.zones[i].pledge.promised
		share := min(left, w.Load())
		w.Store(w.Load() - share)
		left -= share
	}
	a.leaveZones(t)
	if left != 0 {
		panic(fmt.Sprintf("page: cancelling of %d promises: %d more than there are", n, left))
	}
	a.zones[0].tell(t)
}

// Promised is the number of pages promised and not drawn. Only at quiescence.
func (a *Allocator) Promised() (n int) {
	for i := range a.zones {
		if z := &a.zones[i]; z.pledge != nil {
			n += int(z.pledge.promised.Load())
		}
	}
	return n
}

// kept: every promise can be drawn.
func (w *walk) kept() error {
	if w.pledge == nil || w.freePages()+w.unpromised() >= 0 {
		return nil
	}
	return fmt.Errorf("%d pages are promised, and %d are free, %d clean (I17)", w.pledge.promised.Load(), w.freePages(), w.cache.clean.pages.Load())
}
