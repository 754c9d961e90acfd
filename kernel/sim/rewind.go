package sim

import (
	"math/bits"
	"slices"

	"headroom/kernel/machine"
	"headroom/kernel/mutant"
)

// mark is what Rewind goes back to.
type mark struct {
	failure *Failure // of the construction
	specs   []machine.Spec

	// What spawning the specs gave, from the first Rewind on: later ones copy it.
	cpus                 []cpu
	entities             []entity
	used, ever, eligible uint64
	live                 int
}

// Mark remembers the memory and the spawned tasks as they are now, after construction; Rewind returns here.
func (m *Machine) Mark() {
	m.memory.Save()
	m.marked = mark{failure: m.failure}
	for i := range m.entities {
		if m.used>>i&1 != 0 {
			m.marked.specs = append(m.marked.specs, m.entities[i].spec)
		}
	}
}

// Rewind gives a machine like the one Mark saw: every word that matters is in its memory, so copying that back is a new construction.
func (m *Machine) Rewind() {
	if !mutant.On(sm03) {
		m.memory.Restore()
	}
	if m.marked.cpus == nil {
		m.clear()
		for _, spec := range m.marked.specs {
			m.Spawn(nil, spec)
		}
		m.respawned()
	} else {
		m.begin()
		m.respawn()
	}
	m.failure = m.marked.failure
}

// respawned keeps what spawning gave; a run that was given more than it has room for fails, and is made anew each time.
func (m *Machine) respawned() {
	if m.aborting {
		return
	}
	k := &m.marked
	k.cpus, k.entities = slices.Clone(m.cpus), slices.Clone(m.entities[:bits.Len64(m.used)])
	k.used, k.ever, k.eligible, k.live = m.used, m.ever, m.eligible, m.live
}

// respawn does in one go what spawning each task did the first time.
func (m *Machine) respawn() {
	k := &m.marked
	copy(m.cpus, k.cpus)
	copy(m.entities, k.entities)
	m.used, m.ever, m.eligible, m.live = k.used, k.ever, k.eligible, k.live
	if m.races == nil && m.watch == nil {
		return
	}
	for i := range k.entities {
		if m.watch != nil {
			e := &m.watch.effect
			e.starts, e.cpus = true, e.cpus|1<<k.entities[i].task.CPU()
			m.watch.Pending[i] = Access{}
		}
		if m.races != nil {
			m.races.spawn(i, nil, -1)
		}
	}
}
