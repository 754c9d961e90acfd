package machine_test

import (
	"errors"
	"slices"
	"testing"

	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// signals are the words by which the tasks of these tests arrange what happens when.
type signals struct{ started, dead, late atomic.Uint32 }

func newSignals(t *testing.T, m *machine.Native) *signals {
	t.Helper()
	s, err := mem.New[signals](m.Memory(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// until lets the other tasks of the CPU run, and other threads of its processor, until the condition holds.
func until(t *kernel.Task, condition func() bool) {
	for !condition() {
		t.Resched()
		arch.Yield()
	}
}

// I3: on Unplug a task ends between operations and goes on elsewhere with its state; the hook runs on another CPU when the last one has left;
// tasks and interrupts for the CPU go elsewhere from then on, and to it again after Plug.
func TestUnplugMovesTheWork(t *testing.T) {
	m := native(t, 2)
	s := newSignals(t, m)
	var d diary
	held, prepared := 0, 0 // the mover's state: only one task at a time has it
	m.Spawn(nil, machine.Spec{Name: "mover", CPU: 1, Prep: func(*kernel.Task) { prepared++ }, Body: func(t *kernel.Task) {
		s.started.Store(1)
		for !m.Leaving(t) && s.dead.Load() == 0 {
			held++
			t.Resched()
		}
		if m.Leaving(t) {
			d.note("leaves cpu%d", t.CPU())
			t.Leave()
			return
		}
		d.note("ends on cpu%d", t.CPU())
	}})
	m.Spawn(nil, machine.Spec{Name: "operator", CPU: 0, Body: func(task *kernel.Task) {
		s.started.AwaitNot(0)
		if err := m.Unplug(task, 1, func(hook *kernel.Task) {
			d.note("dead on cpu%d", hook.CPU())
			s.dead.Store(1)
		}); err != nil {
			t.Error(err)
		}
		for _, cpu := range []int{0, 1} {
			if err := m.Unplug(task, cpu, nil); !errors.Is(err, kernel.ErrOffline) {
				t.Errorf("unplug CPU %d: %v", cpu, err)
			}
		}
		if m.Plug(task, 1) == nil {
			t.Error("a CPU whose hook has not run was plugged in")
		}
		until(task, func() bool { return s.dead.Load() != 0 })
		m.Spawn(task, machine.Spec{Name: "late", CPU: 1, Body: func(t *kernel.Task) { d.note("late on cpu%d", t.CPU()); s.late.Add(1) }})
		m.Interrupt(task, 1, &machine.Work{Run: func(t *kernel.Task) { d.note("irq on cpu%d", t.CPU()); s.late.Add(1) }})
		until(task, func() bool { return s.late.Load() == 2 })
		if err := m.Plug(task, 1); err != nil {
			t.Error(err)
		}
		if m.Plug(task, 1) == nil {
			t.Error("an online CPU was plugged in")
		}
		m.Spawn(task, machine.Spec{Name: "back", CPU: 1, Body: func(t *kernel.Task) { d.note("back on cpu%d", t.CPU()) }})
	}})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(d.lines)
	if want := []string{"back on cpu1", "dead on cpu0", "ends on cpu0", "irq on cpu0", "late on cpu0", "leaves cpu1"}; !slices.Equal(d.lines, want) {
		t.Errorf("got %q, want %q", d.lines, want)
	}
	if held == 0 || prepared != 1 {
		t.Errorf("the mover worked %d times and was prepared %d times", held, prepared)
	}
}

// A CPU without tasks, whose thread may be asleep, reports its death too, with a hook and without.
func TestUnplugAnIdleCPU(t *testing.T) {
	m := native(t, 3)
	s := newSignals(t, m)
	m.Spawn(nil, machine.Spec{Name: "operator", CPU: 0, Body: func(task *kernel.Task) {
		for cpu, hook := range map[int]func(*kernel.Task){1: func(*kernel.Task) { s.dead.Add(1) }, 2: nil} {
			if err := m.Unplug(task, cpu, hook); err != nil {
				t.Error(err)
			}
			until(task, func() bool { return m.Plug(task, cpu) == nil })
		}
	}})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	if n := s.dead.Load(); n != 1 {
		t.Errorf("the hook ran %d times", n)
	}
}

// I2: a CPU that goes offline under a task that nobody will wake is a deadlock, not a hang.
func TestUnplugUnderASleeperIsADeadlock(t *testing.T) {
	m := native(t, 2)
	s := newSignals(t, m)
	m.Spawn(nil, machine.Spec{Name: "sleeper", CPU: 1, Body: func(t *kernel.Task) {
		s.started.Store(1)
		sleep(t)
	}})
	m.Spawn(nil, machine.Spec{Name: "operator", CPU: 0, Body: func(task *kernel.Task) {
		s.started.AwaitNot(0)
		if err := m.Unplug(task, 1, func(*kernel.Task) { t.Error("the hook ran before the last task had left") }); err != nil {
			t.Error(err)
		}
	}})
	if err := m.Run(); !errors.Is(err, machine.ErrDeadlock) {
		t.Errorf("Run gives %v", err)
	}
}

// A sleeper that is woken after its CPU went offline leaves it then, and the hook follows.
func TestASleeperLeavesWhenItIsWoken(t *testing.T) {
	m := native(t, 2)
	s := newSignals(t, m)
	var d diary
	m.Spawn(nil, machine.Spec{Name: "sleeper", CPU: 1, Body: func(t *kernel.Task) {
		if t.CPU() == 0 {
			d.note("moved")
			return
		}
		t.Sleeping()
		s.started.Store(uint32(t.Index()) + 1)
		t.Schedule()
		t.Leave()
	}})
	m.Spawn(nil, machine.Spec{Name: "operator", CPU: 0, Body: func(task *kernel.Task) {
		s.started.AwaitNot(0)
		sleeper := task.Peer(int(s.started.Load()) - 1)
		until(task, sleeper.Parked)
		if err := m.Unplug(task, 1, func(*kernel.Task) { d.note("dead") }); err != nil {
			t.Error(err)
		}
		for range 100 {
			task.Resched()
		}
		sleeper.Wake(task)
	}})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(d.lines)
	if !slices.Equal(d.lines, []string{"dead", "moved"}) {
		t.Errorf("got %q", d.lines)
	}
}

// I3 under stress: while a CPU goes off and on, tasks and interrupts for it keep coming from another one. Each of them runs, and none on the CPU
// between the end of its hook and Plug.
func TestNothingRunsOnADeadCPU(t *testing.T) {
	const rounds = 40
	m := native(t, 3)
	s := newSignals(t, m)
	var ran, elsewhere atomic.Uint32
	check := func(task *kernel.Task) {
		ran.Add(1)
		switch {
		case task.CPU() != 1:
			elsewhere.Add(1)
		case s.dead.Load() != 0:
			t.Errorf("%s runs on the dead CPU", task.Name())
		}
	}
	m.Spawn(nil, machine.Spec{Name: "operator", CPU: 0, Body: func(task *kernel.Task) {
		for round := range uint32(rounds) {
			s.late.Add(1) // lets the other one go on
			if err := m.Unplug(task, 1, func(*kernel.Task) { s.dead.Store(1) }); err != nil {
				t.Error(err)
			}
			until(task, func() bool { return s.dead.Load() != 0 })
			for range 20 {
				task.Resched()
			}
			s.dead.Store(0)
			until(task, func() bool { return m.Plug(task, 1) == nil })
			m.Spawn(task, machine.Spec{Name: "own", CPU: 1, Body: func(t *kernel.Task) {
				check(t)
				s.started.Add(1)
			}})
			until(task, func() bool { return s.started.Load() > round })
		}
	}})
	m.Spawn(nil, machine.Spec{Name: "source", CPU: 2, Body: func(task *kernel.Task) {
		for i := range uint32(rounds) {
			s.late.AwaitNot(i)
			for range 5 {
				m.Spawn(task, machine.Spec{Name: "task", CPU: 1, Body: check})
				m.Interrupt(task, 1, &machine.Work{Run: check})
			}
		}
	}})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	if n := ran.Load(); n != rounds*11 {
		t.Errorf("%d of %d tasks and interrupts ran", n, rounds*11)
	}
	if elsewhere.Load() == 0 || elsewhere.Load() == ran.Load() {
		t.Errorf("%d of %d ran on another CPU: want some of both", elsewhere.Load(), ran.Load())
	}
}
