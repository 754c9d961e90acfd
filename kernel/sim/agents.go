package sim

import (
	"fmt"
	"math/bits"

	"headroom/kernel"
	"headroom/kernel/choice"
	"headroom/kernel/mutant"
)

// Agents are the machine's own entities: they take steps that no task and no interrupt takes. Their numbers follow those of the entities, so a
// strategy chooses them as it does those, and a schedule names them alike. Each has a budget a run, but for the store buffers, whose steps come to an
// end by themselves.
//
//	a store buffer for each CPU   one of its stores reaches memory (Options.Memory)
//	a mover for each CPU          a task of that CPU that can be preempted moves to another (Options.Migrations)
//	one for hot-plug              a CPU goes offline or comes back (Options.Hotplugs)
//	one that kills                a task is chosen as the victim of an out-of-memory kill (Options.Kills)
type agents struct {
	drain, mover, hotplug, killer int    // the first number of each kind; -1 when the machine has none
	drains                        uint64 // the set of all store buffers
	end                           int    // one above the last
	any                           bool
}

// budgets are what a run may still do.
type budgets struct{ faults, migrations, hotplugs, kills int }

// Agents is how many entities of its own a machine of these options has: so many fewer tasks and interrupts there is room for.
func (o Options) Agents() int { return o.agents().end - o.Entities }

// Renumber is the number that entity i of a machine of these options has on a machine of other options; -1 if that has no such entity. Tasks and
// interrupts keep theirs, and what the machine does by itself is numbered after them. Both options name their Entities.
func (o Options) Renumber(i int, other Options) int {
	if i < o.Entities {
		return i
	}
	a, b := o.agents(), other.agents()
	for _, kind := range []struct{ from, to, count, room int }{
		{a.drain, b.drain, o.CPUs, other.CPUs}, {a.mover, b.mover, o.CPUs, other.CPUs}, {a.hotplug, b.hotplug, 1, 1}, {a.killer, b.killer, 1, 1},
	} {
		if k := i - kind.from; kind.from >= 0 && k >= 0 && k < min(kind.count, kind.room) && kind.to >= 0 {
			return kind.to + k
		}
	}
	return -1
}

func (o *Options) agents() agents {
	a := agents{drain: -1, mover: -1, hotplug: -1, killer: -1, end: o.Entities}
	number := func(count int) int {
		first := a.end
		a.end += count
		a.any = true
		return first
	}
	if o.Memory != SC {
		a.drain = number(o.CPUs)
		a.drains = (1<<o.CPUs - 1) << a.drain
	}
	if o.Migrations > 0 {
		a.mover = number(o.CPUs)
	}
	if o.Hotplugs > 0 {
		a.hotplug = number(1)
	}
	if o.Kills > 0 {
		a.killer = number(1)
	}
	return a
}

// Agents is the set of the machine's own entities, empty for a machine that does nothing by itself.
func (m *Machine) Agents() uint64 { return 1<<m.agents.end - 1<<len(m.entities) }

// OnUnplug makes f the hook of CPUs that the machine itself takes offline: it runs as a task of another CPU once cpu is dead.
func (m *Machine) OnUnplug(f func(t *kernel.Task, cpu int)) { m.unplugged = f }

// rearm gives every agent its budget for a new run.
func (m *Machine) rearm() {
	m.left = budgets{m.options.Faults, m.options.Migrations, m.options.Hotplugs, m.options.Kills}
	for _, agent := range []int{m.agents.hotplug, m.agents.killer} {
		if agent >= 0 {
			m.eligible |= 1 << agent
		}
	}
}

// pick asks who takes the next step, lets agents take theirs, and returns the task or interrupt that comes after them. It reports false when nobody
// can go on, or when the run has failed or was abandoned.
func (m *Machine) pick(current int) (next int, ok bool) {
	if m.model != nil {
		m.model.settle()
	}
	for {
		if m.dying != 0 {
			m.evacuate()
		}
		set := m.eligible
		if m.live == 0 { // the program is over; what is in the buffers still has to come out
			set &= m.agents.drains
		}
		if set == 0 || m.aborting {
			return -1, false
		}
		next = m.strategy.Next(set, current)
		if next < 0 {
			m.failure, m.aborting = abandoned, true
			return -1, false
		}
		if next < len(m.entities) {
			return next, true
		}
		m.act(next)
	}
}

