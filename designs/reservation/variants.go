package reservation

import (
	"headroom/designs"
	"headroom/kernel"
)

//go:generate go run headroom/internal/loopgen -type Pages
//go:generate go run headroom/internal/loopgen -type Strict
//go:generate go run headroom/internal/loopgen -type Slab
//go:generate go run headroom/internal/loopgen -type Sheaf

const design = "reservation"

// The names of the variants' knobs.
const (
	knobDrift  = "drift"
	knobSingle = "single"
	knobHigh   = "high"
)

var pageKnobs = []designs.Knob{{Name: knobDrift, Standard: 0, Low: 0, High: 1,
	Meaning: "1: admission without waiting trusts the shared free count less the drift of all CPUs, instead of the sum of all shares"}}

var strictKnobs = append([]designs.Knob{{Name: knobSingle, Standard: 0, Low: 0, High: 1,
	Meaning: "1: no CPU keeps pages at hand, so every allocation is admitted by itself"}}, pageKnobs...)

var cacheKnobs = []designs.Knob{{Name: knobHigh, Standard: mostHigh, Low: 1, High: mostHigh,
	Meaning: "objects on one CPU's list at which it spills; fewer where objects are large, or few"}}

// Variants is the table of this design's debate positions.
func Variants() []designs.Variant {
	return []designs.Variant{pages(), strict(), overSlab(), sheaves()}
}

func variant(name, summary string, loops *designs.Loops, newAllocator func(kernel.Place, designs.Config) (designs.Allocator, error)) designs.Variant {
	contexts := []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ}
	return designs.Variant{
		Design:  design,
		Name:    name,
		Summary: summary,
		Capabilities: designs.Capabilities{
			AllocIn:    contexts,
			FreeIn:     contexts,
			MayFail:    true,
			TakesLocks: true,
			Memory:     true,
			PerCPU:     true,
			Promises:   true,
		},
		New:        newAllocator,
		Guaranteed: func(c designs.Config) int { return c.Items },
		Loops:      loops,
	}
}

// pagePaths are slow paths of kernel/page without a second node, reserves, dirty pages, and lists whose limits float, which zones of a few pages do
// not have.
var pagePaths = []string{"below-low", "cpu-dead", "drain", "empty", "exact", "merge", "refill", "spill", "split", "trylock-failed"}

func pages() designs.Variant {
	v := variant("page", "promises of pages that need not be idle, behind one branch of the page allocator (LaHaise 2001)", &pagesLoops,
		constructor(NewPages))
	v.Capabilities.Kind = designs.Page
	v.Capabilities.Guarantee = "a draw on a promise never fails; all pages above the reserve can be promised; others are served as by the page allocator"
	v.Capabilities.OwnLocks = 2
	v.Capabilities.Over = "page"
	v.Capabilities.ReserveWaits = true
	v.Knobs = pageKnobs
	v.SlowHost = "kernel/page"
	v.SlowPaths = pagePaths
	return v
}

func strict() designs.Variant {
	v := variant("strict", "every allocation of a page is admitted or waits until another user frees (LaHaise's fix, 2001)", &strictLoops,
		constructor(NewStrict))
	v.Capabilities.Kind = designs.Page
	v.Capabilities.Guarantee = "a caller that may wait never fails; a draw on a promise never fails; there are never more promises than memory"
	v.Capabilities.OwnLocks = 2
	v.Capabilities.Over = "page"
	v.Capabilities.MayWait = true
	v.Capabilities.ReserveWaits = true
	v.Knobs = strictKnobs
	v.SlowPaths = []string{"admitted", "refused"}
	return v
}

func overSlab() designs.Variant {
	v := variant("slab", "promises of objects of a slab cache, set aside in a depot", &slabLoops, constructor(NewSlab))
	v.Capabilities.Kind = designs.Object
	v.Capabilities.Guarantee = "a draw on a promise never fails; as many objects as asked for can be promised; others are served as by the slab cache"
	v.Capabilities.Unbounded = true // there are as many as fill the pages
	v.Capabilities.IRQPairs = 2
	v.Capabilities.Over = "slab"
	v.Capabilities.ReserveWaits = true
	v.SlowHost = "kernel/slab"
	v.Knobs = cacheKnobs
	v.SlowPaths = cachePaths
	return v
}

func sheaves() designs.Variant {
	v := variant("sheaf", "promises of objects in arrays of each CPU, filled where the caller may sleep, as prefilled sheaves of SLUB (2025)", &sheafLoops,
		constructor(NewSheaf))
	v.Capabilities.Kind = designs.Object
	v.Capabilities.Guarantee = "a draw from a filled sheaf never fails; others are served as by the slab cache"
	v.Capabilities.Unbounded = true // there are as many as fill the pages
	v.Capabilities.IRQPairs = 2
	v.Capabilities.Over = "slab"
	v.SlowHost = "kernel/slab"
	v.Knobs = cacheKnobs
	v.SlowPaths = cachePaths
	return v
}

// cachePaths are slow paths of kernel/slab without a second node, which these variants do not set up.
var cachePaths = []string{"cpu-dead", "emptied", "empty", "new-slab", "refill", "returned", "spill"}

// constructor turns a constructor of a concrete type into one of the interface: a nil pointer must not become a non-nil Allocator.
func constructor[T any, P interface {
	*T
	designs.Allocator
}](newConcrete func(kernel.Place, designs.Config) (P, error)) func(kernel.Place, designs.Config) (designs.Allocator, error) {
	return func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		a, err := newConcrete(place, c)
		if err != nil {
			return nil, err
		}
		return a, nil
	}
}
