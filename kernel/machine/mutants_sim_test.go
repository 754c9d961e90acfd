//go:build sim

package machine_test

import (
	"errors"
	"fmt"
	"testing"

	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/mutant"
)

// Each invariant's check passes on the machine as it is, and notices the mutant that breaks it. The native machine is meant: mutants exist in the
// sim build only, and outside a simulated run that build runs natively.
func TestMutantsAreCaught(t *testing.T) {
	for _, c := range []struct {
		id    mutant.ID
		check func(*testing.T) error
	}{{"MC-01", interruptsGoWhereTheyAreSent}, {"MC-02", theWokenGoesOn}, {"MC-03", theDeadRunNothing}, {"MC-04", queuedWorkIsWaitedFor}} {
		if err := c.check(t); err != nil {
			t.Errorf("without %s: %v", c.id, err)
		}
		mutant.Set(c.id)
		err := c.check(t)
		mutant.Set("")
		if err == nil {
			t.Errorf("%s was not noticed", c.id)
		}
	}
}

// I1
func interruptsGoWhereTheyAreSent(t *testing.T) error {
	m := native(t, 2)
	at := -1
	m.Spawn(nil, machine.Spec{Name: "task", CPU: 0, Body: func(task *kernel.Task) {
		task.Sleeping()
		m.Interrupt(task, 1, &machine.Work{Run: func(irq *kernel.Task) {
			at = irq.CPU()
			task.Wake(irq)
		}})
		task.Schedule()
	}})
	if err := m.Run(); err != nil {
		return err
	}
	if at != 1 {
		return fmt.Errorf("an interrupt for CPU 1 ran on CPU %d", at)
	}
	return nil
}

// I2
func theWokenGoesOn(t *testing.T) error {
	m := native(t, 2)
	m.Spawn(nil, machine.Spec{Name: "sleeper", CPU: 0, Body: func(sleeper *kernel.Task) {
		sleeper.Sleeping()
		m.Spawn(sleeper, machine.Spec{Name: "waker", CPU: 1, Body: func(waker *kernel.Task) {
			until(waker, sleeper.Parked)
			sleeper.Wake(waker)
		}})
		sleeper.Schedule()
	}})
	return m.Run()
}

// I3
func theDeadRunNothing(t *testing.T) error {
	m := native(t, 2)
	s := newSignals(t, m)
	at := -1
	m.Spawn(nil, machine.Spec{Name: "operator", CPU: 0, Body: func(task *kernel.Task) {
		if err := m.Unplug(task, 1, func(*kernel.Task) { s.dead.Store(1) }); err != nil {
			t.Error(err)
		}
		until(task, func() bool { return s.dead.Load() != 0 })
		m.Spawn(task, machine.Spec{Name: "late", CPU: 1, Body: func(late *kernel.Task) { at = late.CPU() }})
	}})
	if err := m.Run(); err != nil {
		return err
	}
	if at != 0 {
		return fmt.Errorf("a task ran on CPU %d, which is offline", at)
	}
	return nil
}

// I4
func queuedWorkIsWaitedFor(t *testing.T) error {
	m := native(t, 2)
	m.Spawn(nil, machine.Spec{Name: "task", CPU: 0, Body: func(task *kernel.Task) {
		m.Queue(task, 1, &machine.Work{Run: sleep})
	}})
	if err := m.Run(); !errors.Is(err, machine.ErrDeadlock) {
		return fmt.Errorf("Run returned %v while queued work sleeps", err)
	}
	return nil
}
