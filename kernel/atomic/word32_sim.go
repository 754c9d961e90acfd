//go:build sim

package atomic

import (
	"sync/atomic"
	"unsafe"

	"headroom/kernel/choice"
)

// In a simulated run one coroutine runs at a time, and the access follows its choice point at once: ordinary instructions do. Outside of one the
// real atomics are needed. All are within what the compiler inlines: a level of call more costs a mispredicted return after each
// switch of stacks.

// Load reads the word, sequentially consistent.
func (w *Uint32) Load() uint32 {
	if p := choice.Point; p != nil {
		p(choice.Load, unsafe.Pointer(w), choice.Width32)
		return w.v
	}
	return atomic.LoadUint32(&w.v)
}

// LoadAcquire reads the word; what follows stays behind it.
func (w *Uint32) LoadAcquire() uint32 {
	if p := choice.Point; p != nil {
		p(choice.LoadAcquire, unsafe.Pointer(w), choice.Width32)
		return w.v
	}
	return atomic.LoadUint32(&w.v)
}

// LoadRelaxed reads the word and orders nothing.
func (w *Uint32) LoadRelaxed() uint32 {
	if p := choice.Point; p != nil {
		p(choice.LoadRelaxed, unsafe.Pointer(w), choice.Width32)
		return w.v
	}
	return atomic.LoadUint32(&w.v)
}

// Store writes the word, sequentially consistent.
func (w *Uint32) Store(v uint32) {
	if p := choice.Point; p != nil {
		p(choice.Store, unsafe.Pointer(w), choice.Width32)
		w.v = v
		return
	}
	atomic.StoreUint32(&w.v, v)
}

// StoreRelease writes the word; what came before stays before it.
func (w *Uint32) StoreRelease(v uint32) {
	if p := choice.Point; p != nil {
		p(choice.StoreRelease, unsafe.Pointer(w), choice.Width32)
		w.v = v
		return
	}
	atomic.StoreUint32(&w.v, v)
}

// StoreRelaxed writes the word and orders nothing.
func (w *Uint32) StoreRelaxed(v uint32) {
	if p := choice.Point; p != nil {
		p(choice.StoreRelaxed, unsafe.Pointer(w), choice.Width32)
		w.v = v
		return
	}
	atomic.StoreUint32(&w.v, v)
}

// Swap writes v and returns what was there, a full barrier.
func (w *Uint32) Swap(v uint32) (old uint32) {
	if choice.Point == nil {
		return atomic.SwapUint32(&w.v, v)
	}
	choice.Point(choice.Modify, unsafe.Pointer(w), choice.Width32)
	old = w.v
	w.v = v
	return
}

// Add adds delta and returns the new value, a full barrier.
func (w *Uint32) Add(delta uint32) uint32 {
	if choice.Point == nil {
		return atomic.AddUint32(&w.v, delta)
	}
	choice.Point(choice.Modify, unsafe.Pointer(w), choice.Width32)
	w.v += delta
	return w.v
}

// And clears the bits not in mask and returns the old value, a full barrier.
func (w *Uint32) And(mask uint32) (old uint32) {
	if choice.Point == nil {
		return atomic.AndUint32(&w.v, mask)
	}
	choice.Point(choice.Modify, unsafe.Pointer(w), choice.Width32)
	old = w.v
	w.v &= mask
	return
}

// Or sets the bits in mask and returns the old value, a full barrier.
func (w *Uint32) Or(mask uint32) (old uint32) {
	if choice.Point == nil {
		return atomic.OrUint32(&w.v, mask)
	}
	choice.Point(choice.Modify, unsafe.Pointer(w), choice.Width32)
	old = w.v
	w.v |= mask
	return
}

// CompareAndSwap writes new if the word holds old and reports whether it did, a full barrier.
func (w *Uint32) CompareAndSwap(old, new uint32) bool {
	if choice.Point != nil {
		choice.Point(choice.CAS32, unsafe.Pointer(w), uint64(old))
		if w.v != old {
			return false
		}
	}
	return atomic.CompareAndSwapUint32(&w.v, old, new)
}

// Fence is a full barrier on its own.
func Fence() {
	if p := choice.Point; p != nil {
		p(choice.Fence, nil, 0)
	}
}
