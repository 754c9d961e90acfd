package machine_test

import (
	"slices"
	"testing"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// Queued work runs in process context on the CPU it is queued for, in the order of queueing; it may wait, and what was queued behind it goes on
// meanwhile; Run returns when all of it is done. Interrupts may queue work too.
func TestQueuedWork(t *testing.T) {
	m := native(t, 2)
	var d diary
	var sleeper *kernel.Task
	m.Spawn(nil, machine.Spec{Name: "task", CPU: 0, Body: func(t *kernel.Task) {
		m.Queue(t, 1, &machine.Work{Run: func(t *kernel.Task) {
			d.note("first %v cpu%d %s", t.Context(), t.CPU(), t.Name())
			sleeper = t
			sleep(t)
			d.note("first goes on")
			m.Interrupt(t, 1, &machine.Work{Run: func(irq *kernel.Task) {
				m.Queue(irq, 1, &machine.Work{Run: func(t *kernel.Task) { d.note("third %v cpu%d", t.Context(), t.CPU()) }})
			}})
		}})
		m.Queue(t, 1, &machine.Work{Run: func(t *kernel.Task) {
			d.note("second %v cpu%d", t.Context(), t.CPU())
			until(t, sleeper.Parked)
			sleeper.Wake(t)
		}})
	}})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	want := []string{"first process cpu1 kworker/1", "second process cpu1", "first goes on", "third process cpu1"}
	if !slices.Equal(d.lines, want) {
		t.Errorf("got %q, want %q", d.lines, want)
	}
}

// Work may be queued again from when it has begun, and tasks that have done theirs take the next: a thousand turns need two tasks beside the
// one that queues, which is a turn ahead of them, and make no garbage.
func TestQueuedWorkIsUsedAgain(t *testing.T) {
	m := native(t, 1)
	ran, err := mem.New[atomic.Uint32](m.Memory(), 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[int]bool{}
	work := machine.Work{Run: func(t *kernel.Task) {
		names[t.Index()] = true
		ran.Add(1)
	}}
	garbage := 0.0
	m.Spawn(nil, machine.Spec{Name: "task", Body: func(task *kernel.Task) {
		turn := func() {
			m.Queue(task, 0, &work)
			task.Resched()
		}
		turn()
		garbage = testing.AllocsPerRun(1000, turn)
	}})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	if ran.Load() != 1002 || len(names) > 2 || garbage != 0 {
		t.Errorf("the work ran %d times on %d tasks, with %v allocations a turn; want 1002 times on at most 2, with 0", ran.Load(), len(names), garbage)
	}
}

// I3: what is queued for an offline CPU runs elsewhere, and a CPU is not dead before the work is done that had begun there. Tasks that wait for work
// do not hold its death up.
func TestQueuedWorkLeavesADyingCPU(t *testing.T) {
	m := native(t, 2)
	s := newSignals(t, m)
	var d diary
	var sleeper *kernel.Task
	m.Spawn(nil, machine.Spec{Name: "operator", CPU: 0, Body: func(task *kernel.Task) {
		m.Queue(task, 1, &machine.Work{Run: func(t *kernel.Task) {
			sleeper = t
			s.started.Store(1)
			sleep(t)
			d.note("begun goes on on cpu%d, dead %d", t.CPU(), s.dead.Load())
		}})
		m.Queue(task, 1, &machine.Work{Run: func(t *kernel.Task) { s.late.Add(1) }})
		until(task, func() bool { return s.started.Load() != 0 && sleeper.Parked() && s.late.Load() != 0 })
		if err := m.Unplug(task, 1, func(t *kernel.Task) { s.dead.Store(1) }); err != nil {
			t.Error(err)
		}
		m.Queue(task, 1, &machine.Work{Run: func(t *kernel.Task) {
			d.note("late runs on cpu%d", t.CPU())
			s.late.Add(1)
		}})
		until(task, func() bool { return s.late.Load() == 2 })
		sleeper.Wake(task)
		until(task, func() bool { return s.dead.Load() != 0 })
	}})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"late runs on cpu0", "begun goes on on cpu1, dead 0"}; !slices.Equal(d.lines, want) {
		t.Errorf("got %q, want %q", d.lines, want)
	}
}
