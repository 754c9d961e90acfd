package designtest

import (
	"errors"
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/kernel"
	"headroom/kernel/choice"
)

// trial is one program of the suite.
type trial struct {
	name string
	cpus int
	// noPreempt keeps simulated tasks on their CPU until they wait, as natively.
	noPreempt bool
	// random: chance decides what the callers do, so a native run is worth repeating with another seed.
	random bool
	// nativeOnly: the trial ends in panics, or looks at one caller only, and shows nothing more in a simulation.
	nativeOnly bool
	// needs says what the variant must declare for the trial to apply; nil for nothing.
	needs func(v designs.Variant) error
	// suits says whether the trial applies to a configuration; nil for all.
	suits func(v designs.Variant, c designs.Config) bool
	// stage spawns the tasks of one run.
	stage func(s *scene)
	// inTurn: the trial is run once for each call that wants pages, and that call fails (see shortage.go).
	inTurn bool
	// table, when not nil, is the whole trial.
	table func(v designs.Variant) error
}

var trials = []trial{
	{name: "table", table: checkTable},
	{name: "sole", cpus: 1, nativeOnly: true, stage: stageSole},
	{name: "death", cpus: 2, stage: stageDeath},
	{name: "walk", cpus: 3, random: true, stage: stageWalk},
	{name: "wait", cpus: 2, needs: needMayWait, suits: canBeEmptied, stage: stageWait},
	{name: "rush", cpus: 2, needs: needMayWait, suits: small, stage: stageRush},
	{name: "refusal", cpus: 1, noPreempt: true, needs: needLimit, suits: small, stage: stageRefusal},
	{name: "contexts", cpus: 1, needs: needInterrupts, stage: stageContexts},
	{name: "misuse", cpus: 1, nativeOnly: true, stage: stageMisuse},
	{name: "memory", cpus: 1, nativeOnly: true, needs: needMemory, suits: hasBytes, stage: stageMemory},
	{name: "loops", cpus: 1, nativeOnly: true, needs: needLoops, stage: stageLoops},
	{name: "reserve", cpus: 2, suits: can[designs.Reserver], stage: stageReserve},
	{name: "churn", cpus: 3, random: true, stage: stageChurn},
	{name: "unplug", cpus: 3, random: true, stage: stageUnplug},
	{name: "nolocks", cpus: 3, random: true, needs: needNoLocks, stage: stageNoLocks},
	{name: "bulk", cpus: 2, suits: can[designs.BulkAllocator], stage: stageBulk},
	{name: "bulk-free", cpus: 1, suits: can[designs.BulkFreer], stage: stageBulkFree},
	{name: "range", cpus: 1, nativeOnly: true, suits: can[designs.RangeAllocator], stage: stageRange},
	{name: "resize", cpus: 2, random: true, suits: resizes, stage: stageResize},
	{name: "shortage", cpus: 2, inTurn: true, stage: stageShortage},
}

var (
	errNeverWaits = errors.New("the table says that Alloc never waits")
	errNeverEmpty = errors.New("the table says that Alloc never fails")
	errNoIRQs     = errors.New("the table allows no calls from hard interrupts")
	errNoMemory   = errors.New("items are no memory")
	errTakesLocks = errors.New("the table names no entry that takes no locks")
	errNoLoops    = errors.New("the variant has no loops of its own")
)

func needMayWait(v designs.Variant) error {
	return unless(v.Capabilities.MayWait && !v.Capabilities.Unbounded, errNeverWaits)
}

func needMemory(v designs.Variant) error { return unless(v.Capabilities.Memory, errNoMemory) }
func needLoops(v designs.Variant) error  { return unless(v.Loops != nil, errNoLoops) }

func needNoLocks(v designs.Variant) error { return unless(v.Capabilities.NoLocks, errTakesLocks) }

func needLimit(v designs.Variant) error {
	return unless(v.Capabilities.MayFail && !v.Capabilities.Unbounded, errNeverEmpty)
}

