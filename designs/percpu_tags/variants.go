package percputags

import (
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/kernel"
)

//go:generate go run headroom/internal/loopgen -type Pool
//go:generate go run headroom/internal/loopgen -type Flagged
//go:generate go run headroom/internal/loopgen -type Exchanged

// The names of the variants' knobs.
const (
	knobMax   = "max"
	knobBatch = "batch"
)

// Variants is the table of this design's debate positions.
func Variants() []designs.Variant {
	lock := pool("lock", "per-CPU lists under per-CPU spin locks, as merged (Overstreet 2013), with the steal rule of Linux 4.18", Config{})
	lock.SlowPaths = lockPaths

	first := pool("lock-3.12", "the same with the steal rule of Linux 3.12: only while (CPUs with tags) x max exceeds half the tags", Config{Threshold: true})
	first.Capabilities.Guarantee = "half the tags, rounded up, can be reached from every CPU"
	first.Capabilities.KnownFaults = "a caller that may wait can sleep beside free tags for ever (fixed by commit d835502f3dac)"
	first.Breaks = []string{"C5"}
	first.Guaranteed = half
	first.SlowPaths = lockPaths

	skip := pool("flag-bit", "a thief tries the owner's bit and skips it when set: test_and_set_bit, as Morton suggested (2013)", Config{Skip: true})
	skip.SlowPaths = slices.Concat(lockPaths, []string{reachPassed.Name})
	return []designs.Variant{lock, first, flagged(), skip, exchanged()}
}

// lockPaths are the slow paths of the variant lock.
var lockPaths = []string{"cpu-dead", "empty", "refill", "robbed", "spill", "steal", "wait", "wake"}

// half is what the rule for stealing of the draft and of 3.12 leaves within reach.
func half(c designs.Config) int { return c.Items - c.Items/2 }

// knobs are the parameters, with the numbers that the original had.
func knobs(most, batch int) []designs.Knob {
	return []designs.Knob{
		{Name: knobMax, Standard: most, Low: 1, High: 1 << 16, Meaning: "most tags on one CPU's list"},
		{Name: knobBatch, Standard: batch, Low: 1, High: 1 << 16, Meaning: "tags moved at a time between a list and the shared ones; at most max"},
	}
}

// variant is what all of them have in common. construct makes the allocator; fixed are the parts of its configuration that the variant decides.
func variant[A designs.Allocator](name, summary string, loops *designs.Loops, table []designs.Knob, fixed Config, construct func(kernel.Place, Config) (A, error)) designs.Variant {
	contexts := []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ}
	return designs.Variant{
		Design:  "percpu_tags",
		Name:    name,
		Summary: summary,
		Capabilities: designs.Capabilities{
			Kind:       designs.Tag,
			AllocIn:    contexts,
			FreeIn:     contexts,
			MayWait:    true,
			MayFail:    true,
			Guarantee:  "all tags can be reached from every CPU; a caller that may wait gets one as soon as one is free",
			TakesLocks: true,
			PerCPU:     true,
			IRQPairs:   2, // one for the alloc, one for the free
		},
		Knobs: table,
		New: func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
			if err := c.Validate(table); err != nil {
				return nil, fmt.Errorf("percpu_tags: %w", err)
			}
			config := fixed
			config.Tags, config.Max, config.Batch = c.Items, c.Knob(knobMax, 0), c.Knob(knobBatch, 0)
			a, err := construct(place, config)
			if err != nil {
				return nil, err // a nil pointer must not become a non-nil Allocator
			}
			return a, nil
		},
		Guaranteed: func(c designs.Config) int { return c.Items },
		Loops:      loops,
	}
}

// pool is a variant whose lists have a lock each.
func pool(name, summary string, fixed Config) designs.Variant {
	v := variant(name, summary, &poolLoops, knobs(defaultMax, defaultBatch), fixed, New)
	v.Capabilities.OwnLocks = 2
	return v
}

func flagged() designs.Variant {
	v := variant("flag", "the owner raises a flag by a store and a fence, a thief that sees it skips the CPU (Morton 2013)", &flaggedLoops,
		knobs(defaultMax, defaultBatch), Config{}, NewFlagged)
	v.SlowPaths = slices.Concat(lockPaths, []string{reachPassed.Name, reachTaken.Name})
	return v
}

func exchanged() designs.Variant {
	v := variant("xchg", "per-CPU lists without a lock, robbed by exchanging the count for a sentinel (Overstreet's draft, 2012-13)", &exchangedLoops,
		knobs(draftMax, draftBatch), Config{}, NewExchanged)
	v.Capabilities.Guarantee = "half the tags, rounded up, can be reached from every CPU, as its author meant it"
	v.Capabilities.KnownFaults = "a caller can sleep, or be refused, beside free tags: the threshold for stealing (PI-01), and a cursor that stays at the caller's own bit (PI-05)"
	v.Breaks = []string{"C3", "C4", "C5", "C9"}
	v.Guaranteed = half
	v.SlowPaths = slices.Concat(lockPaths, []string{reachTaken.Name})
	return v
}
