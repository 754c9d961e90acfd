// Package designtest is the conformance suite: one call tries every sentence of the contract in package designs on a variant.
//
//	func TestVariants(t *testing.T) {
//		for _, v := range mydesign.Variants() {
//			t.Run(v.Name, func(t *testing.T) { designtest.Run(t, v) })
//		}
//	}
//
// A trial is a small program on a machine: tasks, interrupts and an unplugged CPU that use one allocator. Each trial runs natively; in the sim
// build, unless the variant is NativeOnly, it also runs on the simulated machine under many seeded random schedules, with plain words checked for
// data races. The trials, and the sentences they can find broken:
//
//	table     the capability table is well-formed; New refuses what is out of range
//	sole      C1 C2 C3 C4 C6 C7  one caller takes all, is refused, gives back in three orders; counts of refusals agree
//	death     C9                 a CPU takes all items, gives them back, and dies
//	walk      C1 to C7, C9       random calls, one at a time, on changing CPUs, beside the model of package spec; a CPU dies on the way
//	wait      C5                 callers sleep on an empty allocator; frees on another CPU wake them
//	rush      C5                 a caller comes to an empty allocator at the moment in which the items are freed
//	refusal   C6                 another task of the CPU runs the moment a caller that may not wait gives the CPU away
//	contexts  C1 C6              calls from a hard interrupt, as far as the table allows them
//	misuse    C8                 frees of items that are out of range, and of an idle one
//	memory    C1 C2              every byte of every item is written and read back
//	loops     C1 C4              the measuring loops do what they say
//	reserve   C10                promises are made and drawn while others take all there is; reservers sleep, and cancel
//	churn     C1 to C5, C7       tasks on all CPUs, interrupts that free on other CPUs
//	unplug    C1 to C5, C7, C9   churn, while a CPU goes offline
//	nolocks   C1 C4 C6           calls of the entry that takes no locks, as a function and by the flag, on all CPUs and in interrupts
//	bulk      C1 C3 C5           bulks on all CPUs; a sole caller gets all that is guaranteed in bulks
//	bulk-free C4                 items are freed by the words that name them
//	range     C2 C3              the lowest free item of random ranges, beside a list of what is held
//	resize    C4 C5 C8           churn, while a task changes the size
//	shortage  C1 C4 C5 C7        every call that wants pages fails once, in New too: what is refused leaves nothing behind
//
// Every trial but misuse ends with the closing: when all callers are done, a sole caller takes all items twice (C3, C4), and Check runs (C7).
//
// C8 is tried as far as a design without a list of owners can keep it: an idle item that is freed again is reported by a panic, changes
// nothing, or is found by the next Check.
//
// A failure names the sentence, the trial, the configuration and the seed. Run shows the command that repeats it: the trials draw on nothing but
// the seed, so a simulated failure repeats exactly.
//
// Sentences that a variant is known to break (Variant.Breaks) are passed over where they are broken, and have to be seen broken once.
//
// What is not tried: SoftIRQ and NMI contexts (machines raise hard interrupts only), IRQPairs, OwnLocks, HoldsBack, KeepsAside, Misses, OnZones, and calls
// of AllocBulk that wait beside others. TakesLocks is tried where there is an entry that takes no locks. A variant that
// holds items back has no trial wait with more room than items: nobody can empty it there.
package designtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/kernel/choice"
	"headroom/kernel/sim"
)

// Failure is what a trial found.
type Failure struct {
	Sentence spec.Sentence // of the contract; "" for a fault of the table, or one that no sentence is about, such as a data race
	Trial    string
	Where    string // variant, configuration, machine and seed
	Message  string
}

// Error gives the failure as one line.
func (f *Failure) Error() string {
	sentence := ""
	if f.Sentence != "" {
		sentence = string(f.Sentence) + ": "
	}
	return fmt.Sprintf("%s%s [trial %s: %s]", sentence, f.Message, f.Trial, f.Where)
}