func needInterrupts(v designs.Variant) error {
	return unless(inInterrupts(v.Capabilities.AllocIn) || inInterrupts(v.Capabilities.FreeIn), errNoIRQs)
}

func unless(holds bool, err error) error {
	if holds {
		return nil
	}
	return err
}

// inInterrupts reports whether a list of contexts allows hard interrupts.
func inInterrupts(contexts []kernel.Context) bool { return slices.Contains(contexts, kernel.HardIRQ) }

func small(_ designs.Variant, c designs.Config) bool { return c.Items <= 128 }

// resizes: what the knobs change has nothing to do with the size.
func resizes(v designs.Variant, c designs.Config) bool {
	return len(c.Knobs) == 0 && can[designs.Resizer](v, c)
}

func hasBytes(_ designs.Variant, c designs.Config) bool { return c.Bytes > 0 }

// canBeEmptied: callers that may not wait can take all items, so that nobody who comes then gets one.
func canBeEmptied(v designs.Variant, c designs.Config) bool {
	return small(v, c) && (!v.Capabilities.HoldsBack || c.Room <= c.Items)
}

// leavesOut says why the trial does not apply to a variant, "" when it does.
func (tr trial) leavesOut(v designs.Variant) string {
	if tr.needs != nil {
		if err := tr.needs(v); err != nil {
			return err.Error()
		}
	}
	return ""
}

// How many seeds, and so schedules, a trial runs under on the simulated machine.
const (
	simSeeds    = 80 // for allocators of a few items, where callers meet
	simSeedsBig = 2  // for the rest, whose closing takes all items
	fewItems    = 8
)

// seeds is how many simulated runs a configuration gets. A knob at an end alone is left to the native runs, and many items are tried with the
// default knobs only.
func seeds(v designs.Variant, c designs.Config) int {
	switch {
	case len(c.Knobs) != 0 && len(c.Knobs) != len(v.Knobs):
		return 0
	case c.Items <= fewItems:
		return simSeeds
	case c.Items <= 64:
		return simSeedsBig
	case len(c.Knobs) == 0 && v.Capabilities.Over == "": // in a layer an item takes several times the steps, and many of them show nothing new
		return 1
	}
	return 0
}

// try runs the trial in every configuration that suits it, and returns the first failure.
func (tr trial) try(v designs.Variant, seen *tally) error {
	if tr.table != nil {
		if err := tr.table(v); err != nil {
			return &Failure{Trial: tr.name, Where: v.FullName(), Message: err.Error()}
		}
		return nil
	}
	if tr.inTurn {
		return tr.tryInTurn(v, seen)
	}
	if err := tr.eachConfig(v, seen, tr.tryNative); err != nil {
		return err
	}
	return tr.trySimulated(v, seen, 0, simSeeds)
}

// trySimulated is the simulated half of try, for the seeds from first to last-1; nothing where the trial or the variant has none.
func (tr trial) trySimulated(v designs.Variant, seen *tally, first, last int) error {
	if !choice.Enabled || tr.table != nil || tr.inTurn || tr.nativeOnly || v.Capabilities.NativeOnly {
		return nil
	}
	return tr.eachConfig(v, seen, func(v designs.Variant, c designs.Config, seen *tally) error {
		return tr.trySim(v, c, seen, first, min(last, seeds(v, c)))
	})
}

func (tr trial) eachConfig(v designs.Variant, seen *tally, try func(designs.Variant, designs.Config, *tally) error) error {
	for _, c := range configs(v) {
		if tr.suits != nil && !tr.suits(v, c) {
			continue
		}
		if err := try(v, c, seen); err != nil {
			return err
		}
	}
	return nil
}

// failure says where an error was found.
func (tr trial) failure(v designs.Variant, c designs.Config, where string, err error) error {
	f := &Failure{Trial: tr.name, Where: fmt.Sprintf("%s %s, %s", v.FullName(), label(c), where), Message: err.Error()}
	var b *spec.Breach
	if errors.As(err, &b) {
		f.Sentence, f.Message = b.Sentence, b.Message
	}
	return f
}
