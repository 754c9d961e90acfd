//go:build sim

package sim_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/sim"
)

// A task that breaks a rule of the kernel ends the run, and the message says which rule.
func TestMisuseIsReported(t *testing.T) {
	var l *lock.RawSpin
	irq := func(f func(t *kernel.Task)) program {
		return task(func(m *sim.Machine, t *kernel.Task) { m.Interrupt(t, 0, &machine.Work{Run: f}) })
	}
	here := func(f func(t *kernel.Task)) program { return task(func(_ *sim.Machine, t *kernel.Task) { f(t) }) }
	for _, c := range []struct {
		message string
		program program
	}{
		{"task/0 on CPU 0: wait with 1 spinning locks held", here(func(t *kernel.Task) { l.Lock(t); sleep(t) })},
		{"task/0 on CPU 0: wait with 2 spinning locks held", here(func(t *kernel.Task) { t.SpinEnter(); t.SpinEnter(); sleep(t) })},
		{"task/0 on CPU 0: wait with interrupts masked", here(func(t *kernel.Task) { t.IRQSave(); sleep(t) })},
		{"irq on CPU 0: wait in hardirq context", irq(sleep)},
		{"task/0 on CPU 0: interrupts restored more often than masked", here((*kernel.Task).IRQRestore)},
		{"irq on CPU 0: interrupts restored more often than masked", irq(func(t *kernel.Task) { t.IRQSave(); t.IRQRestore(); t.IRQRestore() })},
		{"task/0 on CPU 0: more spinning locks released than taken", here(func(t *kernel.Task) { l.Lock(t); l.Unlock(t); l.Unlock(t) })},
	} {
		p := func(m *sim.Machine) (err error) {
			if l, err = mem.New[lock.RawSpin](m.Memory(), 0); err != nil {
				return err
			}
			return c.program(m)
		}
		count, message := classes(t, sim.Options{CPUs: 1, MemoryBytes: 4096}, p, 5)
		if count[sim.Misuse] != 5 || message[sim.Misuse] != c.message {
			t.Errorf("the runs end in %v, %v; want misuse: %s", count, message, c.message)
		}
	}
}

// A panic of a task, in its Prep, in an interrupt or out of the runtime ends the run with its message, whoever else is in mid-operation.
func TestPanicsBecomeFailures(t *testing.T) {
	busy := func(_ *sim.Machine, t *kernel.Task) {
		for range 5 {
			t.Resched()
		}
	}
	for _, c := range []struct {
		message string
		program program
	}{
		{"boom", task(func(*sim.Machine, *kernel.Task) { panic("boom") }, busy)},
		{"an error", task(busy, func(*sim.Machine, *kernel.Task) { panic(errors.New("an error")) })},
		{"index out of range", task(busy, func(_ *sim.Machine, t *kernel.Task) { _ = make([]int, 1)[t.CPU()] })},
		{"in an interrupt", task(busy, func(m *sim.Machine, t *kernel.Task) {
			m.Interrupt(t, 0, &machine.Work{Run: func(*kernel.Task) { panic("in an interrupt") }})
		})},
		{"in Prep", func(m *sim.Machine) error {
			m.Spawn(nil, machine.Spec{Name: "task", Prep: func(*kernel.Task) { panic("in Prep") }, Body: func(*kernel.Task) {}})
			return nil
		}},
	} {
		count, message := classes(t, sim.Options{CPUs: 2, MemoryBytes: 4096}, c.program, 20)
		if count[sim.Panic] != 20 || !strings.Contains(message[sim.Panic], c.message) {
			t.Errorf("the runs end in %v, %v; want a panic: %s", count, message, c.message)
		}
	}
}

// What a check finds with Fail is the run's failure, and nothing after it counts.
func TestFailEndsTheRun(t *testing.T) {
	after := 0
	p := task(func(m *sim.Machine, t *kernel.Task) {
		t.Resched()
		m.Fail(sim.Uniqueness, "item %d", 7)
		after++
	}, func(m *sim.Machine, t *kernel.Task) {
		defer func() {
			if recover() != nil {
				panic("while unwinding")
			}
		}()
		sleep(t)
	})
	count, message := classes(t, sim.Options{CPUs: 2, MemoryBytes: 4096}, p, 20)
	if count[sim.Uniqueness] != 20 || message[sim.Uniqueness] != "item 7" || after != 0 {
		t.Errorf("the runs end in %v, %v; %d tasks went on", count, message, after)
	}
}

// More tasks than the machine has places for is a failure of the machinery, whether they come before the run, from a task, or from a CPU that
// goes offline.
func TestTooManyTasks(t *testing.T) {
	nothing := func(*kernel.Task) {}
	for name, p := range map[string]program{
		"before the run": func(m *sim.Machine) error {
			for range 3 {
				m.Spawn(nil, machine.Spec{Name: "task", Body: nothing})
			}
			return nil
		},
		"from a task": task(func(m *sim.Machine, t *kernel.Task) {
			m.Spawn(t, machine.Spec{Name: "task", Body: nothing})
			m.Interrupt(t, 0, &machine.Work{Run: nothing})
			t.Resched()
		}),
		"from an unplug": task(func(m *sim.Machine, t *kernel.Task) {
			m.Interrupt(t, 0, &machine.Work{Run: nothing})
			_ = m.Unplug(t, 1, nothing)
		}),
	} {
		count, message := classes(t, sim.Options{CPUs: 2, Entities: 2, MemoryBytes: 4096}, p, 5)
		if count[sim.Machinery] != 5 {
			t.Errorf("%s: the runs end in %v, %v", name, count, message)
		}
	}
}

// Close leaves no goroutine behind, after a good run, a failed one, and none.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, hub := range []bool{false, true} {
		for name, p := range map[string]program{
			"good":   task(func(_ *sim.Machine, t *kernel.Task) { t.Resched() }),
			"stuck":  task(func(_ *sim.Machine, t *kernel.Task) { sleep(t) }, func(_ *sim.Machine, t *kernel.Task) { sleep(t) }),
			"failed": task(func(_ *sim.Machine, t *kernel.Task) { sleep(t) }, func(*sim.Machine, *kernel.Task) { panic("boom") }),
		} {
			for _, seeds := range []int{0, 3} {
				ran := 0
				o := sim.Options{CPUs: 2, MemoryBytes: 4096, Hub: hub}
				err := explore(o, p, seeds, func(*sim.Machine, uint64, run) error { ran++; return nil })
				if err != nil || ran != seeds {
					t.Fatal(err, ran)
				}
				if n := runtime.NumGoroutine(); n > before {
					t.Fatalf("%s, hub %v, %d runs: %d goroutines, %d before", name, hub, seeds, n, before)
				}
			}
		}
	}
}
