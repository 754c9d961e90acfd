package percputags

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
)

//go:generate go run headroom/internal/loopgen -type Pool

// The names of the variant's knobs.
const (
	knobMax   = "max"
	knobBatch = "batch"
)

// Variants is the table of this design's debate positions.
func Variants() []designs.Variant {
	knobs := []designs.Knob{
		{Name: knobMax, Standard: defaultMax, Low: 1, High: 1 << 16, Meaning: "most tags on one CPU's list"},
		{Name: knobBatch, Standard: defaultBatch, Low: 1, High: 1 << 16, Meaning: "tags moved at a time between a list and the shared stack; at most max"},
	}
	return []designs.Variant{{
		Design:  "percpu_tags",
		Name:    "lock",
		Summary: "per-CPU lists under per-CPU spin locks, as merged (Overstreet 2013), with the steal rule of Linux 4.18",
		Capabilities: designs.Capabilities{
			Kind:       designs.Tag,
			AllocIn:    []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ},
			FreeIn:     []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ},
			MayWait:    true,
			MayFail:    true,
			Guarantee:  "all tags can be reached from every CPU; a caller that may wait gets one as soon as one is free",
			TakesLocks: true,
			PerCPU:     true,
			IRQPairs:   2, // one for the alloc, one for the free
			OwnLocks:   2,
		},
		Knobs: knobs,
		New: func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
			if err := c.Validate(knobs); err != nil {
				return nil, fmt.Errorf("percpu_tags: %w", err)
			}
			p, err := New(place, Config{Tags: c.Items, Max: c.Knob(knobMax, 0), Batch: c.Knob(knobBatch, 0)})
			if err != nil {
				return nil, err // a nil *Pool must not become a non-nil Allocator
			}
			return p, nil
		},
		Guaranteed: func(c designs.Config) int { return c.Items },
		Loops:      &poolLoops,
	}}
}