// act is one step of an agent.
func (m *Machine) act(agent int) {
	if m.steps >= m.limit {
		m.failure, m.aborting = m.livelock(), true
		return
	}
	m.steps++
	a := &m.agents
	switch {
	case a.drain >= 0 && agent < a.drain+len(m.cpus):
		cpu := agent - a.drain
		places := m.model.leaving(cpu)
		place := places[m.choose(len(places), "not the oldest store leaves the buffer, but number")]
		s := m.model.drain(cpu, place)
		m.hash = mix(m.hash, m.offsetOf(s.word), agent, choice.Drain)
		m.announceAt(agent, cpu, choice.Drain, m.offsetOf(s.word), "a store reaches memory")
		return
	case a.mover >= 0 && agent >= a.mover && agent < a.mover+len(m.cpus):
		m.migrate(agent - a.mover)
	case agent == a.hotplug:
		m.plugOrUnplug()
	case agent == a.killer:
		m.kill()
	}
	m.hash = mix(m.hash, 0, agent, choice.Event)
}

// movable are the tasks of a CPU that may go to another: those ready there, and the one on top if it can be preempted.
//
// I7: not the pinned.
func (m *Machine) movable(cpu int) (set uint64) {
	c := &m.cpus[cpu]
	set = c.ready
	if c.top >= 0 && m.entities[c.top].task.Preemptible() {
		set |= 1 << c.top
	}
	for rest := set; rest != 0; rest &= rest - 1 {
		if i := bits.TrailingZeros64(rest); m.entities[i].task.Pinned() && !mutant.On(sm11) {
			set &^= 1 << i
		}
	}
	return set
}

// migrate moves a task of a CPU to another that is online.
func (m *Machine) migrate(from int) {
	var online []int
	for i := range m.cpus {
		if i != from && !m.cpus[i].offline {
			online = append(online, i)
		}
	}
	tasks := m.movable(from)
	n := bits.OnesCount64(tasks)
	k := m.choose(n*len(online), "not the first of the tasks and places, but number")
	for range k / len(online) {
		tasks &= tasks - 1
	}
	m.left.migrations--
	i, to := bits.TrailingZeros64(tasks), online[k%len(online)]
	m.move(i, to)
	if m.left.migrations == 0 {
		m.refreshMovers()
	}
	if m.observe != nil {
		m.announce(m.agents.mover+from, fmt.Sprintf("%s moves from CPU %d to CPU %d", m.entities[i].task.Name(), from, to))
	}
}

// moverBit is the mover of a CPU, if there is a task it may move and a place to move it to.
func (m *Machine) moverBit(cpu int) uint64 {
	if m.left.migrations == 0 || m.movable(cpu) == 0 {
		return 0
	}
	for i := range m.cpus {
		if i != cpu && !m.cpus[i].offline {
			return 1 << (m.agents.mover + cpu)
		}
	}
	return 0
}

// refreshMovers follows a change of where tasks can move to, or whether.
func (m *Machine) refreshMovers() {
	if m.movers {
		for cpu := range m.cpus {
			m.refresh(cpu)
		}
	}
}

// move puts a task, on top of its CPU, ready there or asleep, on another CPU.
func (m *Machine) move(i, to int) {
	e := &m.entities[i]
	from := e.task.CPU()
	a, b := &m.cpus[from], &m.cpus[to]
	if m.model != nil {
		m.model.fence(from)
	}
	if a.top == i {
		if m.races != nil {
			m.races.handover(from, i, -1)
		}
		a.top = -1
		b.ready |= 1 << i
	} else if a.ready>>i&1 != 0 {
		a.ready &^= 1 << i
		b.ready |= 1 << i
	}
	a.bound--
	b.bound++
	e.task.Move(to)
	m.refresh(from)
	m.refresh(to)
}

