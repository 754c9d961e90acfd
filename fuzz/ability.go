package fuzz

import (
	"headroom/designs"
	"headroom/kernel"
)

// Onliner is an allocator that wants to hear that a CPU comes online. t runs there, or on another CPU.
type Onliner interface {
	CPUOnline(t *kernel.Task, cpu int)
}

// Tuner is an allocator whose parameters can be changed while it is in use. Every setting is a right one, whatever its number.
type Tuner interface {
	Tune(t *kernel.Task, setting int)
}

// Drainer is an allocator that can be made to give back what it keeps in other places than where it is asked. Process context.
type Drainer interface {
	Drain(t *kernel.Task)
}

// Auditor is an allocator with an invariant that holds at any moment, not just at quiescence. byFlag and byRight are how many allocations have been begun
// in this run by callers whose flags open part of a reserve, and whose task's rights open all of it.
type Auditor interface {
	Audit(byFlag, byRight int) error
}

// Lister is an allocator that keeps items for each CPU, where others steal from.
type Lister interface {
	Listed(cpu int) int // items that a CPU keeps now
}

// Exact is an allocator that refuses a caller only if at some moment of the call items that are held, and calls of others that are under way, were
// together as many as there are items.
type Exact interface {
	ExactRefusals()
}

// Deferrer is an allocator whose Free gives an item up while readers may still use it: it comes back when they have gone.
type Deferrer interface {
	NewReaders(inUse func(it designs.Item) bool)
	Quiesce(t *kernel.Task) // the caller's CPU uses no item
}

// Forgiver is an allocator for which the free of an item that nobody holds is no misuse: it changes nothing.
type Forgiver interface {
	ForgivesFrees()
}
