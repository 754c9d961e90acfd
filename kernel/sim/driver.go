package sim

import (
	"fmt"
	"math/bits"

	"headroom/kernel"
	"headroom/kernel/choice"
	"headroom/kernel/machine"
	"headroom/kernel/mutant"
)

// These methods are the kernel.Driver of the simulated machine.

// TaskAt is the task with the given index.
func (m *Machine) TaskAt(index int) *kernel.Task { return &m.entities[index].task }

// Park takes t off its CPU until Ready.
func (m *Machine) Park(t *kernel.Task) {
	index := t.CPU()
	c := &m.cpus[index]
	if m.model != nil {
		m.model.fence(index)
	}
	if m.races != nil {
		m.races.handover(index, c.top, -1)
	}
	c.top = -1
	m.refresh(index)
	m.yield()
}

// Ready lets t run again.
func (m *Machine) Ready(by, t *kernel.Task) {
	if m.races != nil && by != nil {
		m.races.passOn(t.Index(), by) // what the waker did comes before what the woken does
	}
	if m.model != nil && by != nil {
		m.model.fence(by.CPU())
	}
	m.cpus[t.CPU()].ready |= 1 << t.Index()
	m.refresh(t.CPU())
}

// Resched is a step that touches no word; where preemption is off the strategy may also choose another ready task here.
func (m *Machine) Resched(t *kernel.Task) {
	c := &m.cpus[t.CPU()]
	if m.options.NoPreempt && c.ready != 0 {
		c.ready |= 1 << t.Index()
		if m.races != nil {
			m.races.handover(t.CPU(), c.top, -1) // whoever comes onto the CPU now sees what t did
		}
		c.top = -1
		m.refresh(t.CPU())
		m.yield()
	}
	m.hooks.point(choice.Note, nil, 0)
}

// Queue runs w as a task of its own; see machine.Machine.
func (m *Machine) Queue(by *kernel.Task, cpu int, w *machine.Work) {
	m.Spawn(by, machine.Spec{Name: "kworker", CPU: cpu, Body: m.scoped(w)})
}

// Masked: what may interrupt or preempt t has changed.
func (m *Machine) Masked(t *kernel.Task) {
	m.locks.unmasked(t)
	c := &m.cpus[t.CPU()]
	if (c.ready|c.pending != 0 || m.movers) && c.top == t.Index() {
		m.refresh(t.CPU())
	}
}

// Misuse ends the run: t broke a rule of the kernel.
func (m *Machine) Misuse(t *kernel.Task, what string) {
	if m.current < 0 || m.aborting {
		panic(aborted{})
	}
	m.fail(&Failure{Class: Misuse, Message: fmt.Sprintf("%s on CPU %d: %s", t.Name(), t.CPU(), what)})
}

// Unplug takes a CPU offline; see machine.Machine. Its tasks leave between operations, as natively; on a machine whose tasks move (Options.Migrations,
// Options.Hotplugs) they are moved wherever they can be preempted. by is nil when the machine does it.
func (m *Machine) Unplug(by *kernel.Task, cpu int, dead func(*kernel.Task)) error {
	online, c := m.online(), &m.cpus[cpu]
	if c.offline || online == 1 {
		return fmt.Errorf("unplug CPU %d of %d online: %w", cpu, online, kernel.ErrOffline)
	}
	if m.watch != nil {
		m.watch.effect.all = true
	}
	c.offline, c.dying, c.dead = true, true, dead
	if m.model != nil && by != nil {
		m.model.fence(by.CPU())
	}
	if m.races != nil && by != nil {
		m.races.handover(cpu, by.Index(), -1) // what the operator did comes before the hook, whoever leaves the CPU last
	}
	pending, nmis := c.pending, c.nmis // interrupts that have not arrived are routed elsewhere
	c.pending, c.nmis = 0, 0
	m.refresh(cpu) // before another CPU makes them eligible
	m.refreshMovers()
	to := m.onlineNear(cpu)
	for i := range m.entities {
		if pending>>i&1 != 0 {
			m.entities[i].task.Move(to)
		}
	}
	if mutant.On(sm13) {
		m.forget(pending)
		pending, nmis = 0, 0
	}
	m.cpus[to].pending |= pending
	m.cpus[to].nmis |= nmis
	m.refresh(to)
	if m.moves() {
		m.dying |= 1 << cpu // pick moves its tasks
		return nil
	}
	m.goneOffline(by, cpu)
	return nil
}

// Plug brings a CPU back; see machine.Machine.
func (m *Machine) Plug(by *kernel.Task, cpu int) error {
	c := &m.cpus[cpu]
	if !c.offline || c.dying || c.hooking {
		return fmt.Errorf("plug CPU %d: it is online, or still going offline", cpu)
	}
	if m.watch != nil {
		m.watch.effect.all = true
	}
	c.offline = false
	m.refreshMovers()
	return nil
}

// Leaving reports whether t's CPU is going offline.
func (m *Machine) Leaving(t *kernel.Task) bool { return m.cpus[t.CPU()].offline && !m.moves() }

// forget is the mistake SM-13: interrupts that were raised never come.
func (m *Machine) forget(set uint64) {
	m.used &^= set
	m.live -= bits.OnesCount64(set)
}

// goneOffline starts the hook of a dying CPU once its last task has left and its last interrupt has returned. The hook sees all that happened there.
func (m *Machine) goneOffline(by *kernel.Task, index int) {
	c := &m.cpus[index]
	if !c.dying || c.bound > 0 || c.top >= 0 { // an interrupt may still run there
		return
	}
	c.dying = false
	m.dying &^= 1 << index
	if m.model != nil {
		m.model.fence(index) // nothing of it stays behind in the buffer
	}
	if c.dead != nil {
		if m.races != nil && by != nil {
			m.races.handover(index, by.Index(), by.Index())
		}
		c.hooking = true
		m.spawn(by, index, machine.Spec{Name: fmt.Sprintf("cpuhp/%d", index), CPU: m.onlineNear(index), Body: func(t *kernel.Task) {
			c.dead(t)
			c.hooking = false
			if m.model != nil {
				m.model.fence(t.CPU())
			}
			if m.races != nil {
				m.races.handover(index, t.Index(), -1) // whoever is on the CPU after it is back comes after the hook
			}
		}})
	}
}

var _ machine.Machine = (*Machine)(nil)

// Offline reports whether a CPU is offline or going there.
func (m *Machine) Offline(cpu int) bool { return m.cpus[cpu].offline }
