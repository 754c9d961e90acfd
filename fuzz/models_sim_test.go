//go:build sim

package fuzz

import (
	"bytes"
	"reflect"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// The mistake SB-01 needs a store buffer: the mark of a freed tag waits there while the free finds no sleeper. Under sc no schedule shows it; under
// tso and weak it is found within the same executions, and the replay file repeats it there.
func TestUnfencedClearIsFoundUnderTSO(t *testing.T) {
	defer SetMutant("")
	program := Program{
		Design: "sbitmap", CPUs: 2, Config: designs.Config{Items: 1, Knobs: map[string]int{}},
		Tasks: []Task{{CPU: 0, Ops: []Op{{Code: Wait}, {Code: Free}}}, {CPU: 1, Ops: []Op{{Code: Wait}, {Code: Free}}}},
	}
	v := defaultVariant(t, "sbitmap")
	for _, id := range []string{"", "SB-01"} {
		for _, memory := range []sim.Memory{sim.SC, sim.TSO, sim.Weak} {
			SetMutant(mutantID(t, id))
			p := program
			p.Traits.Memory = memory
			found := hunt(t, Hunt{Variant: v, Seed: huntSeed, Executions: huntExecutions, Programs: []Program{p}})
			want := id != "" && memory != sim.SC
			if (found.Failure != nil) != want {
				t.Errorf("mutant %q under %v: %d executions end with %v", id, memory, found.Executions, found.Failure)
			}
			if !want || found.Failure == nil {
				continue
			}
			t.Logf("%s under %v: found after %d executions", id, memory, found.Executions)
			if found.Failure.Class != sim.Waiting {
				t.Errorf("found as %s: %s", found.Failure.Class, found.Failure.Message)
			}
			back, err := ParseReplay("replay", found.Failure.String())
			if err != nil || !reflect.DeepEqual(back, found.Failure) {
				t.Fatalf("the file\n%sreads as %+v, %v", found.Failure, back, err)
			}
			var listing bytes.Buffer
			if f, err := back.Play(&listing); err != nil || f == nil || f.Message != back.Message {
				t.Errorf("played, the failure is %v, %v; want %s", f, err, back.Message)
			}
			if !bytes.Contains(listing.Bytes(), []byte("a store reaches memory")) {
				t.Errorf("the listing does not show the store buffer:\n%s", listing.String())
			}
		}
	}
}

// The designs as they are survive machines that act by themselves, and each memory model.
func TestDesignsSurviveMachinesThatAct(t *testing.T) {
	for _, v := range catalog.All() {
		if v.Capabilities.NativeOnly || len(v.Breaks) > 0 {
			continue
		}
		for _, memory := range []sim.Memory{sim.TSO, sim.Weak} {
			found := hunt(t, Hunt{Variant: v, Seed: 1, Executions: gateExecutions / 40, Traits: Traits{Memory: memory}})
			if found.Failure != nil {
				t.Errorf("%s under %v fails:\n%s", v.FullName(), memory, found.Failure)
			}
		}
		if found := hunt(t, Hunt{Variant: v, Seed: 2, Executions: gateExecutions / 40, Vary: true}); found.Failure != nil {
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
