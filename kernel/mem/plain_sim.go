//go:build sim

package mem

import (
	"unsafe"

	"headroom/kernel/choice"
)

// Load reads the word; in a simulated run it is one step, checked for data races.
func (w *Plain32) Load() uint32 {
	if p := choice.Point; p != nil {
		p(choice.PlainLoad, unsafe.Pointer(w), choice.Width32)
	}
	return w.v
}

// Store writes the word; in a simulated run it is one step, checked for data races.
func (w *Plain32) Store(v uint32) {
	if p := choice.Point; p != nil {
		p(choice.PlainStore, unsafe.Pointer(w), choice.Width32)
	}
	w.v = v
}

// Load reads the word; in a simulated run it is one step, checked for data races.
func (w *Plain64) Load() uint64 {
	if p := choice.Point; p != nil {
		p(choice.PlainLoad, unsafe.Pointer(w), choice.Width64)
	}
	return w.v
}

// Store writes the word; in a simulated run it is one step, checked for data races.
func (w *Plain64) Store(v uint64) {
	if p := choice.Point; p != nil {
		p(choice.PlainStore, unsafe.Pointer(w), choice.Width64)
	}
	w.v = v
}
