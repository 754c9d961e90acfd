//go:build sim

package fuzz

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"headroom/designs/catalog"
	"headroom/fuzz/explore"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// mutantID is a mutant that exists, or "" for none.
func mutantID(t *testing.T, id string) mutant.ID {
	t.Helper()
	if _, ok := mutant.Find(mutant.ID(id)); id != "" && !ok {
		t.Fatalf("there is no mutant %s", id)
	}
	return mutant.ID(id)
}

// huntSeed and huntExecutions: of ten seeds this is one of those that find every mistake soon; the slowest to be found takes 5,121 executions.
const (
	huntSeed       = 3
	huntExecutions = 20_000
)

// huntMutant switches a mistake on and hunts it; the caller switches it off.
func huntMutant(t *testing.T, id mutant.ID) *Replay {
	t.Helper()
	SetMutant(id)
	v := defaultVariant(t, "percpu_tags")
	if name, ok := inVariant[id]; ok {
		var err error
		if v, err = catalog.Find("percpu_tags", name); err != nil {
			t.Fatal(err)
		}
	}
	return hunt(t, Hunt{Variant: v, Seed: huntSeed, Executions: huntExecutions, NoLockdep: id == "PT-14"}).Failure // which the lock checker finds first
}

// inVariant are the variants that hold mistakes which the default one has no code for.
var inVariant = map[mutant.ID]string{"PT-05": "flag", "PT-06": "flag", "PT-07": "xchg", "PT-09": "lock-reserve-nowait"}

// expected are the classes that each planted mistake may be reported as, by what it breaks.
var expected = map[mutant.ID][]sim.Class{
	"PI-01": {sim.Conservation, sim.Waiting},
	"AI-01": {sim.Uniqueness, sim.Conservation},
	"PT-02": {sim.Conservation, sim.Waiting},
	"PT-03": {sim.Waiting},
	"PT-04": {sim.Uniqueness, sim.Panic, sim.Conservation},
	"PT-05": {sim.Waiting},
	"PT-06": {sim.DataRace, sim.Uniqueness},
	"PT-07": {sim.DataRace, sim.Uniqueness, sim.Waiting, sim.Conservation},
	"PT-09": {sim.Panic},
	"PT-14": {sim.Deadlock, sim.Waiting},
	"KT-01": {sim.Waiting, sim.Deadlock},
	"LK-01": {sim.DataRace, sim.Uniqueness},
	"LK-03": {sim.Waiting, sim.Deadlock},
	"SM-01": {sim.Deadlock, sim.Waiting, sim.Misuse},
	"SM-13": {sim.Conservation, sim.Waiting, sim.Deadlock},
	"SM-02": {sim.Deadlock, sim.Waiting, sim.Panic, sim.Uniqueness},
}

// expectedOfPools are those of mempool: the variant to look at, and the classes. PO-07 to PO-19 break no promise that a generated program has to do
// with, and are killed where they live.
var expectedOfPools = []struct {
	id      mutant.ID
	variant string
	classes []sim.Class
}{
	{"PO-01", "mainline", []sim.Class{sim.Conservation}},
	{"PO-02", "mainline-page", []sim.Class{sim.Waiting}},
	{"PO-02", "molnar", []sim.Class{sim.Waiting}},
	{"PO-03", "mainline-page", []sim.Class{sim.Contract}},
	{"PO-04", "molnar-page", []sim.Class{sim.Waiting, sim.Conservation}},
	{"PO-06", "mainline-mempool", []sim.Class{sim.Uniqueness, sim.Conservation, sim.DataRace}},
}

// The mistakes planted in mempool are found on it.
func TestMistakesOfPoolsAreFound(t *testing.T) {
	defer SetMutant("")
	for _, c := range expectedOfPools {
		v, err := catalog.Find("mempool", c.variant)
		if err != nil {
			t.Fatal(err)
		}
		SetMutant(mutantID(t, string(c.id)))
		f := hunt(t, Hunt{Variant: v, Seed: huntSeed, Executions: huntExecutions}).Failure
		if f == nil || !slices.Contains(c.classes, f.Class) {
			t.Errorf("%s on %s: found %v, want one of %v", c.id, v.FullName(), f, c.classes)
		}
	}
}

// elsewhere are mistakes in the same packages that no program on percpu_tags can show: it takes no Mutex, the hunt itself refuses a run that
// cannot be repeated (SM-03), its lists are locked, so a check that forgets races (SM-04) changes nothing, and a walk does not ask what a step
// touches (SM-16). Nor do a program's callers carry the flags that give a right to a reserve (PT-08, PT-10, PT-12), and a wake-up too many breaks no
// promise (PT-11). The machine of these programs does nothing by itself, so the mistakes in what it would do (SM-05 to SM-12, SM-14, SM-15) change
// nothing. Each is killed where it lives. PI-03 needs a configuration that is drawn from all there are, and PI-05 one task that goes on for long: they are
// found in package families.
var elsewhere = []mutant.ID{"LK-02", "SM-03", "SM-04", "SM-05", "SM-06", "SM-07", "SM-08", "SM-09", "SM-10", "SM-11", "SM-12", "SM-14", "SM-15",
	"SM-16", "PT-08", "PT-10", "PT-11", "PT-12", "PI-03", "PI-05"}

