package mempool

import (
	"fmt"
	"slices"
	"strings"

	"headroom/designs"
	"headroom/kernel"
)

//go:generate go run headroom/internal/loopgen -type Pool

const design = "mempool"

// The names of the variants' knobs.
const (
	knobDirect    = "direct"
	knobThreshold = "threshold"
	knobBlocks    = "blocks"
	knobRefill    = "refill"
)

// halfFull is the threshold of the mail, in tenths, and where a pool asks for its worker: the patches leave that to callers, by the count of elements.
const halfFull = 5

// defaultObjectBytes is the size of an object where the configuration leaves it open: between a bio and a request.
const defaultObjectBytes = 256

// form is what a pool stands on, in the table.
type form struct {
	suffix    string // of the variant's name
	over      string // what it is a layer over; for a pool, the suffix of that pool's variant comes with the order
	words     string
	kind      designs.Kind
	irqs      float64 // interrupt maskings of one alloc and free of the backing
	locks     float64 // locks of the own CPU that these take
	direct    bool    // the fast path can call it by its type
	holdsBack bool    // it serves only callers that may do everything
	backing   func(place kernel.Place, c designs.Config, pool Config) (Backing, error)
}

var (
	onSlab    = form{suffix: "", over: "slab", words: "objects of a slab cache", kind: designs.Object, irqs: 2, direct: true, backing: overSlab}
	onPages   = form{suffix: "-page", over: "page", words: "single pages", kind: designs.Page, locks: 2, direct: true, backing: overPages}
	onKmalloc = form{suffix: "-kmalloc", over: "slab", words: "objects of a size class of kmalloc", kind: designs.Object, irqs: 2, backing: overKmalloc}
	onPool    = form{suffix: "-mempool", over: design, words: "elements of another pool, over a slab cache", kind: designs.Object, irqs: 2, direct: true, backing: overPool}
	onChunks  = form{suffix: "-chunks", over: "per-CPU chunks", words: "per-CPU memory that only a caller who may do everything can get",
		kind: designs.Object, irqs: 2, holdsBack: true, backing: overChunks}
)

// position is a row of the table: an order or a policy over something.
type position struct {
	name    string
	summary string
	form    form
	config  Config   // what sets it apart
	paths   []string // slow paths beside those of all
	knobs   []designs.Knob
}

var bothPaths = []string{"pool", "refill", "spill", "wait", "wake", "empty"}

const guarantee = "a caller that may wait never fails, and is served as long as those who hold elements give them back"

// Variants is the table of this design's debate positions: each order over what raid1 had in 2001 (kmalloc, pages, bios from a slab cache, another
// pool), the policies of 2016 over pages, and the pools of 2011 over per-CPU memory.
func Variants() []designs.Variant {
	var list []position
	for _, f := range []form{onSlab, onPages, onKmalloc, onPool} {
		list = append(list, position{name: "mainline" + f.suffix, form: f, paths: []string{"retry"},
			summary: "backing without waiting, pool, backing in full, wait, as Linux 6.12, over " + f.words})
	}
	list = append(list,
		position{name: "mainline-optin", form: onPages, config: Config{Reserves: OptIn}, paths: []string{"retry"},
			summary: "mainline over single pages; callers whose rights open the reserves use them unless they ask not to (Rientjes 2016)"},
		position{name: "mainline-when-empty", form: onPages, config: Config{Reserves: WhenEmpty}, paths: []string{"retry"},
			summary: "mainline over single pages; rights open the reserves while the pool is empty (Rientjes, Linux 4.6, reverted in 4.8)"},
		position{name: "mainline-victim", form: onPages, config: Config{Reserves: VictimsOnly}, paths: []string{"retry"},
			summary: "mainline over single pages; an empty pool opens the reserves to the out-of-memory killer's victim (Hocko 2016, not merged)"})
	for _, f := range []form{onSlab, onPages, onKmalloc, onPool} {
		list = append(list, position{name: "molnar" + f.suffix, form: f, config: Config{Order: Molnar, Threshold: halfFull},
			paths: []string{"filled", "blocking", "early", "passed-on"}, summary: "the five steps of Molnar's mail of 2001, over " + f.words,
			knobs: []designs.Knob{
				{Name: knobThreshold, Standard: halfFull, Low: 0, High: 10,
					Meaning: "tenths of its elements from which on the pool is asked before the backing may wait"},
				{Name: knobBlocks, Standard: 0, Low: 0, High: 1, Meaning: "1: at exactly the threshold the backing waits first, as in the code of 2.5.1"},
			}})
	}
	refills := []designs.Knob{{Name: knobRefill, Standard: halfFull, Low: 1, High: 10, Meaning: "tenths of its elements below which the pool asks for the worker"}}
	list = append(list,
		position{name: "mainline" + onChunks.suffix, form: onChunks, paths: []string{"retry"}, summary: "mainline over " + onChunks.words},
		position{name: "async", form: onChunks, config: Config{Refill: halfFull}, paths: []string{"retry", "wanted", "fill", "chunk"}, knobs: refills,
			summary: "mainline over per-CPU memory, refilled by a worker; a caller that may wait waits for it (Heo 2011, not merged)"},
		position{name: "async-mayfail", form: onChunks, config: Config{Refill: halfFull, Polls: true}, paths: []string{"wanted", "fill", "chunk"}, knobs: refills,
			summary: "the same pool for callers that never wait and come again: the one use of it that Morton calls safe (2011)"})
	var variants []designs.Variant
	for _, p := range list {
		variants = append(variants, p.variant())
	}
	return variants
}

