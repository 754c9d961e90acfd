package spec

import (
	"errors"

	"headroom/designs"
	"headroom/kernel"
)

// Rules are what the contract says of a single answer, whatever other callers do meanwhile.
type Rules struct {
	designs.Capabilities
	Guaranteed  int // items a sole caller always gets
	items       int
	objectBytes uint64 // bytes behind an item that is an offset; 0 when items are numbers
	memoryBytes uint64
}

// leastObjectBytes spaces the slots of objects whose size the configuration leaves open.
const leastObjectBytes = 8

// NewRules makes the rules of variant v with that configuration on a machine with so many bytes of memory.
func NewRules(v designs.Variant, config designs.Config, memoryBytes int) Rules {
	r := Rules{Capabilities: v.Capabilities, Guaranteed: v.Guaranteed(config), items: config.Items, memoryBytes: uint64(memoryBytes)}
	offsets := v.Capabilities.Kind == designs.Page || v.Capabilities.Kind == designs.Object || v.Capabilities.Memory && config.Bytes > 0
	if offsets {
		r.objectBytes = max(uint64(config.Bytes), leastObjectBytes)
	}
	return r
}

// neverEmpty: numbers without a limit cannot run out; memory always can.
func (r Rules) neverEmpty() bool { return r.Unbounded && r.objectBytes == 0 }

// Range returns a *Breach of C2 when no item of that number can exist.
func (r Rules) Range(it designs.Item) error {
	switch {
	case r.objectBytes > 0:
		if uint64(it) >= r.memoryBytes || r.memoryBytes-uint64(it) < r.objectBytes {
			return breach(C2, "item %d of %d bytes lies outside the machine's %d bytes", it, r.objectBytes, r.memoryBytes)
		}
	case !r.Unbounded && uint64(it) >= uint64(r.items):
		return breach(C2, "item %d of an allocator of %d", it, r.items)
	}
	return nil
}

// Slot maps an item to a small number: itself, or its place in units of the object's size. Objects that begin in one slot overlap.
func (r Rules) Slot(it designs.Item) uint64 {
	if r.objectBytes > 0 {
		return uint64(it) / r.objectBytes
	}
	return uint64(it)
}

// Slots is the number of slots, and 0 when there is no limit.
func (r Rules) Slots() int {
	switch {
	case r.objectBytes > 0:
		return int(r.memoryBytes/r.objectBytes) + 1
	case r.Unbounded:
		return 0
	}
	return r.items
}

// Overlap reports whether two items share a byte, or are the same number.
func (r Rules) Overlap(a, b designs.Item) bool {
	if a > b {
		a, b = b, a
	}
	return a == b || uint64(b-a) < r.objectBytes
}

// Refusal returns a *Breach when Alloc may not answer with that error and item. mayWait: the caller's flags hold DirectReclaim; offline: its
// CPU is dead.
//
// A variant that may wait has one refusal, ErrWouldBlock for who may not. One that never waits says what it lacks: ErrNoMemory, or for
// numbers ErrNoSpace.
func (r Rules) Refusal(mayWait, offline bool, it designs.Item, err error) error {
	switch {
	case it != 0:
		return breach(C1, "Alloc answered with item %d and with the error %v", it, err)
	case !ofKernel(err):
		return breach(C1, "Alloc answered with an error that package kernel does not have: %v", err)
	case mayWait && r.MayWait:
		return breach(C5, "Alloc refused a caller that may wait: %v", err)
	case !r.MayFail || r.neverEmpty():
		return breach(C3, "Alloc failed, and the table says that it cannot: %v", err)
	case errors.Is(err, kernel.ErrWouldBlock), errors.Is(err, kernel.ErrOffline) && offline:
		return nil
	case r.MayWait:
		return breach(C6, "Alloc refused a caller that may not wait with another error than %q: %v", kernel.ErrWouldBlock, err)
	case errors.Is(err, kernel.ErrNoMemory):
		return nil
	case errors.Is(err, kernel.ErrNoSpace) && (r.Kind == designs.Tag || r.Kind == designs.ID):
		return nil
	}
	return breach(C1, "Alloc of kind %s answered with the error %v", r.Kind, err)
}

func ofKernel(err error) bool {
	return errors.Is(err, kernel.ErrWouldBlock) || errors.Is(err, kernel.ErrNoMemory) ||
		errors.Is(err, kernel.ErrNoSpace) || errors.Is(err, kernel.ErrOffline)
}