// Run tries the whole contract on a variant, each trial as a subtest of its own, natively and, in the sim build, on the simulated machine.
func Run(t *testing.T, v designs.Variant) {
	t.Helper()
	seen := &tally{}
	for _, tr := range trials {
		if why := tr.leavesOut(v); why != "" {
			t.Logf("no trial %s: %s", tr.name, why)
			continue
		}
		t.Run(tr.name, func(t *testing.T) {
			if err := tr.try(v, seen); err != nil {
				t.Errorf("%v\nrepeat with: %s", err, repeat(t.Name()))
			}
		})
	}
	if !t.Failed() {
		if err := seen.complete(v); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%s: %v", v.FullName(), seen)
}

// Try is Run without a test: it returns the first *Failure, or nil.
func Try(v designs.Variant) error {
	seen := &tally{}
	for _, tr := range trials {
		if tr.leavesOut(v) != "" {
			continue
		}
		if err := tr.try(v, seen); err != nil {
			return err
		}
	}
	return seen.complete(v)
}

// TrySimulated is the simulated half of Try: what the mutants of a design, which only the sim build has, are to fail. It returns
// sim.ErrNoSimulator in the native build.
func TrySimulated(v designs.Variant) error {
	if !choice.Enabled {
		return sim.ErrNoSimulator
	}
	for _, round := range [][2]int{{0, 10}, {10, simSeeds}} { // first a few schedules of every trial: most faults show soon
		for _, tr := range trials {
			if tr.leavesOut(v) != "" {
				continue
			}
			if err := tr.trySimulated(v, &tally{}, round[0], round[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// repeat is the command that runs one subtest again; it is to be given in the folder of the test.
func repeat(test string) string {
	tags := ""
	if choice.Enabled {
		tags = "-tags sim "
	}
	return fmt.Sprintf("go test %s-count=1 -run '^%s$' .", tags, test)
}

// tally counts what the trials saw happen, since a trial that met no contention shows nothing.
type tally struct {
	runs     int // of one machine each
	allocs   int
	waits    int // callers seen asleep
	refusals int // calls of Alloc that answered with an error
	irqs     int // interrupts that called the allocator
	unplugs  int
	points   int                   // calls for pages that were made to fail
	lockless int                   // items that came from the entry that takes no locks
	rejected int                   // configurations within the table's ranges that New refused
	broken   map[spec.Sentence]int // runs in which a sentence that the variant is known to break was broken
}

// excuses reports whether a failure is a known fault of the variant, and counts it.
func (c *tally) excuses(v designs.Variant, failure error) bool {
	var f *Failure
	if !errors.As(failure, &f) || !slices.Contains(v.Breaks, string(f.Sentence)) {
		return false
	}
	if c.broken == nil {
		c.broken = map[spec.Sentence]int{}
	}
	c.broken[f.Sentence]++
	return true
}

func (c *tally) add(o *tally) {
	c.runs += o.runs
	c.allocs += o.allocs
	c.waits += o.waits
	c.refusals += o.refusals
	c.irqs += o.irqs
	c.unplugs += o.unplugs
	c.lockless += o.lockless
}

// String lists the counts.
func (c *tally) String() string {
	known := ""
	for _, sentence := range spec.Sentences() {
		if n := c.broken[sentence]; n > 0 {
			known += fmt.Sprintf(", %s broken %d times as known", sentence, n)
		}
	}
	return fmt.Sprintf("%d runs, %d allocations, %d refusals, %d waits, %d interrupts, %d unplugs, %d failures planted, %d configurations rejected%s",
		c.runs, c.allocs, c.refusals, c.waits, c.irqs, c.unplugs, c.points, c.rejected, known)
}

// complete is the error of a capability that is declared and never showed.
func (c *tally) complete(v designs.Variant) error {
	can := v.Capabilities
	var missing []error
	need := func(declared bool, count int, what string) {
		if declared && count == 0 {
			missing = append(missing, errors.New(what))
		}
	}
	need(true, c.allocs, "no allocation succeeded")
	need(true, c.unplugs, "no CPU was unplugged")
	// Real threads meet in the order they like, so there one of the sentences has to show, and on the simulated machine each.
	broken := 0
	for _, sentence := range v.Breaks {
		n := c.broken[spec.Sentence(sentence)]
		broken += n
		need(choice.Enabled, n, "the table says that the variant breaks "+sentence+", and it never did")
	}
	need(len(v.Breaks) > 0, broken, fmt.Sprintf("the table says that the variant breaks %v, and it never did", v.Breaks))
	need(can.MayWait, c.waits, "MayWait is declared and no caller was ever seen asleep")
	need(can.NoLocks, c.lockless, "NoLocks is declared and its entry never gave an item")
	need(can.MayFail && !can.Unbounded, c.refusals, "MayFail is declared and no caller was ever refused")
	need(inInterrupts(can.AllocIn) || inInterrupts(can.FreeIn), c.irqs, "hard interrupts are declared and none called the allocator")
	if len(missing) == 0 {
		return nil
	}
	return &Failure{Trial: "tally", Where: v.FullName(), Message: errors.Join(missing...).Error()}
}
