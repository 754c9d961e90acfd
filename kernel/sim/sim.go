// Package sim is the deterministic machine: virtual CPUs that run the real source of a design one step at a time, in an order that is an input.
//
// A task or an interrupt is an entity with a coroutine. A step is one access of a word (kernel/choice). Before each step the machine asks its
// Strategy which entity takes it. That one question covers everything: continuing, another CPU getting ahead, an interrupt arriving on this CPU in
// mid-operation, another task preempting this one. Equal answers give equal runs: the same accesses, the same hash, on any computer.
//
// Memory is sequentially consistent, an access takes effect at its step for everybody, or one of the models of type Memory. What else a machine does
// by itself is chosen like a step: see agents. A question with several answers, such as whether an allocation fails, is put to a Chooser.
//
// Who may take the next step on a CPU:
//
//	the entity on top of it (running, or interrupted last), unless it spins on a word that has not changed
//	a pending interrupt, if the one on top does not mask interrupts; one of a higher priority than the one on top, with Options.Nested
//	a pending NMI, if the one on top is no NMI
//	a ready task, if the CPU is idle, or the one on top can be preempted: process context, nothing masked, no spinning lock held
//
// Invariants:
//
//	I1  on a CPU only one entity is on top, and only it takes steps (mutant SM-01)
//	I2  an interrupt arrives neither while they are masked (mutant SM-02) nor inside another one, or with Options.Nested one of its priority or
//	    above (mutant SM-09)
//	I3  a run is a function of its program and the strategy's answers (mutant SM-03)
//	I4  two accesses of a plain word by different entities, one of them a store, are ordered by what both synchronised on, or the run fails
//	    (mutant SM-04)
//	I5  what the memory model does not allow does not happen: under TSO stores leave in order (mutant SM-05); under Weak a release store leaves after
//	    earlier ones (SM-06), an acquire pins (SM-07), a CPU does not see a word go back (SM-08)
//	I6  an NMI arrives also while interrupts are masked, but not inside an NMI (mutant SM-10)
//	I7  a task changes its CPU only where it can be preempted, and not while it is pinned (mutant SM-11)
//	I8  a CPU that goes offline loses nothing: its tasks go on elsewhere (mutant SM-12), and so do its pending interrupts (mutant SM-13)
//	I9  a run fails no more backing allocations than its budget (mutant SM-15)
//	I10 the killer chooses tasks, each once (mutant SM-14)
//	I11 two steps whose effects have no conflict (Watch) lead to the same state in either order (mutant SM-16)
//
// Only the sim build has a simulator: elsewhere Run returns ErrNoSimulator.
package sim

