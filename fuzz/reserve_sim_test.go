//go:build sim

package fuzz

import (
	"fmt"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/fuzz/explore"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/sim"
)

// rush is a program about a reserve: tasks that may use ordinary tags alone take what they can get and hold it, while as many requests as the reserve has
// tags allocate in interrupts on one CPU and are completed by interrupts on another.
type rush struct {
	*sim.Machine
	alloc   designs.Allocator
	border  designs.Item     // the first tag of the reserve
	done    []*atomic.Uint32 // by request: interrupts that have run
	items   []designs.Item   // by request: its tag
	works   [][]machine.Work // by request
	refused int              // interrupts that got no tag
	drawn   int              // interrupts that got one of the reserve
	barred  int              // tasks that were refused
}

const (
	rushItems   = 4
	rushReserve = 2
	rushRounds  = 3
)

func newRush(t *testing.T, variant string, requests int) *rush {
	v, err := catalog.Find("percpu_tags", variant)
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.New(sim.Options{CPUs: 3, Entities: 32, StepLimit: 40_000, Races: true})
	if err != nil {
		t.Fatal(err)
	}
	knobs := map[string]int{"max": 2, "batch": 1}
	if variant != "lock" {
		knobs["reserve"] = rushReserve
	}
	r := &rush{Machine: m, border: rushItems - rushReserve, items: make([]designs.Item, requests), works: make([][]machine.Work, requests)}
	if r.alloc, err = v.New(m, designs.Config{Items: rushItems, Knobs: knobs}); err != nil {
		t.Fatal(err)
	}
	for i := range requests {
		word, err := mem.New[atomic.Uint32](m.Memory(), 0)
		if err != nil {
			t.Fatal(err)
		}
		r.done = append(r.done, word)
		r.works[i] = make([]machine.Work, 2*rushRounds)
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("request %d", i), CPU: i % 3, Body: func(t *kernel.Task) { r.request(t, i) }})
	}
	for i := range 2 {
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("hog %d", i), CPU: 1 + i, Body: func(t *kernel.Task) { r.hog(t, i) }})
	}
	m.Mark()
	return r
}

// request allocates in an interrupt and frees in another, some rounds.
func (r *rush) request(t *kernel.Task, i int) {
	for round := range rushRounds {
		got := false
		r.raise(t, i, 2*round, (i+round)%3, func(t *kernel.Task) {
			it, err := r.alloc.Alloc(t, kernel.Atomic)
			got = err == nil
			r.items[i] = it
			if it >= r.border && got {
				r.drawn++
			}
		})
		if !got {
			r.refused++
			continue
		}
		r.raise(t, i, 2*round+1, (i+round+1)%3, func(t *kernel.Task) { r.alloc.Free(t, r.items[i]) })
	}
}

// raise runs something in an interrupt, and returns when it has run.
func (r *rush) raise(t *kernel.Task, i, n, cpu int, run func(t *kernel.Task)) {
	before := r.done[i].Load()
	w := &r.works[i][n]
	w.Run = func(t *kernel.Task) {
		run(t)
		r.done[i].Add(1)
	}
	r.Interrupt(t, cpu, w)
	for r.done[i].Load() == before {
		t.Resched()
	}
}

// hog takes tags without the right to the reserve, and gives them back.
func (r *rush) hog(t *kernel.Task, i int) {
	for range rushRounds {
		var held []designs.Item
		for range 3 {
			it, err := r.alloc.Alloc(t, kernel.NoWait)
			if err != nil {
				r.barred++
				continue
			}
			if _, layered := r.alloc.(interface{ Drawn() uint64 }); layered && it >= r.border {
				r.Fail(sim.Contract, "a caller without the right to the reserve got its tag %d", it)
			}
			held = append(held, it)
		}
		t.Resched()
		for _, it := range held {
			r.alloc.Free(t, it)
		}
	}
}

// play runs the program under so many schedules.
func (r *rush) play(t *testing.T, schedules uint64) {
	t.Helper()
	var walk explore.Random
	for seed := range schedules {
		r.Rewind()
		walk.Seed(seed)
		r.SetStrategy(&walk)
		if err := r.Run(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := r.alloc.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// As long as no more requests with the right to it are under way than the reserve has tags, none is refused in an interrupt, whatever the others take
// and whatever the schedule; and nobody else has a tag of it. Without the layer they are refused, and so they are when there is one request too many.
func TestReserveServesEveryInterrupt(t *testing.T) {
	const schedules = 1500
	for _, c := range []struct {
		variant  string
		requests int
		refused  bool
	}{{"lock-reserve", 2, false}, {"lock", 2, true}, {"lock-reserve", 4, true}} {
		r := newRush(t, c.variant, c.requests)
		defer r.Close()
		r.play(t, schedules)
		if (r.refused > 0) != c.refused || r.barred == 0 || r.drawn == 0 {
			t.Errorf("%s, %d requests: %d were refused, %d got a tag of the reserve, other callers were refused %d times", c.variant, c.requests, r.refused, r.drawn, r.barred)
		}
		t.Logf("%s, %d requests: %d of %d refused", c.variant, c.requests, r.refused, schedules*c.requests*rushRounds)
	}
}
