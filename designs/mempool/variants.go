package mempool

import (
	"fmt"

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
)

// halfFull is the threshold of the mail, in tenths.
const halfFull = 5

// defaultObjectBytes is the size of an object where the configuration leaves it open: between a bio and a request.
const defaultObjectBytes = 256

// form is what a pool stands on, in the table.
type form struct {
	suffix  string // of the variant's name
	over    string // what it is a layer over; for a pool, the suffix of that pool's variant comes with the order
	words   string
	kind    designs.Kind
	irqs    float64 // interrupt maskings of one alloc and free of the backing
	locks   float64 // locks of the own CPU that these take
	backing func(place kernel.Place, c designs.Config, pool Config) (Backing, error)
}

var forms = []form{
	{suffix: "", over: "slab", words: "objects of a slab cache", kind: designs.Object, irqs: 2, backing: overSlab},
	{suffix: "-page", over: "page", words: "single pages", kind: designs.Page, locks: 2, backing: overPages},
	{suffix: "-mempool", over: design, words: "elements of another pool, over a slab cache", kind: designs.Object, irqs: 2, backing: overPool},
}

// order is an order of attempts, in the table.
type order struct {
	name    string
	summary string
	order   Order
	paths   []string // slow paths beside those of both
	knobs   []designs.Knob
}

var orders = []order{
	{name: "mainline", order: Mainline, paths: []string{"retry"},
		summary: "backing without waiting, pool, backing in full, wait, as Linux 6.12, over "},
	{name: "molnar", order: Molnar, paths: []string{"filled", "blocking", "early", "passed-on"},
		summary: "the five steps of Molnar's mail of 2001, over ",
		knobs: []designs.Knob{
			{Name: knobThreshold, Standard: halfFull, Low: 0, High: 10,
				Meaning: "tenths of its elements from which on the pool is asked before the backing may wait"},
			{Name: knobBlocks, Standard: 0, Low: 0, High: 1, Meaning: "1: at exactly the threshold the backing waits first, as in the code of 2.5.1"},
		}},
}

var bothPaths = []string{"pool", "refill", "spill", "wait", "wake", "empty"}

// Variants is the table of this design's debate positions: each order over each backing.
func Variants() []designs.Variant {
	var list []designs.Variant
	for _, o := range orders {
		for _, f := range forms {
			list = append(list, variant(o, f))
		}
	}
	return list
}

func variant(o order, f form) designs.Variant {
	contexts := []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ}
	knobs := append([]designs.Knob{{Name: knobDirect, Standard: 0, Low: 0, High: 1,
		Meaning: "1: the fast path calls the backing by its type, not through a pointer"}}, o.knobs...)
	over := f.over
	if over == design {
		over += ":" + o.name
	}
	return designs.Variant{
		Design:  design,
		Name:    o.name + f.suffix,
		Summary: o.summary + f.words,
		Capabilities: designs.Capabilities{
			Kind:       f.kind,
			AllocIn:    contexts,
			FreeIn:     contexts,
			MayWait:    true,
			MayFail:    true,
			Guarantee:  "a caller that may wait never fails, and is served as long as those who hold elements give them back",
			TakesLocks: true,
			Memory:     true,
			PerCPU:     true,
			IRQPairs:   f.irqs,
			OwnLocks:   f.locks,
			Over:       over,
			Oversleeps: true,
		},
		Knobs:     knobs,
		SlowPaths: append(append([]string{}, bothPaths...), o.paths...),
		New: func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
			return build(place, c, o, f, knobs)
		},
		Guaranteed: func(c designs.Config) int { return c.Items },
		Loops:      &poolLoops,
	}
}

// build makes a variant's pool. Items are the elements it guarantees; Room is for all pools of the variant together.
func build(place kernel.Place, c designs.Config, o order, f form, knobs []designs.Knob) (designs.Allocator, error) {
	if err := c.Validate(knobs); err != nil {
		return nil, fmt.Errorf("mempool: %w", err)
	}
	config := Config{Least: c.Items, Order: o.order, Threshold: c.Knob(knobThreshold, halfFull), Blocks: c.Knob(knobBlocks, 0) == 1,
		Direct: c.Knob(knobDirect, 0) == 1}
	backing, err := f.backing(place, c, config)
	if err != nil {
		return nil, err
	}
	p, err := New(place, backing, config)
	if err != nil {
		return nil, err // a nil *Pool must not become a non-nil Allocator
	}
	return p, nil
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
	b, err := NewPages(place, max(c.Room, c.Items), bytes)
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