import (
	"errors"
	"fmt"
	"math/bits"
	"unsafe"

	"headroom/internal/coro"
	"headroom/kernel"
	"headroom/kernel/choice"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

var (
	sm01 = mutant.Define(mutant.Mutant{ID: "SM-01", Host: "kernel/sim", Breaks: "I1",
		Story: "a ready task takes steps beside the one on top of its CPU"})
	sm02 = mutant.Define(mutant.Mutant{ID: "SM-02", Host: "kernel/sim", Breaks: "I2",
		Story: "interrupts arrive although they are masked"})
	sm03 = mutant.Define(mutant.Mutant{ID: "SM-03", Host: "kernel/sim", Breaks: "I3",
		Story: "Rewind leaves the memory as the last run left it, so a run depends on the one before"})
	sm04 = mutant.Define(mutant.Mutant{ID: "SM-04", Host: "kernel/sim", Breaks: "I4",
		Story: "one clock for all CPUs is handed over, so entities that share no CPU count as ordered"})
	sm05 = mutant.Define(mutant.Mutant{ID: "SM-05", Host: "kernel/sim", Breaks: "I5",
		Story: "under TSO stores of different words leave a buffer in any order"})
	sm06 = mutant.Define(mutant.Mutant{ID: "SM-06", Host: "kernel/sim", Breaks: "I5",
		Story: "a release store leaves the buffer before earlier stores"})
	sm07 = mutant.Define(mutant.Mutant{ID: "SM-07", Host: "kernel/sim", Breaks: "I5",
		Story: "a load after an acquire gives a value that was gone before what was acquired"})
	sm08 = mutant.Define(mutant.Mutant{ID: "SM-08", Host: "kernel/sim", Breaks: "I5",
		Story: "a load gives an older value of a word than the load of it before"})
	sm09 = mutant.Define(mutant.Mutant{ID: "SM-09", Host: "kernel/sim", Breaks: "I2",
		Story: "an interrupt arrives inside one of the same priority"})
	sm10 = mutant.Define(mutant.Mutant{ID: "SM-10", Host: "kernel/sim", Breaks: "I6",
		Story: "an NMI arrives inside an NMI"})
	sm11 = mutant.Define(mutant.Mutant{ID: "SM-11", Host: "kernel/sim", Breaks: "I7",
		Story: "a pinned task is moved"})
	sm12 = mutant.Define(mutant.Mutant{ID: "SM-12", Host: "kernel/sim", Breaks: "I8",
		Story: "a task that sleeps while its CPU goes offline stays behind, and runs there when it is woken"})
	sm13 = mutant.Define(mutant.Mutant{ID: "SM-13", Host: "kernel/sim", Breaks: "I8",
		Story: "the interrupts pending on a CPU that goes offline are forgotten, and the items they would have freed with them"})
	sm14 = mutant.Define(mutant.Mutant{ID: "SM-14", Host: "kernel/sim", Breaks: "I10",
		Story: "the killer chooses a task that it has killed before, or an interrupt"})
	sm15 = mutant.Define(mutant.Mutant{ID: "SM-15", Host: "kernel/sim", Breaks: "I9",
		Story: "failed allocations are not counted against the budget"})
)

// ErrNoSimulator: this program was built without the tag sim.
var ErrNoSimulator = errors.New("this build has no simulator: use the program built with -tags sim (bin/headroom-sim)")

// MaxEntities bounds tasks and pending interrupts together: sets of them are one machine word.
const MaxEntities = 64

// Strategy decides who takes the next step.
type Strategy interface {
	// Next returns a member of eligible, a set with bit i for entity i, never empty. current took the step before; it may not be eligible.
	// A negative answer abandons the run.
	Next(eligible uint64, current int) int
}

// Machine is a simulated machine. It belongs to the goroutine that made it, and only one machine of a process runs at a time.
type Machine struct {
	// What every step touches comes first.
	strategy Strategy
	eligible uint64 // entities that may take the next step
	current  int
	steps    int
	limit    int
	hash     uint64
	base     uintptr
	spinners uint64 // entities parked on a word
	aborting bool
	followed bool // somebody looks at the steps of this run
	races    *races
	model    *model // nil under SC
	chooser  Chooser
	movers   bool   // refresh looks for tasks to move
	dying    uint64 // CPUs that go offline while tasks can be moved
	observe  func(Step)
	watch    *Watch // nil unless the strategy watches

	options   Options
	memory    *mem.Memory
	coros     *coro.Set
	cpus      []cpu
	entities  []entity
	nodes     []kernel.Node
	watching  Watch
	used      uint64 // entities in use
	ever      uint64 // entities that were in use in this run
	muted     bool   // reach points do not count
	live      int    // tasks and interrupts not finished
	agents    agents
	left      budgets
	failure   *Failure
	reached   []uint32 // hits of each reach point
	marked    mark
	onStuck   func() *Failure
	unplugged func(t *kernel.Task, cpu int)
	again     func() bool // see Repeat
	hooks     hooks
	locks     *lockWatch // nil unless somebody watches them
	progress  progress
}

// hooks are what the machine puts into package choice for the time of a run.
type hooks struct {
	point func(kind choice.Kind, word unsafe.Pointer, detail uint64)
	await func(word unsafe.Pointer, value uint32)
	fail  func(index int) bool
	reach func(index int)
}

// cpu is the scheduling state of one virtual CPU.
type cpu struct {
	top     int    // the entity on top, -1 when idle
	ready   uint64 // tasks that could run
	pending uint64 // interrupts that have not arrived
	nmis    uint64 // those of them that cannot be masked
	bound   int    // tasks that live here, running, ready or asleep
	offline bool
	dead    func(*kernel.Task)
	dying   bool   // tasks of it are left
	hooking bool   // dead has not returned
	mask    uint64 // what this CPU adds to Machine.eligible now
}

// entity is a task or an interrupt.
type entity struct {
	task    kernel.Task
	spec    machine.Spec
	work    *machine.Work // not nil for an interrupt
	below   int           // for an interrupt: whom it interrupted, -1 for nobody
	spin    uintptr       // the address it spins on while in Machine.spinners
	started bool
}

// New makes a machine. Close it: it holds coroutines and memory.
func New(o Options) (*Machine, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	memory, err := mem.Make(o.Nodes, o.MemoryBytes, nil)
	if err != nil {
		return nil, err
	}
	m := &Machine{options: o, limit: o.StepLimit, memory: memory, base: uintptr(memory.Base()), agents: o.agents(), movers: o.Migrations > 0}
	m.nodes, err = mem.Slice[kernel.Node](memory, 0, o.Entities)
	if err != nil {
		memory.Release()
		return nil, err
	}
	m.cpus = make([]cpu, o.CPUs)
	m.entities = make([]entity, o.Entities)
	if o.Races {
		m.races = newRaces(o.Entities, o.CPUs)
	}
	if o.Memory != SC {
		m.model = newModel(m)
	}
	m.coros = coro.New(o.Entities, o.Hub, m.body)
	m.clear()
	return m, nil
}

// Close ends the machine's coroutines and gives its memory back.
func (m *Machine) Close() {
	m.coros.Close()
	m.memory.Release()
}

// CPUs is the number of CPUs.
func (m *Machine) CPUs() int { return m.options.CPUs }

// Node is the NUMA node of a CPU.
func (m *Machine) Node(cpu int) int { return cpu * m.options.Nodes / m.options.CPUs }

// Memory is the machine's memory.
func (m *Machine) Memory() *mem.Memory { return m.memory }

// Now is the virtual clock: in this form one step is one nanosecond. To a strategy that watches, a step that asks for it conflicts with all others, since
// each moves the clock.
func (m *Machine) Now(*kernel.Task) int64 {
	if m.watch != nil {
		m.watch.effect.all = true
	}
	return int64(m.steps)
}

// Hash is a digest of the run so far: who did what to which word, in which order.
func (m *Machine) Hash() uint64 { return m.hash }

// Steps is the number of steps of the run so far.
func (m *Machine) Steps() int { return m.steps }

// SetStrategy names who decides from now on. One with a method Watches(*Watch) is shown what the steps of the next run touch; one with a method
// Beside(uint64) is told the set of the machine's own entities, if it has any.
func (m *Machine) SetStrategy(s Strategy) {
	m.strategy, m.watch = s, nil
	m.chooser, _ = s.(Chooser)
	if w, ok := s.(watcher); ok {
		m.watching = Watch{Partial: m.agents.any}
		m.watch = &m.watching
		w.Watches(m.watch)
	}
	if b, ok := s.(besider); ok && m.agents.any {
		b.Beside(m.Agents())
	}
}

// Observe makes f be told of every step; nil ends it. It makes runs much slower and changes nothing else.
func (m *Machine) Observe(f func(Step)) { m.observe = f }

// OnStuck makes f explain a run in which nobody can go on; f returns nil to leave it at "deadlock".
func (m *Machine) OnStuck(f func() *Failure) { m.onStuck = f }

// clear makes every CPU idle and every entity unused.
func (m *Machine) clear() {
	for i := range m.cpus {
		m.cpus[i] = cpu{top: -1}
	}
	m.begin()
}

// begin sets back what is not a CPU's or an entity's.
func (m *Machine) begin() {
	m.used, m.ever, m.live, m.eligible, m.spinners = 0, 0, 0, 0, 0
	m.current, m.steps, m.hash = -1, 0, hashSeed
	m.failure, m.aborting, m.dying = nil, false, 0
	m.handBack()
	m.rearm()
	if m.model != nil {
		m.model.clear()
	}
	if m.races != nil {
		m.races.clear()
	}
}

// take finds an unused entity, one that was never used in this run while there are such: to the race checks a place used again is one entity that
// lives on. When there is none the run fails: at the caller's next step, or at its start.
func (m *Machine) take() (i int, ok bool) {
	i = bits.TrailingZeros64(^(m.used | m.ever))
	if i >= len(m.entities) {
		i = bits.TrailingZeros64(^m.used)
	}
	if i >= len(m.entities) {
		if m.failure == nil {
			m.failure = &Failure{Class: Machinery, Message: fmt.Sprintf("more than %d tasks and interrupts at a time", len(m.entities))}
		}
		m.aborting = true
		return 0, false
	}
	m.used |= 1 << i
	m.ever |= 1 << i
	m.live++
	e := &m.entities[i]
	e.started, e.below, e.work = false, -1, nil
	if m.watch != nil {
		m.watch.effect.starts = true
		m.watch.Pending[i] = Access{}
	}
	return i, true
}

// Spawn adds a task; see machine.Machine.
func (m *Machine) Spawn(by *kernel.Task, spec machine.Spec) { m.spawn(by, -1, spec) }

// spawn adds a task that knows what by does, or what was done on a CPU; with neither, all that was done.
func (m *Machine) spawn(by *kernel.Task, cpu int, spec machine.Spec) {
	if m.model != nil && by != nil {
		m.model.fence(by.CPU())
	}
	i, ok := m.take()
	if !ok {
		return
	}
	spec.CPU = m.onlineNear(spec.CPU)
	e := &m.entities[i]
	e.spec = spec
	e.task.Setup(m, &m.nodes[i], spec.Name, i, spec.CPU, kernel.Process)
	c := &m.cpus[spec.CPU]
	c.ready |= 1 << i
	c.bound++
	if m.races != nil {
		m.races.spawn(i, by, cpu)
	}
	m.refresh(spec.CPU)
}

// Interrupt raises w on a CPU; see machine.Machine.
func (m *Machine) Interrupt(by *kernel.Task, cpu int, w *machine.Work) {
	cpu = m.onlineNear(cpu)
	if m.model != nil && by != nil {
		m.model.fence(by.CPU())
	}
	i, ok := m.take()
	if !ok {
		return
	}
	e := &m.entities[i]
	e.work = w
	if w.NMI {
		e.task.Setup(m, &m.nodes[i], "nmi", i, cpu, kernel.NMI)
		m.cpus[cpu].nmis |= 1 << i
	} else {
		e.task.Setup(m, &m.nodes[i], "irq", i, cpu, kernel.HardIRQ)
	}
	m.cpus[cpu].pending |= 1 << i
	if m.races != nil {
		m.races.spawn(i, by, -1)
	}
	m.refresh(cpu)
}

func (m *Machine) onlineNear(cpu int) int {
	if !m.cpus[cpu].offline {
		return cpu
	}
	for i := range m.cpus {
		if !m.cpus[i].offline {
			return i
		}
	}
	return cpu
}

// refresh works out who may take the next step on a CPU.
func (m *Machine) refresh(index int) {
	c := &m.cpus[index]
	mask := uint64(0)
	if c.top < 0 {
		mask = c.ready&^m.spinners | c.pending
	} else {
		e := &m.entities[c.top]
		mask = 1 << c.top &^ m.spinners
		if c.pending != 0 {
			mask |= m.arriving(c, e)
		}
		if c.ready != 0 && (e.task.Preemptible() && !m.options.NoPreempt || mutant.On(sm01)) {
			mask |= c.ready &^ m.spinners
		}
	}
	if m.movers {
		mask |= m.moverBit(index)
	}
	m.eligible = m.eligible&^c.mask | mask
	c.mask = mask
	if m.watch != nil {
		m.watch.effect.cpus |= 1 << index
	}
}

// arriving are the pending interrupts of a CPU that may come in upon e, which is on top of it.
func (m *Machine) arriving(c *cpu, e *entity) (set uint64) {
	switch {
	case !e.task.IRQsOff() || mutant.On(sm02):
		return c.pending
	case e.task.Context() == kernel.NMI:
		if mutant.On(sm10) {
			return c.nmis
		}
		return 0
	}
	set = c.nmis // I6
	if m.options.Nested && e.work != nil && !e.task.Masked() {
		for rest := c.pending &^ c.nmis; rest != 0; rest &= rest - 1 {
			i := bits.TrailingZeros64(rest)
			if p := m.entities[i].work.Priority; p > e.work.Priority || p == e.work.Priority && mutant.On(sm09) {
				set |= 1 << i
			}
		}
	}
	return set
}

// Reached returns how often each point of reach.All was passed since the machine was made.
func (m *Machine) Reached() []uint32 { return m.reached }

// Mute makes passed points count no longer, or again: what a check does at quiescence is not what the program reached.
func (m *Machine) Mute(muted bool) { m.muted = muted }

func (m *Machine) reach(index int) {
	if m.muted {
		return
	}
	for len(m.reached) <= index {
		m.reached = append(m.reached, 0)
	}
	m.reached[index]++
}

// Step is one step of a run, for listings.
type Step struct {
	Number int
	Entity int
	Name   string
	CPU    int
	IRQ    bool
	Kind   choice.Kind
	Offset uintptr // of the word, in the machine's memory
	PCs    []uintptr
	Note   string // what the machine itself did; not "" for agents and for answers
}
