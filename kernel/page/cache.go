package page

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// cache is the page cache of a zone: clean pages, which reclaim drops at once, the oldest first. Behind it the words of the zone's kswapd.
type cache struct {
	lock   lock.Spin
	clean  atomic.Uint32 // pages in the list; written under lock, read without
	newest mem.PlainRef  // links through the descriptors; under lock
	oldest mem.PlainRef

	wanted   atomic.Uint32 // 1 asks kswapd for a round
	stopped  atomic.Uint32
	sleepers lock.WaitQueue
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
func (a *Allocator) CacheAdd(t *kernel.Task, p Page, key uint64) {
	z, d := a.descriptor(p)
	if d.state.LoadRelaxed() != owned(0) {
		panic(fmt.Sprintf("page: caching of block %d: it is %s", p, describe(d.state.LoadRelaxed())))
	}
	index := int((uint64(p) - z.first) >> z.shift)
	c := z.cache
	c.enter(t)
	d.key.Store(key)
	next, any := c.newest.Load()
	d.previous.Clear()
	d.next.SetRaw(c.newest.Raw())
	if any {
		z.pages[next].previous.Store(index)
	} else {
		c.oldest.Store(index)
	}
	c.newest.Store(index)
	d.state.StoreRelaxed(kindClean)
	c.clean.Store(c.clean.Load() + 1)
	c.leave(t)
}

// CacheTake takes the page that CacheAdd got with that key back out of the cache: it is the caller's again. It reports false when reclaim has
// dropped it, whatever the page is used for now. Any context but NMI.
//
// I8: the look and the removal are under one lock with reclaim's.
func (a *Allocator) CacheTake(t *kernel.Task, p Page, key uint64) bool {
	z, d := a.descriptor(p)
	c := z.cache
	sure := mutant.On(pg05) && d.state.LoadRelaxed() == kindClean
	c.enter(t)
	found := sure || d.state.LoadRelaxed() == kindClean && d.key.Load() == key
	if found {
		z.remove(d)
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
		n += int(a.zones[i].cache.clean.Load())
	}
	return n
}

// remove takes a page out of the cache's list; cache's lock held.
func (z *zone) remove(d *descriptor) {
	c := z.cache
	if next, ok := d.next.Load(); ok {
		z.pages[next].previous.SetRaw(d.previous.Raw())
	} else {
		c.oldest.SetRaw(d.previous.Raw())
	}
	if previous, ok := d.previous.Load(); ok {
		z.pages[previous].next.SetRaw(d.next.Raw())
	} else {
		c.newest.SetRaw(d.next.Raw())
	}
	c.clean.Store(c.clean.Load() - 1)
}

// drop gives the oldest clean pages, up to most of them, back to the zone and returns how many there were.
func (z *zone) drop(t *kernel.Task, most int) (dropped int) {
	for ; dropped < most; dropped++ {
		z.cache.enter(t)
		index, any := z.cache.oldest.Load()
		if any {
			d := &z.pages[index]
			z.remove(d)
			d.state.StoreRelaxed(kindInside) // on its way: nobody's but ours
		}
		z.cache.leave(t)
		if !any {
			return dropped
		}
		z.giveBack(t, uint32(index), 0)
	}
	return dropped
}
