//go:build sim

package sim_test

import (
	"cmp"
	"fmt"
	"testing"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// witness watches every step: a CPU that somebody holds for himself takes no step of another.
type witness struct {
	held      [2]hold // by CPU
	operating [2]int  // tasks of the CPU that are inside an operation
	fault     error

	arrived   int // interrupts that came in the middle of an operation
	masked    int // interrupts that were raised while masked, and so had to wait
	preempted int // steps that a task took while another one of its CPU was inside an operation
	nested    int // interrupts that came while a spinning lock was held, which is allowed
}

// hold says who may take steps on a CPU.
type hold struct {
	entity int  // 1 + its number, 0 for anybody
	irqs   bool // interrupts may come all the same
}

func (w *witness) step(s sim.Step) {
	if h := w.held[s.CPU]; h.entity != 0 && h.entity != s.Entity+1 && !(h.irqs && s.IRQ) && w.fault == nil {
		w.fault = fmt.Errorf("%s takes a step on CPU %d, which entity %d holds for itself", s.Name, s.CPU, h.entity-1)
	}
}

// arrive checks and counts an interrupt's coming.
func (w *witness) arrive(t *kernel.Task) {
	h := w.held[t.CPU()]
	switch {
	case h.entity != 0 && h.irqs:
		w.nested++
	case h.entity != 0 && w.fault == nil:
		w.fault = fmt.Errorf("an interrupt came on CPU %d, which entity %d holds for itself", t.CPU(), h.entity-1)
	case w.operating[t.CPU()] > 0:
		w.arrived++
	}
}

// hold takes t's CPU for t alone during f.
func (w *witness) hold(t *kernel.Task, irqs bool, f func()) {
	before := w.held[t.CPU()]
	w.held[t.CPU()] = hold{t.Index() + 1, irqs}
	f()
	w.held[t.CPU()] = before
}

// checkPlacement runs two tasks on each of two CPUs; each works on words of its own, then with a spinning lock held, then with interrupts
// masked, and raises interrupts on both CPUs. It returns what happened, or the first step that should not have been.
func checkPlacement() (*witness, error) {
	w := new(witness)
	o := sim.Options{CPUs: 2, Entities: 24, MemoryBytes: 4096}
	var failed error // a wrong step says more than the failure it may lead to, so runs go on until there is one
	err := explore(o, w.program, schedules, func(m *sim.Machine, _ uint64, r run) error {
		failed = cmp.Or(failed, r.err)
		return w.fault
	})
	return w, cmp.Or(err, failed)
}

func (w *witness) program(m *sim.Machine) error {
	s, err := mem.New[struct {
		locks [2]lock.RawSpin // one a CPU: never contended, since a holder keeps its CPU
		words [4]atomic.Uint32
	}](m.Memory(), 0)
	if err != nil {
		return err
	}
	m.Observe(w.step)
	handler := func(t *kernel.Task) {
		w.arrive(t)
		w.hold(t, false, func() {
			s.words[t.CPU()].Add(1)
			s.words[t.CPU()].Add(1)
		})
	}
	for i := range 4 {
		cpu := i % 2
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", i), CPU: cpu, Body: func(t *kernel.Task) {
			if m.Steps() == 0 {
				w.clear()
			}
			word := &s.words[i]
			raise := func() {
				m.Interrupt(t, cpu, &machine.Work{Run: handler})
				m.Interrupt(t, 1-cpu, &machine.Work{Run: handler})
			}
			w.operating[cpu]++
			word.Add(1)
			raise()
			if word.Add(1); w.operating[cpu] > 1 {
				w.preempted++
			}
			t.SpinEnter() // what RawSpin.Lock does first: from here on the CPU is t's
			w.hold(t, true, func() {
				s.locks[cpu].Lock(t)
				word.Add(1)
				s.locks[cpu].Unlock(t)
			})
			t.SpinExit()
			t.IRQSave()
			w.hold(t, false, func() {
				w.masked++
				raise()
				word.Add(1)
				word.Add(1)
			})
			t.IRQRestore()
			word.Add(1)
			w.operating[cpu]--
		}})
	}
	return nil
}

// clear forgets what a run that failed left over.
func (w *witness) clear() {
	w.held, w.operating = [2]hold{}, [2]int{}
}

