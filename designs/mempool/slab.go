package mempool

import (
	"errors"
	"fmt"
	"math/bits"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/page"
	"headroom/kernel/slab"
)

// Slab is a cache of kernel/slab as a backing, with zones of its own under it.
type Slab struct {
	cache  *slab.Cache
	pages  *page.Allocator
	memory *mem.Memory
	bytes  int // usable bytes of an item
}

// NewSlab makes a cache of objects of so many bytes, 1 to 4096, and zones below it, one for each node, that hold so many objects above the reserve
// together, rounded up to whole slabs on every node. It returns an error when either is out of range, or memory is full.
//
// What a CPU has on its list no other can reach, so a caller may be refused before all objects are in use.
func NewSlab(place kernel.Place, objects, bytes int) (*Slab, error) {
	if objects < 1 || bytes < 1 || bytes > pageBytes {
		return nil, fmt.Errorf("mempool: %d objects of %d bytes: give at least 1 object, of 1 to %d bytes", objects, bytes, pageBytes)
	}
	c := slab.Config{ObjectBytes: max(8, bytes)}
	nodes := place.Memory().Nodes()
	each := (objects + nodes - 1) / nodes
	size := pageSize(each, c.ObjectBytes)
	usable, err := slabPages([]slab.Config{c}, nodes, each, size)
	if err != nil {
		return nil, fmt.Errorf("mempool: %w", err)
	}
	zones, err := newZones(place, usable*nodes, size)
	if err != nil {
		return nil, err
	}
	cache, err := slab.New(place, zones, c)
	if err != nil {
		return nil, fmt.Errorf("mempool: %w", err)
	}
	return &Slab{cache: cache, pages: zones, memory: place.Memory(), bytes: bytes}, nil
}

// pageSize is 4096, or less for so few objects that they fit into a few such pages: the rest of the last one would make the room larger by more
// than the room asked for.
func pageSize(objects, bytes int) int {
	const fewPages = 16
	least := max(mem.LineBytes, 1<<bits.Len(uint(bytes-1)))
	size := pageBytes
	for size > least && objects*bytes < fewPages*size {
		size /= 2
	}
	return size
}

// slabPages is the least number of pages that make slabs for so many objects of each cache in a zone. The order of slabs depends on the zone's pages,
// and these on the order, so it tries one number after the other, from where the objects alone would fit.
func slabPages(caches []slab.Config, nodes, objects, size int) (int, error) {
	least := 1
	for _, c := range caches {
		least += objects * c.ObjectBytes / size
	}
	for usable := max(1, least-1); ; usable++ {
		needed := 0
		for _, c := range caches {
			plan, err := slab.Plan(c, size, usable+page.ComputeMarks(usable, nodes, size).Min)
			if err != nil {
				return 0, err
			}
			per := plan.PerSlab(size)
			needed += (objects + per - 1) / per << max(0, plan.Order)
		}
		if needed <= usable {
			return usable, nil
		}
	}
}

// Alloc hands out an object as slab.Cache does.
func (b *Slab) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	o, err := b.cache.Alloc(t, gfp)
	return designs.Item(o), err
}

// Free gives an object back.
func (b *Slab) Free(t *kernel.Task, it designs.Item) { b.cache.Free(t, slab.Object(it)) }

// Holds reports whether the item is an object of the cache, with an owner or not.
func (b *Slab) Holds(it designs.Item) bool { return b.cache.Holds(slab.Object(it)) }

// Idle reports whether the object has no owner.
func (b *Slab) Idle(it designs.Item) bool { return b.cache.Idle(slab.Object(it)) }

// Check walks the cache and the zones below it.
func (b *Slab) Check() error { return errors.Join(b.cache.Check(), b.pages.Check()) }

// CPUDead empties the lists of a dead CPU, of objects and of pages.
func (b *Slab) CPUDead(t *kernel.Task, cpu int) {
	b.cache.CPUDead(t, cpu)
	b.pages.CPUDead(t, cpu)
}

// Victim reports whether the killer of the zones below has chosen t.
func (b *Slab) Victim(t *kernel.Task) bool { return b.pages.Victim(t) }

// Bytes is the memory behind an object.
func (b *Slab) Bytes(it designs.Item) []byte { return b.memory.Span(uintptr(it), b.bytes) }
