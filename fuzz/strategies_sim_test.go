//go:build sim

package fuzz

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/fuzz/explore"
	"headroom/kernel/sim"
)

// The canary: under every strategy an allocator that hands items out twice is found, and one that is right is not accused. It tests the alarm itself.
func TestEveryStrategyFindsTheCanary(t *testing.T) {
	for _, strategy := range explore.Names {
		for _, twice := range []bool{false, true} {
			for _, fault := range []string{"hands out twice", "never wakes", "races on a plain word"} {
				found := hunt(t, Hunt{Variant: toyVariant(fault), Strategy: strategy, Bound: 2, Twice: twice, Seed: 2, Executions: 20_000})
				if found.Failure == nil || found.Failure.Strategy != strategy {
					t.Errorf("%s, twice %v: in %d executions the toy that %s passes: %v", strategy, twice, found.Executions, fault, found.Failure)
				}
			}
			if found := hunt(t, Hunt{Variant: toyVariant(""), Strategy: strategy, Bound: 2, Twice: twice, Seed: 2, Executions: 4_000}); found.Failure != nil {
				t.Errorf("%s: the right toy fails:\n%s", strategy, found.Failure)
			}
		}
	}
}

// A depth-first search says that it was exhausted exactly when it was, and what it exhausts is the same each time.
func TestSearchSaysWhatItExhausted(t *testing.T) {
	v := defaultVariant(t, "percpu_tags")
	whole := hunt(t, Hunt{Variant: v, Strategy: "dfs", Bound: 2, Seed: 1, MaxPrograms: 5})
	if s := whole.Search; whole.Programs != 5 || s.Exhausted != 5 || s.Bound != -1 || s.Whole == 5 || s.Pruned == 0 {
		t.Errorf("5 programs within a bound of 2: %+v", s)
	}
	again := hunt(t, Hunt{Variant: v, Strategy: "dfs", Bound: 2, Seed: 1, MaxPrograms: 5})
	if again.Steps != whole.Steps || again.Executions != whole.Executions {
		t.Errorf("%d executions of %d steps, and again %d of %d", whole.Executions, whole.Steps, again.Executions, again.Steps)
	}
	twice := hunt(t, Hunt{Variant: v, Strategy: "dfs", Bound: 2, Seed: 1, MaxPrograms: 5, Twice: true})
	if *twice.Search != *whole.Search || twice.Executions != 2*whole.Executions {
		t.Errorf("everything twice: %+v in %d executions, once %+v in %d", *twice.Search, twice.Executions, *whole.Search, whole.Executions)
	}
	short := hunt(t, Hunt{Variant: v, Strategy: "dfs", Bound: 2, Seed: 1, MaxPrograms: 5, Executions: whole.Executions - 1})
	if s := short.Search; s.Exhausted >= 5 {
		t.Errorf("one execution fewer: %+v", s)
	}
	deep := hunt(t, Hunt{Variant: v, Strategy: "dfs", Bound: 9, Seed: 1, Programs: []Program{contended()}, Executions: 500})
	if s := deep.Search; s.Exhausted != 0 || s.Bound < 0 || s.Bound > 8 {
		t.Errorf("broken off early: %+v", s)
	}
	tiny := Program{Design: v.Design, Variant: v.Name, CPUs: 2, Config: designs.Config{Items: 2}, Tasks: []Task{{CPU: 0, Ops: []Op{{Code: Try}}}, {CPU: 1, Ops: []Op{{Code: Yield}}}}}
	any := hunt(t, Hunt{Variant: v, Strategy: "dfs", Bound: -1, Seed: 1, Programs: []Program{tiny}, MaxPrograms: 1})
	if s := any.Search; s.Exhausted != 1 || s.Whole != 1 {
		t.Errorf("without a bound: %+v", s)
	}
}

// A search in which somebody spins until the machine takes over is not exhausted, since what the machine then does is one way of many; within the bound at
// which nobody spins it is.
func TestSearchWithSpinnersIsNotExhausted(t *testing.T) {
	v := toyVariant("waits by looking")
	p := Program{Design: "toy", Variant: v.Name, CPUs: 2, Config: designs.Config{Items: 1}, Tasks: []Task{{CPU: 0, Ops: []Op{{Code: Wait}, {Code: Free}}}, {CPU: 1, Ops: []Op{{Code: Wait}}}}}
	for bound, want := range []Search{{Exhausted: 1, Bound: -1}, {Bound: -1}} {
		found := hunt(t, Hunt{Variant: v, Strategy: "dfs", Bound: bound, Seed: 1, Programs: []Program{p}, MaxPrograms: 1, Bare: true})
		s := *found.Search
		if (s.TookOver > 0) != (want.Exhausted == 0) || s.Exhausted != want.Exhausted || s.Whole != 0 || s.Bound != want.Bound || found.Failure != nil {
			t.Errorf("bound %d: %+v in %d executions, failure %v", bound, s, found.Executions, found.Failure)
		}
	}
}

