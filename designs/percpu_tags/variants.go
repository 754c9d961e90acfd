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
//go:generate go run headroom/internal/loopgen -type Reserved

// The names of the variants' knobs.
const (
	knobMax     = "max"
	knobBatch   = "batch"
	knobReserve = "reserve"
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
	return []designs.Variant{lock, first, flagged(), skip, exchanged(), reserved(false), reserved(true)}
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

// defaultReserve is the reserve where the configuration leaves it open: drivers of the block layer ask for one or two tags, for themselves alone.
const defaultReserve = 4

// reservedOf is how many tags of a configuration lie in the reserve.
func reservedOf(c designs.Config) int { return min(c.Knob(knobReserve, defaultReserve), c.Items/2) }

// reserved is the layer over the variant lock. noWait gives the right to all who may not wait.
func reserved(noWait bool) designs.Variant {
	name, who := "lock-reserve", "callers with High or Memalloc, as GFP_ATOMIC has"
	if noWait {
		name, who = "lock-reserve-nowait", "callers that may not wait"
	}
	table := slices.Concat(knobs(defaultMax, defaultBatch), []designs.Knob{{
		Name: knobReserve, Standard: defaultReserve, Low: 0, High: 1 << 16, Meaning: "tags in the reserve; at most half of all are",
	}})
	v := variant(name, "two pools of lock composed, one of them a reserve for "+who+" (Overstreet 2013; block layer 3.13)", &reservedLoops, table, Config{}, New)
	v.Capabilities.OwnLocks = 2
	v.Capabilities.Over = "percpu_tags:lock"
	v.Capabilities.Oversleeps = true // a caller with the right that may wait does so for the reserve
	v.Capabilities.Guarantee = "all tags but the reserve for everybody; while fewer than the reserve are held by " + who + ", none of those is refused"
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		if err := c.Validate(table); err != nil {
			return nil, fmt.Errorf("percpu_tags: %w", err)
		}
		return newLockReserve(place, c, noWait)
	}
	v.Guaranteed = func(c designs.Config) int { return c.Items - reservedOf(c) }
	v.SlowPaths = slices.Concat(lockPaths, []string{reachBarred.Name})
	if noWait {
		v.Lag = reservedOf // who may wait has no right to what lies in the reserve
		v.SlowPaths = slices.Concat(lockPaths, []string{reachReserve.Name, reachSpent.Name})
	}
	return v
}

// newLockReserve composes two pools of lock. The reserve's lists have room for one tag, which goes on to the shared stack at once: it is found there
// without stealing, and its speed does not matter.
func newLockReserve(place kernel.Place, c designs.Config, noWait bool) (designs.Allocator, error) {
	parts := Composition{ReserveTags: reservedOf(c), NoWait: noWait}
	parts.OrdinaryTags = c.Items - parts.ReserveTags
	ordinary, err := New(place, Config{Tags: parts.OrdinaryTags, Max: c.Knob(knobMax, 0), Batch: c.Knob(knobBatch, 0)})
	if err != nil {
		return nil, err
	}
	parts.Ordinary = ordinary
	if parts.ReserveTags > 0 {
		if parts.Reserve, err = New(place, Config{Tags: parts.ReserveTags, Max: 1, Batch: 1}); err != nil {
			return nil, err
		}
	}
	r, err := NewReserved(place, parts)
	if err != nil {
		return nil, err // a nil pointer must not become a non-nil Allocator
	}
	return r, nil
}