// Every planted mistake that percpu_tags stands on is found, as what it is; the file made of it reads back as it was, and played again it
// fails in the same way, with the same listing, byte for byte.
func TestEveryMutantIsFoundAndReplays(t *testing.T) {
	defer SetMutant("")
	hosts := []string{"designs/percpu_tags", "kernel/lock", "kernel", "kernel/sim"}
	for _, m := range mutant.All() {
		if !slices.Contains(hosts, m.Host) || slices.Contains(elsewhere, m.ID) {
			continue
		}
		t.Run(string(m.ID), func(t *testing.T) {
			r := huntMutant(t, m.ID)
			if r == nil {
				t.Fatalf("%d executions do not find that %s", huntExecutions, m.Story)
			}
			if !slices.Contains(expected[m.ID], r.Class) || r.Mutant != m.ID {
				t.Errorf("found as %s of mutant %q, want one of %v of %s: %s", r.Class, r.Mutant, expected[m.ID], m.ID, r.Message)
			}
			back, err := ParseReplay("replay", r.String())
			if err != nil || !reflect.DeepEqual(back, r) {
				t.Fatalf("the file\n%sreads as %+v, %v; want %+v", r, back, err, r)
			}
			var listings [2]bytes.Buffer
			for i := range listings {
				run, err := back.Play()
				if err != nil || run.Failure == nil || run.Failure.Class != r.Class || run.Failure.Message != r.Message {
					t.Fatalf("played, the run is %v, %v; want %s: %s", run, err, r.Class, r.Message)
				}
				if err := run.Print(&listings[i]); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(listings[0].Bytes(), listings[1].Bytes()) || bytes.Count(listings[0].Bytes(), []byte("\n")) < r.Steps {
				t.Errorf("%d steps are listed as\n%sand again as\n%s", r.Steps, listings[0].String(), listings[1].String())
			}
		})
	}
}

// A mistake that makes runs depend on the run before is no finding about the design, but an error that says so.
func TestHuntNoticesThatItCannotBeRepeated(t *testing.T) {
	defer SetMutant("")
	SetMutant("SM-03")
	h := Hunt{Variant: defaultVariant(t, "percpu_tags"), Seed: huntSeed, Executions: huntExecutions, Stop: never}
	if found, err := h.Run(); err == nil || found.Failure != nil || !strings.Contains(err.Error(), "the run depends on something besides its input") {
		t.Errorf("the hunt ends with %v and finds %v", err, found.Failure)
	}
}

// A replay that takes another way says how it differs: repaired code, another class, an impossible schedule, other steps, choices left over.
func TestReplaySaysHowARunDiffers(t *testing.T) {
	defer SetMutant("")
	recorded := huntMutant(t, "PT-03")
	for _, c := range []struct {
		name   string
		mutant mutant.ID
		damage func(r *Replay)
		says   string
	}{
		{"undamaged", "PT-03", func(*Replay) {}, ""},
		{"repaired", "", func(*Replay) {}, "the run left the recorded schedule after step "},
		{"other class", "PT-03", func(r *Replay) { r.Class = sim.Uniqueness }, "the run failed otherwise (waiting-beside-free-item: "},
		{"other hash", "PT-03", func(r *Replay) { r.Hash++ }, "the run fails as recorded, but by other steps (hash 0x"},
		{"left over", "PT-03", func(r *Replay) {
			r.Schedule = append(slices.Clone(r.Schedule), explore.Segment{Entity: 0, Steps: 1})
		}, "the run fails as recorded, but by other steps"},
		{"impossible", "PT-03", func(r *Replay) {
			r.Schedule = slices.Clone(r.Schedule)
			r.Schedule[2].Entity, r.Schedule[2].Place = 9, ""
		}, ": segment 3, choice 1: entity 9 cannot take a step here: "},
		{"cut short", "PT-03", func(r *Replay) { r.Schedule = r.Schedule[:1] }, "the schedule of 1 segments ended before the run"},
		{"harmless", "", func(r *Replay) {
			r.Program.Tasks = []Task{{Ops: []Op{{Code: Yield}}}}
			r.Schedule = []explore.Segment{{Entity: 0, Steps: 2}}
		}, "the run did not fail; recorded was waiting-beside-free-item: "},
		{"unknown design", "", func(r *Replay) { r.Program.Design = "sixth" }, `no design is called "sixth"`},
	} {
		SetMutant(c.mutant)
		r := *recorded
		c.damage(&r)
		run, err := r.Play()
		switch {
		case c.says == "" && (err != nil || run.Failure == nil):
			t.Errorf("%s: %v, %v", c.name, run, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: the error is %v, want %q in it", c.name, err, c.says)
		}
	}
}

// The step after which a run left its schedule is the last one that followed it, not the last of the run.
func TestReplayNamesTheStepOfDivergence(t *testing.T) {
	defer SetMutant("")
	r := *huntMutant(t, "PT-03")
	r.Schedule = []explore.Segment{{Entity: r.Schedule[0].Entity, Steps: 1}} // the choice that starts the run, and no step
	if _, err := r.Play(); err == nil || !strings.HasPrefix(err.Error(), "the run left the recorded schedule after step 0: ") {
		t.Errorf("the error is %v", err)
	}
}
