//go:build sim

package fuzz

import (
	"slices"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/kernel/mutant"
)

// A run that fails in one way is not made into one that fails in another of the same class, though that is smaller.
func TestShrinkingKeepsToTheFailure(t *testing.T) {
	v := toyVariant("panics in two ways")
	p := Program{Design: "toy", Variant: v.Name, CPUs: 1, Config: designs.Config{Items: 3}, Tasks: []Task{{Ops: []Op{{Code: Yield}, {Code: Try}, {Code: Try}, {Code: Free}}}}}
	found := hunt(t, Hunt{Variant: v, Seed: 1, Executions: 1, Programs: []Program{p}}).Failure
	if found == nil || found.Message != "toy: item 1 is handed out" {
		t.Fatalf("it fails by %v", found)
	}
	small, shrunk, err := (&Shrinker{Variant: v, Stop: never}).Run(found)
	if err != nil || !shrunk.Finished || small.Message != found.Message || small.Program.ops() != 2 {
		t.Errorf("it shrinks to %v, %v", small, err)
	}
}

// Every mistake of percpu_tags shrinks to a run that fails in the same class, that replays, that has no more of anything than before, and that no
// further reduction makes smaller.
func TestFailuresShrinkToMinimalOnes(t *testing.T) {
	defer SetMutant("")
	for _, m := range mutant.All() {
		if m.Host != "designs/percpu_tags" || slices.Contains(elsewhere, m.ID) {
			continue
		}
		found := huntMutant(t, m.ID)
		if found == nil {
			t.Errorf("%s is not found", m.ID)
			continue
		}
		v, err := catalog.Find("percpu_tags", found.Program.Variant)
		if err != nil {
			t.Fatal(err)
		}
		shrinker := &Shrinker{Variant: v, Stop: never}
		small, shrunk, err := shrinker.Run(found)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %+v", m.ID, *shrunk)
		if small.Class != found.Class || !shrunk.Finished || !small.Minimal {
			t.Errorf("%s shrinks to class %s of %s, finished %v, minimal %v", m.ID, small.Class, found.Class, shrunk.Finished, small.Minimal)
		}
		if a, b := shrunk.After, shrunk.Before; a.Tasks > b.Tasks || a.Ops > b.Ops || a.Items > b.Items || a.CPUs > b.CPUs || a.Preemptions > b.Preemptions {
			t.Errorf("%s shrinks from %+v to %+v", m.ID, b, a)
		}
		if run, err := small.Play(); err != nil || run.Failure.Class != found.Class {
			t.Errorf("%s: the small run replays as %v, %v", m.ID, run, err)
		}
		again, second, err := (&Shrinker{Variant: v, Stop: never}).Run(small)
		if err != nil || again.String() != small.String() {
			t.Errorf("%s shrinks further, %+v, %v:\n%s\n%s", m.ID, second, err, small, again)
		}
	}
}
