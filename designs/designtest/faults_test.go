package designtest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/kernel"
	"headroom/kernel/choice"
)

// The toy without a fault passes, so the failures below come from the faults.
func TestSuitePassesAnAllocatorThatKeepsTheContract(t *testing.T) { Run(t, toyVariant("")) }

// faults are mistakes planted in the toy, and the sentence that the suite must name.
var faults = []struct {
	fault    string
	sentence spec.Sentence
	trial    string // that finds it; "" when the whole suite is tried
}{
	{"hands out twice", spec.C1, ""},
	{"foreign error", spec.C1, ""},
	{"item with an error", spec.C1, ""},
	{"panics in Alloc", spec.C1, ""},
	{"overlapping objects", spec.C1, ""},
	{"shared memory", spec.C1, "memory"},
	{"out of range", spec.C2, ""},
	{"short memory", spec.C2, "memory"},
	{"keeps one back", spec.C3, ""},
	{"loses items", spec.C4, ""},
	{"panics in Free", spec.C4, ""},
	{"refuses who may wait", spec.C5, ""},
	{"never wakes", spec.C5, "wait"},
	{"wakes a lone waiter only", spec.C5, "wait"},
	{"polls", spec.C5, "wait"},
	{"sleeps without leave", spec.C6, ""},
	{"sleeps in interrupts", spec.C6, "contexts"},
	{"wrong error", spec.C6, ""},
	{"sees ghosts", spec.C7, ""},
	{"panics in Check", spec.C7, ""},
	{"miscounts", spec.C7, "sole"},
	{"takes anything", spec.C8, "misuse"},
	{"panics too late", spec.C8, "misuse"},
	{"overlooks doubles", spec.C8, "misuse"},
	{"buries items", spec.C9, "death"},
	{"panics at a CPU's death", spec.C9, "death"},
	{"gives without locks what it keeps", spec.C1, "nolocks"},
}

// A toy with one fault is caught, and the failure names the sentence it breaks.
func TestSuiteCatchesEachFault(t *testing.T) {
	for _, f := range faults {
		t.Run(f.fault, func(t *testing.T) { mustCatch(t, toyVariant(f.fault), f.sentence, f.trial) })
	}
}

func mustCatch(t *testing.T, v designs.Variant, sentence spec.Sentence, trial string) {
	t.Helper()
	var found *Failure
	err := tryOnly(t, v, trial)
	switch {
	case err == nil:
		t.Fatal("the suite passed it")
	case !errors.As(err, &found):
		t.Fatalf("%v is no Failure", err)
	case found.Sentence != sentence:
		t.Errorf("found as %q, want %q: %v", found.Sentence, sentence, err)
	}
	t.Log(err)
}

// tryOnly runs one trial of the suite, or all when name is "".
func tryOnly(t *testing.T, v designs.Variant, name string) error {
	if name == "" {
		return Try(v)
	}
	for _, tr := range trials {
		if tr.name == name {
			return tr.try(v, &tally{})
		}
	}
	t.Fatalf("no trial is called %s", name)
	return nil
}

// Who may oversleep is to be served all the same once everybody has given back what he holds.
func TestOversleepersMustBeServed(t *testing.T) {
	for _, fault := range []string{"never wakes", "wakes a lone waiter only", "polls"} {
		v := toyVariant(fault)
		v.Capabilities.Oversleeps = true
		mustCatch(t, v, spec.C5, "wait")
	}
	v := toyVariant("")
	v.Capabilities.Oversleeps = true
	if err := tryOnly(t, v, "wait"); err != nil {
		t.Error(err)
	}
}

// No sentence of the contract is without a fault that the suite finds by it: those of C10 are in TestSuiteTriesPromises.
func TestEverySentenceHasAFault(t *testing.T) {
	for _, s := range spec.Sentences() {
		if !slices.ContainsFunc(faults, func(f struct {
			fault    string
			sentence spec.Sentence
			trial    string
		}) bool {
			return f.sentence == s
		}) && s != spec.C10 {
			t.Errorf("no toy breaks %s", s)
		}
	}
}

