package baseline

import (
	"fmt"
	"unsafe"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/page"
	"headroom/kernel/slab"
)

const (
	slabName    = "slab"
	knobOrder   = "order"
	objectBytes = 256 // of an item when Config.Bytes leaves it open
	slabPages   = 16  // a zone has so many pages at least, as long as smaller ones hold an object
)

// Slabs is a cache of the kernel's slab allocator (kernel/slab) over a page allocator of its own.
type Slabs struct {
	cache *slab.Cache
	pages *page.Allocator
	base  unsafe.Pointer // offset 0 of the machine's memory
	bytes int            // usable bytes of an item
}

// NewSlabs makes a cache of objects of config.Bytes, 0 meaning 256, over zones, one for each node, with room above the reserve for config.Items
// objects, or config.Room when that is more, and for what all CPUs but one may keep at hand. Pages have 4096 bytes, and less where few objects would
// fill fewer than 16. It returns an error when config is out of range, an object needs more than a page, or memory is full.
func NewSlabs(place kernel.Place, config designs.Config) (*Slabs, error) {
	if err := config.Validate(slabKnobs); err != nil {
		return nil, fmt.Errorf("%s: %w", slabName, err)
	}
	if config.Bytes == 0 {
		config.Bytes = objectBytes
	}
	if config.Bytes > pageBytes {
		return nil, fmt.Errorf("%s: items of %d bytes: give 0 to %d, one page", slabName, config.Bytes, pageBytes)
	}
	c := slab.Config{ObjectBytes: max(config.Bytes, 8), High: config.Knob(knobHigh, 0), Batch: config.Knob(knobBatch, 0), Order: config.Knob(knobOrder, 0)}
	pages, c, err := slabZones(place, c, max(config.Items, config.Room))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", slabName, err)
	}
	cache, err := slab.New(place, pages, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", slabName, err)
	}
	return &Slabs{cache: cache, pages: pages, base: place.Memory().Base(), bytes: config.Bytes}, nil
}

// slabZones makes zones in which a sole caller gets so many objects, and completes the configuration for them.
func slabZones(place kernel.Place, c slab.Config, objects int) (*page.Allocator, slab.Config, error) {
	nodes, size := place.Memory().Nodes(), pageBytes
	for size/2 >= max(c.ObjectBytes, mem.LineBytes) && objects*c.ObjectBytes/size < slabPages {
		size /= 2
	}
	plan, err := slab.Plan(c, size, max(slabPages, objects*c.ObjectBytes/size))
	if err != nil {
		return nil, c, err
	}
	per := plan.PerSlab(size)
	each := (objects + (place.CPUs()-1)*plan.High + nodes - 1) / nodes
	slabs := (each+per-1)/per + 1 // one more, since the mark is compared without all pages of a block but one
	c.Order = plan.Order
	pages, err := newZones(place, slabs<<max(0, plan.Order), page.Config{PageBytes: size})
	return pages, c, err
}

// Alloc hands out an object, or answers kernel.ErrNoMemory when pages fail for gfp and the rights of t and no slab has one. It waits, with
// DirectReclaim, while page lists are emptied, never for an object. Any context but NMI.
func (s *Slabs) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	o, err := s.cache.Alloc(t, gfp)
	return designs.Item(o), err
}

// Free gives an object back. It panics on what is no object of the cache. Any context but NMI.
func (s *Slabs) Free(t *kernel.Task, it designs.Item) { s.cache.Free(t, slab.Object(it)) }

// AllocBulk hands out several objects: all, or as many as there are and kernel.ErrNoMemory. Any context but NMI.
func (s *Slabs) AllocBulk(t *kernel.Task, gfp kernel.GFP, items []designs.Item) (int, error) {
	return s.cache.AllocBulk(t, gfp, unsafe.Slice((*slab.Object)(unsafe.Pointer(unsafe.SliceData(items))), len(items)))
}

// FreeBulk gives several objects back, with interrupts masked once for as many as the CPU's list has room for. Any context but NMI.
func (s *Slabs) FreeBulk(t *kernel.Task, items []mem.Plain64) { s.cache.FreeBulk(t, items) }

// Check walks every slab and list, and those of the pages behind. Only at quiescence.
func (s *Slabs) Check() error {
	if err := s.cache.Check(); err != nil {
		return err
	}
	return s.pages.Check()
}

// CPUDead gives back the objects, and then the pages, that a dead CPU kept. t runs on another CPU, in process context.
func (s *Slabs) CPUDead(t *kernel.Task, cpu int) {
	s.cache.CPUDead(t, cpu)
	s.pages.CPUDead(t, cpu)
}

// Bytes is the memory behind an item.
func (s *Slabs) Bytes(it designs.Item) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(s.base, uintptr(it))), s.bytes)
}

// Stats are the counts of slow paths, the locks those of the cache and of its pages; only at quiescence.
func (s *Slabs) Stats() designs.Stats {
	c := s.cache.Stats()
	return designs.Stats{Locks: c.Locks + s.pages.Stats().Locks, Refills: c.Refills, Spills: c.Spills, Failed: c.Failed}
}

var slabKnobs = []designs.Knob{
	{Name: knobHigh, Standard: 0, Low: 0, High: 1 << 10, Meaning: "objects on one CPU's list at which it spills; 0 computes it from the object's size"},
	{Name: knobBatch, Standard: 0, Low: 0, High: 1 << 10, Meaning: "objects moved at a time between a list and the slabs, at most high; 0 computes it"},
	{Name: knobOrder, Standard: 0, Low: 0, High: 3, Meaning: "a slab is 2^order pages; 0 computes it from the object's size"},
}

// slabVariant: the simulator sees every word of it, as of the pages.
func slabVariant() designs.Variant {
	v := variant(slabName, "objects of one size from per-CPU lists over slabs of pages, as SLAB and the sheaves of SLUB keep them", &slabsLoops,
		constructor(NewSlabs))
	v.Capabilities.Kind = designs.Object
	v.Capabilities.Guarantee = "as many objects as asked for can be had from every CPU, whatever the others keep at hand; nobody waits for one"
	v.Capabilities.Unbounded = true // there are as many as fill the pages
	v.Capabilities.NativeOnly = false
	v.Capabilities.PerCPU = true
	v.Capabilities.IRQPairs = 2
	v.Knobs = slabKnobs
	v.SlowHost = "kernel/slab" // without a second node, which this variant does not set up
	v.SlowPaths = []string{"cpu-dead", "emptied", "empty", "new-slab", "refill", "returned", "spill"}
	return v
}
