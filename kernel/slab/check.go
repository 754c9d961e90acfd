package slab

import (
	"fmt"
	"math/bits"
)

// Check walks every slab, the nodes' lists and the CPUs' lists, and reports what is wrong: an object in two places, a slab that is not where its
// free objects put it, a count that is not true. Only at quiescence; objects with owners are those found nowhere.
func (c *Cache) Check() error {
	for i := range c.zones {
		z := &c.zones[i]
		for _, part := range []func(*zone) error{c.checkSlabs, c.checkLinks} {
			if err := part(z); err != nil {
				return fmt.Errorf("slab: node %d: %w", i, err)
			}
		}
	}
	seen := map[Object]int{}
	for cpu := range c.lists {
		l := &c.lists[cpu]
		n := l.words.length.Load()
		if n > c.high {
			return fmt.Errorf("slab: CPU %d's list holds %d objects of at most %d", cpu, n, c.high)
		}
		for i := range n {
			o := Object(l.slots[i].Load())
			if other, twice := seen[o]; twice {
				return fmt.Errorf("slab: object %d is on the lists of CPU %d and CPU %d (I1)", o, other, cpu)
			}
			seen[o] = cpu
			if err := c.checkListed(o); err != nil {
				return fmt.Errorf("slab: CPU %d's list: %w", cpu, err)
			}
		}
	}
	return nil
}

// checkListed: what is on a list is an object of a live slab and not free in it.
func (c *Cache) checkListed(o Object) error {
	for i := range c.zones {
		z := &c.zones[i]
		offset := uint64(o) - z.first
		if offset >= z.bytes {
			continue
		}
		within, number := offset&c.slabMask, offset>>c.slabShift
		index := within / c.bytes
		if within%c.bytes != 0 || index >= c.perSlab || z.slabs[number].state.Load() != live {
			return fmt.Errorf("object %d is none of this cache (I1)", o)
		}
		if z.bits[number*c.rowWords+index/64].Load()>>(index%64)&1 != 0 {
			return fmt.Errorf("object %d is free in its slab too (I1)", o)
		}
		return nil
	}
	return fmt.Errorf("object %d lies in no zone (I3)", o)
}

// Holds reports whether o is an object of a slab that the cache has now, with an owner or not. Any context.
func (c *Cache) Holds(o Object) bool {
	for i := range c.zones {
		z := &c.zones[i]
		if offset := uint64(o) - z.first; offset < z.bytes {
			within := offset & c.slabMask
			return within%c.bytes == 0 && within/c.bytes < c.perSlab && z.slabs[offset>>c.slabShift].state.LoadRelaxed() == live
		}
	}
	return false
}

// Idle reports whether an object that Holds takes has no owner: it is free in its slab or on a CPU's list, all of which are looked through. Only at
// quiescence.
func (c *Cache) Idle(o Object) bool {
	z, offset := c.zoneOf(o)
	index, row := offset&c.slabMask/c.bytes, offset>>c.slabShift*c.rowWords
	if z.bits[row+index/64].Load()>>(index%64)&1 != 0 {
		return true
	}
	for cpu := range c.lists {
		l := &c.lists[cpu]
		for i := range l.words.length.Load() {
			if Object(l.slots[i].Load()) == o {
				return true
			}
		}
	}
	return false
}

// checkSlabs: the bits of live slabs agree with their counts, and their pages are held.
func (c *Cache) checkSlabs(z *zone) error {
	if z.words.lock.Held() {
		return fmt.Errorf("its lock is held at quiescence")
	}
	empty, partly := uint32(0), uint32(0)
	for number := range z.slabs {
		s := &z.slabs[number]
		if s.state.Load() != live {
			continue
		}
		set := 0
		for w := range c.rowWords {
			set += bits.OnesCount64(z.bits[uint64(number)*c.rowWords+w].Load())
		}
		if uint32(set) != s.free.Load() || uint64(set) > c.perSlab {
			return fmt.Errorf("slab %d has %d free objects of %d, and %d are counted (I1)", number, set, c.perSlab, s.free.Load())
		}
		if set > 0 {
			partly++
		}
		if uint64(set) == c.perSlab {
			empty++
		}
	}
	switch {
	case partly != z.words.linked.Load():
		return fmt.Errorf("%d slabs have free objects, and %d are linked (I2)", partly, z.words.linked.Load())
	case empty != z.words.empty.Load():
		return fmt.Errorf("%d slabs have every object free, and %d are counted (I5)", empty, z.words.empty.Load())
	case int(empty) > max(0, c.config.MinPartial):
		return fmt.Errorf("%d slabs have every object free, and %d at most are to be kept (I5)", empty, max(0, c.config.MinPartial))
	}
	return nil
}

// checkLinks: the node's list is whole and holds live slabs with free objects only.
func (c *Cache) checkLinks(z *zone) error {
	length, before := uint32(0), uint32(0)
	raw := z.words.newest.Raw()
	for ; raw != 0; raw = z.slabs[raw-1].next.Raw() {
		s := &z.slabs[raw-1]
		if s.previous.Raw() != before || s.state.Load() != live || s.free.Load() == 0 {
			return fmt.Errorf("slab %d is linked wrongly, or has nothing to be linked for (I2)", raw-1)
		}
		before = raw
		if length++; length > z.words.linked.Load() {
			break
		}
	}
	if length != z.words.linked.Load() || z.words.oldest.Raw() != before {
		return fmt.Errorf("%d slabs are linked, and %d are counted (I2)", length, z.words.linked.Load())
	}
	return nil
}
