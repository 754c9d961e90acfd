package fuzz

import (
	"headroom/designs"
	"headroom/kernel/sim"
)

// ledger knows who holds what. It is the simulator's own bookkeeping: keeping it is no step of the program.
type ledger struct {
	machine *sim.Machine
	bounded bool
	held    []bool // by item, for bounded kinds
	out     int    // items held by tasks and pending interrupts
}

func newLedger(m *sim.Machine, v designs.Variant, c designs.Config) ledger {
	return ledger{machine: m, bounded: v.Capabilities.Kind == designs.Tag || v.Capabilities.Kind == designs.ID, held: make([]bool, c.Items)}
}

func (l *ledger) reset() {
	clear(l.held)
	l.out = 0
}

// take records that an item was handed out.
func (l *ledger) take(it designs.Item) {
	l.out++
	if l.bounded && it >= designs.Item(len(l.held)) {
		l.machine.Fail(sim.Uniqueness, "item %d of a range of %d was handed out (C2)", it, len(l.held))
	}
	if int(it) < len(l.held) {
		if l.held[it] {
			l.machine.Fail(sim.Uniqueness, "item %d was handed out while somebody held it (C1)", it)
		}
		l.held[it] = true
	}
}

// give records that an item is about to be freed: from now on the allocator may hand it out.
func (l *ledger) give(it designs.Item) {
	l.out--
	if int(it) < len(l.held) {
		l.held[it] = false
	}
}
