//go:build sim

package atomic_test

import (
	"testing"
	"unsafe"

	"headroom/kernel/atomic"
	"headroom/kernel/choice"
	"headroom/kernel/mem"
)

// access is one call of choice.Point.
type access struct {
	kind   choice.Kind
	word   unsafe.Pointer
	detail uint64
}

// watch runs f as a simulated run would and returns the choice points it passes; value reads the word at each of them.
func watch(value func() uint64, f func()) (seen []access, values []uint64) {
	choice.Point = func(kind choice.Kind, word unsafe.Pointer, detail uint64) {
		seen = append(seen, access{kind, word, detail})
		values = append(values, value())
	}
	defer func() { choice.Point = nil }()
	f()
	return seen, values
}

// In the sim build every operation passes exactly one choice point, of the right kind and word, before it touches the word.
func TestEachOperationIsOneStep(t *testing.T) {
	var a atomic.Uint32
	var b atomic.Uint64
	var c mem.Plain32
	var d mem.Plain64
	pa, pb, pc, pd := unsafe.Pointer(&a), unsafe.Pointer(&b), unsafe.Pointer(&c), unsafe.Pointer(&d)
	for i, step := range []struct {
		want access
		do   func()
	}{
		{access{choice.Load, pa, 4}, func() { a.Load() }},
		{access{choice.LoadAcquire, pa, 4}, func() { a.LoadAcquire() }},
		{access{choice.LoadRelaxed, pa, 4}, func() { a.LoadRelaxed() }},
		{access{choice.Store, pa, 4}, func() { a.Store(1) }},
		{access{choice.StoreRelease, pa, 4}, func() { a.StoreRelease(2) }},
		{access{choice.StoreRelaxed, pa, 4}, func() { a.StoreRelaxed(3) }},
		{access{choice.Modify, pa, 4}, func() { a.Swap(4) }},
		{access{choice.Modify, pa, 4}, func() { a.Add(1) }},
		{access{choice.Modify, pa, 4}, func() { a.And(6) }},
		{access{choice.Modify, pa, 4}, func() { a.Or(8) }},
		{access{choice.CAS32, pa, 12}, func() { a.CompareAndSwap(12, 1) }},
		{access{choice.CAS32, pa, 12}, func() { a.CompareAndSwap(12, 2) }},
		{access{choice.Load, pb, 8}, func() { b.Load() }},
		{access{choice.LoadAcquire, pb, 8}, func() { b.LoadAcquire() }},
		{access{choice.LoadRelaxed, pb, 8}, func() { b.LoadRelaxed() }},
		{access{choice.Store, pb, 8}, func() { b.Store(1) }},
		{access{choice.StoreRelease, pb, 8}, func() { b.StoreRelease(2) }},
		{access{choice.StoreRelaxed, pb, 8}, func() { b.StoreRelaxed(3) }},
		{access{choice.Modify, pb, 8}, func() { b.Swap(4) }},
		{access{choice.Modify, pb, 8}, func() { b.Add(1) }},
		{access{choice.Modify, pb, 8}, func() { b.And(6) }},
		{access{choice.Modify, pb, 8}, func() { b.Or(1 << 40) }},
		{access{choice.CAS64, pb, 1<<40 + 4}, func() { b.CompareAndSwap(1<<40+4, 1) }},
		{access{choice.CAS64, pb, 9}, func() { b.CompareAndSwap(9, 2) }},
		{access{choice.Fence, nil, 0}, func() { atomic.Fence() }},
		{access{choice.PlainLoad, pc, 4}, func() { c.Load() }},
		{access{choice.PlainStore, pc, 4}, func() { c.Store(5) }},
		{access{choice.PlainLoad, pd, 8}, func() { d.Load() }},
		{access{choice.PlainStore, pd, 8}, func() { d.Store(5) }},
	} {
		word := func() uint64 {
			switch step.want.word {
			case pa, pc:
				return uint64(*(*uint32)(step.want.word))
			case pb, pd:
				return *(*uint64)(step.want.word)
			}
			return 0
		}
		before := word()
		seen, values := watch(word, step.do)
		if len(seen) != 1 || seen[0] != step.want {
			t.Errorf("operation %d passed %v, want %v", i, seen, step.want)
			continue
		}
		if values[0] != before {
			t.Errorf("operation %d changed the word before its choice point", i)
		}
	}
}

// In a simulated run AwaitNot hands the word over to the machine instead of spinning.
func TestAwaitNotAsksTheMachine(t *testing.T) {
	var w atomic.Uint32
	w.Store(3)
	asked := 0
	choice.Await = func(word unsafe.Pointer, value uint32) {
		if word != unsafe.Pointer(&w) || value != 3 {
			t.Errorf("asked to await %p, %d", word, value)
		}
		asked++
	}
	defer func() { choice.Await = nil }()
	w.AwaitNot(3)
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}
