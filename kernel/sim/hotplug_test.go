//go:build sim

package sim_test

import (
	"errors"
	"fmt"
	"testing"

	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/sim"
)

// hotplug is what one run of TestUnplugMovesTheWork saw.
type hotplug struct {
	rounds   int    // of the task that lives on CPU 1 at first
	ended    int    // CPU on which it ended
	hook     int    // CPU of the dead hook, -1 before
	irq      int    // CPU of the interrupt that was raised for CPU 1
	late     int    // CPU of a task that was spawned for CPU 1 after its death
	back     int    // CPU of a task that was spawned for CPU 1 after it came back
	plugged  bool   // CPU 1 is back
	stray    string // who took a step on CPU 1 while it was dead
	fault    error
	migrated int // runs in which the task moved in the middle of its work
	rerouted int // runs in which the interrupt went to another CPU
}

// program unplugs CPU 1 of 3 under a task that counts to 6, and plugs it in again.
func (h *hotplug) program(m *sim.Machine) error {
	const rounds = 6
	m.Observe(func(s sim.Step) {
		if s.CPU == 1 && h.hook >= 0 && !h.plugged && h.stray == "" {
			h.stray = s.Name
		}
	})
	expect := func(what string, err error, want bool) {
		if errors.Is(err, kernel.ErrOffline) != want && h.fault == nil {
			h.fault = fmt.Errorf("%s: %v", what, err)
		}
	}
	m.Spawn(nil, machine.Spec{Name: "mover", CPU: 1, Body: func(t *kernel.Task) {
		for h.rounds < rounds {
			t.Resched()
			h.rounds++
			if m.Leaving(t) {
				t.Leave()
				h.migrated++
				return
			}
		}
		h.ended = t.CPU()
	}})
	m.Spawn(nil, machine.Spec{Name: "operator", CPU: 0, Body: func(t *kernel.Task) {
		t.Resched()
		m.Interrupt(t, 1, &machine.Work{Run: func(t *kernel.Task) { h.irq = t.CPU() }})
		expect("unplug", m.Unplug(t, 1, func(t *kernel.Task) { h.hook = t.CPU() }), false)
		expect("unplug twice", m.Unplug(t, 1, nil), true)
		if m.Plug(t, 1) == nil {
			h.fault = errors.New("a dying CPU was plugged in")
		}
		for h.hook < 0 {
			t.Resched()
		}
		expect("unplug another", m.Unplug(t, 2, nil), false)
		expect("unplug the last", m.Unplug(t, 0, nil), true)
		m.Spawn(t, machine.Spec{Name: "late", CPU: 1, Body: func(t *kernel.Task) { h.late = t.CPU() }})
		for h.late < 0 {
			t.Resched()
		}
		if err := m.Plug(t, 1); err != nil || m.Plug(t, 1) == nil {
			h.fault = fmt.Errorf("plug: %v, and an online CPU can be plugged in", err)
		}
		h.plugged = true
		m.Spawn(t, machine.Spec{Name: "back", CPU: 1, Body: func(t *kernel.Task) { h.back = t.CPU() }})
	}})
	return nil
}

func (h *hotplug) reset() {
	h.rounds, h.ended, h.hook, h.irq, h.late, h.back, h.plugged, h.stray = 0, -1, -1, -1, -1, -1, false, ""
}

// Unplug: the CPU's tasks leave between operations and go on elsewhere with their state, its interrupts go elsewhere, then the hook runs on
// another CPU; from then on nothing runs there until Plug. The last CPU stays.
func TestUnplugMovesTheWork(t *testing.T) {
	var h hotplug
	h.reset()
	err := explore(sim.Options{CPUs: 3, MemoryBytes: 4096, Races: true}, h.program, schedules, func(_ *sim.Machine, _ uint64, r run) error {
		defer h.reset()
		switch {
		case r.err != nil:
			return r.err
		case h.fault != nil:
			return h.fault
		case h.stray != "":
			return fmt.Errorf("%s takes a step on the dead CPU", h.stray)
		case h.hook == 1 || h.late == 1 || h.back != 1 || h.rounds != 6:
			return fmt.Errorf("a task or the hook ran on the wrong CPU or too little: %+v", h)
		case h.irq < 0:
			return errors.New("the interrupt got lost")
		case h.irq != 1:
			h.rerouted++
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if h.migrated == 0 || h.rerouted == 0 {
		t.Errorf("the task moved %d times, the interrupt %d times: want both", h.migrated, h.rerouted)
	}
}
