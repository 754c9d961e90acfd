package gfpnolocks

import (
	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/page"
)

// Null is the form of 2020: the entry walks the lists of the caller's CPU with interrupts masked.
type Null struct{ store }

// Alloc is the entry, and then, without kernel.NoLocks among the flags, the ordinary path. It answers kernel.ErrNoMemory when both have nothing, and
// never waits: kernel.DirectReclaim is left to AllocOrdinary. Any context but NMI; the ordinary path with rt=on in process context only.
func (n *Null) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	p, err := n.pages.AllocNoLocks(t, 0)
	if err == nil {
		return designs.Item(p), nil
	}
	if gfp&kernel.NoLocks != 0 {
		return n.refuse(t, err)
	}
	return n.AllocOrdinary(t, gfp&^kernel.DirectReclaim)
}

// AllocNoLocks hands out a page that the caller's CPU has on a list, of any zone, and answers kernel.ErrNoMemory if there is none. Any context but NMI.
func (n *Null) AllocNoLocks(t *kernel.Task) (designs.Item, error) {
	p, err := n.pages.AllocNoLocks(t, 0)
	if err != nil {
		return n.refuse(t, err)
	}
	return designs.Item(p), nil
}

// AllocOrdinary is the page allocator's own Alloc. Any context but NMI; with rt=on process context.
func (n *Null) AllocOrdinary(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	p, err := n.pages.Alloc(t, gfp&^kernel.NoLocks, 0)
	return designs.Item(p), err
}

// Free gives a page back. It panics on one that nobody holds. It may take the zone's lock. Any context but NMI; with rt=on process context.
func (n *Null) Free(t *kernel.Task, it designs.Item) { n.pages.Free(t, page.Page(it), 0) }

// TryLock is the form of 2025: every lock is tried only. Alloc and Free are the entry themselves.
type TryLock struct {
	store
	order int // of an item
}

// Alloc is AllocNoLocks, whatever the flags. Any context.
func (y *TryLock) Alloc(t *kernel.Task, _ kernel.GFP) (designs.Item, error) { return y.AllocNoLocks(t) }

// AllocNoLocks hands out a block from the list or the zone whose locks can be had at once, and answers kernel.ErrNoMemory if there is none above the
// ordinary mark, which may be so for a moment only. Any context; with rt=on it has nothing for hard interrupts and NMI.
func (y *TryLock) AllocNoLocks(t *kernel.Task) (designs.Item, error) {
	p, err := y.pages.AllocNoLocks(t, y.order)
	if err != nil {
		return y.refuse(t, err)
	}
	return designs.Item(p), nil
}

// AllocOrdinary is the page allocator's own Alloc, which takes locks. Any context but NMI; with rt=on process context.
func (y *TryLock) AllocOrdinary(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	p, err := y.pages.Alloc(t, gfp&^kernel.NoLocks, y.order)
	return designs.Item(p), err
}

// Free gives a block back: to the list or the zone whose lock can be had at once, or to the zone's stack. It panics on one that nobody holds. Any
// context.
func (y *TryLock) Free(t *kernel.Task, it designs.Item) {
	y.pages.FreeNoLocks(t, page.Page(it), y.order)
}

// RawZone is the form with a zone lock that always spins: an ordinary Alloc that may be called under raw spin locks. It pays in latency: a refill, a
// spill or a merge runs with interrupts masked under a lock that others spin for.
type RawZone struct{ store }

// Alloc hands out a page, or answers kernel.ErrNoMemory when none is left above the mark for gfp and the rights of t. With kernel.NoLocks it uses no
// reserve and wakes nobody. It never waits but for spinning locks: kernel.DirectReclaim is left to
// AllocOrdinary. Any context but NMI, under any lock.
func (r *RawZone) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if gfp&kernel.NoLocks != 0 {
		gfp = kernel.NoMemalloc
	}
	p, err := r.pages.Alloc(t, gfp&^kernel.DirectReclaim, 0)
	return designs.Item(p), err
}

// AllocOrdinary is the page allocator's own Alloc, which with kernel.DirectReclaim may wait while lists are emptied.
func (r *RawZone) AllocOrdinary(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	p, err := r.pages.Alloc(t, gfp&^kernel.NoLocks, 0)
	return designs.Item(p), err
}

// Free gives a page back. It panics on one that nobody holds. Any context but NMI, under any lock.
func (r *RawZone) Free(t *kernel.Task, it designs.Item) { r.pages.Free(t, page.Page(it), 0) }
