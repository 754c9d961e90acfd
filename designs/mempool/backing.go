package mempool

import (
	"fmt"
	"math/bits"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/page"
)

// Backing is the allocator that a pool stands on. A pool calls Alloc and Free through this interface, as the kernel's pools call theirs through two
// function pointers. A Pool is a Backing too.
type Backing interface {
	// Alloc hands out an item, and waits for it only with kernel.DirectReclaim.
	Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error)
	// Free gives an item back. It panics, before it changes anything, on what is none.
	Free(t *kernel.Task, it designs.Item)
	// Holds reports whether an item is one that the backing has given; it may take an idle one for such, never what is none at all. Any context.
	Holds(it designs.Item) bool
	// Idle reports whether the backing itself has an item that Holds takes. Only at quiescence.
	Idle(it designs.Item) bool
	// Check walks the structure and returns what is wrong with it. Only at quiescence.
	Check() error
	// CPUDead takes back what a CPU that went offline kept. t runs on another CPU, in process context.
	CPUDead(t *kernel.Task, cpu int)
	// Victim reports whether the out-of-memory killer of the memory below has chosen t. Any context.
	Victim(t *kernel.Task) bool
	// Bytes is the memory behind an item.
	Bytes(it designs.Item) []byte
}

// pageBytes is the size of a page, and the most that an item has.
const pageBytes = 4096

// Pages is kernel/page in order 0 as a backing.
type Pages struct {
	pages  *page.Allocator
	memory *mem.Memory
	bytes  int // usable bytes of an item
}

// NewPages makes zones, one for each node, that hold so many pages above the reserve together, rounded up to the same number on every node. A page
// has the bytes of an item, 1 to 4096, rounded up to a power of two from 64 on. It returns an error when either is out of range, or memory is full.
func NewPages(place kernel.Place, pages, bytes int) (*Pages, error) {
	if pages < 1 || bytes < 1 || bytes > pageBytes {
		return nil, fmt.Errorf("mempool: %d pages with items of %d bytes: give at least 1 page, and 1 to %d bytes", pages, bytes, pageBytes)
	}
	a, err := newZones(place, pages, max(mem.LineBytes, 1<<bits.Len(uint(bytes-1))))
	if err != nil {
		return nil, err
	}
	return NewPagesOf(place, a, bytes)
}

// NewPagesOf makes a backing of single pages of zones that have other users as well. It returns an error when a page is too small for an item.
func NewPagesOf(place kernel.Place, pages *page.Allocator, bytes int) (*Pages, error) {
	if bytes < 1 || bytes > pages.PageBytes() {
		return nil, fmt.Errorf("mempool: items of %d bytes in pages of %d: give 1 up to that", bytes, pages.PageBytes())
	}
	return &Pages{pages: pages, memory: place.Memory(), bytes: bytes}, nil
}

// newZones makes zones of so many pages above the reserve, which lies below the ordinary mark and is no part of anybody's room.
func newZones(place kernel.Place, pages, size int) (*page.Allocator, error) {
	nodes := place.Memory().Nodes()
	each := (pages + nodes - 1) / nodes
	marks := page.ComputeMarks(each, nodes, size)
	a, err := page.New(place, page.Config{Pages: each + marks.Min, PageBytes: size, Marks: &marks})
	if err != nil {
		return nil, fmt.Errorf("mempool: %w", err)
	}
	return a, nil
}

// Alloc hands out a page as page.Allocator does.
func (b *Pages) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	at, err := b.pages.Alloc(t, gfp, 0)
	return designs.Item(at), err
}

// Free gives a page back.
func (b *Pages) Free(t *kernel.Task, it designs.Item) { b.pages.Free(t, page.Page(it), 0) }

// Holds reports whether the item is a page with an owner.
func (b *Pages) Holds(it designs.Item) bool {
	return b.pages.Holds(page.Page(it)) && b.pages.Owners(page.Page(it)) > 0
}

// Idle reports whether the page has no owner.
func (b *Pages) Idle(it designs.Item) bool { return b.pages.Owners(page.Page(it)) == 0 }

// Check walks the zones.
func (b *Pages) Check() error { return b.pages.Check() }

// CPUDead empties the lists of a dead CPU.
func (b *Pages) CPUDead(t *kernel.Task, cpu int) { b.pages.CPUDead(t, cpu) }

// Victim reports whether the zones' killer has chosen t.
func (b *Pages) Victim(t *kernel.Task) bool { return b.pages.Victim(t) }

// Bytes is the memory behind a page, as much as an item has.
func (b *Pages) Bytes(it designs.Item) []byte { return b.memory.Span(uintptr(it), b.bytes) }
