package page

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mutant"
)

// writePages is how many writes one round of reclaim begins in a zone.
const writePages = 4

// writes counts the writes of all zones.
type writes struct {
	begun   atomic.Uint32 // and not completed
	done    atomic.Uint32 // completed since creation, round the word
	waiters lock.WaitQueue
}

// CacheAddDirty gives a single page that the caller alone owns to the page cache as a dirty one: reclaim has it written by Config.Write before it
// can be dropped. It panics on a page that is not so held. Any context but NMI.
func (a *Allocator) CacheAddDirty(t *kernel.Task, p Page, key uint64) { a.addTo(t, p, key, kindDirty) }

// DirtyPages is the number of pages in the cache that are dirty or being written; racy unless the cache is quiet.
func (a *Allocator) DirtyPages() int {
	n := int(a.writes.begun.Load())
	for i := range a.zones {
		n += int(a.zones[i].cache.dirty.pages.Load())
	}
	return n
}

// write begins the writing of the oldest dirty pages, up to most of them, and returns how many were begun. The caller is in reclaim: while it
// lasts the task may use all reserves, since what it allocates now frees memory (I11).
func (z *zone) write(t *kernel.Task, most int) (begun int) {
	if z.config.Write == nil {
		return 0
	}
	rights := t.Rights()
	if !mutant.On(pg08) {
		t.SetRights(rights | kernel.RightMemalloc)
	}
	lock.Enters(t, lock.Reclaim)
	for ; begun < most; begun++ {
		index, ok := z.oldest(t, &z.cache.dirty, kindWriting)
		if !ok {
			break
		}
		reachWrite.Hit()
		z.writes.begun.Add(1)
		if err := z.config.Write(t, z.page(index)); err != nil {
			z.settle(t, index, kindDirty)
			break
		}
	}
	lock.Leaves(t, lock.Reclaim)
	t.SetRights(rights)
	return begun
}

// Written says that the write of a page that Config.Write began is complete: the page is clean, and the first to be dropped. It panics on a page
// that is not being written. Any context but NMI.
func (a *Allocator) Written(t *kernel.Task, p Page) {
	z, d := a.descriptor(p)
	if d.state.LoadRelaxed() != kindWriting {
		panic(fmt.Sprintf("page: write of block %d completed: it is %s", p, describe(d.state.LoadRelaxed())))
	}
	z.settle(t, z.index(p), kindClean)
}

// settle ends a write: the page is clean, or dirty as before when it could not begin.
//
// O3: the counts change (full barriers), then the queue is looked at; throttle enters the queue, then looks at the counts. done is raised before
// begun falls, so who sees that no write is under way sees what the last one has done.
func (z *zone) settle(t *kernel.Task, index uint32, kind uint32) {
	c, w := z.cache, z.writes
	c.enter(t)
	q := &c.clean
	if kind == kindDirty {
		q = &c.dirty
	}
	z.insert(q, index, false)
	z.pages[index].state.StoreRelaxed(kind)
	c.leave(t)
	if kind == kindClean {
		w.done.Add(1)
	}
	w.begun.Add(^uint32(0))
	w.waiters.Wake(t, 0)
	z.tell(t)
}

// throttle waits until a write has completed since done was seen, unless none is under way. It reports whether one has. Process context.
func (w *writes) throttle(t *kernel.Task, seen uint32) bool {
	for {
		wait := mutant.On(pg07) && w.begun.Load() != 0 && w.done.Load() == seen
		w.waiters.Prepare(t, false) // O3: first into the queue, then the look
		if !mutant.On(pg07) {
			wait = w.begun.Load() != 0 && w.done.Load() == seen
		}
		if !wait {
			w.waiters.Finish(t)
			return w.done.Load() != seen
		}
		reachThrottle.Hit()
		t.Schedule()
		w.waiters.Finish(t)
	}
}
