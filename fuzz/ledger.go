package fuzz

import (
	"slices"
	"unsafe"

	"headroom/designs"
	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// ledger knows who holds what. It is the simulator's own bookkeeping: keeping it is no step of the program.
type ledger struct {
	machine *sim.Machine
	bounded bool
	held    []bool         // by item, for those below the configured number
	loose   []stretch      // the others that are held: offsets, a few at a time
	memory  designs.Bytes  // of an allocator whose items are memory, nil of others
	out     int            // items held by tasks and pending interrupts
	reading []designs.Item // that readers use, who do not hold them
	digest  uint64         // of the items handed out, in their order
}

// stretch is an item and the memory behind it, from and to an offset; both are 0 where that is not known.
type stretch struct {
	item     designs.Item
	from, to uintptr
}

func newLedger(m *sim.Machine, v designs.Variant, c designs.Config) ledger {
	return ledger{machine: m, bounded: v.Capabilities.Kind == designs.Tag || v.Capabilities.Kind == designs.ID, held: make([]bool, c.Items)}
}

func (l *ledger) reset() {
	clear(l.held)
	l.loose = l.loose[:0]
	l.out, l.digest = 0, 0
	l.reading = l.reading[:0]
}

// take records that an item was handed out.
func (l *ledger) take(it designs.Item) {
	l.out++
	l.digest = rng.Mix(l.digest ^ uint64(it))
	if len(l.reading) != 0 && slices.Contains(l.reading, it) {
		l.machine.Fail(sim.Uniqueness, "item %d was handed out while a reader from before its free uses it", it)
	}
	l.machine.Touch(1 << (it & 63)) // who has what depends on the order of takes and gives
	if l.bounded && it >= designs.Item(len(l.held)) {
		l.machine.Fail(sim.Uniqueness, "item %d of a range of %d was handed out (C2)", it, len(l.held))
	}
	if l.isLoose(it) {
		l.loose = append(l.loose, l.apart(it))
		return
	}
	if l.held[it] {
		l.twice(it)
	}
	l.held[it] = true
}

func (l *ledger) isLoose(it designs.Item) bool {
	return l.memory != nil || it >= designs.Item(len(l.held))
}

// apart is an item with its memory, which is that of no other that is held, and lies in the machine's.
func (l *ledger) apart(it designs.Item) stretch {
	s := stretch{item: it}
	if l.memory != nil {
		l.machine.Aside(func() { s.from, s.to = l.span(it) })
	}
	if s.to > l.machine.Memory().Bytes() {
		l.machine.Fail(sim.Uniqueness, "item %d was handed out, whose memory lies outside the machine's (C2)", it)
	}
	for _, o := range l.loose {
		if o.item == it {
			l.twice(it)
		}
		if s.from < o.to && o.from < s.to {
			l.machine.Fail(sim.Uniqueness, "item %d was handed out while somebody held item %d, which shares memory with it (C1)", it, o.item)
		}
	}
	return s
}

// span is where the memory of an item lies.
func (l *ledger) span(it designs.Item) (from, to uintptr) {
	bytes := l.memory.Bytes(it)
	if len(bytes) == 0 {
		return 0, 0
	}
	from, _ = l.machine.Memory().Offset(unsafe.Pointer(unsafe.SliceData(bytes)))
	return from, from + uintptr(len(bytes))
}

func (l *ledger) twice(it designs.Item) {
	l.machine.Fail(sim.Uniqueness, "item %d was handed out while somebody held it (C1)", it)
}

// give records that an item is about to be freed: from now on the allocator may hand it out.
func (l *ledger) give(it designs.Item) {
	l.out--
	l.machine.Touch(1 << (it & 63))
	if !l.isLoose(it) {
		l.held[it] = false
		return
	}
	if at := slices.IndexFunc(l.loose, func(s stretch) bool { return s.item == it }); at >= 0 {
		l.loose = slices.Delete(l.loose, at, at+1)
	}
}
