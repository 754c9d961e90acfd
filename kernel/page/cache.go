package page

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// cache is the page cache of a zone: clean pages, which reclaim drops at once, the oldest first, and dirty ones, which are written before. Behind
// it the words of the zone's kswapd.
type cache struct {
	lock  lock.Spin
	clean queue
	dirty queue

	wanted   atomic.Uint32 // 1 asks kswapd for a round
	stopped  atomic.Uint32
	sleepers lock.WaitQueue
}

// queue is some pages of the cache, linked through their descriptors; cache's lock.
type queue struct {
	pages  atomic.Uint32 // written under lock, read without
	newest mem.PlainRef
	oldest mem.PlainRef
}

func (c *cache) enter(t *kernel.Task) {
	if !lock.RT {
		t.IRQSave()
	}
	c.lock.Lock(t)
}

func (c *cache) leave(t *kernel.Task) {
	c.lock.Unlock(t)
	if !lock.RT {
		t.IRQRestore()
	}
}

// CacheAdd gives a single page that the caller alone owns to the page cache as a clean one, under a key of his choice. It panics on a page that
// is not so held. Any context but NMI.
func (a *Allocator) CacheAdd(t *kernel.Task, p Page, key uint64) { a.addTo(t, p, key, kindClean) }

func (a *Allocator) addTo(t *kernel.Task, p Page, key uint64, kind uint32) {
	z, d := a.descriptor(p)
	if d.state.LoadRelaxed() != owned(0) {
		panic(fmt.Sprintf("page: caching of block %d: it is %s", p, describe(d.state.LoadRelaxed())))
	}
	q := &z.cache.clean
	if kind == kindDirty {
		q = &z.cache.dirty
	}
	z.cache.enter(t)
	d.key.Store(key)
	z.insert(q, z.index(p), true)
	d.state.StoreRelaxed(kind)
	z.cache.leave(t)
	z.tell(t)
}

// CacheTake takes the page that CacheAdd got with that key back out of the cache: it is the caller's again. It reports false when it is not there
// as a clean page: it is dirty or being written, or reclaim has dropped it, whatever the page is used for now; or, with Config.Promises, when it backs
// a promise that cannot be moved (see CachePin). Any context but NMI.
//
// I8: the look and the removal are under one lock with reclaim's.
func (a *Allocator) CacheTake(t *kernel.Task, p Page, key uint64) bool {
	if a.await != nil {
		found, _ := a.CachePin(t, 0, p, key)
		return found
	}
	z, d := a.descriptor(p)
	c := z.cache
	sure := mutant.On(pg05) && d.state.LoadRelaxed() == kindClean
	c.enter(t)
	found := sure || d.state.LoadRelaxed() == kindClean && d.key.Load() == key
	if found {
		z.remove(&z.cache.clean, d)
		d.state.StoreRelaxed(owned(0))
	}
	c.leave(t)
	if !found {
		reachDropped.Hit()
	}
	return found
}

// CleanPages is the number of pages in the cache, all of which reclaim could have; racy unless the cache is quiet.
func (a *Allocator) CleanPages() int {
	n := 0
	for i := range a.zones {
		n += int(a.zones[i].cache.clean.pages.Load())
	}
	return n
}

func (z *zone) index(p Page) uint32 { return uint32((uint64(p) - z.first) >> z.shift) }

// insert links a page in as the newest of a queue, or as the oldest; cache's lock held.
func (z *zone) insert(q *queue, index uint32, newest bool) {
	d := &z.pages[index]
	near, far := &q.newest, &q.oldest
	forth, back := &d.next, &d.previous
	if !newest {
		near, far, forth, back = far, near, back, forth
	}
	neighbour, any := near.Load()
	back.Clear()
	forth.SetRaw(near.Raw())
	switch {
	case !any:
		far.Store(int(index))
	case newest:
		z.pages[neighbour].previous.Store(int(index))
	default:
		z.pages[neighbour].next.Store(int(index))
	}
	near.Store(int(index))
	q.pages.Store(q.pages.Load() + 1)
}

// remove takes a page out of a queue; cache's lock held.
func (z *zone) remove(q *queue, d *descriptor) {
	if next, ok := d.next.Load(); ok {
		z.pages[next].previous.SetRaw(d.previous.Raw())
	} else {
		q.oldest.SetRaw(d.previous.Raw())
	}
	if previous, ok := d.previous.Load(); ok {
		z.pages[previous].next.SetRaw(d.next.Raw())
	} else {
		q.newest.SetRaw(d.next.Raw())
	}
	q.pages.Store(q.pages.Load() - 1)
}

// oldest takes the oldest page out of a queue and leaves it in the given state, the caller's; false when there is none.
func (z *zone) oldest(t *kernel.Task, q *queue, state uint32) (index uint32, ok bool) {
	z.cache.enter(t)
	first, ok := q.oldest.Load()
	if ok {
		d := &z.pages[first]
		z.remove(q, d)
		d.state.StoreRelaxed(state)
	}
	z.cache.leave(t)
	return uint32(first), ok
}

// drop gives the oldest clean pages, up to most of them, back to the zone and returns how many there were.
func (z *zone) drop(t *kernel.Task, most int) (dropped int) {
	for ; dropped < most; dropped++ {
		if z.pledge != nil {
			if !z.dropUnpromised(t) {
				return dropped
			}
			continue
		}
		index, ok := z.oldest(t, &z.cache.clean, kindInside)
		if !ok {
			return dropped
		}
		z.giveBack(t, index, 0)
	}
	return dropped
}