// contended is a program of two tasks that allocate and free one of two tags twice.
func contended() Program {
	p := Program{Design: "percpu_tags", Variant: "lock", CPUs: 2, Config: designs.Config{Items: 2}}
	for i := range 2 {
		p.Tasks = append(p.Tasks, Task{CPU: i, Ops: []Op{{Code: Try}, {Code: Free}, {Code: Try}, {Code: Free}}})
	}
	return p
}

// On a design that waits, spins and wakes, the search with sleep sets comes to the same failures as the plain one, by fewer executions.
func TestSearchWithSleepSetsFindsTheSame(t *testing.T) {
	defer SetMutant("")
	p := Program{Design: "percpu_tags", Variant: "lock", CPUs: 2, Config: designs.Config{Items: 2, Knobs: map[string]int{"batch": 2, "max": 2}},
		Tasks: []Task{{CPU: 0, Ops: []Op{{Code: Wait}}}, {CPU: 1, Ops: []Op{{Code: Wait}, {Code: Try}}}}}
	failing := 0
	for _, id := range []string{"", "PI-01", "AI-01", "PT-02", "PT-03", "PT-04", "KT-01", "LK-01"} {
		SetMutant(mutantID(t, id))
		plain, n := classesOf(t, p, &explore.DFS{Most: 2, Plain: true})
		slept, m := classesOf(t, p, &explore.DFS{Most: 2})
		if !maps.Equal(plain, slept) || m >= n {
			t.Errorf("mutant %q: %v by %d executions, with sleep sets %v by %d", id, plain, n, slept, m)
		}
		if len(plain) > 1 {
			failing++
		}
	}
	if failing < 3 {
		t.Errorf("only %d mistakes were found at all", failing)
	}
}

// classesOf makes every execution of a program within a bound, and returns how they ended, and how many there were.
func classesOf(t *testing.T, p Program, d *explore.DFS) (classes map[sim.Class]bool, executions int) {
	t.Helper()
	return classesOn(t, defaultVariant(t, p.Design), p, d)
}

// classesOn does so for a variant that is not in the catalog.
func classesOn(t *testing.T, v designs.Variant, p Program, d *explore.DFS) (classes map[sim.Class]bool, executions int) {
	t.Helper()
	r, err := newRunner(v, p, runnerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	classes = map[sim.Class]bool{}
	for d.Begin(0, 0) {
		var f *sim.Failure
		executions++
		switch err := r.run(d); {
		case errors.As(err, &f):
			classes[f.Class] = true
		case err == nil:
			classes[""] = true
		case errors.Is(err, sim.ErrAbandoned):
			executions--
		default:
			t.Fatal(err)
		}
	}
	return classes, executions
}

// A hunt that makes everything twice notices a machine that depends on the run before.
func TestTwiceNoticesADependentMachine(t *testing.T) {
	defer SetMutant("")
	SetMutant(mutantID(t, "SM-03"))
	h := Hunt{Variant: defaultVariant(t, "percpu_tags"), Strategy: "random", Twice: true, Seed: huntSeed, Executions: 2_000, Stop: never}
	if found, err := h.Run(); !errors.Is(err, ErrUnrepeatable) || found.Failure != nil || !strings.Contains(err.Error(), "took another way") {
		t.Errorf("the hunt ends with %v, and finds %v", err, found.Failure)
	}
}

// It notices an allocator that keeps something outside the machine's memory also where that changes no access, but only which items are handed out.
func TestTwiceNoticesOtherItems(t *testing.T) {
	for _, fault := range []string{"", "counts outside memory"} {
		p := Program{Design: "toy", Variant: fault, CPUs: 1, Config: designs.Config{Items: 3}, Tasks: []Task{{Ops: []Op{{Code: Try}, {Code: Free}}}}}
		h := Hunt{Variant: toyVariant(fault), Strategy: "random", Twice: true, Seed: 1, Executions: 10, Stop: never, Programs: []Program{p}}
		if found, err := h.Run(); errors.Is(err, ErrUnrepeatable) != (fault != "") || found.Failure != nil {
			t.Errorf("the toy that %q: the hunt ends with %v, and finds %v", fault, err, found.Failure)
		}
	}
}

// Bytes of both kinds lead to a mistake: the caller stops between load and store for as long as another one
// allocates. Of an input 256 schedules are tried.
func TestBytesFindMistakes(t *testing.T) {
	p := Program{Design: "toy", CPUs: 2, Config: designs.Config{Items: 2}, Tasks: []Task{{CPU: 0, Ops: []Op{{Code: Try}, {Code: Free}}}, {CPU: 1, Ops: []Op{{Code: Try}, {Code: Free}}}}}
	r, err := newRunner(toyVariant("hands out twice"), p, runnerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for _, data := range [][]byte{{0, 7, 1, 5, 0}, {1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0}} {
		b := &explore.Bytes{Data: data}
		failed := 0
		for seed := range uint64(256) {
			b.Begin(seed, 0)
			var f *sim.Failure
			if err := r.run(b); errors.As(err, &f) {
				failed++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if failed == 0 {
			t.Errorf("256 schedules of %v find nothing", data)
		}
	}
}
