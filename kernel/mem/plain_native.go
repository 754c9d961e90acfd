//go:build !sim

package mem

// Load reads the word with one ordinary MOV. The caller must own the word or hold the lock that protects it.
func (w *Plain32) Load() uint32 { return w.v }

// Store writes the word with one ordinary MOV. The caller must own the word or hold the lock that protects it.
func (w *Plain32) Store(v uint32) { w.v = v }

// Load reads the word with one ordinary MOV. The caller must own the word or hold the lock that protects it.
func (w *Plain64) Load() uint64 { return w.v }

// Store writes the word with one ordinary MOV. The caller must own the word or hold the lock that protects it.
func (w *Plain64) Store(v uint64) { w.v = v }
