//go:build sim

package atomic

import (
	"unsafe"

	"headroom/kernel/arch"
	"headroom/kernel/choice"
)

// AwaitNot spins until the word differs from v; in a simulated run the caller parks on the word until it changes.
func (w *Uint32) AwaitNot(v uint32) {
	if a := choice.Await; a != nil {
		a(unsafe.Pointer(w), v)
		return
	}
	for w.Load() == v {
		arch.Yield()
	}
}
