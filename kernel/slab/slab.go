// Package slab is the object allocator that other designs stand on: caches of objects of one size, cut out of blocks of pages, with a list of
// objects at hand for each CPU.
//
// A slab is a block of 2^order pages of kernel/page, cut into objects of the cache's size from its start on. A bit for each object says that it is
// free in its slab; the bits lie beside the slab, so an object is its owner's to the last byte, and what is freed twice is found when it reaches
// them. The slabs of a node that have free objects are linked behind the node's lock. In front of them each CPU keeps an array of free objects, the
// newest on top, which is filled from its node's slabs a batch at a time and, when full, gives a batch, the oldest, back to the slabs they
// came from.
//
// The slab, and the slabs kept in part, are Bonwick's (The Slab Allocator, 1994); the arrays in front are his magazines (Magazines and Vmem, 2001),
// the array caches of Linux's SLAB until 6.7 and the sheaves of its SLUB since 2025; the bits are those of FreeBSD's UMA. The arrays are protected
// as in SLAB: their CPU alone uses them, with interrupts masked.
//
// Invariants:
//
//	I1  an object is in one place: free in its slab, on one CPU's list, or with an owner (mutants SL-03, SO-01, SO-08, SO-11)
//	I2  a slab with a free object is linked in its node's list, once, and no other is (mutant SO-02)
//	I3  an object goes back to its own slab, on that slab's node, whatever CPU frees it (mutant SO-03)
//	I4  pages are given back only while every object of their slab is free in it (mutant SO-04)
//	I5  a node keeps no more than MinPartial slabs with every object free (mutant SO-05)
//	I6  a dead CPU keeps no objects (mutant SO-06)
//	I7  nobody is refused unless pages failed and then the slabs of every node, looked at one after the other, had no free object (mutant SO-07)
//	I8  pages that AllocNoLocks got and could not make a slab of go back (mutant SO-09)
//	I9  AllocNoLocks waits for no lock (mutant SO-10)
//
// Locks: a node's lock nests in none and holds none; it is taken with interrupts masked. Pages are taken and given back with no lock held and
// interrupts as the caller has them, so with rt=on, where the page allocator sleeps, a cache can be used where the page allocator can.
//
// Ordering, O1: a slab is marked live before the first of its objects leaves it, and idle after the last came back and before its pages do; both
// under the node's lock. Free reads the mark without the lock: who owns an object of the slab came by it after the first and gives it up before the
// second, through the lock or through whoever handed it over.
//
// Cost: an alloc that hits the list reads and writes the CPU's own line and slot, a free reads the slab's mark as well, and neither has an atomic
// instruction; each masks interrupts once. A batch of objects takes a node's lock once, or once for each change of node among those that go back.
//
// Contexts: any but NMI; with DirectReclaim process context with no spinning lock held.
//
// Differences from the originals: one array a CPU, where magazines and sheaves come in pairs before a store of full and empty ones for all CPUs, and
// SLAB has an array for each node between the CPUs' and the slabs. Objects of another node lie in the array with the others until it spills; SLAB
// keeps them in arrays of their own, and SLUB frees them to their slab at once. A list is filled from its own node, then from new pages, and from
// other nodes only when there are none, where SLUB may look at other nodes first. What other CPUs keep at hand is out of reach, as in SLAB: a caller
// can be refused while they have objects, and while an object comes back to a node that he has looked at already. Lists that are idle keep their
// objects, which SLAB takes from them every few seconds. MinPartial counts slabs without an owned object; SLUB counts all slabs that are linked. A
// slab has one order: SLUB tries a smaller one when pages of its favourite are short. Its objects begin at its start, without the colours of Bonwick
// and SLAB. Objects of a slab that came from the reserves serve everybody, and no caller can ask for a node. Nothing is zeroed or constructed.
package slab

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/page"
	"headroom/kernel/percpu"
)

// Object is an object's place: the offset of its first byte in machine memory, a multiple of 8.
type Object uint64

// Cache is objects of one size. Its words live in machine memory; the fields here never change after New.
type Cache struct {
	_      [128]byte // the nil check of &c.field must not read a line that CPUs share
	lists  []list    // by CPU
	zones  []zone    // by node
	pages  *page.Allocator
	config Config
	layout
	bytes uint64 // of an object
	high  uint32 // objects on a CPU's list at which it spills
	batch uint32
}

