package clients

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/page"
)

// zone is one zone of pages under watermarks, with what its variants among the designs leave out: a reserve, callers who may use it, pages that are set
// aside, limits that change, and lists that are emptied from elsewhere.
type zone struct {
	pages *page.Allocator
	most  int // of the limits
}

// The knobs of zone.
const (
	knobMark  = "mark"
	knobHigh  = "high"
	knobMove  = "batch"
	knobDrift = "drift"
	knobAside = "aside"
)

const (
	zonePageBytes = 64
	zoneDrains    = 8
)

func zoneVariant(irqOff bool) designs.Variant {
	name, lists := "zone", page.TryLock
	if irqOff {
		name, lists = "zone-irqoff", page.IRQOff
	}
	table := []designs.Knob{
		{Name: knobHigh, Standard: 2, Low: 1, High: 64, Meaning: "pages on a CPU's list at which it spills"},
		{Name: knobMove, Standard: 1, Low: 1, High: 64, Meaning: "pages moved at a time; high counts when that is less"},
		{Name: knobDrift, Standard: 1, Low: 1, High: 64, Meaning: "pages by which a CPU's share of the free count may differ from zero"},
		{Name: knobMark, Standard: 2, Low: 0, High: 8, Meaning: "pages of the reserve below the ordinary mark"},
		{Name: knobAside, Standard: 0, Low: 0, High: 8, Meaning: "pages that may be set aside for urgent callers"},
	}
	v := variant(name, "pages under watermarks, with a reserve, limits that change, and lists emptied from elsewhere (kernel/page)", designs.Page, table,
		func(m machine.Machine, c designs.Config) (designs.Allocator, error) {
			mark := c.Knob(knobMark, 2)
			config := page.Config{Pages: max(c.Items, c.Room) + mark, PageBytes: zonePageBytes, Marks: &page.Marks{Min: mark, Low: mark, High: mark},
				Lists: lists, High: c.Knob(knobHigh, 2), Drift: c.Knob(knobDrift, 1), HighAtomic: c.Knob(knobAside, 0)}
			config.Batch = min(config.High, c.Knob(knobMove, 1))
			config.MostHigh = max(config.High, tunedHigh)
			config.HighAtomic = min(config.HighAtomic, config.Pages)
			pages, err := page.New(m, config)
			if err != nil {
				return nil, err
			}
			return &zone{pages: pages, most: config.MostHigh}, nil
		})
	v.Capabilities.MayWait = false
	v.Capabilities.PerCPU = true
	v.Capabilities.KeepsAside = true
	v.Works = func(designs.Config) int { return zoneDrains } // irqoff: a drain interrupts each CPU
	v.Guaranteed = func(c designs.Config) int {              // what is set aside may be all; in the older form what other CPUs' lists keep is out of reach
		if irqOff || c.Knob(knobAside, 0) > 0 {
			return 0
		}
		return 1
	}
	return v
}

// Alloc hands out a page as page.Allocator does, in order 0. It never waits for one. Any context but NMI; process context with DirectReclaim.
func (z *zone) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	p, err := z.pages.Alloc(t, gfp, 0)
	if err == nil && z.pages.Owners(p) != 1 {
		panic(fmt.Sprintf("clients: page %d was handed out with %d owners", p, z.pages.Owners(p)))
	}
	return designs.Item(p), err
}

// AllocNoLocks hands out a page without waiting for a lock. Any context but NMI.
func (z *zone) AllocNoLocks(t *kernel.Task) (designs.Item, error) {
	p, err := z.pages.AllocNoLocks(t, 0)
	return designs.Item(p), err
}

// Free gives a page back. Any context but NMI.
func (z *zone) Free(t *kernel.Task, it designs.Item) { z.pages.Free(t, page.Page(it), 0) }

// Drain empties the lists of all CPUs. Process context.
func (z *zone) Drain(t *kernel.Task) { z.pages.Drain(t) }

// tunedHigh is the largest limit that Tune sets.
const tunedHigh = 8

// Tune sets the limits of the lists: 0 turns them off.
func (z *zone) Tune(_ *kernel.Task, setting int) {
	high := setting % (tunedHigh + 1)
	if err := z.pages.SetLimits(high, 1+setting/(tunedHigh+1)%tunedHigh); err != nil {
		panic(err)
	}
}

// CPUDead gives back what a dead CPU kept. Process context.
func (z *zone) CPUDead(t *kernel.Task, cpu int) { z.pages.CPUDead(t, cpu) }

// Audit: callers without privileges leave the reserve alone; each of the others has taken a page of it at most.
func (z *zone) Audit(byFlag, byRight int) error { return z.pages.Audit(byFlag + byRight) }

// Check walks the zone.
func (z *zone) Check() error { return z.pages.Check() }
