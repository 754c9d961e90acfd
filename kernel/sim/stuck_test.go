//go:build sim

package sim_test

import (
	"fmt"
	"strings"
	"testing"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/sim"
)

// task makes a program of one task a CPU.
func task(bodies ...func(m *sim.Machine, t *kernel.Task)) program {
	return func(m *sim.Machine) error {
		for cpu, body := range bodies {
			m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", cpu), CPU: cpu % m.CPUs(), Body: func(t *kernel.Task) { body(m, t) }})
		}
		return nil
	}
}

// sleep waits without a condition: only a wake-up ends it.
func sleep(t *kernel.Task) {
	t.Sleeping()
	t.Schedule()
}

// Two locks taken in opposite orders end in a deadlock under some schedules, and in nothing under the others.
func TestOppositeLockOrderDeadlocks(t *testing.T) {
	p := func(m *sim.Machine) error {
		l, err := mem.Slice[[8]lock.RawSpin](m.Memory(), 0, 2)
		for cpu := range 2 {
			m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", cpu), CPU: cpu, Body: func(t *kernel.Task) {
				l[cpu][0].Lock(t)
				l[1-cpu][0].Lock(t)
				l[1-cpu][0].Unlock(t)
				l[cpu][0].Unlock(t)
			}})
		}
		return err
	}
	count, message := classes(t, sim.Options{CPUs: 2, MemoryBytes: 4096}, p, schedules)
	if count[sim.Deadlock] == 0 || count[""] == 0 || len(count) != 2 {
		t.Errorf("the runs end in %v", count)
	}
	if want := "task/0 on CPU 0 spins; task/1 on CPU 1 spins"; message[sim.Deadlock] != want {
		t.Errorf("the message is %q, want %q", message[sim.Deadlock], want)
	}
}

// What nobody can end is a deadlock under every schedule, and the message says who waits and how.
func TestWaitingForEverIsADeadlock(t *testing.T) {
	word := func(m *sim.Machine) *atomic.Uint32 { return (*atomic.Uint32)(m.Memory().Base()) }
	for _, c := range []struct {
		name, message string
		cpus          int
		program       program
	}{
		{"asleep", "task/0 on CPU 0 sleeps", 2, task(func(_ *sim.Machine, t *kernel.Task) { sleep(t) }, func(_ *sim.Machine, t *kernel.Task) {})},
		{"spinning", "task/0 on CPU 0 spins", 1, task(func(m *sim.Machine, t *kernel.Task) { word(m).AwaitNot(0) })},
		{"two that spin on one CPU", "task/0 on CPU 0 spins; task/1 on CPU 0 spins", 1,
			task(func(m *sim.Machine, t *kernel.Task) { word(m).AwaitNot(0) }, func(m *sim.Machine, t *kernel.Task) { word(m).AwaitNot(0) })},
		{"an interrupt that takes its CPU's lock", "task/0 on CPU 0 is interrupted; irq on CPU 0 spins", 1,
			task(func(m *sim.Machine, t *kernel.Task) {
				l := (*lock.RawSpin)(m.Memory().Base())
				l.Lock(t)
				m.Interrupt(t, 0, &machine.Work{Run: func(t *kernel.Task) { l.Lock(t) }})
				word(m).AwaitNot(1)
			})},
		{"an interrupt that is masked", "task/0 on CPU 0 spins; irq on CPU 0 is masked", 1,
			task(func(m *sim.Machine, t *kernel.Task) {
				t.IRQSave()
				m.Interrupt(t, 0, &machine.Work{Run: func(t *kernel.Task) { word(m).Store(1) }})
				word(m).AwaitNot(0)
			})},
		{"a task behind a spinning holder", "task/0 on CPU 0 spins; task/1 on CPU 0 cannot get the CPU", 1,
			task(func(m *sim.Machine, t *kernel.Task) {
				t.SpinEnter()
				word(m).AwaitNot(0)
			}, func(m *sim.Machine, t *kernel.Task) {
				word(m).AwaitNot(0)
			})},
	} {
		p := func(m *sim.Machine) error {
			if _, err := mem.New[[2]atomic.Uint64](m.Memory(), 0); err != nil {
				return err
			}
			return c.program(m)
		}
		count, message := classes(t, sim.Options{CPUs: c.cpus, MemoryBytes: 4096}, p, 20)
		if count[sim.Deadlock] != 20 || len(count) != 1 {
			t.Errorf("%s: the runs end in %v, %v", c.name, count, message)
		}
		if got := message[sim.Deadlock]; got != c.message && !strings.Contains(c.name, "behind") {
			t.Errorf("%s: the message is %q, want %q", c.name, got, c.message)
		}
	}
}

// A run without an end is a livelock, found at the step limit.
func TestLivelockEndsAtTheStepLimit(t *testing.T) {
	const limit = 500
	p := func(m *sim.Machine) error {
		list, err := words(m, 1)
		for range 2 {
			m.Spawn(nil, machine.Spec{Name: "task", Body: func(t *kernel.Task) {
				for list[0].Load() == 0 {
				}
			}})
		}
		return err
	}
	err := explore(sim.Options{CPUs: 1, MemoryBytes: 4096, StepLimit: limit}, p, 20, func(m *sim.Machine, _ uint64, r run) error {
		if f, ok := r.err.(*sim.Failure); !ok || f.Class != sim.Livelock || r.steps != limit {
			return fmt.Errorf("%d steps, %w", r.steps, r.err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// OnStuck explains a deadlock: it sees who sleeps, may look at words, and its failure is the run's. When it returns nil it stays a deadlock.
func TestOnStuckExplains(t *testing.T) {
	for _, explained := range []bool{true, false} {
		p := func(m *sim.Machine) error {
			list, err := words(m, 1)
			m.Spawn(nil, machine.Spec{Name: "sleeper", Body: func(t *kernel.Task) {
				list[0].Store(7)
				sleep(t)
			}})
			m.OnStuck(func() *sim.Failure {
				if s := m.Sleepers(); len(s) != 1 || s[0].Name() != "sleeper" || list[0].Load() != 7 {
					t.Errorf("%d sleepers; the word is %d", len(s), list[0].Load())
				}
				if explained {
					return &sim.Failure{Class: sim.Waiting, Message: "beside a free item"}
				}
				return nil
			})
			return err
		}
		want := sim.Deadlock
		if explained {
			want = sim.Waiting
		}
		count, _ := classes(t, sim.Options{CPUs: 1, MemoryBytes: 4096}, p, 3)
		if count[want] != 3 {
			t.Errorf("explained %v: the runs end in %v", explained, count)
		}
	}
}
