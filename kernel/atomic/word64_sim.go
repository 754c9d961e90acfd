//go:build sim

package atomic

import (
	"sync/atomic"
	"unsafe"

	"headroom/kernel/choice"
)

// Load reads the word, sequentially consistent.
func (w *Uint64) Load() uint64 {
	if p := choice.Point; p != nil {
		p(choice.Load, unsafe.Pointer(w), choice.Width64)
		return w.v
	}
	return atomic.LoadUint64(&w.v)
}

// LoadAcquire reads the word; what follows stays behind it.
func (w *Uint64) LoadAcquire() uint64 {
	if p := choice.Point; p != nil {
		p(choice.LoadAcquire, unsafe.Pointer(w), choice.Width64)
		return w.v
	}
	return atomic.LoadUint64(&w.v)
}

// LoadRelaxed reads the word and orders nothing.
func (w *Uint64) LoadRelaxed() uint64 {
	if p := choice.Point; p != nil {
		p(choice.LoadRelaxed, unsafe.Pointer(w), choice.Width64)
		return w.v
	}
	return atomic.LoadUint64(&w.v)
}

// Store writes the word, sequentially consistent.
func (w *Uint64) Store(v uint64) {
	if p := choice.Point; p != nil {
		p(choice.Store, unsafe.Pointer(w), choice.Width64)
		w.v = v
		return
	}
	atomic.StoreUint64(&w.v, v)
}

// StoreRelease writes the word; what came before stays before it.
func (w *Uint64) StoreRelease(v uint64) {
	if p := choice.Point; p != nil {
		p(choice.StoreRelease, unsafe.Pointer(w), choice.Width64)
		w.v = v
		return
	}
	atomic.StoreUint64(&w.v, v)
}

// StoreRelaxed writes the word and orders nothing.
func (w *Uint64) StoreRelaxed(v uint64) {
	if p := choice.Point; p != nil {
		p(choice.StoreRelaxed, unsafe.Pointer(w), choice.Width64)
		w.v = v
		return
	}
	atomic.StoreUint64(&w.v, v)
}

// Swap writes v and returns what was there, a full barrier.
func (w *Uint64) Swap(v uint64) (old uint64) {
	if choice.Point == nil {
		return atomic.SwapUint64(&w.v, v)
	}
	choice.Point(choice.Modify, unsafe.Pointer(w), choice.Width64)
	old = w.v
	w.v = v
	return
}

// Add adds delta and returns the new value, a full barrier.
func (w *Uint64) Add(delta uint64) uint64 {
	if choice.Point == nil {
		return atomic.AddUint64(&w.v, delta)
	}
	choice.Point(choice.Modify, unsafe.Pointer(w), choice.Width64)
	w.v += delta
	return w.v
}

// And clears the bits not in mask and returns the old value, a full barrier.
func (w *Uint64) And(mask uint64) (old uint64) {
	if choice.Point == nil {
		return atomic.AndUint64(&w.v, mask)
	}
	choice.Point(choice.Modify, unsafe.Pointer(w), choice.Width64)
	old = w.v
	w.v &= mask
	return
}

// Or sets the bits in mask and returns the old value, a full barrier.
func (w *Uint64) Or(mask uint64) (old uint64) {
	if choice.Point == nil {
		return atomic.OrUint64(&w.v, mask)
	}
	choice.Point(choice.Modify, unsafe.Pointer(w), choice.Width64)
	old = w.v
	w.v |= mask
	return
}

// CompareAndSwap writes new if the word holds old and reports whether it did, a full barrier.
func (w *Uint64) CompareAndSwap(old, new uint64) bool {
	if choice.Point != nil {
		choice.Point(choice.CAS64, unsafe.Pointer(w), uint64(old))
		if w.v != old {
			return false
		}
	}
	return atomic.CompareAndSwapUint64(&w.v, old, new)
}
