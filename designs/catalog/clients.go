package catalog

import (
	"fmt"

	"headroom/designs"
	gfpnolocks "headroom/designs/gfp_nolocks"
	"headroom/kernel"
)

// DeferredFree is kfree_rcu, the client of allocators of pages that may be called under raw spin locks.
type DeferredFree = gfpnolocks.Client

// Grace counts the grace periods for which a DeferredFree waits.
type Grace = gfpnolocks.Grace

// DeferredPages and DeferredSpares are its page in bytes, and the spare pages of a CPU, as in Linux 6.12.
const (
	DeferredPages  = 4096
	DeferredSpares = 5
)

// NewDeferredFree makes kfree_rcu for objects, with pages of DeferredPages bytes from pages: under the caller's lock by an entry that takes no locks, or
// may be called under any (gfp_nolocks), else from spare pages only, which its worker gets. It returns an error when memory is full, or pages are no
// memory.
func NewDeferredFree(place kernel.Place, pages, objects designs.Allocator) (*DeferredFree, *Grace, error) {
	grace, err := gfpnolocks.NewGrace(place)
	if err != nil {
		return nil, nil, err
	}
	c := gfpnolocks.ClientConfig{Objects: objects, Grace: grace, PageBytes: DeferredPages, Spares: DeferredSpares, Ask: true}
	switch a := pages.(type) {
	case gfpnolocks.PageSource:
		c.Pages = a
	case *gfpnolocks.RawZone:
		c.Pages = anyLock{a}
	default:
		memory, ok := pages.(memoryAllocator)
		if !ok {
			return nil, nil, fmt.Errorf("catalog: %T has no memory behind its items: give an allocator of pages", pages)
		}
		c.Pages, c.Ask = locksOnly{memory}, false
	}
	client, err := gfpnolocks.NewClient(place, c)
	return client, grace, err
}

type memoryAllocator interface {
	designs.Allocator
	designs.Bytes
}

// anyLock asks an allocator that may be called under any lock.
type anyLock struct{ *gfpnolocks.RawZone }

// AllocNoLocks asks for a page as under a raw lock.
func (a anyLock) AllocNoLocks(t *kernel.Task) (designs.Item, error) {
	return a.Alloc(t, kernel.NoLocks)
}

// locksOnly is an allocator without such an entry.
type locksOnly struct{ memoryAllocator }

// AllocNoLocks has nothing.
func (locksOnly) AllocNoLocks(*kernel.Task) (designs.Item, error) { return 0, kernel.ErrNoMemory }

// AllocOrdinary is Alloc.
func (a locksOnly) AllocOrdinary(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	return a.Alloc(t, gfp)
}