// I1 and I2, over random schedules: preemption and interrupts strike in the middle of operations, but no task loses its CPU while it holds a
// spinning lock, and no interrupt comes while they are masked or inside another one.
func TestStepsAreTakenByWhoeverHasTheCPU(t *testing.T) {
	w, err := checkPlacement()
	if err != nil {
		t.Error(err)
	}
	if w.arrived == 0 || w.masked == 0 || w.preempted == 0 || w.nested == 0 {
		t.Errorf("in mid-operation %d interrupts came and %d tasks were preempted; %d masked sections, %d interrupts under a lock: want all",
			w.arrived, w.preempted, w.masked, w.nested)
	}
}

// The mistakes SM-01 and SM-02 are found by the same check.
func TestPlacementCatchesTheMutants(t *testing.T) {
	defer mutant.Set("")
	for _, id := range []mutant.ID{"SM-01", "SM-02"} {
		mutant.Set(id)
		w, err := checkPlacement()
		if err == nil || w.fault == nil {
			t.Errorf("%s: no wrong step is seen, %v", id, err)
		}
	}
}

// With NoPreempt a task keeps its CPU between its wait points, even if it goes on by itself after one.
func TestNoPreemptKeepsTheCPU(t *testing.T) {
	for _, noPreempt := range []bool{true, false} {
		inside, mixed := 0, 0
		p := func(m *sim.Machine) error {
			inside = 0
			list, err := words(m, 1)
			for i := range 3 {
				m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", i), Body: func(t *kernel.Task) {
					for range 3 {
						if inside != 0 {
							mixed++
						}
						inside++
						list[0].Load()
						list[0].Load()
						inside--
						t.Resched()
					}
				}})
			}
			return err
		}
		if err := explore(sim.Options{CPUs: 1, MemoryBytes: 4096, NoPreempt: noPreempt}, p, schedules, succeed); err != nil {
			t.Fatal(err)
		}
		if (mixed == 0) != noPreempt {
			t.Errorf("NoPreempt %v: %d operations began inside another", noPreempt, mixed)
		}
	}
}

// A task may start tasks and raise interrupts while it runs; all of them run, where they should, in process and interrupt context.
func TestSpawnAndInterruptFromTasks(t *testing.T) {
	ran := map[string]int{}
	note := func(t *kernel.Task) { ran[fmt.Sprintf("%s %v cpu%d", t.Name(), t.Context(), t.CPU())]++ }
	p := func(m *sim.Machine) error {
		m.Spawn(nil, machine.Spec{Name: "parent", CPU: 0, Body: func(t *kernel.Task) {
			note(t)
			m.Spawn(t, machine.Spec{Name: "child", CPU: 1, Prep: func(t *kernel.Task) { ran["prep"]++ }, Body: note})
			m.Interrupt(t, 1, &machine.Work{Run: func(t *kernel.Task) {
				note(t)
				m.Spawn(t, machine.Spec{Name: "grandchild", CPU: 0, Body: note})
			}})
		}})
		return nil
	}
	const seeds = 50
	if err := explore(sim.Options{CPUs: 2, MemoryBytes: 4096}, p, seeds, succeed); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"parent process cpu0", "child process cpu1", "prep", "irq hardirq cpu1", "grandchild process cpu0"} {
		if ran[want] != seeds {
			t.Errorf("%s: ran %d times in %d runs; all that ran: %v", want, ran[want], seeds, ran)
		}
	}
}

// Queued work runs in process context on its CPU, may wait, and may be queued again once it has begun; a run ends when it is done.
func TestQueuedWorkRuns(t *testing.T) {
	ran := map[string]int{}
	p := func(m *sim.Machine) error {
		again := 0
		var work machine.Work
		work.Run = func(t *kernel.Task) {
			ran[fmt.Sprintf("%v cpu%d", t.Context(), t.CPU())]++
			if again++; again == 1 {
				m.Queue(t, 0, &work)
				t.Sleeping()
				m.Interrupt(t, 0, &machine.Work{Run: func(irq *kernel.Task) { t.Wake(irq) }})
				t.Schedule()
			}
		}
		m.Spawn(nil, machine.Spec{Name: "parent", CPU: 0, Body: func(t *kernel.Task) {
			again = 0
			m.Queue(t, 1, &work)
		}})
		return nil
	}
	const seeds = 50
	if err := explore(sim.Options{CPUs: 2, MemoryBytes: 4096}, p, seeds, succeed); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"process cpu0", "process cpu1"} {
		if ran[want] != seeds {
			t.Errorf("%s: ran %d times in %d runs; all that ran: %v", want, ran[want], seeds, ran)
		}
	}
}
