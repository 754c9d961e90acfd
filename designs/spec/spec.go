// Package spec says what any design may answer: the contract of package designs as a sequential model.
//
// The model holds the set of items that callers hold, and the variant's capability table. It is told each call and the answer the design gave;
// it says whether the answer is allowed and, if not, which sentence of the contract it breaks. It never predicts which item a design picks, but
// for the kind ID, where the lowest free number is promised.
//
// Invariants:
//
//	I1  an item is in the model's set exactly while a caller holds it
//	I2  a breach leaves the set as it was
//
// Rules is the part without the set: what holds for concurrent callers too, where no model can tell the order of the calls.
//
// Cost: one look into a hash table a call.
package spec

import (
	"fmt"

	"headroom/designs"
)

// Sentence names a sentence of the contract in package designs.
type Sentence string

// The sentences, in short; package designs has their full text.
const (
	C1  Sentence = "C1"  // a fresh item, or an error of package kernel
	C2  Sentence = "C2"  // an item in range
	C3  Sentence = "C3"  // as many items as guaranteed
	C4  Sentence = "C4"  // Free makes an item available again
	C5  Sentence = "C5"  // who may wait is not refused, nor left waiting beside a free item
	C6  Sentence = "C6"  // who may not wait never waits
	C7  Sentence = "C7"  // Check finds no fault
	C8  Sentence = "C8"  // misuse never corrupts
	C9  Sentence = "C9"  // a dead CPU loses nothing
	C10 Sentence = "C10" // what is promised can be drawn
)

// Sentences lists the contract in order.
func Sentences() []Sentence { return []Sentence{C1, C2, C3, C4, C5, C6, C7, C8, C9, C10} }

// Breach is an answer that the contract forbids.
type Breach struct {
	Sentence Sentence
	Message  string // what was answered, and what the sentence demands
}

// Error is the sentence and the message.
func (b *Breach) Error() string { return string(b.Sentence) + ": " + b.Message }

func breach(s Sentence, format string, args ...any) error {
	return &Breach{Sentence: s, Message: fmt.Sprintf(format, args...)}
}

// Op is an operation of an allocator.
type Op uint8

// The operations.
const (
	Alloc   Op = iota // Allocator.Alloc
	Free              // Allocator.Free
	CPUDead           // CPUDead.CPUDead
	Check             // Allocator.Check
)

var opNames = [...]string{"alloc", "free", "cpu-dead", "check"}

// String is the operation's name in listings.
func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return "?"
}

// Call is one call of an allocator by a sole caller.
type Call struct {
	Op      Op
	CPU     int          // where the caller runs; for CPUDead the CPU that died
	MayWait bool         // Alloc: the caller's flags hold DirectReclaim
	Item    designs.Item // Free
}

// Answer is what the design did.
type Answer struct {
	Item  designs.Item // Alloc
	Err   error        // Alloc, Check
	Waits bool         // Alloc: the caller was put to sleep and nothing woke it
	Panic any          // the value it panicked with, nil for none
}

// Model is the sequential allocator: the items that are held. Make one with New. One goroutine at a time uses it.
type Model struct {
	Rules
	held    map[uint64]designs.Item // by slot: objects that do not overlap begin in different slots
	count   int
	lowest  designs.Item // no number below it is free; kind ID only
	offline map[int]bool
}

// New makes the model of an allocator of variant v with that configuration, nothing held. memoryBytes is the size of the machine's memory: what
// bounds items that are offsets.
func New(v designs.Variant, config designs.Config, memoryBytes int) *Model {
	return &Model{Rules: NewRules(v, config, memoryBytes), held: map[uint64]designs.Item{}, offline: map[int]bool{}}
}

// Held is the number of items that callers hold.
func (m *Model) Held() int { return m.count }

// Holds reports whether a caller holds the item.
func (m *Model) Holds(it designs.Item) bool {
	held, ok := m.held[m.Slot(it)]
	return ok && held == it
}

// MustGive reports whether a sole caller must get an item now: fewer are held than the variant guarantees.
func (m *Model) MustGive() bool { return m.neverEmpty() || m.count < m.Guaranteed }

// Observe takes in a call and its answer. It returns nil, or a *Breach when the contract forbids the answer.
func (m *Model) Observe(call Call, answer Answer) error {
	switch call.Op {
	case Alloc:
		return m.alloc(call, answer)
	case Free:
		return m.free(call, answer)
	case CPUDead:
		if answer.Panic != nil {
			return breach(C9, "CPUDead of CPU %d panicked: %v", call.CPU, answer.Panic)
		}
		m.offline[call.CPU] = true
		return nil
	default:
		switch {
		case answer.Panic != nil:
			return breach(C7, "Check panicked: %v", answer.Panic)
		case answer.Err != nil:
			return breach(C7, "Check at quiescence: %v", answer.Err)
		}
		return nil
	}
}

func (m *Model) alloc(call Call, answer Answer) error {
	switch {
	case answer.Panic != nil:
		return breach(C1, "Alloc panicked: %v", answer.Panic)
	case answer.Waits:
		return m.waits(call)
	case answer.Err != nil:
		return m.refused(call, answer)
	}
	if err := m.Range(answer.Item); err != nil {
		return err
	}
	slot := m.Slot(answer.Item)
	for s := slot - min(slot, m.reach()); s <= slot+m.reach(); s++ {
		if held, ok := m.held[s]; ok && m.Overlap(held, answer.Item) {
			return breach(C1, "Alloc gave item %d while item %d is held", answer.Item, held)
		}
	}
	if m.Kind == designs.ID {
		if low := m.lowestFree(); answer.Item != low {
			return breach(C2, "Alloc gave id %d, and the lowest free one is %d", answer.Item, low)
		}
	}
	m.held[slot] = answer.Item
	m.count++
	return nil
}

// reach is how many neighbouring slots an item may extend into.
func (m *Model) reach() uint64 {
	if m.objectBytes > 1 {
		return 1
	}
	return 0
}

// lowestFree moves lowest up to the first number nobody holds.
func (m *Model) lowestFree() designs.Item {
	for {
		if _, held := m.held[uint64(m.lowest)]; !held {
			return m.lowest
		}
		m.lowest++
	}
}

func (m *Model) waits(call Call) error {
	switch {
	case !call.MayWait:
		return breach(C6, "Alloc put a caller to sleep that may not wait")
	case !m.MayWait:
		return breach(C5, "Alloc put a caller to sleep, and the table says that it never waits")
	case m.MustGive():
		return breach(C5, "Alloc waits with %d items held and %d guaranteed", m.count, m.Guaranteed)
	}
	return nil
}

func (m *Model) refused(call Call, answer Answer) error {
	if err := m.Refusal(call.MayWait, m.offline[call.CPU], answer.Item, answer.Err); err != nil {
		return err
	}
	if m.MustGive() {
		return breach(C3, "Alloc refused a sole caller with %d items held and %d guaranteed: %v", m.count, m.Guaranteed, answer.Err)
	}
	return nil
}

func (m *Model) free(call Call, answer Answer) error {
	switch {
	case m.Holds(call.Item):
		if answer.Panic != nil {
			return breach(C4, "Free of held item %d panicked: %v", call.Item, answer.Panic)
		}
		delete(m.held, m.Slot(call.Item))
		m.count--
		m.lowest = min(m.lowest, call.Item)
	case m.Range(call.Item) != nil && answer.Panic == nil:
		return breach(C8, "Free took item %d, which is out of range", call.Item)
	}
	return nil // an idle item in range: a panic and no change are both allowed
}
