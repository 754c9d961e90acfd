//go:build race || !linux

package mem

import "unsafe"

// block under the race detector is a heap slice without pointers: the detector sees only heap memory, and a large heap object never moves.
type block struct {
	base  unsafe.Pointer
	size  uintptr
	words []uint64
}

func mapBlock(size uintptr) (block, error) {
	const page = 4096
	words := make([]uint64, (size+page)/8)
	at := (uintptr(unsafe.Pointer(&words[0])) + page - 1) &^ (page - 1)
	skip := (at - uintptr(unsafe.Pointer(&words[0]))) / 8
	return block{base: unsafe.Pointer(&words[skip]), size: size, words: words}, nil
}

func (b block) bind(start, size uintptr, node int) error { return nil }

func (b block) release() {}
