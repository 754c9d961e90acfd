package fuzz

import (
	"slices"

	"headroom/designs"
	"headroom/kernel/sim"
)

// ledger knows who holds what. It is the simulator's own bookkeeping: keeping it is no step of the program.
type ledger struct {
	machine *sim.Machine
	bounded bool
	held    []bool         // by item, for those below the configured number
	loose   []designs.Item // the others that are held: offsets, a few at a time
	out     int            // items held by tasks and pending interrupts
	reading []designs.Item // that readers use, who do not hold them
}

func newLedger(m *sim.Machine, v designs.Variant, c designs.Config) ledger {
	return ledger{machine: m, bounded: v.Capabilities.Kind == designs.Tag || v.Capabilities.Kind == designs.ID, held: make([]bool, c.Items)}
}

func (l *ledger) reset() {
	clear(l.held)
	l.loose = l.loose[:0]
	l.out = 0
	l.reading = l.reading[:0]
}

// take records that an item was handed out.
func (l *ledger) take(it designs.Item) {
	l.out++
	if len(l.reading) != 0 && slices.Contains(l.reading, it) {
		l.machine.Fail(sim.Uniqueness, "item %d was handed out while a reader from before its free uses it", it)
	}
	l.machine.Touch(1 << (it & 63)) // who has what depends on the order of takes and gives
	if l.bounded && it >= designs.Item(len(l.held)) {
		l.machine.Fail(sim.Uniqueness, "item %d of a range of %d was handed out (C2)", it, len(l.held))
	}
	if it >= designs.Item(len(l.held)) {
		if slices.Contains(l.loose, it) {
			l.twice(it)
		}
		l.loose = append(l.loose, it)
		return
	}
	if l.held[it] {
		l.twice(it)
	}
	l.held[it] = true
}

func (l *ledger) twice(it designs.Item) {
	l.machine.Fail(sim.Uniqueness, "item %d was handed out while somebody held it (C1)", it)
}

// give records that an item is about to be freed: from now on the allocator may hand it out.
func (l *ledger) give(it designs.Item) {
	l.out--
	l.machine.Touch(1 << (it & 63))
	if it < designs.Item(len(l.held)) {
		l.held[it] = false
		return
	}
	if at := slices.Index(l.loose, it); at >= 0 {
		l.loose = slices.Delete(l.loose, at, at+1)
	}
}