// tampered are mistakes in the table or in what stands beside the allocator, and what the failure must say.
var tampered = []struct {
	name   string
	tamper func(v *designs.Variant)
	trial  string
	says   string
}{
	{"no New", func(v *designs.Variant) { v.New = nil }, "table", "New and Guaranteed"},
	{"unknown kind", func(v *designs.Variant) { v.Capabilities.Kind = "brick" }, "table", "brick"},
	{"no summary", func(v *designs.Variant) { v.Summary = "" }, "table", "Summary"},
	{"no guarantee", func(v *designs.Variant) { v.Capabilities.Guarantee = "" }, "table", "Guarantee"},
	{"no contexts", func(v *designs.Variant) { v.Capabilities.AllocIn = nil }, "table", "process context"},
	{"context twice", func(v *designs.Variant) {
		v.Capabilities.FreeIn = []kernel.Context{kernel.Process, kernel.Process}
	}, "table", "twice"},
	{"neither waits nor fails", func(v *designs.Variant) {
		v.Capabilities.MayWait, v.Capabilities.MayFail = false, false
	}, "table", "wait or fail"},
	{"half the loops", func(v *designs.Variant) { v.Loops = &designs.Loops{Pair: toyPair} }, "table", "loops"},
	{"knob without a range", func(v *designs.Variant) {
		v.Knobs = []designs.Knob{{Name: "k", Standard: 9, Low: 1, High: 3, Meaning: "m"}}
	}, "table", "lies outside"},
	{"knob twice", func(v *designs.Variant) { v.Knobs = append(v.Knobs, v.Knobs[0]) }, "table", "two knobs"},
	{"guarantees nothing", func(v *designs.Variant) { v.Guaranteed = func(designs.Config) int { return 0 } }, "table", "Guaranteed is 0"},
	{"guarantees too much", func(v *designs.Variant) {
		v.Guaranteed = func(c designs.Config) int { return c.Items + 1 }
	}, "table", "more than there are"},
	{"breaks a sentence without a word", func(v *designs.Variant) { v.Breaks = []string{"C5"} }, "table", "KnownFaults must say"},
	{"breaks no sentence there is", func(v *designs.Variant) {
		v.Breaks, v.Capabilities.KnownFaults = []string{"C11"}, "a fault"
	}, "table", "no sentence of the contract"},
	{"takes any knob", func(v *designs.Variant) {
		v.New = func(p kernel.Place, c designs.Config) (designs.Allocator, error) {
			return newToy(p, designs.Config{Items: max(c.Items, 1)}, "")
		}
	}, "table", "out of range"},
	{"allocator with the error", func(v *designs.Variant) {
		v.New = func(p kernel.Place, c designs.Config) (designs.Allocator, error) { return (*toy)(nil), errForeign }
	}, "table", "is not nil"},
	{"refuses the defaults", func(v *designs.Variant) {
		v.New = func(p kernel.Place, c designs.Config) (designs.Allocator, error) { return nil, errForeign }
	}, "sole", "refused the default"},
	{"says it cannot fail", func(v *designs.Variant) { v.Capabilities.MayFail = false }, "sole", "cannot"},
	{"says it never waits", func(v *designs.Variant) { v.Capabilities.MayWait = false }, "refusal", "gave its CPU away"},
	{"loop that fails", func(v *designs.Variant) {
		v.Loops = &designs.Loops{Window: toyWindow, Pair: func(designs.Allocator, *kernel.Task, kernel.GFP, int, *designs.Records) int { return 1 }}
	}, "loops", "Pair failed"},
	{"loop that keeps items", func(v *designs.Variant) {
		v.Loops = &designs.Loops{Window: toyWindow, Pair: func(a designs.Allocator, t *kernel.Task, gfp kernel.GFP, ops int, _ *designs.Records) int {
			_, _ = a.Alloc(t, gfp)
			return 0
		}}
	}, "loops", "failed"},
	{"loop that forgets the records", func(v *designs.Variant) {
		v.Loops = &designs.Loops{Window: toyWindow, Pair: func(a designs.Allocator, t *kernel.Task, gfp kernel.GFP, ops int, _ *designs.Records) int {
			return toyPair(a, t, gfp, ops, nil)
		}}
	}, "loops", "touched"},
	{"highest id first", func(v *designs.Variant) { v.Capabilities.Kind = designs.ID }, "walk", "lowest free"},
}

// A variant whose table or loops do not tell the truth is caught.
func TestSuiteCatchesFalseTables(t *testing.T) {
	for _, f := range tampered {
		t.Run(f.name, func(t *testing.T) {
			v := toyVariant("")
			f.tamper(&v)
			var found *Failure
			err := tryOnly(t, v, f.trial)
			switch {
			case err == nil:
				t.Fatal("the suite passed it")
			case !errors.As(err, &found) || !strings.Contains(err.Error(), f.says):
				t.Errorf("want trial %s to say %q: %v", f.trial, f.says, err)
			}
			t.Log(err)
		})
	}
}

// A capability that never showed is reported, however well the trials went: each count that is needed is taken away in turn.
func TestTallyMissesWhatNeverHappened(t *testing.T) {
	full := tally{runs: 1, allocs: 1, waits: 1, refusals: 1, irqs: 1, unplugs: 1, lockless: 1}
	v := toyVariant("")
	if err := full.complete(v); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		lose func(c *tally)
		says string
	}{
		{func(c *tally) { c.allocs = 0 }, "no allocation"},
		{func(c *tally) { c.unplugs = 0 }, "unplugged"},
		{func(c *tally) { c.waits = 0 }, "asleep"},
		{func(c *tally) { c.refusals = 0 }, "refused"},
		{func(c *tally) { c.irqs = 0 }, "hard interrupts"},
		{func(c *tally) { c.lockless = 0 }, "NoLocks"},
	} {
		less := full
		c.lose(&less)
		if err := less.complete(v); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v, want %q", &less, err, c.says)
		}
	}
}

// A fault that the table owns up to is passed over, other faults are not, and one that is never seen is no fault of the variant.
func TestKnownFaultsArePassedOver(t *testing.T) {
	known := func(fault string, sentences ...string) designs.Variant {
		v := toyVariant(fault)
		v.Breaks, v.Capabilities.KnownFaults = sentences, "as the test says"
		return v
	}
	other := "" // on real threads one of the sentences is enough
	if choice.Enabled {
		other = "the table says that the variant breaks C9, and it never did"
	}
	for _, c := range []struct {
		variant designs.Variant
		says    string // "" when the suite passes it
	}{
		{known("never wakes", "C5"), ""},
		{known("never wakes", "C3"), "C5: "},
		{known("", "C5"), "the table says that the variant breaks [C5], and it never did"},
		{known("never wakes", "C5", "C9"), other},
	} {
		err := Try(c.variant)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s that breaks %v: %v, want %q", c.variant.FullName(), c.variant.Breaks, err, c.says)
		}
	}
}
