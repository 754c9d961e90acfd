package sim

import (
	"runtime"
	"unsafe"

	"headroom/internal/coro"
	"headroom/kernel/choice"
	"headroom/kernel/mutant"
)

// The hash is a multiply-and-xor chain over the steps (FNV-1a's constants, a word at a time).
const (
	hashSeed  = 0xcbf29ce484222325
	hashPrime = 0x100000001b3
)

// aborted unwinds an entity of a run that has come to its end.
type aborted struct{}

// pointer makes choice.Point for a machine that has no agents: the current entity is about to access a word, and somebody else may go first.
//
// Each level of call between the access and the switch of stacks costs a return that is mispredicted when the entity goes on. So this is a closure,
// since the wrapper of a method value would be one more level, and dispatch is written out in it.
func (m *Machine) pointer() func(kind choice.Kind, word unsafe.Pointer, detail uint64) {
	return func(kind choice.Kind, word unsafe.Pointer, detail uint64) {
		if m.aborting {
			panic(aborted{})
		}
		self := m.current
		if m.steps >= m.limit && m.overdue() {
			m.fail(m.livelock())
		}
		if m.watch != nil {
			m.watch.Pending[self] = m.accessOf(kind, word)
		}
		if next := m.strategy.Next(m.eligible, self); next != self {
			if next < 0 {
				m.fail(abandoned)
			}
			if m.cpus[m.entities[next].task.CPU()].top != next {
				m.place(next)
			}
			m.current = next
			if resume, yield := m.coros.Turn(next + 1); resume != nil {
				resume()
			} else {
				yield(struct{}{})
			}
			if m.aborting {
				panic(aborted{})
			}
		}
		m.steps++
		m.hash = mix(m.hash, m.offsetOf(word), self, kind)
		if m.spinners != 0 && kind.Writes() {
			m.release(uintptr(word))
		}
		if m.followed {
			m.follow(self, kind, word, detail)
		}
	}
}

// follow shows a step to whoever looks at steps: a strategy that watches, an observer, the race checks.
func (m *Machine) follow(self int, kind choice.Kind, word unsafe.Pointer, detail uint64) {
	if m.watch != nil {
		m.watch.step(m.entities[self].task.CPU(), m.watch.Pending[self], writes(kind, word, detail))
	}
	if m.observe != nil {
		m.tell(kind, m.offsetOf(word))
	}
	if m.races != nil {
		m.races.access(m, self, kind, word, detail)
	}
}

// mix adds a step to a hash.
func mix(hash uint64, offset uintptr, entity int, kind choice.Kind) uint64 {
	h := (hash ^ uint64(offset)<<16 ^ uint64(entity)<<8 ^ uint64(kind)) * hashPrime
	return h ^ h>>29
}

// chosen is the place of a kind in the hash of an answer.
const chosen = choice.Kind(0xff)

// pointBeside is choice.Point for a machine that has agents, which may go first, and for one that switches through a hub.
func (m *Machine) pointBeside(kind choice.Kind, word unsafe.Pointer, detail uint64) {
	if m.aborting {
		panic(aborted{})
	}
	self := m.current
	if m.model != nil {
		m.model.settle()
	}
	if m.steps >= m.limit && m.overdue() {
		m.fail(m.livelock())
	}
	if m.watch != nil {
		m.watch.Pending[self] = m.accessOf(kind, word)
	}
	m.yield()
	m.steps++
	m.hash = mix(m.hash, m.offsetOf(word), self, kind)
	if m.spinners != 0 && kind.Writes() {
		m.release(uintptr(word))
	}
	if m.followed {
		m.follow(self, kind, word, detail)
	}
	if m.model != nil {
		m.model.access(m.entities[self].task.CPU(), kind, word, detail)
	}
}

// await is choice.Await: the current entity spins until the word differs from value, which costs no steps.
func (m *Machine) await(word unsafe.Pointer, value uint32) {
	self := m.current
	e := &m.entities[self]
	for {
		if m.watch != nil {
			m.watch.look(e.task.CPU(), wordNumber(uintptr(word)-m.base))
		}
		if m.look(self, word) != value {
			break
		}
		e.spin = uintptr(word)
		m.spinners |= 1 << self
		m.refresh(e.task.CPU())
		m.yield()
	}
	if m.races != nil {
		m.races.access(m, self, choice.Load, word, choice.Width32) // the last look, which found the word changed
	}
	if m.model != nil {
		m.model.access(m.entities[self].task.CPU(), choice.Load, word, choice.Width32)
	}
}

// look is the value of a word as an entity sees it that spins on it.
func (m *Machine) look(self int, word unsafe.Pointer) uint32 {
	if m.model != nil {
		m.model.settle()
		return m.model.look(m.entities[self].task.CPU(), word)
	}
	return *(*uint32)(word)
}

// accessOf is what a strategy that watches is told of an access.
func (m *Machine) accessOf(kind choice.Kind, word unsafe.Pointer) Access {
	if word == nil {
		return Access{Kind: kind}
	}
	return Access{Kind: kind, Word: wordNumber(uintptr(word) - m.base)}
}

// writes reports whether an access changes its word: a compare-and-swap that will fail does not.
func writes(kind choice.Kind, word unsafe.Pointer, expect uint64) bool {
	switch kind {
	case choice.CAS32:
		return uint64(*(*uint32)(word)) == expect
	case choice.CAS64:
		return *(*uint64)(word) == expect
	}
	return kind.Writes()
}

// release lets those go on that spin on the word at address: it is about to change.
func (m *Machine) release(address uintptr) {
	for i := range m.entities {
		if m.spinners>>i&1 != 0 && m.entities[i].spin == address {
			m.spinners &^= 1 << i
			m.refresh(m.entities[i].task.CPU())
		}
	}
}

