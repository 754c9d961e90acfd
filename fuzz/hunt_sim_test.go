//go:build sim

package fuzz

import (
	"cmp"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/kernel/reach"
	"headroom/kernel/sim"
)

func never() bool { return false }

// hunt runs a hunt that must be able to run.
func hunt(t *testing.T, h Hunt) *Found {
	t.Helper()
	h.Stop = never
	found, err := h.Run()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func defaultVariant(t *testing.T, design string) designs.Variant {
	t.Helper()
	v, err := catalog.Default(design)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// leastExecutions reach the rarest of the slow paths, molnar's passed-on, some twenty times.
const leastExecutions = 20_000

// The designs as they are survive the gate, and the gate went through every slow path: a clean run that reached nothing shows nothing.
func TestDesignsSurviveTheGate(t *testing.T) {
	for _, v := range slices.Concat(catalog.All(), catalog.Beside()) {
		if v.Capabilities.NativeOnly || len(v.Breaks) > 0 {
			continue
		}
		executions := gateExecutions
		if v.Capabilities.Over != "" {
			executions = max(leastExecutions, executions/4) // in a layer a program takes several times the steps
		}
		found := hunt(t, Hunt{Variant: v, Seed: 1, Executions: executions})
		if found.Failure != nil {
			t.Errorf("%s fails:\n%s", v.FullName(), found.Failure)
		}
		if found.Executions != executions || len(found.Missed) > 0 {
			t.Errorf("%s: %d executions reached %v and missed %v", v.FullName(), found.Executions, found.Reached, found.Missed)
		}
		if v.Design == "percpu_tags" && len(found.Reached) < 8 {
			t.Errorf("%s names only the points %v", v.FullName(), found.Reached)
		}
	}
}

// pathTests are the packages with slow paths that no variant names, since explored programs do not come there, and the test that fails when one of them is
// never taken; but mempool's path for victims is the one by which TestEmptyPoolOpensTheReserveToTheKillersVictim sees one served.
var pathTests = map[string]string{
	"kernel/page":         "TestNoScheduleBreaksAnInvariant",
	"kernel/slab":         "TestNoScheduleBreaksAnInvariant",
	"designs/gfp_nolocks": "TestClientTakesEverySlowPath",
	"designs/ida":         "TestTreeTakesEverySlowPath",
	"designs/reservation": "TestSuiteTakesEverySlowPath",
	"designs/mempool":     "TestNoScheduleBreaksAPromise",
}

// Every slow path there is is asked for: by the gate, on a variant that names it, or by a test of its package.
func TestEverySlowPathIsAskedFor(t *testing.T) {
	for _, point := range reach.All() {
		if slices.ContainsFunc(slices.Concat(catalog.All(), catalog.Beside()), func(v designs.Variant) bool {
			named := v.SlowPaths == nil || slices.Contains(v.SlowPaths, point.Name)
			return !v.Capabilities.NativeOnly && cmp.Or(v.SlowHost, "designs/"+v.Design) == point.Host && named
		}) {
			continue
		}
		files, err := filepath.Glob(filepath.Join("..", point.Host, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if test := pathTests[point.Host]; test == "" || !slices.ContainsFunc(files, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(text), "func "+test+"(t *testing.T)")
		}) {
			t.Errorf("%s: the slow path %s is named by no variant, and asked for by no test", point.Host, point.Name)
		}
	}
}

// A design that is faithful to a faulty original fails as its table says, by items out of reach or a caller left asleep, and in no other way; and
// the hunts for that come through every slow path.
func TestFaultyOriginalsFailAsKnown(t *testing.T) {
	for _, v := range catalog.All() {
		if len(v.Breaks) == 0 {
			continue
		}
		reached, executions, failures := map[string]int{}, 0, 0
		for seed := uint64(1); executions < gateExecutions; seed++ {
			found := hunt(t, Hunt{Variant: v, Seed: seed, Executions: gateExecutions - executions})
			executions += found.Executions
			for name, hits := range found.Reached {
				reached[name] += hits
			}
			if found.Failure == nil {
				continue
			}
			failures++
			if !slices.Contains([]sim.Class{sim.Waiting, sim.Conservation}, found.Failure.Class) {
				t.Fatalf("%s fails otherwise than known:\n%s", v.FullName(), found.Failure)
			}
		}
		if slices.Contains(v.Breaks, "C3") && failures == 0 {
			t.Errorf("%s: %d executions do not show that %s", v.FullName(), executions, v.Capabilities.KnownFaults)
		}
		for name, hits := range reached {
			if hits == 0 {
				t.Errorf("%s: %d executions missed %s", v.FullName(), executions, name)
			}
		}
	}
}

// Every kind of broken promise is reported, by its own class and in words that say what happened; a right allocator is not.
func TestEveryBrokenPromiseHasItsClass(t *testing.T) {
	stuck := []sim.Class{sim.Waiting, sim.Deadlock}
	for _, c := range []struct {
		fault   string
		classes []sim.Class
		says    []string // one of these, for each class
	}{
		{"hands out twice", []sim.Class{sim.Uniqueness, sim.Conservation}, []string{"was handed out while somebody held it (C1)", "a sole caller got"}},
		{"out of range", []sim.Class{sim.Uniqueness}, []string{"was handed out (C2)"}},
		{"loses items", []sim.Class{sim.Conservation, sim.Waiting}, []string{"a sole caller got", "sleeps in Alloc beside"}},
		{"refuses a waiter", []sim.Class{sim.Contract}, []string{"a caller that may wait was refused"}},
		{"never wakes", []sim.Class{sim.Waiting}, []string{"sleeps in Alloc beside"}},
		{"races on a plain word", []sim.Class{sim.DataRace}, []string{"nothing orders them"}},
		{"locks twice", stuck, []string{"spins", "spins"}},
		{"never ends", []sim.Class{sim.Livelock}, []string{"with everybody in turn"}},
		{"takes locks against its table", []sim.Class{sim.Contract}, []string{"takes none by its table"}},
		{"takes locks in Free", []sim.Class{sim.Contract}, []string{"takes none by its table"}},
		{"takes locks in interrupts", []sim.Class{sim.Contract}, []string{"takes none by its table"}},
		{"waits where it must not", []sim.Class{sim.Contract}, []string{"may not wait was put to sleep"}},
		{"panics", []sim.Class{sim.Panic}, []string{"index out of range"}},
		{"panics in Check", []sim.Class{sim.Panic}, []string{"Check: runtime error: index out of range"}},
		{"finds a fault", []sim.Class{sim.Conservation}, []string{"toy: on purpose"}},
		{"waits under a spinning lock", []sim.Class{sim.Misuse}, []string{"wait with 1 spinning locks held"}},
	} {
		for seed := range uint64(3) {
			found := hunt(t, Hunt{Variant: toyVariant(c.fault), Seed: seed, Executions: 20_000})
			f := found.Failure
			if f == nil {
				t.Errorf("seed %d: %d executions do not show that the toy %s", seed, found.Executions, c.fault)
				continue
			}
			at := slices.Index(c.classes, f.Class)
			if at < 0 || !strings.Contains(f.Message, c.says[at]) {
				t.Errorf("seed %d: the toy that %s is reported as %s: %s", seed, c.fault, f.Class, f.Message)
			}
		}
	}
	if found := hunt(t, Hunt{Variant: toyVariant(""), Seed: 1, Executions: 5_000}); found.Failure != nil {
		t.Errorf("the toy without a fault fails:\n%s", found.Failure)
	}
}

// The race checks are what finds a race: a hunt without them does not.
func TestBareHuntsSeeNoRaces(t *testing.T) {
	found := hunt(t, Hunt{Variant: toyVariant("races on a plain word"), Seed: 1, Bare: true, Executions: 5_000})
	if found.Failure != nil {
		t.Errorf("a bare hunt reports\n%s", found.Failure)
	}
}

// A hunt is a function of its seed: the same program and the same schedules, whichever way coroutines are switched, and others for another seed.
func TestEqualSeedsGiveEqualHunts(t *testing.T) {
	defer SetMutant("")
	for _, id := range []string{"", "PT-02"} {
		SetMutant(mutantID(t, id))
		v := defaultVariant(t, "percpu_tags")
		first := hunt(t, Hunt{Variant: v, Seed: 2, Executions: 1_500})
		if again := hunt(t, Hunt{Variant: v, Seed: 2, Executions: 1_500}); !reflect.DeepEqual(first, again) {
			t.Errorf("mutant %q: the hunt found %+v, and repeated %+v", id, first, again)
		}
		if hub := hunt(t, Hunt{Variant: v, Seed: 2, Executions: 1_500, hub: true}); !reflect.DeepEqual(first, hub) {
			t.Errorf("mutant %q: the hunt found %+v, and over a hub %+v", id, first, hub)
		}
		if other := hunt(t, Hunt{Variant: v, Seed: 77, Executions: 1_500}); other.Steps == first.Steps {
			t.Errorf("mutant %q: two seeds both take %d steps", id, other.Steps)
		}
		if (first.Failure != nil) != (id != "") {
			t.Errorf("mutant %q: failure %v", id, first.Failure)
		}
	}
}

// A hunt ends when it is told to, reports how far it is, and runs the programs it is given.
func TestHuntKeepsToItsBudgetAndPrograms(t *testing.T) {
	v := toyVariant("")
	asked := 0
	h := Hunt{Variant: v, Seed: 1, Stop: func() bool { asked++; return asked > 700 }}
	if found, err := h.Run(); err != nil || found.Executions < 600 || found.Executions > 700 {
		t.Errorf("a hunt stopped at the 700th question made %d executions, %v", found.Executions, err)
	}
	var told []int
	p := Program{Design: "toy", CPUs: 1, Config: designs.Config{Items: 1}, Tasks: []Task{{Ops: []Op{{Code: Try}}}}}
	h = Hunt{Variant: v, Seed: 1, Stop: never, Executions: 2048, Programs: []Program{p}, Each: func(n int) { told = append(told, n) }}
	found, err := h.Run()
	if err != nil || found.Executions != 2048 || found.Steps%2048 != 0 || !slices.Equal(told, []int{1024, 2048}) {
		t.Errorf("one task alone: %+v, told %v, %v", found, told, err)
	}
}

// What cannot be run is an error, and no finding.
func TestHuntRefusesWhatItCannotRun(t *testing.T) {
	for _, c := range []struct {
		variant designs.Variant
		program Program
		says    string
	}{
		{defaultVariant(t, "mutex"), Program{}, "uses Go's own primitives, which the simulator cannot see"},
		{toyVariant("cannot be made"), Program{}, "toy: on purpose"},
		{toyVariant(""), Program{Design: "toy", CPUs: 1, Config: designs.Config{Items: 1}}, "0 tasks: give 1 to 24"},
	} {
		h := Hunt{Variant: c.variant, Seed: 1, Stop: never, Executions: 10}
		if c.program.Design != "" {
			h.Programs = []Program{c.program}
		}
		if found, err := h.Run(); err == nil || !strings.Contains(err.Error(), c.says) || found.Executions != 0 {
			t.Errorf("%s: %v after %d executions, want %q", c.variant.FullName(), err, found.Executions, c.says)
		}
	}
}
