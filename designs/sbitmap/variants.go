package sbitmap

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
)

//go:generate go run headroom/internal/loopgen -type Bitmap

// The names of the variant's knobs.
const (
	knobShift = "shift"
	knobWake  = "wake-batch"
)

// Variants is the table of this design: one form.
func Variants() []designs.Variant {
	knobs := []designs.Knob{
		{Name: knobShift, Standard: 0, Low: 0, High: 6, Meaning: "a word holds 2^shift tags; 0 computes it from the number of tags"},
		{Name: knobWake, Standard: 0, Low: 0, High: 1 << 16, Meaning: "frees for each wake-up of as many sleepers, of which at most an eighth of the tags count; 0 means 8"},
	}
	contexts := []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ}
	return []designs.Variant{{
		Design:  "sbitmap",
		Summary: "a bitmap spread over cache lines with deferred clearing, per-CPU hints and batched wake-ups (Axboe, Sandoval 2016; Linux 6.12)",
		Capabilities: designs.Capabilities{
			Kind:       designs.Tag,
			AllocIn:    contexts,
			FreeIn:     contexts,
			MayWait:    true,
			MayFail:    true,
			Guarantee:  "all tags can be reached from every CPU; a caller that may wait gets one, at the latest when all others have given theirs back",
			TakesLocks: true,
		},
		Knobs: knobs,
		New: func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
			if err := c.Validate(knobs); err != nil {
				return nil, fmt.Errorf("sbitmap: %w", err)
			}
			b, err := New(place, Config{Tags: c.Items, Shift: c.Knob(knobShift, 0), WakeBatch: c.Knob(knobWake, 0)})
			if err != nil {
				return nil, err // a nil *Bitmap must not become a non-nil Allocator
			}
			return b, nil
		},
		Guaranteed: func(c designs.Config) int { return c.Items },
		Lag:        lag,
		Loops:      &bitmapLoops,
	}}
}

// lag is what can be free beside a sleeper: what the frees of less than a batch leave, and a tag for each wake-up that was lost on a caller who had
// found one in its queue. Such a caller holds its tag, so of all tags but those of the batch that is not full this is at most every second one.
func lag(c designs.Config) int {
	complete, err := Config{Tags: c.Items, WakeBatch: c.Knob(knobWake, 0)}.complete()
	if err != nil {
		return 0 // there is no such bitmap
	}
	return (complete.Tags + complete.WakeBatch - 1) / 2
}
