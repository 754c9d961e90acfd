package reservation

import (
	"fmt"
	"math/bits"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/page"
	"headroom/kernel/slab"
)

const (
	pageBytes   = 4096
	objectBytes = 256 // of an object when Config.Bytes leaves it open
	leastHigh   = 8   // objects that a CPU may keep at hand, however few there are to be
	mostHigh    = 120 // and the most
	slabPages   = 16  // a zone has so many pages at least, as long as smaller ones hold an object
)

// newPages makes zones that hold the items asked for above the reserve, in pages of one item each, and may promise them.
func newPages(place kernel.Place, config designs.Config) (*page.Allocator, error) {
	if config.Bytes > pageBytes {
		return nil, fmt.Errorf("reservation: items of %d bytes: give 0 to %d, one page", config.Bytes, pageBytes)
	}
	if config.Bytes == 0 {
		config.Bytes = pageBytes
	}
	size := max(mem.LineBytes, 1<<bits.Len(uint(config.Bytes-1)))
	nodes := place.Memory().Nodes()
	each := (max(config.Items, config.Room) + nodes - 1) / nodes
	return newZones(place, each, page.Config{PageBytes: size, Promises: true, Estimate: config.Knob(knobDrift, 0) == 1})
}

// newZones makes zones of so many pages above the reserve each.
func newZones(place kernel.Place, each int, c page.Config) (*page.Allocator, error) {
	marks := page.ComputeMarks(each, place.Memory().Nodes(), c.PageBytes)
	c.Pages, c.Marks = each+marks.Min, &marks
	a, err := page.New(place, c)
	if err != nil {
		return nil, fmt.Errorf("reservation: %w", err)
	}
	return a, nil
}

// newCache makes a cache of objects over zones of its own, in which so many objects can be had from every CPU, whatever the others keep at hand.
func newCache(place kernel.Place, config designs.Config) (*slab.Cache, *page.Allocator, error) {
	if config.Bytes > pageBytes {
		return nil, nil, fmt.Errorf("reservation: items of %d bytes: give 0 to %d, one page", config.Bytes, pageBytes)
	}
	if config.Bytes == 0 {
		config.Bytes = objectBytes
	}
	c := slab.Config{ObjectBytes: max(config.Bytes, 8)}
	objects := max(config.Items, config.Room)
	nodes, size := place.Memory().Nodes(), pageBytes
	for size/2 >= max(c.ObjectBytes, mem.LineBytes) && objects*c.ObjectBytes/size < slabPages {
		size /= 2
	}
	plan, err := slab.Plan(c, size, max(slabPages, objects*c.ObjectBytes/size))
	if err != nil {
		return nil, nil, fmt.Errorf("reservation: %w", err)
	}
	plan.High = min(plan.High, config.Knob(knobHigh, mostHigh), max(leastHigh, objects)) // no CPU needs to keep more than there are to be
	c.High = plan.High
	per := plan.PerSlab(size)
	each := (objects + (place.CPUs()-1)*plan.High + nodes - 1) / nodes
	slabs := (each+per-1)/per + 1 // one more, since the mark is compared without all pages of a block but one
	c.Order = plan.Order
	pages, err := newZones(place, slabs<<max(0, plan.Order), page.Config{PageBytes: size})
	if err != nil {
		return nil, nil, err
	}
	cache, err := slab.New(place, pages, c)
	if err != nil {
		return nil, nil, fmt.Errorf("reservation: %w", err)
	}
	return cache, pages, nil
}
