package designtest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"headroom/designs"
	"headroom/designs/spec"
)

// ledger knows who holds what while many callers are at work. It finds an item that is handed out twice the moment it happens.
//
// Invariant I1: a slot holds item+1 from the Alloc that returned the item until just before the Free that gives it back. Slots are atomic words
// of Go, one an item, so under the race detector they order only what an allocator must order too: a Free before the Alloc of the same item.
type ledger struct {
	rules spec.Rules
	slots []atomic.Uint64

	lock  sync.Mutex
	loose map[designs.Item]bool // what is held of an allocator without a limit; protected by lock
}

func newLedger(r spec.Rules) *ledger {
	return &ledger{rules: r, slots: make([]atomic.Uint64, r.Slots()), loose: map[designs.Item]bool{}}
}

// take records that Alloc returned an item. It returns a *spec.Breach when the item is out of range or held.
func (l *ledger) take(it designs.Item) error {
	if err := l.rules.Range(it); err != nil {
		return err
	}
	if len(l.slots) == 0 {
		l.lock.Lock()
		defer l.lock.Unlock()
		if l.loose[it] {
			return twice(it, it)
		}
		l.loose[it] = true
		return nil
	}
	slot := l.rules.Slot(it)
	if !l.slots[slot].CompareAndSwap(0, uint64(it)+1) {
		return twice(it, designs.Item(l.slots[slot].Load()-1))
	}
	for near := slot - min(slot, 1); near <= slot+1 && near < uint64(len(l.slots)); near++ {
		held := l.slots[near].Load()
		if near != slot && held != 0 && l.rules.Overlap(it, designs.Item(held-1)) {
			return twice(it, designs.Item(held-1))
		}
	}
	return nil
}

func twice(it, held designs.Item) error {
	return &spec.Breach{Sentence: spec.C1, Message: fmt.Sprintf("Alloc gave item %d while item %d is held", it, held)}
}

// give records that an item that is held is about to be freed.
func (l *ledger) give(it designs.Item) {
	if len(l.slots) == 0 {
		l.lock.Lock()
		delete(l.loose, it)
		l.lock.Unlock()
		return
	}
	l.slots[l.rules.Slot(it)].Store(0)
}

// held is the number of items held; for messages.
func (l *ledger) held() int {
	n := len(l.loose)
	for i := range l.slots {
		if l.slots[i].Load() != 0 {
			n++
		}
	}
	return n
}
