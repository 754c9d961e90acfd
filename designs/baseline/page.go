package baseline

import (
	"fmt"
	"math/bits"
	"unsafe"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/page"
)

const (
	pageName  = "page"
	knobMost  = "ceiling"
	knobHigh  = "high"
	knobBatch = "batch"
)

// Pages is the kernel's own page allocator in order 0: per-CPU lists over buddy zones (kernel/page, in its form of Linux 6.12).
type Pages struct {
	pages *page.Allocator
	base  unsafe.Pointer // offset 0 of the machine's memory
	bytes int            // usable bytes of an item
}

// NewPages makes zones, one for each node, that hold config.Items pages above the reserve together, or config.Room when that is more, rounded up to
// the same number on every node, or stands on config.Zones. An item has config.Bytes bytes, 0 meaning 4096; its page is the next power of two from 64 on. It returns an error when config is out of range, an
// item needs more than a page, or memory is full.
func NewPages(place kernel.Place, config designs.Config) (*Pages, error) {
	if err := config.Validate(pageKnobs); err != nil {
		return nil, fmt.Errorf("%s: %w", pageName, err)
	}
	if config.Bytes == 0 {
		config.Bytes = pageBytes
	}
	if config.Bytes > pageBytes {
		return nil, fmt.Errorf("%s: items of %d bytes: give 0 to %d, one page", pageName, config.Bytes, pageBytes)
	}
	if config.Zones != nil {
		return &Pages{pages: config.Zones, base: place.Memory().Base(), bytes: config.Bytes}, nil
	}
	size := max(mem.LineBytes, 1<<bits.Len(uint(config.Bytes-1)))
	nodes := place.Memory().Nodes()
	each := (max(config.Items, config.Room) + nodes - 1) / nodes
	a, err := newZones(place, each, page.Config{PageBytes: size, HighMax: config.Knob(knobMost, 0), High: config.Knob(knobHigh, 0), Batch: config.Knob(knobBatch, 0)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pageName, err)
	}
	return &Pages{pages: a, base: place.Memory().Base(), bytes: config.Bytes}, nil
}

// newZones makes zones of so many pages above the reserve each.
func newZones(place kernel.Place, each int, c page.Config) (*page.Allocator, error) {
	marks := page.ComputeMarks(each, place.Memory().Nodes(), c.PageBytes)
	c.Pages, c.Marks = each+marks.Min, &marks
	return page.New(place, c)
}

// Alloc hands out a page, or answers kernel.ErrNoMemory when none is left above the mark for gfp and the rights of t. It waits, with
// DirectReclaim, while lists are emptied, never for a page. Any context but NMI.
func (p *Pages) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	at, err := p.pages.Alloc(t, gfp, 0)
	return designs.Item(at), err
}

// Free gives a page back. It panics on one that nobody holds. Any context but NMI.
func (p *Pages) Free(t *kernel.Task, it designs.Item) { p.pages.Free(t, page.Page(it), 0) }

// Check walks every list and descriptor. Only at quiescence.
func (p *Pages) Check() error { return p.pages.Check() }

// CPUDead gives back the pages that a dead CPU kept. t runs on another CPU, in process context.
func (p *Pages) CPUDead(t *kernel.Task, cpu int) { p.pages.CPUDead(t, cpu) }

// Bytes is the memory behind an item.
func (p *Pages) Bytes(it designs.Item) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(p.base, uintptr(it))), p.bytes)
}

// Stats are the counts of slow paths, the locks those of zones; only at quiescence. A steal is another CPU's list emptied.
func (p *Pages) Stats() designs.Stats {
	s := p.pages.Stats()
	return designs.Stats{Locks: s.Locks, Steals: s.Drains, Refills: s.Refills, Spills: s.Spills, Failed: s.Failed}
}

var pageKnobs = []designs.Knob{
	{Name: knobMost, Standard: 0, Low: 0, High: 1 << 16, Meaning: "pages up to which high floats; 0 computes it, or makes high stay where it is given"},
	{Name: knobHigh, Standard: 0, Low: 0, High: 1 << 16, Meaning: "pages on one CPU's list at which it spills at first; 0 computes it from the zone"},
	{Name: knobBatch, Standard: 0, Low: 0, High: 1 << 16, Meaning: "pages moved at a time between a list and its zone, at most high; 0 computes it"},
}

// pageVariant: the simulator sees every word of it, unlike those of the other baselines.
func pageVariant() designs.Variant {
	v := variant(pageName, "pages of order 0 from per-CPU lists over buddy zones, as Linux 6.12 keeps them", &pagesLoops, constructor(NewPages))
	v.Capabilities.Kind = designs.Page
	v.Capabilities.Guarantee = "all pages above the reserve can be had from every CPU; nobody waits for one"
	v.Capabilities.NativeOnly = false
	v.Capabilities.OnZones = true
	v.Capabilities.PerCPU = true
	v.Capabilities.OwnLocks = 2
	v.Knobs = pageKnobs
	v.SlowHost = "kernel/page" // without reclaim, reserves and a second node, which this variant does not set up
	v.SlowPaths = []string{"below-low", "cpu-dead", "drain", "empty", "exact", "limit-raised", "merge", "refill", "spill", "split", "trylock-failed"}
	return v
}
