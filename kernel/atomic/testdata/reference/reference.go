// Package reference holds the functions of package words, written with sync/atomic and ordinary variables.
package reference

import (
	"math/bits"
	"sync/atomic"
)

//go:noinline
func Load32(w *atomic.Uint32) uint32 { return w.Load() }

//go:noinline
func LoadAcquire32(w *atomic.Uint32) uint32 { return w.Load() }

//go:noinline
func LoadRelaxed32(w *atomic.Uint32) uint32 { return w.Load() }

//go:noinline
func Store32(w *atomic.Uint32, v uint32) { w.Store(v) }

//go:noinline
func StoreRelease32(w *atomic.Uint32, v uint32) { w.Store(v) }

//go:noinline
func StoreRelaxed32(w *atomic.Uint32, v uint32) { w.Store(v) }

//go:noinline
func Swap32(w *atomic.Uint32, v uint32) uint32 { return w.Swap(v) }

//go:noinline
func Add32(w *atomic.Uint32, v uint32) uint32 { return w.Add(v) }

//go:noinline
func And32(w *atomic.Uint32, v uint32) uint32 { return w.And(v) }

//go:noinline
func Or32(w *atomic.Uint32, v uint32) uint32 { return w.Or(v) }

//go:noinline
func Or32Ignored(w *atomic.Uint32, v uint32) { w.Or(v) }

//go:noinline
func CompareAndSwap32(w *atomic.Uint32, old, v uint32) bool { return w.CompareAndSwap(old, v) }

//go:noinline
func Load64(w *atomic.Uint64) uint64 { return w.Load() }

//go:noinline
func LoadAcquire64(w *atomic.Uint64) uint64 { return w.Load() }

//go:noinline
func LoadRelaxed64(w *atomic.Uint64) uint64 { return w.Load() }

//go:noinline
func Store64(w *atomic.Uint64, v uint64) { w.Store(v) }

//go:noinline
func StoreRelease64(w *atomic.Uint64, v uint64) { w.Store(v) }

//go:noinline
func StoreRelaxed64(w *atomic.Uint64, v uint64) { w.Store(v) }

//go:noinline
func Swap64(w *atomic.Uint64, v uint64) uint64 { return w.Swap(v) }

//go:noinline
func Add64(w *atomic.Uint64, v uint64) uint64 { return w.Add(v) }

//go:noinline
func And64(w *atomic.Uint64, v uint64) uint64 { return w.And(v) }

//go:noinline
func Or64(w *atomic.Uint64, v uint64) uint64 { return w.Or(v) }

//go:noinline
func Or64Ignored(w *atomic.Uint64, v uint64) { w.Or(v) }

//go:noinline
func CompareAndSwap64(w *atomic.Uint64, old, v uint64) bool { return w.CompareAndSwap(old, v) }

//go:noinline
func Fence() {
	var pad uint32
	atomic.AddUint32(&pad, 1)
}

//go:noinline
func PlainLoad32(w *uint32) uint32 { return *w }

//go:noinline
func PlainStore32(w *uint32, v uint32) { *w = v }

//go:noinline
func PlainLoad64(w *uint64) uint64 { return *w }

//go:noinline
func PlainStore64(w *uint64, v uint64) { *w = v }

//go:noinline
func PlainIncrement(w *uint64) { *w = *w + 1 }

type list struct {
	lock  atomic.Uint32
	free  uint32
	items []uint32
}

// Pop is the fast path of a per-CPU list.
//
//go:noinline
func Pop(l *list) (uint32, bool) {
	if !l.lock.CompareAndSwap(0, 1) {
		return 0, false
	}
	n := l.free
	if n == 0 {
		l.lock.Store(0)
		return 0, false
	}
	item := l.items[n-1]
	l.free = n - 1
	l.lock.Store(0)
	return item, true
}

// Claim sets the lowest clear bit.
//
//go:noinline
func Claim(words []atomic.Uint64) int {
	for i := range words {
		w := &words[i]
		for {
			old := w.Load()
			if old == 1<<64-1 {
				break
			}
			bit := bits.TrailingZeros64(^old)
			if w.CompareAndSwap(old, old|1<<bit) {
				return i*64 + bit
			}
		}
	}
	return -1
}
