//go:build sim

package fuzz

import (
	"errors"
	"math/bits"
	"slices"
	"testing"

	"headroom/designs"
	"headroom/kernel/sim"
)

// switchOnce lets the first entity run, changes to the others at one step, and comes back when none of them can go on.
type switchOnce struct{ at, step int }

func (s *switchOnce) Next(eligible uint64, _ int) int {
	s.step++
	if others := eligible &^ 1; others != 0 && (s.step > s.at || eligible&1 == 0) {
		return bits.TrailingZeros64(others)
	}
	return bits.TrailingZeros64(eligible)
}

// The race of SB-07 needs a word full of freed tags, a caller that stops in the middle of clearing them for as long as another one takes to look and
// to fall asleep, and a wake-up for every second free. So every place to stop at is tried in turn.
func TestSleeperBesideAWordOfFreedTags(t *testing.T) {
	defer SetMutant("")
	var ops []Op
	for range 16 {
		ops = append(ops, Op{Code: Try})
	}
	for range 16 {
		ops = append(ops, Op{Code: Free})
	}
	last := []Op{{Code: Wait}, {Code: Free}}
	program := Program{
		Design: "sbitmap", CPUs: 2, Config: designs.Config{Items: 16, Knobs: map[string]int{"shift": 4, "wake-batch": 2}},
		Tasks: []Task{{CPU: 0, Ops: append(ops, last...)}, {CPU: 1, Ops: last}},
	}
	r, err := newRunner(defaultVariant(t, "sbitmap"), program, runnerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	found := func() (classes map[sim.Class]int) {
		classes = map[sim.Class]int{}
		for at := range 400 {
			var f *sim.Failure
			if err := r.run(&switchOnce{at: at}); errors.As(err, &f) {
				classes[f.Class]++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		return classes
	}
	if classes := found(); len(classes) != 0 {
		t.Errorf("the bitmap as it is: %v", classes)
	}
	SetMutant(mutantID(t, "SB-07"))
	if classes := found(); classes[sim.Waiting] == 0 || len(classes) != 1 {
		t.Errorf("SB-07 is found as %v", classes)
	}
}

// The race of SB-11 needs two callers asleep, and two CPUs that each free the tag which makes a batch: the one that counts first must look last. The
// free that woke nobody is found by Check when the run is over, since every later free answers for itself alone.
func TestTwoFreesWakeTwoSleepers(t *testing.T) {
	defer SetMutant("")
	hold := Task{CPU: 0, Ops: []Op{{Code: Try}, {Code: Yield}, {Code: Free}}}
	other := hold
	other.CPU = 1
	program := Program{
		Design: "sbitmap", CPUs: 2, Config: designs.Config{Items: 2},
		Tasks: []Task{hold, other, {CPU: 0, Ops: []Op{{Code: Wait}}}, {CPU: 1, Ops: []Op{{Code: Wait}}}},
	}
	v := defaultVariant(t, "sbitmap")
	for _, c := range []struct {
		mutant  string
		classes []sim.Class
	}{{"", nil}, {"SB-11", []sim.Class{sim.Conservation}}} {
		SetMutant(mutantID(t, c.mutant))
		found := hunt(t, Hunt{Variant: v, Seed: huntSeed, Executions: huntExecutions, Programs: []Program{program}})
		switch f := found.Failure; {
		case f == nil && c.classes != nil:
			t.Errorf("%d executions do not find %s", found.Executions, c.mutant)
		case f != nil && !slices.Contains(c.classes, f.Class):
			t.Errorf("mutant %q is found as %s: %s", c.mutant, f.Class, f.Message)
		}
	}
}
