// Package baseline holds what the designs are compared with. What a Go programmer would use in place of a kernel allocator:
//
//	channel   a buffered channel full of items
//	mutex     a slice of items under a sync.Mutex, last in first out
//	syncpool  a sync.Pool of boxes, each with an item; it makes new ones when it is empty
//
// and what the kernel's own callers fall back on:
//
//	page      single pages from kernel/page, whose package comment has its invariants, orderings and costs
//	slab      objects of one size from kernel/slab, likewise
//
// The first three stand on Go's own primitives, so the simulator cannot see into them (Capabilities.NativeOnly). They never wait for an item:
// Alloc answers ErrWouldBlock when none is free, whatever its flags say; syncpool makes another. What follows is about these three.
//
// Items are numbers when Config.Bytes is 0, kind tag. With Config.Bytes above 0 they are objects: offsets into machine memory on node 0, one
// item every stride of whole cache lines, whole pages for objects of a page or more.
//
// Invariants:
//
//	I1  an item is free in one place or with one owner
//	I2  the number of free items never exceeds the number of items
//
// Orderings: those that channels, mutexes and sync.Pool give: a Free synchronises before the Alloc that returns the same item.
//
// Cost of an alloc and a free: two channel operations, two locked sections, or a Get and a Put. None makes garbage in the steady state.
//
// Contexts: natively an interrupt comes between operations only, so a lock that it could find held by its own CPU is none.
package baseline

import (
	"fmt"
	"slices"
	"unsafe"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
)

// slots numbers the items: as they are, or as offsets of objects in a row.
type slots struct {
	base   unsafe.Pointer // offset 0 of the machine's memory; nil when items are numbers
	first  uint64         // offset of the first object
	stride uint64         // bytes from one object to the next; 1 when items are numbers
	count  uint64
	bytes  int // usable bytes of an object
}

const pageBytes = 4096

// newSlots makes count items, and the memory behind them when bytes is above 0. It returns an error when the machine's memory is full.
func newSlots(place kernel.Place, count, bytes int) (slots, error) {
	if bytes == 0 {
		return slots{stride: 1, count: uint64(count)}, nil
	}
	unit := uint64(mem.LineBytes)
	if bytes >= pageBytes {
		unit = pageBytes
	}
	stride := (uint64(bytes) + unit - 1) / unit * unit
	memory := place.Memory()
	if stride > uint64(memory.Bytes())/uint64(count) {
		return slots{}, fmt.Errorf("%d objects of %d bytes exceed the machine's %d bytes: give it more memory, or ask for less", count, bytes, memory.Bytes())
	}
	objects, err := memory.Alloc(0, uintptr(stride)*uintptr(count), uintptr(unit))
	if err != nil {
		return slots{}, err
	}
	first, _ := memory.Offset(objects)
	return slots{base: memory.Base(), first: uint64(first), stride: stride, count: uint64(count), bytes: bytes}, nil
}

// item is the item of slot number i.
func (s *slots) item(i uint64) designs.Item { return designs.Item(s.first + i*s.stride) }

// index is the slot of an item, and false when the item is none of this allocator's.
func (s *slots) index(it designs.Item) (i uint64, ok bool) {
	if s.base == nil {
		return uint64(it), uint64(it) < s.count
	}
	at := uint64(it) - s.first
	i = at / s.stride
	return i, i < s.count && i*s.stride == at
}

// Bytes is the memory behind an item, nil when items are numbers.
func (s *slots) Bytes(it designs.Item) []byte {
	if s.base == nil {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Add(s.base, uintptr(it))), s.bytes)
}

// check reports what is wrong with a list of free items: one that is none of ours, or one twice.
func (s *slots) check(name string, free []designs.Item) error {
	free = slices.Sorted(slices.Values(free))
	for i, it := range free {
		if _, ok := s.index(it); !ok {
			return fmt.Errorf("%s: free item %d is none of its %d", name, it, s.count)
		}
		if i > 0 && free[i-1] == it {
			return fmt.Errorf("%s: item %d is free twice (I1)", name, it)
		}
	}
	return nil
}

// misuse refuses an item that nobody can hold. It is a call of its own, never inlined, so that the check in front of it costs a comparison and
// a branch that is not taken.
//
//go:noinline
func misuse(name string, it designs.Item, why string) {
	panic(fmt.Sprintf("%s: free of item %d: %s", name, it, why))
}

// Why a Free is refused.
const (
	outOfRange = "it is none of this allocator's"
	tooMany    = "every item is free already (I2)"
	idle       = "nobody holds it"
)
