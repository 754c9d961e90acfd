package gfpnolocks

import (
	"fmt"
	"math/bits"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/page"
	"headroom/kernel/percpu"
	"headroom/kernel/slab"
)

// Slab is a cache of objects whose entry waits for no lock.
type Slab struct {
	store
	cache *slab.Cache
}

const (
	defaultObjectBytes = 256
	leastSlabPages     = 16 // a zone has so many pages at least, as long as smaller ones hold an object
)

// newSlab makes a cache of objects of c.Bytes, 0 meaning 256, over zones with room above the mark for c.Items objects, whatever the CPUs but one keep.
func newSlab(place kernel.Place, c designs.Config) (*Slab, error) {
	if c.Bytes == 0 {
		c.Bytes = defaultObjectBytes
	}
	if c.Bytes > defaultBytes {
		return nil, fmt.Errorf("%w: %d bytes: give 0 to %d", errPage, c.Bytes, defaultBytes)
	}
	config := slab.Config{ObjectBytes: max(c.Bytes, 8)}
	objects, nodes := max(c.Items, c.Room), place.Memory().Nodes()
	size := max(defaultBytes, 1<<bits.Len(uint(c.Bytes-1)))
	for size/2 >= max(config.ObjectBytes, mem.LineBytes) && objects*config.ObjectBytes/size < leastSlabPages {
		size /= 2
	}
	config, err := slab.Plan(config, size, max(leastSlabPages, objects*config.ObjectBytes/size))
	if err != nil {
		return nil, err
	}
	order := max(0, config.Order)
	each := (objects + (place.CPUs()-1)*config.High + nodes - 1) / nodes
	slabs := (each+config.PerSlab(size)-1)/config.PerSlab(size) + 1 // one more: the mark is compared without all pages of a block but one
	keep := place.CPUs() * 2 << order                               // what page lists may hold
	pages := slabs<<order + keep
	marks := page.ComputeMarks(pages, nodes, size)
	zones, err := page.New(place, page.Config{Pages: pages + marks.Min, Marks: &marks, PageBytes: size, High: 1 << order, Batch: 1})
	if err != nil {
		return nil, err
	}
	s := &Slab{store: store{pages: zones, memory: place.Memory(), bytes: c.Bytes}}
	if s.tallies, err = percpu.New[tally](place); err != nil {
		return nil, err
	}
	if s.cache, err = slab.New(place, zones, config); err != nil {
		return nil, err
	}
	return s, nil
}

// Alloc is the entry, and then, without kernel.NoLocks among the flags, the ordinary path. It answers kernel.ErrNoMemory when both have nothing, and
// never waits. Any context but NMI; the ordinary path with rt=on in process context only.
func (s *Slab) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	o, err := s.cache.AllocNoLocks(t)
	if err == nil {
		return designs.Item(o), nil
	}
	if gfp&kernel.NoLocks != 0 {
		return s.refuse(t, err)
	}
	o, err = s.cache.Alloc(t, gfp&^kernel.DirectReclaim)
	return designs.Item(o), err
}

// AllocNoLocks hands out an object of the CPU's list, or of slabs or pages whose locks can be had at once, and answers kernel.ErrNoMemory if there is
// none. Any context but NMI.
func (s *Slab) AllocNoLocks(t *kernel.Task) (designs.Item, error) {
	o, err := s.cache.AllocNoLocks(t)
	if err != nil {
		return s.refuse(t, err)
	}
	return designs.Item(o), nil
}

// Free gives an object back. It panics on what is no object of the cache. It may take locks. Any context but NMI; with rt=on process context.
func (s *Slab) Free(t *kernel.Task, it designs.Item) { s.cache.Free(t, slab.Object(it)) }

// FreeBulk gives several objects back, with interrupts masked once for as many as the CPU's list has room for; else as Free.
func (s *Slab) FreeBulk(t *kernel.Task, items []mem.Plain64) { s.cache.FreeBulk(t, items) }

// Check walks every slab and list, and those of the pages behind. Only at quiescence.
func (s *Slab) Check() error {
	if err := s.cache.Check(); err != nil {
		return err
	}
	return s.pages.Check()
}

// CPUDead gives back the objects, and then the pages, that a dead CPU kept. t runs on another CPU, in process context.
func (s *Slab) CPUDead(t *kernel.Task, cpu int) {
	s.cache.CPUDead(t, cpu)
	s.pages.CPUDead(t, cpu)
}

// Stats are the counts of slow paths, the locks those of the cache and of its pages; only at quiescence.
func (s *Slab) Stats() designs.Stats {
	c := s.cache.Stats()
	return designs.Stats{Locks: c.Locks + s.pages.Stats().Locks, Refills: c.Refills, Spills: c.Spills, Failed: c.Failed + s.refused()}
}
