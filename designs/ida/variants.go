package ida

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
)

//go:generate go run headroom/internal/loopgen -type Tree
//go:generate go run headroom/internal/loopgen -type Wrapped

// The names of the variants' knobs.
const (
	knobPages = "pages"
	knobSize  = "size"
	knobDepot = "depot"
)

var treeKnobs = []designs.Knob{
	{Name: knobPages, Standard: 0, Low: 0, High: 1 << 16, Meaning: "pages below the tree; 0 for as many as it can need"},
}

var magazineKnobs = []designs.Knob{
	{Name: knobSize, Standard: defaultSize, Low: 1, High: 1 << 10, Meaning: "ids in a magazine; 8 to 128 are usual"},
	{Name: knobDepot, Standard: defaultDepot, Low: 0, High: 1 << 10, Meaning: "full magazines that the depot takes"},
}

// Variants is the table of this design's debate positions.
func Variants() []designs.Variant {
	tree := variant("tree", "lowest free id from a tree of bitmaps under one lock, as lib/idr.c has it (Linux 6.12)", nil, &treeLoops)
	tree.Capabilities.Kind = designs.ID
	tree.Capabilities.Guarantee = "the lowest free id, while there is memory for the tree; nobody waits for one"
	tree.Knobs = treeKnobs
	tree.New = construct(treeKnobs, func(place kernel.Place, c designs.Config) (*Tree, error) {
		return NewTree(place, c.Items, c.Knob(knobPages, 0))
	})
	tree.Guaranteed = func(c designs.Config) int {
		if c.Knob(knobPages, 0) != 0 {
			return min(c.Items, inlineIDs) // no memory is needed for these
		}
		return c.Items
	}
	tree.SlowPaths = []string{} // they take more ids than an explored program has: TestTreeAnswersAsASetDoes goes through them

	tags := variant("tags", "the tree behind a tag allocator's interface, as Morton suggested (2013): a caller may sleep until an id is free", nil, &wrappedLoops)
	tags.New = wrapped(nil, Options{})
	tags.SlowPaths = []string{"empty", "wait", "wake"}

	private := variant("magazine", "per-CPU magazines in front of the tree, as Morton suggested (2013), each its CPU's alone (after Bonwick 2001)", magazineKnobs, &wrappedLoops)
	private.Capabilities.Guarantee = "half the ids, rounded up, can be reached from every CPU; the rest may lie in other CPUs' magazines"
	private.Capabilities.PerCPU = true
	private.Capabilities.IRQPairs = 2
	private.New = wrapped(magazineKnobs, Options{})
	private.Guaranteed = func(c designs.Config) int { return c.Items - c.Items/2 }
	// With the ids of an explored program and more than one CPU there are no private magazines, so none is left by a dead CPU.
	private.SlowPaths = []string{"depot", "empty", "flush", "previous", "stored", "wait", "wake"}

	steal := variant("magazine-steal", "the same, each CPU's magazines under a lock, so that a CPU that finds nothing else robs another", magazineKnobs, &wrappedLoops)
	steal.Capabilities.PerCPU = true
	steal.Capabilities.IRQPairs = 2
	steal.Capabilities.OwnLocks = 2
	steal.New = wrapped(magazineKnobs, Options{Locked: true})
	steal.SlowPaths = []string{"cpu-dead", "depot", "empty", "flush", "previous", "steal", "stored", "wait", "wake"}
	return []designs.Variant{tree, tags, private, steal}
}

// variant is what all of them have in common; those in front of the tree, that a caller may sleep.
func variant(name, summary string, table []designs.Knob, loops *designs.Loops) designs.Variant {
	contexts := []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ}
	return designs.Variant{
		Design:  "ida",
		Name:    name,
		Summary: summary,
		Capabilities: designs.Capabilities{
			Kind:       designs.Tag,
			AllocIn:    contexts,
			FreeIn:     contexts,
			MayWait:    name != "tree",
			MayFail:    true,
			Guarantee:  "all ids can be reached from every CPU; a caller that may wait gets one as soon as one is free",
			TakesLocks: true,
			IRQPairs:   2, // one for the alloc, one for the free
		},
		Knobs:      table,
		Guaranteed: func(c designs.Config) int { return c.Items },
		Loops:      loops,
	}
}

// wrapped is the constructor of a variant in front of the tree; fixed are the options that the variant decides.
func wrapped(table []designs.Knob, fixed Options) func(kernel.Place, designs.Config) (designs.Allocator, error) {
	return construct(table, func(place kernel.Place, c designs.Config) (*Wrapped, error) {
		o := fixed
		o.IDs = c.Items
		if table != nil {
			o.Size, o.Depot = c.Knob(knobSize, defaultSize), c.Knob(knobDepot, defaultDepot)
		}
		return NewWrapped(place, o)
	})
}

// construct checks the configuration before it makes an allocator.
func construct[A designs.Allocator](table []designs.Knob, construct func(kernel.Place, designs.Config) (A, error)) func(kernel.Place, designs.Config) (designs.Allocator, error) {
	return func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		if err := c.Validate(table); err != nil {
			return nil, fmt.Errorf("ida: %w", err)
		}
		a, err := construct(place, c)
		if err != nil {
			return nil, err // a nil pointer must not become a non-nil Allocator
		}
		return a, nil
	}
}
