package slab

import (
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// AllocBulk fills objects, and returns how many it got: all of them, or fewer and kernel.ErrNoMemory. The first ones are the caller's in any case.
// Contexts as Alloc.
func (c *Cache) AllocBulk(t *kernel.Task, gfp kernel.GFP, objects []Object) (int, error) {
	for got := 0; ; got++ {
		t.IRQSave()
		l := &c.lists[t.CPU()]
		n := l.words.length.Load()
		for ; got < len(objects) && n != 0; got++ {
			n--
			objects[got] = Object(l.slots[n].Load())
		}
		l.words.length.Store(n)
		t.IRQRestore()
		if got == len(objects) {
			return got, nil
		}
		o, err := c.allocSlow(t, gfp)
		if err != nil {
			return got, err
		}
		objects[got] = o
	}
}

// FreeBulk gives the objects back whose places the words hold, each as Free does, but with interrupts masked once for as many as the CPU's list has room
// for. The words are read only, and may lie in an object that is not among them, or in a page. It panics on the first object that Free panics on; those
// before it are free by then. Any context but NMI.
func (c *Cache) FreeBulk(t *kernel.Task, objects []mem.Plain64) {
	for len(objects) != 0 {
		t.IRQSave()
		l := &c.lists[t.CPU()]
		before := l.words.length.Load()
		n, fault := before, ""
		if mutant.On(so11) {
			t.IRQRestore()
		}
		for n != c.high && len(objects) != 0 {
			o := objects[0].Load()
			if fault = c.fault(l, n, Object(o)); fault != "" {
				break
			}
			l.slots[n].Store(o)
			n++
			objects = objects[1:]
		}
		if mutant.On(so11) {
			t.IRQSave()
		}
		if n != before {
			l.words.length.Store(n)
		}
		done := chain{}
		if n == c.high && len(objects) != 0 {
			done = c.spill(t, l, c.batch)
		}
		t.IRQRestore()
		if fault != "" {
			misuse(Object(objects[0].Load()), fault)
		}
		c.giveBack(t, done)
	}
}

// fault says what is wrong with a free of o onto a list that holds n objects, "" for nothing; interrupts masked.
func (c *Cache) fault(l *list, n uint32, o Object) string {
	switch {
	case !c.Holds(o):
		return "it is no object of this cache"
	case n != 0 && l.slots[n-1].Load() == uint64(o):
		return "this CPU has just freed it"
	}
	return ""
}