// list is the objects that one CPU has at hand: slots 0 to length-1, the newest last.
//
// Its words are used by the CPU itself with interrupts masked, or after its death.
type list struct {
	words *listWords
	slots []mem.Plain64
	home  *zone
	_     [24]byte // up to a power of two, so that finding a list takes a shift
}

// listWords are a list's length, and the slow paths its CPU took.
type listWords struct {
	length                                              mem.Plain32
	refills, spills, newSlabs, returned, locks, refused mem.Plain64
}

// New makes a cache over a page allocator of the same machine. It returns an error when the configuration is out of range or a node's memory is
// full. Construction only: no task may run.
func New(place kernel.Place, pages *page.Allocator, c Config) (*Cache, error) {
	c, err := c.complete(pages, place.Memory().Nodes())
	if err != nil {
		return nil, err
	}
	cache := &Cache{
		pages:  pages,
		config: c,
		layout: newLayout(c, pages),
		bytes:  uint64(c.ObjectBytes),
		high:   uint32(c.High),
		batch:  uint32(c.Batch),
		zones:  make([]zone, place.Memory().Nodes()),
		lists:  make([]list, place.CPUs()),
	}
	for node := range cache.zones {
		if err := newZone(cache, place, node); err != nil {
			return nil, fmt.Errorf("slab: node %d: %w", node, err)
		}
	}
	words, err := percpu.New[listWords](place)
	if err != nil {
		return nil, fmt.Errorf("slab: %w", err)
	}
	rows, err := percpu.Rows[mem.Plain64](place, c.High+1) // one more for an object on its way to a caller
	if err != nil {
		return nil, fmt.Errorf("slab: %w", err)
	}
	for cpu := range cache.lists {
		cache.lists[cpu] = list{words: words[cpu], slots: rows[cpu], home: &cache.zones[place.Node(cpu)]}
	}
	return cache, nil
}

// Alloc hands out an object whose one owner is the caller; its bytes are what its last owner left. It passes gfp to the page allocator, so it waits
// with DirectReclaim only, and answers kernel.ErrNoMemory when pages fail and then no node's slabs have a free object (I7). Any context but NMI.
func (c *Cache) Alloc(t *kernel.Task, gfp kernel.GFP) (Object, error) {
	if mutant.On(sl03) {
		return c.allocPinned(t, gfp)
	}
	t.IRQSave()
	l := &c.lists[t.CPU()]
	if n := l.words.length.Load(); n != 0 {
		o := l.slots[n-1].Load()
		l.words.length.Store(n - 1)
		t.IRQRestore()
		return Object(o), nil
	}
	t.IRQRestore()
	return c.allocSlow(t, gfp)
}

// Free gives an object back; the caller is its owner. It panics, before it changes anything, on what is no object of the cache, and on the object
// that the CPU freed last and still has; any other that is free already panics when it reaches its slab, or is found by Check. Any context but NMI.
func (c *Cache) Free(t *kernel.Task, o Object) {
	l := &c.lists[t.CPU()]
	z := l.home // a guess, which need not be the node that the caller is on
	offset := uint64(o) - z.first
	if offset >= z.bytes {
		z, offset = c.zoneOf(o)
	}
	within := offset & c.slabMask
	if index := c.index(within); index*c.bytes != within || index >= c.perSlab || z.slabs[offset>>c.slabShift].state.LoadRelaxed() != live {
		misuse(o, "it is no object of this cache")
	}
	t.IRQSave()
	if !mutant.On(so08) {
		l = &c.lists[t.CPU()] // until interrupts were masked the caller could move
	}
	n := l.words.length.Load()
	if n != 0 && l.slots[n-1].Load() == uint64(o) {
		misuse(o, "this CPU has just freed it")
	}
	if n == c.high {
		c.freeSlow(t, l, o)
		return
	}
	l.slots[n].Store(uint64(o))
	l.words.length.Store(n + 1)
	t.IRQRestore()
}

// ObjectBytes is the number of bytes of an object, a multiple of 8.
func (c *Cache) ObjectBytes() int { return int(c.bytes) }

//go:noinline
func misuse(o Object, why string) {
	panic(fmt.Sprintf("slab: free of object %d: %s", o, why))
}