// yield gives the processor away: the current entity cannot take the next step. It returns when it may, and was chosen to.
func (m *Machine) yield() {
	next, ok := m.pick(m.current)
	if !ok {
		if m.aborting {
			panic(aborted{})
		}
		m.stuck()
	}
	if next != m.current {
		m.dispatch(next)
		return
	}
	m.place(next) // it may have given its CPU up and got it back, or have been moved
}

// dispatch makes entity next the one that runs, and returns when the caller is dispatched again.
func (m *Machine) dispatch(next int) {
	m.place(next)
	m.current = next
	m.coros.Switch(next + 1)
	if m.aborting {
		panic(aborted{})
	}
}

// place puts an entity on top of its CPU, if it is not there: an interrupt above whom it interrupts, a task in place of whom it preempts.
func (m *Machine) place(next int) {
	e := &m.entities[next]
	index := e.task.CPU()
	c := &m.cpus[index]
	if c.top == next {
		return
	}
	if m.races != nil {
		m.races.handover(index, c.top, next)
	}
	if m.model != nil {
		if e.work != nil {
			m.model.interrupted(index)
		} else {
			m.model.fence(index)
		}
	}
	if e.work != nil {
		c.pending &^= 1 << next
		c.nmis &^= 1 << next
		e.below = c.top
	} else {
		if c.top >= 0 && !mutant.On(sm01) {
			c.ready |= 1 << c.top
		}
		c.ready &^= 1 << next
	}
	c.top = next
	m.refresh(index)
}

// body is the life of the coroutine of one entity: run what it was given, hand over, and begin anew when somebody hands over to it. The loop and the
// switch are here, and not a level of call away each, for the reason that pointer gives.
func (m *Machine) body(self int) {
	i := self - 1
	e := &m.entities[i]
	for !m.coros.Closing() {
		e.started = true
		m.guarded(e)
		to := m.finished(i)
		if to == self { // it ended last, and begins the next run
			continue
		}
		if m.options.Hub {
			m.coros.Switch(to)
		} else if resume, yield := m.coros.Turn(to); resume != nil {
			resume()
		} else {
			yield(struct{}{})
		}
	}
}

// guarded runs an entity's body and turns a panic into the run's failure.
func (m *Machine) guarded(e *entity) {
	ended := false
	defer func() {
		if !ended {
			m.broken(recover())
		}
	}()
	if e.work != nil {
		e.work.Run(&e.task)
	} else {
		if e.spec.Prep != nil {
			e.spec.Prep(&e.task)
		}
		e.spec.Body(&e.task)
	}
	ended = true
}

// broken takes the panic of an entity's body; the end of a failed run is one as well.
func (m *Machine) broken(r any) {
	if _, ok := r.(aborted); !ok && r != nil && m.failure == nil {
		m.failure = panicked(r)
		m.aborting = true
	}
}

// finished takes an entity that ended off its CPU, and returns the coroutine that goes on: that of the next, or at the end of the run the main goroutine.
func (m *Machine) finished(i int) (to int) {
	e := &m.entities[i]
	index := e.task.CPU()
	c := &m.cpus[index]
	m.used &^= 1 << i
	m.live--
	m.locks.ended(&e.task)
	if m.aborting {
		return coro.Main
	}
	if m.races != nil {
		m.races.handover(index, i, e.below)
	}
	if m.model != nil && e.work != nil {
		m.model.interrupted(index)
	}
	c.top = e.below
	m.refresh(index) // before a new task on another CPU gets number i
	if e.work == nil {
		c.bound--
		if e.task.Left() {
			spec := e.spec
			spec.CPU, spec.Prep = m.onlineNear(index), nil
			m.Spawn(&e.task, spec)
		}
	}
	if c.dying {
		m.goneOffline(&e.task, index)
	}
	if m.aborting { // there was no place for what should go on elsewhere
		return coro.Main
	}
	next, ok := m.next(i)
	if !ok {
		return coro.Main
	}
	m.place(next)
	m.current = next
	return next + 1
}

// next is who comes after entity i, which ended: in this run, or in the one that follows it. It reports false when there is nobody, or a failure.
func (m *Machine) next(i int) (next int, ok bool) {
	for next, ok = m.pick(i); !ok && m.failure == nil; next, ok = m.pick(-1) {
		if m.live > 0 {
			m.explainStuck()
			return -1, false
		}
		if !m.more() {
			return -1, false
		}
	}
	return next, ok
}

// tell reports a step to the observer.
func (m *Machine) tell(kind choice.Kind, offset uintptr) {
	e := &m.entities[m.current]
	var pcs [24]uintptr
	n := runtime.Callers(4, pcs[:]) // not this, follow and choice.Point
	m.observe(Step{Number: m.steps, Entity: m.current, Name: e.task.Name(), CPU: e.task.CPU(), IRQ: e.work != nil,
		Kind: kind, Offset: offset, PCs: pcs[:n]})
}

// announce tells the observer what the machine itself did, or what a question of an entity's was answered.
func (m *Machine) announce(entity int, note string) {
	cpu := 0
	if entity >= len(m.entities) {
		_, cpu = m.agentName(entity)
	} else if entity >= 0 {
		cpu = m.entities[entity].task.CPU()
	}
	m.announceAt(entity, cpu, choice.Event, 0, note)
}

func (m *Machine) announceAt(entity, cpu int, kind choice.Kind, offset uintptr, note string) {
	if m.observe == nil {
		return
	}
	name := "machine"
	if entity >= len(m.entities) {
		name, _ = m.agentName(entity)
	} else if entity >= 0 {
		name = m.entities[entity].task.Name()
	}
	m.observe(Step{Number: m.steps, Entity: entity, Name: name, CPU: cpu, Kind: kind, Offset: offset, Note: note})
}
