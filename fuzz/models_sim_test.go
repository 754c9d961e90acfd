//go:build sim

package fuzz

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/fuzz/explore"
	"headroom/fuzz/scenario/clients"
	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// unfenced is a program on which the mistake SB-01 shows: two tasks that wait for one tag.
func unfenced(traits Traits) Program {
	return Program{Design: "sbitmap", CPUs: 2, Config: designs.Config{Items: 1, Knobs: map[string]int{}}, Traits: traits,
		Tasks: []Task{{CPU: 0, Ops: []Op{{Code: Wait}, {Code: Free}}}, {CPU: 1, Ops: []Op{{Code: Wait}, {Code: Free}}}}}
}

// The mistake SB-01 needs a store buffer: the mark of a freed tag waits there while the free finds no sleeper. Under sc no schedule shows it; under
// tso and weak every strategy finds it within the same executions, and the replay file repeats it there.
func TestUnfencedClearIsFoundUnderTSO(t *testing.T) {
	defer SetMutant("")
	v := defaultVariant(t, "sbitmap")
	for _, strategy := range explore.Names {
		for _, id := range []string{"", "SB-01"} {
			for _, memory := range []sim.Memory{sim.SC, sim.TSO, sim.Weak} {
				SetMutant(mutantID(t, id))
				found := hunt(t, Hunt{Variant: v, Strategy: strategy, Bound: 3, Seed: huntSeed, Executions: huntExecutions / 5,
					Programs: []Program{unfenced(Traits{Memory: memory})}})
				want := id != "" && memory != sim.SC
				if (found.Failure != nil) != want {
					t.Errorf("%s, mutant %q under %v: %d executions end with %v", strategy, id, memory, found.Executions, found.Failure)
				}
				if want && found.Failure != nil {
					t.Logf("%s, %s under %v: found after %d executions", strategy, id, memory, found.Executions)
					if found.Failure.Class != sim.Waiting {
						t.Errorf("found as %s: %s", found.Failure.Class, found.Failure.Message)
					}
					listing := replayed(t, found.Failure)
					if !strings.Contains(listing, "a store reaches memory") {
						t.Errorf("the listing does not show the store buffer:\n%s", listing)
					}
				}
			}
		}
	}
}

// replayed checks that the file of a run reads back as it was, prints the same bytes, and fails again as it did. It returns the listing.
func replayed(t *testing.T, r *Replay) string {
	t.Helper()
	back, err := ParseReplay("replay", r.String())
	if err != nil || !reflect.DeepEqual(back, r) || back.String() != r.String() {
		t.Fatalf("the file\n%sreads as %+v, %v", r, back, err)
	}
	var listing bytes.Buffer
	run, err := back.Play()
	if err != nil || run.Failure == nil || run.Failure.Message != back.Message || run.Print(&listing) != nil {
		t.Fatalf("played, it is %v, %v; want %s", run, err, back.Message)
	}
	return listing.String()
}

