// Package words uses every operation of a word once, through the project's own words and nothing else.
package words

import (
	"math/bits"

	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

//go:noinline
func Load32(w *atomic.Uint32) uint32 { return w.Load() }

//go:noinline
func LoadAcquire32(w *atomic.Uint32) uint32 { return w.LoadAcquire() }

//go:noinline
func LoadRelaxed32(w *atomic.Uint32) uint32 { return w.LoadRelaxed() }

//go:noinline
func Store32(w *atomic.Uint32, v uint32) { w.Store(v) }

//go:noinline
func StoreRelease32(w *atomic.Uint32, v uint32) { w.StoreRelease(v) }

//go:noinline
func StoreRelaxed32(w *atomic.Uint32, v uint32) { w.StoreRelaxed(v) }

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
func LoadAcquire64(w *atomic.Uint64) uint64 { return w.LoadAcquire() }

//go:noinline
func LoadRelaxed64(w *atomic.Uint64) uint64 { return w.LoadRelaxed() }

//go:noinline
func Store64(w *atomic.Uint64, v uint64) { w.Store(v) }

//go:noinline
func StoreRelease64(w *atomic.Uint64, v uint64) { w.StoreRelease(v) }

//go:noinline
func StoreRelaxed64(w *atomic.Uint64, v uint64) { w.StoreRelaxed(v) }

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
func Fence() { atomic.Fence() }

//go:noinline
func PlainLoad32(w *mem.Plain32) uint32 { return w.Load() }

//go:noinline
func PlainStore32(w *mem.Plain32, v uint32) { w.Store(v) }

//go:noinline
func PlainLoad64(w *mem.Plain64) uint64 { return w.Load() }

//go:noinline
func PlainStore64(w *mem.Plain64, v uint64) { w.Store(v) }

//go:noinline
func PlainIncrement(w *mem.Plain64) { w.Store(w.Load() + 1) }

type list struct {
	lock  atomic.Uint32
	free  mem.Plain32
	items []mem.Plain32
}

// Pop is the fast path of a per-CPU list.
//
//go:noinline
func Pop(l *list) (uint32, bool) {
	if !l.lock.CompareAndSwap(0, 1) {
		return 0, false
	}
	n := l.free.Load()
	if n == 0 {
		l.lock.Store(0)
		return 0, false
	}
	item := l.items[n-1].Load()
	l.free.Store(n - 1)
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
