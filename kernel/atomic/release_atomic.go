//go:build !sim && (!amd64 || race)

package atomic

import "sync/atomic"

// StoreRelease writes the word; what came before stays before it. The race detector must see it, and other processors need the instruction.
func (w *Uint32) StoreRelease(v uint32) { atomic.StoreUint32(&w.v, v) }

// StoreRelease writes the word; what came before stays before it. The race detector must see it, and other processors need the instruction.
func (w *Uint64) StoreRelease(v uint64) { atomic.StoreUint64(&w.v, v) }
