package reservation

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/page"
)

// Pages is the page allocator with promises: callers without one are served as they always were, through one branch more.
type Pages struct {
	pages  *page.Allocator
	memory *mem.Memory
	bytes  int // usable bytes of an item
}

// NewPages makes zones that hold config.Items pages above the reserve together, or config.Room when that is more. An item has config.Bytes bytes,
// 0 meaning 4096; its page is the next power of two from 64 on. It returns an error when config is out of range, an item needs more than a page, or
// memory is full.
func NewPages(place kernel.Place, config designs.Config) (*Pages, error) {
	if err := config.Validate(pageKnobs); err != nil {
		return nil, fmt.Errorf("reservation: %w", err)
	}
	pages, err := newPages(place, config)
	if err != nil {
		return nil, err
	}
	return &Pages{pages: pages, memory: place.Memory(), bytes: itemBytes(config, pageBytes)}, nil
}

func itemBytes(config designs.Config, standard int) int {
	if config.Bytes == 0 {
		return standard
	}
	return config.Bytes
}

// Alloc hands out a page that nobody was promised, or answers kernel.ErrNoMemory; with kernel.Promised it draws. It waits, with DirectReclaim,
// while lists are emptied, never for a page. Any context but NMI.
func (p *Pages) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	at, err := p.pages.AllocOrDraw(t, gfp, 0)
	return designs.Item(at), err
}

// Free gives a page back. It panics on what is no page that is held. Any context but NMI.
func (p *Pages) Free(t *kernel.Task, it designs.Item) { p.pages.Free(t, page.Page(it), 0) }

// Reserve promises n pages, waits until they are countable (DirectReclaim, process context), or refuses: with kernel.ErrWouldBlock, or with
// kernel.ErrNoMemory when there are never so many. Any context but NMI.
func (p *Pages) Reserve(t *kernel.Task, gfp kernel.GFP, n int) error {
	return p.pages.Reserve(t, gfp, n)
}

// AllocReserved draws a promised page. It never fails or waits, and panics when no promise is left. Any context but NMI.
func (p *Pages) AllocReserved(t *kernel.Task) (designs.Item, error) {
	return designs.Item(p.pages.Draw(t)), nil
}

// Cancel takes n promises back that were not drawn on. It panics when fewer are left. Any context but NMI.
func (p *Pages) Cancel(t *kernel.Task, n int) { p.pages.Cancel(t, n) }

// Check walks the zones. Only at quiescence.
func (p *Pages) Check() error { return p.pages.Check() }

// CPUDead gives back the pages that a dead CPU kept. t runs on another CPU, in process context.
func (p *Pages) CPUDead(t *kernel.Task, cpu int) { p.pages.CPUDead(t, cpu) }

// Bytes is the memory behind an item.
func (p *Pages) Bytes(it designs.Item) []byte { return p.memory.Span(uintptr(it), p.bytes) }

// Zones is the page allocator, for users of its cache: promised memory may hold clean pages until it is drawn.
func (p *Pages) Zones() *page.Allocator { return p.pages }

// Stats are the counts of slow paths, the locks those of zones; only at quiescence. A wait is one of Reserve.
func (p *Pages) Stats() designs.Stats {
	s := p.pages.Stats()
	return designs.Stats{Waits: s.Waits, Locks: s.Locks, Steals: s.Drains, Refills: s.Refills, Spills: s.Spills, Failed: s.Failed}
}