// moves reports whether tasks change CPU in mid-operation; otherwise they leave a dying CPU between operations only.
func (m *Machine) moves() bool { return m.agents.mover >= 0 || m.agents.hotplug >= 0 }

// evacuate moves what can be moved off CPUs that go offline; what is pinned or cannot be preempted follows when it can.
func (m *Machine) evacuate() {
	for cpu := range m.cpus {
		if m.dying>>cpu&1 == 0 {
			continue
		}
		c, to := &m.cpus[cpu], m.onlineNear(cpu)
		for i := range m.entities {
			e := &m.entities[i]
			if m.used>>i&1 == 0 || e.work != nil || e.task.CPU() != cpu || e.task.Pinned() && !mutant.On(sm11) || m.interrupted(c, i) {
				continue
			}
			if c.top == i && !e.task.Preemptible() {
				continue
			}
			if mutant.On(sm12) && c.top != i && c.ready>>i&1 == 0 {
				c.bound--
				continue // a sleeper is left behind
			}
			m.move(i, to)
		}
		m.goneOffline(nil, cpu)
	}
}

// interrupted reports whether task i is under an interrupt.
func (m *Machine) interrupted(c *cpu, i int) bool {
	for at := c.top; at >= 0 && m.entities[at].work != nil; {
		at = m.entities[at].below
		if at == i {
			return true
		}
	}
	return false
}

// plugOrUnplug takes a CPU offline, or brings one back.
func (m *Machine) plugOrUnplug() {
	var can []int
	for i := range m.cpus {
		c := &m.cpus[i]
		if c.offline && !c.dying && !c.hooking || !c.offline && m.online() > 1 {
			can = append(can, i)
		}
	}
	m.left.hotplugs--
	if m.left.hotplugs == 0 || len(can) == 0 {
		m.eligible &^= 1 << m.agents.hotplug
	}
	if len(can) == 0 {
		return
	}
	cpu := can[m.choose(len(can), "not the first of the CPUs, but number")]
	if m.observe != nil {
		m.announce(m.agents.hotplug, fmt.Sprintf("CPU %d goes offline or comes back", cpu))
	}
	if m.cpus[cpu].offline {
		m.cpus[cpu].offline = false
		m.refreshMovers()
		return
	}
	var dead func(*kernel.Task)
	if m.unplugged != nil {
		dead = func(t *kernel.Task) { m.unplugged(t, cpu) }
	}
	_ = m.Unplug(nil, cpu, dead) // it is online, and not the last
}

func (m *Machine) online() (n int) {
	for i := range m.cpus {
		if !m.cpus[i].offline {
			n++
		}
	}
	return n
}

// kill makes a task the victim of the out-of-memory killer: from now on it has the right of one, and is expected to end soon.
//
// I10: tasks only, each once.
func (m *Machine) kill() {
	var can []int
	for i := range m.entities {
		e := &m.entities[i]
		if m.used>>i&1 != 0 && (e.work == nil && e.task.Rights()&kernel.RightVictim == 0 || mutant.On(sm14)) {
			can = append(can, i)
		}
	}
	m.left.kills--
	if m.left.kills == 0 || len(can) == 0 {
		m.eligible &^= 1 << m.agents.killer
	}
	if len(can) == 0 {
		return
	}
	t := &m.entities[can[m.choose(len(can), "not the first of the tasks, but number")]].task
	t.SetRights(t.Rights() | kernel.RightVictim)
	if m.observe != nil {
		m.announce(m.agents.killer, t.Name()+" is to be killed")
	}
}

// agentName is what listings call an agent, and the CPU whose column it stands in.
func (m *Machine) agentName(agent int) (name string, cpu int) {
	a := &m.agents
	switch {
	case a.drain >= 0 && agent >= a.drain && agent < a.drain+len(m.cpus):
		return "buffer", agent - a.drain
	case a.mover >= 0 && agent >= a.mover && agent < a.mover+len(m.cpus):
		return "mover", agent - a.mover
	case agent == a.hotplug:
		return "hotplug", 0
	}
	return "killer", 0
}