// A failure on a machine that does all sorts of things by itself shrinks to the traits that it needs. The schedule follows, though the numbers of
// the machine's own entities change with the program; and what is drawn for the reader names them.
func TestShrinkingTakesTraitsAway(t *testing.T) {
	defer SetMutant("")
	SetMutant(mutantID(t, "SB-01"))
	v := defaultVariant(t, "sbitmap")
	program := unfenced(Traits{Memory: sim.Weak, Nested: true, Faults: 2, Migrations: 2, Kills: 1})
	program.CPUs = 3
	program.Tasks = append(program.Tasks, Task{CPU: 2, Ops: []Op{{Code: Wait}, {Code: Complete, CPU: 1}, {Code: Yield}}})
	found := hunt(t, Hunt{Variant: v, Seed: huntSeed, Executions: huntExecutions, Programs: []Program{program}}).Failure
	if found == nil {
		t.Fatal("SB-01 is not found")
	}
	if !slices.ContainsFunc(found.Schedule, func(s explore.Segment) bool { return len(s.Answers) > 0 }) {
		t.Errorf("no question was asked:\n%s", found)
	}
	replayed(t, found)
	small, shrunk, err := (&Shrinker{Variant: v, Stop: never}).Run(found)
	if err != nil {
		t.Fatal(err)
	}
	left := small.Program.Traits
	left.Migrations = 0 // one may be left, in place of tasks that start on two CPUs
	if small.Class != found.Class || left != (Traits{Memory: sim.TSO}) || small.Program.Traits.Migrations > 1 || len(small.Program.Tasks) != 2 || small.Program.ops() > 3 {
		t.Errorf("it shrinks by %+v to\n%s", *shrunk, small)
	}
	if text := small.String(); !strings.Contains(replayed(t, small), "a store reaches memory") || !strings.Contains(text, "@a store reaches memory\n") {
		t.Errorf("the store buffer is not named:\n%s", text)
	}
	run, err := small.Play()
	if err != nil {
		t.Fatal(err)
	}
	var drawing bytes.Buffer
	if err := run.Draw(&drawing); err != nil || !strings.Contains(drawing.String(), "buffer") || !strings.Contains(drawing.String(), "a store reaches memory") {
		t.Errorf("drawn: %v\n%s", err, drawing.String())
	}
}

// The designs as they are survive machines that act by themselves, and each memory model.
func TestDesignsSurviveMachinesThatAct(t *testing.T) {
	for _, v := range catalog.All() {
		if v.Capabilities.NativeOnly || len(v.Breaks) > 0 {
			continue
		}
		for _, memory := range []sim.Memory{sim.TSO, sim.Weak} {
			found := hunt(t, Hunt{Variant: v, Seed: 1, Executions: gateExecutions / 20, Traits: Traits{Memory: memory}})
			if found.Failure != nil {
				t.Errorf("%s under %v fails:\n%s", v.FullName(), memory, found.Failure)
			}
		}
		if found := hunt(t, Hunt{Variant: v, Seed: 2, Executions: gateExecutions / 20, Vary: true}); found.Failure != nil {
			t.Errorf("%s fails on a machine that acts:\n%s", v.FullName(), found.Failure)
		}
	}
}

// Traits drawn are within the limits, are off and on, and come with what they need.
func TestGeneratedTraitsAreVaried(t *testing.T) {
	stream := rng.New(1)
	tags, pools := defaultVariant(t, "percpu_tags"), defaultVariant(t, "mempool")
	var seen [6][2]int
	count := func(i int, on bool) {
		if on {
			seen[i][1]++
		} else {
			seen[i][0]++
		}
	}
	for range 300 {
		r := GenerateTraits(&stream, tags, 2)
		for i, on := range []bool{r.Memory != sim.SC, r.Nested, r.Faults > 0, r.Migrations > 0, r.Hotplugs > 0, r.Kills > 0} {
			count(i, on)
		}
		if alone := GenerateTraits(&stream, pools, 1); alone.Migrations+alone.Hotplugs > 0 {
			t.Fatalf("one CPU alone: %+v", alone)
		}
	}
	for i, n := range seen {
		if min(n[0], n[1]) < 30 {
			t.Errorf("trait %d is off in %d and on in %d of 300 draws", i, n[0], n[1])
		}
	}
}

// So do the clients. A task that is killed in an allocation may use the reserve, and nobody counts it among those who may.
func TestClientsSurviveMachinesThatAct(t *testing.T) {
	for _, v := range clients.Variants() {
		for _, h := range []Hunt{{Traits: Traits{Kills: 2}}, {Vary: true}} {
			h.Variant, h.Seed, h.Executions = v, 3, gateExecutions/10
			if found := hunt(t, h); found.Failure != nil {
				t.Errorf("%s fails on a machine that acts:\n%s", v.FullName(), found.Failure)
			}
		}
	}
}