func (p position) variant() designs.Variant {
	contexts := []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ}
	f, knobs := p.form, p.knobs
	if f.direct && p.config.Reserves == Barred {
		knobs = append([]designs.Knob{{Name: knobDirect, Standard: 0, Low: 0, High: 1,
			Meaning: "1: the fast path calls the backing by its type, not through a pointer"}}, knobs...)
	}
	over, promise, paths := f.over, guarantee, slices.Concat(bothPaths, p.paths)
	if over == design {
		over += ":" + strings.TrimSuffix(p.name, f.suffix)
	}
	if p.config.Polls {
		promise = "no caller waits; who comes again gets an element as soon as one is given back, or the worker has found memory"
		paths = slices.DeleteFunc(paths, func(path string) bool { return path == "wait" || path == "wake" })
	}
	if f.holdsBack && p.config.Refill == 0 { // nobody brings more elements than the pool keeps but a caller that may do everything, and hunts have none
		paths = slices.DeleteFunc(paths, func(path string) bool { return path == "spill" })
	}
	return designs.Variant{
		Design:  design,
		Name:    p.name,
		Summary: p.summary,
		Capabilities: designs.Capabilities{
			Kind:       f.kind,
			AllocIn:    contexts,
			FreeIn:     contexts,
			MayWait:    !p.config.Polls,
			MayFail:    true,
			Guarantee:  promise,
			TakesLocks: true,
			Memory:     true,
			PerCPU:     true,
			IRQPairs:   f.irqs,
			OwnLocks:   f.locks,
			Over:       over,
			Oversleeps: !p.config.Polls,
			HoldsBack:  f.holdsBack,
			Resizes:    true,
			OnZones:    f.suffix == onPages.suffix,
		},
		Knobs:     knobs,
		SlowPaths: paths,
		New: func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
			return build(place, c, p, knobs)
		},
		Guaranteed: func(c designs.Config) int { return c.Items },
		Loops:      &poolLoops,
	}
}

// build makes a variant's pool. Items are the elements it guarantees, and half of what it may be resized to; Room is for all pools of the variant
// together.
func build(place kernel.Place, c designs.Config, p position, knobs []designs.Knob) (designs.Allocator, error) {
	if err := c.Validate(knobs); err != nil {
		return nil, fmt.Errorf("mempool: %w", err)
	}
	config := p.config
	config.Least, config.Most = c.Items, min(2*c.Items, mostElements)
	config.Threshold, config.Blocks = c.Knob(knobThreshold, config.Threshold), c.Knob(knobBlocks, 0) == 1
	config.Direct, config.Refill = c.Knob(knobDirect, 0) == 1, c.Knob(knobRefill, config.Refill)
	backing, err := p.form.backing(place, c, config)
	if err != nil {
		return nil, err
	}
	pool, err := New(place, backing, config)
	if err != nil {
		return nil, err // a nil *Pool must not become a non-nil Allocator
	}
	return pool, nil
}

func overSlab(place kernel.Place, c designs.Config, _ Config) (Backing, error) {
	b, err := NewSlab(place, max(c.Room, c.Items), objectBytes(c))
	if err != nil {
		return nil, err
	}
	return b, nil
}

func objectBytes(c designs.Config) int {
	if c.Bytes == 0 {
		return defaultObjectBytes
	}
	return c.Bytes
}

func overPages(place kernel.Place, c designs.Config, _ Config) (Backing, error) {
	bytes := c.Bytes
	if bytes == 0 {
		bytes = pageBytes
	}
	if c.Zones != nil {
		b, err := NewPagesOf(place, c.Zones, bytes)
		if err != nil {
			return nil, err
		}
		return b, nil
	}
	b, err := NewPages(place, max(c.Room, c.Items), bytes)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func overKmalloc(place kernel.Place, c designs.Config, _ Config) (Backing, error) {
	bytes := objectBytes(c)
	h, err := NewHeap(place, max(c.Room, c.Items), bytes)
	if err != nil {
		return nil, err
	}
	b, err := h.Sized(bytes)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// overChunks counts the room in pages where areas on all CPUs would be larger: so it takes no more memory than other variants.
func overChunks(place kernel.Place, c designs.Config, _ Config) (Backing, error) {
	bytes := objectBytes(c)
	room := min(c.Room, c.Room*pageBytes/(bytes*place.CPUs()))
	b, err := NewChunks(place, max(room, c.Items), bytes)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// overPool puts a pool of as many elements of its own under the pool.
func overPool(place kernel.Place, c designs.Config, config Config) (Backing, error) {
	b, err := NewSlab(place, max(c.Room, 2*c.Items), objectBytes(c))
	if err != nil {
		return nil, err
	}
	p, err := New(place, b, config)
	if err != nil {
		return nil, err
	}
	return p, nil
}
