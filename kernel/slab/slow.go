package slab

import (
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/page"
)

// none is no slab's number.
const none = -1

// allocPinned is the mutant SL-03: the caller stays on its CPU, and is not alone there.
func (c *Cache) allocPinned(t *kernel.Task, gfp kernel.GFP) (Object, error) {
	t.Pin()
	l := &c.lists[t.CPU()]
	n := l.words.length.Load()
	if n != 0 {
		o := l.slots[n-1].Load()
		l.words.length.Store(n - 1)
		t.Unpin()
		return Object(o), nil
	}
	t.Unpin()
	return c.allocSlow(t, gfp)
}

// allocSlow finds an object for a caller whose list was empty: on his node's slabs, on new pages, on any node's slabs.
func (c *Cache) allocSlow(t *kernel.Task, gfp kernel.GFP) (Object, error) {
	home := c.lists[t.CPU()].home
	if o, ok := c.restock(t, home, none, false); ok {
		return o, nil
	}
	p, err := c.newPages(t, gfp)
	if err == nil {
		reachNew.Hit()
		z, offset := c.zoneOf(Object(p))
		o, _ := c.restock(t, z, int(offset>>c.slabShift), false)
		return o, nil
	}
	for i := range c.zones { // I7: the own node too, since others may have freed meanwhile
		z := &c.zones[(home.number+i)%len(c.zones)]
		if mutant.On(so07) && i > 0 {
			break
		}
		if o, ok := c.restock(t, z, none, false); ok {
			if i > 0 {
				reachFar.Hit()
			}
			return o, nil
		}
	}
	reachEmpty.Hit()
	t.IRQSave()
	add(&c.lists[t.CPU()].words.refused, 1)
	t.IRQRestore()
	return 0, err
}

// newPages asks for the pages of a slab.
func (c *Cache) newPages(t *kernel.Task, gfp kernel.GFP) (page.Page, error) {
	if pagesFail.Fails() {
		return 0, kernel.ErrNoMemory
	}
	return c.pages.Alloc(t, gfp, c.order)
}

// restock fills the list of the caller's CPU up to a batch from a node's slabs and takes the top object. When fresh is a slab's number, its pages
// are the caller's and become a slab first; then there is always an object, unless try says
// that the node's lock is not waited for, and it cannot be had. Otherwise, what an interrupt has freed meanwhile will do.
func (c *Cache) restock(t *kernel.Task, z *zone, fresh int, try bool) (o Object, ok bool) {
	if !mutant.On(so01) {
		t.IRQSave()
		defer t.IRQRestore()
	}
	l := &c.lists[t.CPU()]
	n := l.words.length.Load()
	if n == 0 || fresh != none {
		reachRefill.Hit()
		if try {
			if !z.tryEnter(t, l.words) {
				return 0, false
			}
		} else {
			z.enter(t, l.words)
		}
		if fresh != none {
			z.adopt(c, fresh)
			add(&l.words.newSlabs, 1)
		}
		n = z.fill(c, l, n, max(min(n+c.batch, c.high), n+1)) // I5: one of a new slab leaves it at least
		z.leave(t)
		add(&l.words.refills, 1)
	}
	if n == 0 {
		return 0, false
	}
	o = Object(l.slots[n-1].Load())
	l.words.length.Store(n - 1)
	return o, true
}

// freeSlow puts an object on a full list, which spills first. It restores the interrupts that Free has masked.
func (c *Cache) freeSlow(t *kernel.Task, l *list, o Object) {
	done := c.spill(t, l, c.batch)
	n := l.words.length.Load()
	l.slots[n].Store(uint64(o))
	l.words.length.Store(n + 1)
	t.IRQRestore()
	c.giveBack(t, done)
}

// spill gives the oldest objects of a list, count of them, back to their slabs, and returns the slabs that are done with, to be given back;
// interrupts masked.
func (c *Cache) spill(t *kernel.Task, l *list, count uint32) (done chain) {
	reachSpill.Hit()
	w := c.lists[t.CPU()].words
	add(&w.spills, 1)
	var held *zone
	for i := range count {
		o := Object(l.slots[i].Load())
		z := l.home
		if uint64(o)-z.first >= z.bytes {
			z, _ = c.zoneOf(o)
			if mutant.On(so03) {
				z, o = l.home, Object(l.home.first+uint64(o)-z.first)
			}
		}
		if z != held {
			if held != nil {
				reachAlien.Hit()
				held.leave(t)
			}
			z.enter(t, w)
			held = z
		}
		if number, last := z.settle(c, o); last {
			c.push(&done, z, number)
		}
	}
	if held != nil {
		held.leave(t)
	}
	rest := l.words.length.Load() - count
	for i := range rest {
		l.slots[i].Store(l.slots[i+count].Load())
	}
	l.words.length.Store(rest)
	return done
}

// chain is slabs that are off their nodes' lists, linked through next by their numbers counted over all zones.
type chain struct{ first uint32 }

func (c *Cache) push(list *chain, z *zone, number int) {
	if mutant.On(so04) {
		list.first = uint32(z.number*len(z.slabs)+number) + 1
		return
	}
	z.slabs[number].next.SetRaw(list.first)
	list.first = uint32(z.number*len(z.slabs)+number) + 1
}

// giveBack gives the pages of slabs that are done with back.
func (c *Cache) giveBack(t *kernel.Task, done chain) {
	for done.first != 0 {
		count := len(c.zones[0].slabs)
		z, number := &c.zones[int(done.first-1)/count], int(done.first-1)%count
		done.first = z.slabs[number].next.Raw()
		t.IRQSave()
		w := c.lists[t.CPU()].words
		add(&w.returned, 1)
		if mutant.On(so04) {
			z.enter(t, w)
			z.retire(number)
			z.leave(t)
			done.first = 0
		}
		t.IRQRestore()
		reachReturned.Hit()
		c.pages.Free(t, page.Page(z.first+uint64(number)<<c.slabShift), c.order)
	}
}

// CPUDead gives the objects that a CPU kept back to their slabs. The CPU is offline and t runs on another one; process context.
func (c *Cache) CPUDead(t *kernel.Task, cpu int) {
	l := &c.lists[cpu]
	n := l.words.length.Load()
	if n == 0 || mutant.On(so06) {
		return
	}
	reachDead.Hit()
	t.IRQSave()
	done := c.spill(t, l, n)
	t.IRQRestore()
	c.giveBack(t, done)
}

// Stats are counts of slow paths since creation.
type Stats struct {
	Refills  uint64 // looks at a node's slabs for an empty list, and at new ones
	Spills   uint64 // lists that gave objects back to their slabs
	NewSlabs uint64 // slabs made of new pages
	Returned uint64 // slabs whose pages were given back
	Locks    uint64 // acquisitions of nodes' locks
	Failed   uint64 // allocations that were refused
}

// Stats sums the counts of all CPUs; only at quiescence.
func (c *Cache) Stats() Stats {
	var s Stats
	for cpu := range c.lists {
		w := c.lists[cpu].words
		s.Refills += w.refills.Load()
		s.Spills += w.spills.Load()
		s.NewSlabs += w.newSlabs.Load()
		s.Returned += w.returned.Load()
		s.Locks += w.locks.Load()
		s.Failed += w.refused.Load()
	}
	return s
}

// add raises a counter that only the calling CPU writes; interrupts masked.
func add(w *mem.Plain64, n uint64) { w.Store(w.Load() + n) }
