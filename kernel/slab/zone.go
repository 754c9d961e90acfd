package slab

import (
	"errors"
	"math/bits"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// zone is the slabs whose pages are of one node. A slab is named by its number in the zone, counted in slabs from the zone's start.
type zone struct {
	words  *zoneWords
	first  uint64 // offset of the first byte
	bytes  uint64 // those of whole slabs
	slabs  []slab
	bits   []mem.Plain64 // a row for each slab: 1 says that the object is free in the slab; node's lock
	number int
	_      [48]byte // up to a power of two
}

// zoneWords are the list of slabs with free objects, behind the node's lock.
type zoneWords struct {
	lock   lock.RawSpin
	newest mem.PlainRef
	oldest mem.PlainRef
	linked mem.Plain32 // slabs on the list
	empty  mem.Plain32 // those of them with every object free
}

// slab is what the cache knows of a slab, on a line of its own.
type slab struct {
	state          atomic.Uint32 // idle or live; changed under the node's lock, read without (O1)
	free           mem.Plain32   // objects whose bit is set; node's lock
	next, previous mem.PlainRef  // node's lock; next belongs to who gives the pages back once the slab is off the list
	_              [mem.LineBytes - 16]byte
}

// The states of a slab.
const (
	idle = iota // the pages are not the cache's
	live
)

func newZone(c *Cache, place kernel.Place, node int) error {
	m, z := place.Memory(), &c.zones[node]
	first, pages := c.pages.Zone(node)
	count := pages >> c.order
	var failures [3]error
	z.words, failures[0] = mem.New[zoneWords](m, node)
	z.slabs, failures[1] = mem.Slice[slab](m, node, count)
	z.bits, failures[2] = mem.Slice[mem.Plain64](m, node, count*int(c.rowWords))
	z.first, z.bytes, z.number = uint64(first), uint64(count)<<c.slabShift, node
	return errors.Join(failures[:]...)
}

// zoneOf is the zone of an object and its place there; it panics when there is none.
func (c *Cache) zoneOf(o Object) (*zone, uint64) {
	for i := range c.zones {
		if z := &c.zones[i]; uint64(o)-z.first < z.bytes {
			return z, uint64(o) - z.first
		}
	}
	misuse(o, "it lies in no zone")
	return nil, 0
}

// enter takes the node's lock and counts that; interrupts masked.
func (z *zone) enter(t *kernel.Task, w *listWords) {
	z.words.lock.Lock(t)
	w.locks.Store(w.locks.Load() + 1)
}

func (z *zone) leave(t *kernel.Task) { z.words.lock.Unlock(t) }

// The rest needs the node's lock.

// link puts a slab on the node's list: as the newest, from which lists are filled, or as the oldest.
func (z *zone) link(number int, newest bool) {
	near, far := &z.words.newest, &z.words.oldest
	s := &z.slabs[number]
	forth, back := &s.next, &s.previous
	if !newest {
		near, far, forth, back = far, near, back, forth
	}
	neighbour, any := near.Load()
	back.Clear()
	forth.SetRaw(near.Raw())
	switch {
	case !any:
		far.Store(number)
	case newest:
		z.slabs[neighbour].previous.Store(number)
	default:
		z.slabs[neighbour].next.Store(number)
	}
	near.Store(number)
	z.words.linked.Store(z.words.linked.Load() + 1)
}

// unlink takes a slab off the node's list.
func (z *zone) unlink(number int) {
	s := &z.slabs[number]
	if next, ok := s.next.Load(); ok {
		z.slabs[next].previous.SetRaw(s.previous.Raw())
	} else {
		z.words.oldest.SetRaw(s.previous.Raw())
	}
	if previous, ok := s.previous.Load(); ok {
		z.slabs[previous].next.SetRaw(s.next.Raw())
	} else {
		z.words.newest.SetRaw(s.next.Raw())
	}
	z.words.linked.Store(z.words.linked.Load() - 1)
}

// adopt makes new pages a slab with every object free.
func (z *zone) adopt(c *Cache, number int) {
	s := &z.slabs[number]
	s.free.Store(uint32(c.perSlab))
	left := c.perSlab
	for w := range c.rowWords {
		n := min(left, 64)
		z.bits[uint64(number)*c.rowWords+w].Store(^uint64(0) >> (64 - n))
		left -= n
	}
	s.state.StoreRelaxed(live) // O1
	z.words.empty.Store(z.words.empty.Load() + 1)
	z.link(number, true)
}

// fill moves objects of linked slabs onto a list that has n until it has want, and returns how many it has.
func (z *zone) fill(c *Cache, l *list, n, want uint32) uint32 {
	for n < want {
		number, any := z.words.newest.Load()
		if !any {
			break
		}
		s := &z.slabs[number]
		free := s.free.Load()
		if uint64(free) == c.perSlab {
			z.words.empty.Store(z.words.empty.Load() - 1)
		}
		start := z.first + uint64(number)<<c.slabShift
		for w := uint64(0); w < c.rowWords && n < want; w++ {
			row := &z.bits[uint64(number)*c.rowWords+w]
			set := row.Load()
			for ; set != 0 && n < want; set &= set - 1 {
				index := w*64 + uint64(bits.TrailingZeros64(set))
				l.slots[n].Store(start + index*c.bytes)
				n++
				free--
			}
			row.Store(set)
		}
		s.free.Store(free)
		if free == 0 {
			z.unlink(number)
		}
	}
	return n
}

// settle sets the bit of an object that comes back and reports whether its slab's pages are to be given back: the slab is off the list then.
//
// I4: that is decided and done under one hold of the lock with the look at the bits.
func (z *zone) settle(c *Cache, o Object) (number int, done bool) {
	offset := uint64(o) - z.first
	number = int(offset >> c.slabShift)
	index := c.index(offset & c.slabMask)
	s := &z.slabs[number]
	row := &z.bits[uint64(number)*c.rowWords+index/64]
	set := row.Load()
	if set>>(index%64)&1 != 0 {
		misuse(o, "it is free already")
	}
	row.Store(set | 1<<(index%64))
	free := s.free.Load() + 1
	s.free.Store(free)
	if free == 1 && !mutant.On(so02) {
		z.link(number, true)
	}
	if uint64(free) != c.perSlab {
		return number, false
	}
	reachEmptied.Hit()
	if int(z.words.empty.Load()) >= c.config.MinPartial && !mutant.On(so05) {
		if !mutant.On(so04) {
			z.retire(number)
		}
		return number, true
	}
	z.words.empty.Store(z.words.empty.Load() + 1)
	z.unlink(number)
	z.link(number, false) // slabs in use are filled up first
	return number, false
}

// retire takes a slab off the list for good.
func (z *zone) retire(number int) {
	z.unlink(number)
	z.slabs[number].state.StoreRelaxed(idle) // O1
}
