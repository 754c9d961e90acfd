//go:build sim

package sim_test

import (
	"errors"
	"math/bits"
	"testing"

	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/sim"
)

// stubborn lets who went last go on for as long as it can.
type stubborn struct{}

func (stubborn) Next(eligible uint64, current int) int {
	if current >= 0 && eligible>>current&1 != 0 {
		return current
	}
	return bits.TrailingZeros64(eligible)
}

// A task that looks at a word again and again, and one that sets it if set is true: under a stubborn schedule the first never lets the second get on. It
// returns how the run ended, and in how many steps.
func waitByLooking(t *testing.T, o sim.Options, set bool, idle func(m *sim.Machine, word *mem.Plain32) func() bool) (error, int) {
	t.Helper()
	o.CPUs, o.MemoryBytes = 2, 4096
	m, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	list, err := words(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	m.Spawn(nil, machine.Spec{Name: "looks", CPU: 0, Body: func(*kernel.Task) {
		for list[0].Load() == 0 {
		}
	}})
	if set {
		m.Spawn(nil, machine.Spec{Name: "sets", CPU: 1, Body: func(*kernel.Task) { list[0].Store(1) }})
	}
	if idle != nil {
		m.OnIdle(idle(m, list[0]))
	}
	m.SetStrategy(stubborn{})
	err = m.Run()
	if took := o.Fair > 0 && m.Steps() > o.StepLimit; m.TookOver() != took {
		t.Errorf("after %d steps the machine took over: %v", m.Steps(), m.TookOver())
	}
	return err, m.Steps()
}

func classOf(err error) sim.Class {
	var f *sim.Failure
	if errors.As(err, &f) {
		return f.Class
	}
	return ""
}

// What only an unfair schedule holds up is no livelock, with a fair suffix; what nobody ends is one, in as many steps as both bounds together.
func TestUnfairSchedulesAreNoLivelocks(t *testing.T) {
	for _, c := range []struct {
		fair  int
		set   bool
		class sim.Class
		steps int // 0: fewer than the bounds
	}{
		{0, true, sim.Livelock, 100},
		{1000, true, "", 0},
		{1000, false, sim.Livelock, 1100},
	} {
		err, steps := waitByLooking(t, sim.Options{StepLimit: 100, Fair: c.fair}, c.set, nil)
		if classOf(err) != c.class || c.steps != 0 && steps != c.steps || c.steps == 0 && steps >= 1100 {
			t.Errorf("fair %d, somebody sets the word %v: %v after %d steps; want %q after %d", c.fair, c.set, err, steps, c.class, c.steps)
		}
	}
}

// A clock that goes off when nobody gets on ends such a wait, and a wait in which everybody sleeps; one that does not go off leaves the failure.
func TestClocksGoOffWhenNobodyGetsOn(t *testing.T) {
	for _, goes := range []bool{true, false} {
		err, _ := waitByLooking(t, sim.Options{StepLimit: 100, Fair: 1000}, false, func(m *sim.Machine, word *mem.Plain32) func() bool {
			return func() bool {
				if goes {
					m.Spawn(nil, machine.Spec{Name: "clock", CPU: 1, Body: func(*kernel.Task) { word.Store(1) }})
				}
				return goes
			}
		})
		if want := map[bool]sim.Class{true: "", false: sim.Livelock}[goes]; classOf(err) != want {
			t.Errorf("a clock that goes off %v: %v; want %q", goes, err, want)
		}
		if err := sleepUntilClock(t, goes); classOf(err) != map[bool]sim.Class{true: "", false: sim.Deadlock}[goes] {
			t.Errorf("everybody sleeps, and a clock that goes off %v: %v", goes, err)
		}
	}
}

// sleepUntilClock is how a run ends whose one task sleeps until a clock, which goes off once or not at all, wakes it.
func sleepUntilClock(t *testing.T, goes bool) error {
	m, err := sim.New(sim.Options{CPUs: 1, MemoryBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var sleeper *kernel.Task
	m.Spawn(nil, machine.Spec{Name: "sleeper", Body: func(task *kernel.Task) {
		sleeper = task
		task.Sleeping()
		task.Schedule()
	}})
	m.OnIdle(func() bool {
		if goes {
			goes = false
			m.Spawn(nil, machine.Spec{Name: "clock", Body: func(by *kernel.Task) { sleeper.Wake(by) }})
			return true
		}
		return false
	})
	m.SetStrategy(stubborn{})
	return m.Run()
}

// The bound is on steps without progress, not on all.
func TestProgressMovesTheBound(t *testing.T) {
	for _, tells := range []bool{true, false} {
		m, err := sim.New(sim.Options{CPUs: 1, MemoryBytes: 4096, StepLimit: 50, Fair: 50})
		if err != nil {
			t.Fatal(err)
		}
		list, err := words(m, 1)
		if err != nil {
			t.Fatal(err)
		}
		m.Spawn(nil, machine.Spec{Name: "worker", Body: func(*kernel.Task) {
			for range 20 {
				for range 30 {
					list[0].Load()
				}
				if tells {
					m.Progress()
				}
			}
		}})
		m.SetStrategy(stubborn{})
		err = m.Run()
		if want := map[bool]sim.Class{true: "", false: sim.Livelock}[tells]; classOf(err) != want {
			t.Errorf("600 steps, told of progress every 30: %v: %v; want %q", tells, err, want)
		}
		m.Close()
	}
}

// A task that can be preempted at one step of a loop only, whatever the loop's length, does not keep another one of its CPU out for ever: a loop as long as
// a turn comes to the same step whenever a turn ends.
func TestTurnsEndWhereTheyCan(t *testing.T) {
	for length := 2; length <= 200; length++ {
		m, err := sim.New(sim.Options{CPUs: 1, MemoryBytes: 4096, StepLimit: 1000, Fair: 20_000})
		if err != nil {
			t.Fatal(err)
		}
		list, err := words(m, 2)
		if err != nil {
			t.Fatal(err)
		}
		m.Spawn(nil, machine.Spec{Name: "loops", Body: func(task *kernel.Task) {
			for list[0].Load() == 0 {
				task.IRQSave()
				for range length - 1 {
					list[1].Load()
				}
				task.IRQRestore()
			}
		}})
		m.Spawn(nil, machine.Spec{Name: "ends it", Body: func(*kernel.Task) { list[0].Store(1) }})
		m.SetStrategy(stubborn{})
		if err := m.Run(); err != nil {
			t.Errorf("a loop of %d steps: %v", length, err)
		}
		m.Close()
	}
}
