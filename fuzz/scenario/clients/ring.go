package clients

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// ring is a list of free items whose head is a word of two halves: the first item, and a version that every change raises. So a compare-and-swap fails
// when the head was another in between, though it be the same again. Several items come off, and go on, by one compare-and-swap too.
type ring struct {
	head *ringHead
	next []atomic.Uint32 // by item: the one behind it, plus 1; 0 for none
}

// ringHead: the upper half is the version, the lower the first item plus 1, 0 for none.
type ringHead struct{ word atomic.Uint64 }

func ringVariant() designs.Variant {
	v := variant("ring", "a list with a version in its head, for one item and for several at once (SLUB 2016)", designs.Tag, nil,
		func(m machine.Machine, c designs.Config) (designs.Allocator, error) {
			r := &ring{}
			var err error
			if r.head, err = mem.New[ringHead](m.Memory(), 0); err != nil {
				return nil, err
			}
			if r.next, err = mem.Slice[atomic.Uint32](m.Memory(), 0, c.Items); err != nil {
				return nil, err
			}
			for i := range r.next {
				r.next[i].Store(uint32(i)) // item i-1 lies behind it
			}
			r.head.word.Store(uint64(c.Items))
			return r, nil
		})
	v.Capabilities.MayWait, v.Capabilities.TakesLocks = false, false
	return v
}

// after is the head with another first item.
func after(head uint64, first uint32) uint64 { return (head>>32+1)<<32 | uint64(first) }

// afterMany is the same for operations on several items.
func afterMany(head uint64, first uint32) uint64 {
	if mutant.On(sl01) {
		return head>>32<<32 | uint64(first)
	}
	return after(head, first)
}

// Alloc takes the first item; kernel.ErrWouldBlock when there is none. Any context.
func (r *ring) Alloc(*kernel.Task, kernel.GFP) (designs.Item, error) {
	for {
		head := r.head.word.Load()
		first := uint32(head)
		if first == 0 {
			return 0, kernel.ErrWouldBlock
		}
		next := r.next[first-1].Load() // of no use if somebody else is faster, which the version tells
		if r.head.word.CompareAndSwap(head, after(head, next)) {
			return designs.Item(first - 1), nil
		}
	}
}

// AllocBulk takes the first items, as many as there are; fewer than all come with kernel.ErrWouldBlock. Any context.
func (r *ring) AllocBulk(_ *kernel.Task, _ kernel.GFP, items []designs.Item) (int, error) {
	for {
		head := r.head.word.Load()
		at, got := uint32(head), 0
		for ; at != 0 && got < len(items); got++ {
			items[got] = designs.Item(at - 1)
			at = r.next[at-1].Load()
		}
		if !r.head.word.CompareAndSwap(head, afterMany(head, at)) {
			continue
		}
		if got < len(items) {
			return got, kernel.ErrWouldBlock
		}
		return got, nil
	}
}

// Free puts an item in front. Any context.
func (r *ring) Free(_ *kernel.Task, it designs.Item) {
	for {
		head := r.head.word.Load()
		r.next[it].Store(uint32(head))
		if r.head.word.CompareAndSwap(head, after(head, uint32(it)+1)) {
			return
		}
	}
}

// FreeBulk puts items in front, the last of them as the first. Any context.
func (r *ring) FreeBulk(_ *kernel.Task, items []mem.Plain64) {
	if len(items) == 0 {
		return
	}
	first := uint32(0)
	for i := range items {
		it := uint32(items[i].Load())
		if i > 0 {
			r.next[it].Store(first)
		}
		first = it + 1
	}
	last := uint32(items[0].Load())
	for {
		head := r.head.word.Load()
		r.next[last].Store(uint32(head))
		if r.head.word.CompareAndSwap(head, afterMany(head, first)) {
			return
		}
	}
}

// Check: at quiescence every item is on the list, once.
func (r *ring) Check() error {
	seen := 0
	for at := uint32(r.head.word.Load()); at != 0 && seen <= len(r.next); seen++ {
		at = r.next[at-1].Load()
	}
	if seen != len(r.next) {
		return fmt.Errorf("clients: the list has %d items, or goes round; want %d", seen, len(r.next))
	}
	return nil
}
