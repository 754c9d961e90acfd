//go:build !sim

package atomic

import "sync/atomic"

// Load reads the word, sequentially consistent. x86-64: MOV.
func (w *Uint32) Load() uint32 { return atomic.LoadUint32(&w.v) }

// LoadAcquire reads the word; what follows stays behind it. x86-64: MOV.
func (w *Uint32) LoadAcquire() uint32 { return atomic.LoadUint32(&w.v) }

// LoadRelaxed reads the word and orders nothing. x86-64: MOV.
func (w *Uint32) LoadRelaxed() uint32 { return atomic.LoadUint32(&w.v) }

// Store writes the word, sequentially consistent. x86-64: XCHG.
func (w *Uint32) Store(v uint32) { atomic.StoreUint32(&w.v, v) }

// StoreRelaxed writes the word and orders nothing. x86-64: MOV.
func (w *Uint32) StoreRelaxed(v uint32) { w.StoreRelease(v) }

// Swap writes v and returns what was there, a full barrier. x86-64: XCHG.
func (w *Uint32) Swap(v uint32) uint32 { return atomic.SwapUint32(&w.v, v) }

// Add adds delta and returns the new value, a full barrier. x86-64: LOCK XADD.
func (w *Uint32) Add(delta uint32) uint32 { return atomic.AddUint32(&w.v, delta) }

// And clears the bits not in mask and returns the old value, a full barrier. x86-64: LOCK CMPXCHG loop.
func (w *Uint32) And(mask uint32) uint32 { return atomic.AndUint32(&w.v, mask) }

// Or sets the bits in mask and returns the old value, a full barrier. x86-64: LOCK CMPXCHG loop.
func (w *Uint32) Or(mask uint32) uint32 { return atomic.OrUint32(&w.v, mask) }

// CompareAndSwap writes new if the word holds old and reports whether it did, a full barrier. x86-64: LOCK CMPXCHG.
func (w *Uint32) CompareAndSwap(old, new uint32) bool {
	return atomic.CompareAndSwapUint32(&w.v, old, new)
}

// Load reads the word, sequentially consistent. x86-64: MOV.
func (w *Uint64) Load() uint64 { return atomic.LoadUint64(&w.v) }

// LoadAcquire reads the word; what follows stays behind it. x86-64: MOV.
func (w *Uint64) LoadAcquire() uint64 { return atomic.LoadUint64(&w.v) }

// LoadRelaxed reads the word and orders nothing. x86-64: MOV.
func (w *Uint64) LoadRelaxed() uint64 { return atomic.LoadUint64(&w.v) }

// Store writes the word, sequentially consistent. x86-64: XCHG.
func (w *Uint64) Store(v uint64) { atomic.StoreUint64(&w.v, v) }

// StoreRelaxed writes the word and orders nothing. x86-64: MOV.
func (w *Uint64) StoreRelaxed(v uint64) { w.StoreRelease(v) }

// Swap writes v and returns what was there, a full barrier. x86-64: XCHG.
func (w *Uint64) Swap(v uint64) uint64 { return atomic.SwapUint64(&w.v, v) }

// Add adds delta and returns the new value, a full barrier. x86-64: LOCK XADD.
func (w *Uint64) Add(delta uint64) uint64 { return atomic.AddUint64(&w.v, delta) }

// And clears the bits not in mask and returns the old value, a full barrier. x86-64: LOCK CMPXCHG loop.
func (w *Uint64) And(mask uint64) uint64 { return atomic.AndUint64(&w.v, mask) }

// Or sets the bits in mask and returns the old value, a full barrier. x86-64: LOCK CMPXCHG loop.
func (w *Uint64) Or(mask uint64) uint64 { return atomic.OrUint64(&w.v, mask) }

// CompareAndSwap writes new if the word holds old and reports whether it did, a full barrier. x86-64: LOCK CMPXCHG.
func (w *Uint64) CompareAndSwap(old, new uint64) bool {
	return atomic.CompareAndSwapUint64(&w.v, old, new)
}

// Fence is a full barrier on its own. x86-64: one locked instruction on the stack, cheaper than MFENCE.
func Fence() {
	var pad uint32
	atomic.AddUint32(&pad, 1)
}
