package gfpnolocks

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/page"
)

//go:generate go run headroom/internal/loopgen -type Null
//go:generate go run headroom/internal/loopgen -type TryLock
//go:generate go run headroom/internal/loopgen -type RawZone
//go:generate go run headroom/internal/loopgen -type Slab

const (
	design    = "gfp_nolocks"
	knobCap   = "cap"
	knobOrder = "order"
	// mostOrder is alloc_pages_nolock's: what lists hold.
	mostOrder = 3
)

var (
	capKnobs = []designs.Knob{{Name: knobCap, Standard: 100, Low: 1, High: 100,
		Meaning: "hundredths of a full per-CPU list that callers of the no-locks entry may take; the rest is left to others"}}
	orderKnobs = []designs.Knob{{Name: knobOrder, Standard: 0, Low: 0, High: mostOrder,
		Meaning: "an item is a block of 2^order pages, each so much smaller than the item"}}
)

var (
	interrupts = []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ}
	everywhere = []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ, kernel.NMI}
)

// Variants is the table of this design's debate positions.
func Variants() []designs.Variant {
	return []designs.Variant{nullVariant(), tryLockVariant(), rawZoneVariant(), slabVariant()}
}

// variant fills in what all have in common.
func variant(name, summary string, loops *designs.Loops) designs.Variant {
	return designs.Variant{
		Design:  design,
		Name:    name,
		Summary: summary,
		Capabilities: designs.Capabilities{Kind: designs.Page, AllocIn: interrupts, FreeIn: interrupts, MayFail: true, TakesLocks: true,
			Memory: true, PerCPU: true},
		SlowHost:   "kernel/page",
		Guaranteed: func(c designs.Config) int { return c.Items },
		Loops:      loops,
	}
}

func nullVariant() designs.Variant {
	v := variant("null", "what the CPU's page lists hold, without a lock, or nothing: __GFP_NO_LOCKS, 2020", &nullLoops)
	v.Capabilities.Guarantee = "the entry gives what is on the CPU's lists; with the ordinary path behind it all items can be had from every CPU"
	v.Capabilities.NoLocks, v.Capabilities.IRQPairs, v.Capabilities.KeepsAside = true, 2, true
	v.Knobs = capKnobs
	v.SlowPaths = []string{"below-low", "cpu-dead", "empty", "exact", "merge", "no-locks-dry", "refill", "spill", "split"}
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		s, err := stored(place, c, capKnobs, page.Config{Lists: page.IRQOff})
		if err != nil {
			return nil, err
		}
		return &Null{*s}, nil
	}
	return v
}

func tryLockVariant() designs.Variant {
	v := variant("trylock", "list and zone by trylock, one pass, late frees put aside: alloc_pages_nolock, 2025", &tryLockLoops)
	v.Capabilities.AllocIn, v.Capabilities.FreeIn = everywhere, everywhere
	v.Capabilities.TakesLocks, v.Capabilities.NoLocks, v.Capabilities.OwnLocks = false, true, 2
	v.Capabilities.KeepsAside, v.Capabilities.Misses = true, true
	v.Capabilities.Guarantee = "a sole caller gets all items from every CPU; beside others a lock that is held makes it fail"
	v.Knobs = orderKnobs
	v.SlowPaths = []string{"cpu-dead", "exact", "late", "late-collected", "merge", "no-locks-dry", "refill", "spill", "split", "zone-held"}
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		s, err := stored(place, c, orderKnobs, page.Config{Lists: page.TryLock})
		if err != nil {
			return nil, err
		}
		return &TryLock{*s, c.Knob(knobOrder, 0)}, nil
	}
	return v
}

func rawZoneVariant() designs.Variant {
	v := variant("rawzone", "the ordinary path with a zone lock that spins with rt=on too, so it may be called under any lock: weighed in 2020", &rawZoneLoops)
	v.Capabilities.Guarantee = "all items can be had from every CPU, in raw context too; nobody waits for one"
	v.Capabilities.IRQPairs, v.Capabilities.KeepsAside = 2, true
	v.SlowPaths = []string{"below-low", "cpu-dead", "empty", "exact", "merge", "refill", "spill", "split"}
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		s, err := stored(place, c, nil, page.Config{Lists: page.IRQOff, RawZone: true})
		if err != nil {
			return nil, err
		}
		return &RawZone{*s}, nil
	}
	return v
}

func slabVariant() designs.Variant {
	v := variant("slab", "an object of the CPU's list, or by trylock of slabs and pages: kmalloc_nolock, 2025", &slabLoops)
	v.Capabilities.Kind = designs.Object
	v.Capabilities.Guarantee = "with the ordinary path behind the entry as many objects as asked for can be had from every CPU"
	v.Capabilities.Unbounded = true // there are as many as fill the pages
	v.Capabilities.NoLocks, v.Capabilities.IRQPairs = true, 2
	v.SlowHost, v.SlowPaths = "kernel/slab", []string{"cpu-dead", "emptied", "empty", "new-slab", "node-held", "refill", "returned", "spill", "undone"}
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		if err := c.Validate(nil); err != nil {
			return nil, fmt.Errorf("%s: %w", design, err)
		}
		s, err := newSlab(place, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", design, err)
		}
		return s, nil
	}
	return v
}

// stored is the store of a variant with those knobs.
func stored(place kernel.Place, c designs.Config, knobs []designs.Knob, config page.Config) (*store, error) {
	if err := c.Validate(knobs); err != nil {
		return nil, fmt.Errorf("%s: %w", design, err)
	}
	s, err := newStore(place, c, config, c.Knob(knobOrder, 0), c.Knob(knobCap, 100))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", design, err)
	}
	return s, nil
}
