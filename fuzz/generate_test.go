package fuzz

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/internal/rng"
)

// mostHeld is the most items a task may hold when it begins to wait, from its operations alone: no attempt fails, and nothing is freed twice.
func mostHeld(t Task) (most int) {
	held := 0
	for _, o := range t.Ops {
		switch o.Code {
		case Try:
			held++
		case Wait:
			most = max(most, held)
			held++
		case Free, FreeLast, Complete:
			held = max(0, held-1)
		}
	}
	return most
}

// generated draws a program of a variant of the catalog, and the variant.
func generated(t *rapid.T) (Program, designs.Variant, uint64) {
	v := rapid.SampledFrom(catalog.All()).Draw(t, "variant")
	seed := rapid.Uint64().Draw(t, "seed")
	stream := rng.New(seed)
	return Ordinary.Generate(&stream, v), v, seed
}

// Every generated program is within the limits, its knobs are within theirs and, the sizes among them, in descending order, and the file it makes reads as the same.
func TestGeneratedProgramsAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, v, _ := generated(t)
		if err := p.check(); err != nil {
			t.Fatal(err)
		}
		if err := p.Config.Validate(v.Knobs); err != nil {
			t.Fatal(err)
		}
		sizes := slices.DeleteFunc(slices.Clone(v.Knobs), isChoice)
		for i := 1; i < len(sizes); i++ {
			if p.Config.Knobs[sizes[i].Name] > p.Config.Knobs[sizes[i-1].Name] {
				t.Fatalf("knobs %v: %s is above %s", p.Config.Knobs, sizes[i].Name, sizes[i-1].Name)
			}
		}
		r, err := ParseReplay("generated", replayHeader+"\n"+p.String()+"class deadlock\nhash 0\nschedule 0x1\n")
		if err != nil || !reflect.DeepEqual(r.Program, p) {
			t.Fatalf("%v:\n%s\nreads as\n%s", err, p.String(), r)
		}
	})
}

// No program asks for more than there is: what tasks hold at their waits, all together, leaves an item, so a run that gets stuck is a finding.
func TestGeneratedProgramsNeverAskForTooMuch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, v, _ := generated(t)
		held := 0
		for _, task := range p.Tasks {
			held += mostHeld(task)
		}
		if guaranteed := v.Guaranteed(p.Config); held >= guaranteed {
			t.Fatalf("%d items are held at waits, %d there are:\n%s", held, guaranteed, p.String())
		}
		if !v.Capabilities.MayWait && strings.Contains(p.String(), string(Wait)) {
			t.Fatalf("a variant that never waits is asked to:\n%s", p.String())
		}
	})
}

// Equal seeds give equal programs.
func TestEqualSeedsGiveEqualPrograms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, v, seed := generated(t)
		stream := rng.New(seed)
		if again := Ordinary.Generate(&stream, v); !reflect.DeepEqual(again, p) {
			t.Fatalf("seed %d gives\n%s\nand then\n%s", seed, p.String(), again.String())
		}
	})
}

// Between them, a few hundred programs hold every operation, one to four tasks, and waits with items in hand.
func TestGeneratedProgramsAreVaried(t *testing.T) {
	v, err := catalog.Default("percpu_tags")
	if err != nil {
		t.Fatal(err)
	}
	stream := rng.New(1)
	seen, tasks, held := map[Code]int{}, map[int]int{}, 0
	for range 300 {
		p := Ordinary.Generate(&stream, v)
		tasks[len(p.Tasks)]++
		for _, task := range p.Tasks {
			held += mostHeld(task)
			for _, o := range task.Ops {
				seen[o.Code]++
			}
		}
	}
	if len(seen) != ordinaryCodes || len(tasks) != 4 || held == 0 {
		t.Errorf("operations %v, tasks %v, %d items held at waits", seen, tasks, held)
	}
}
