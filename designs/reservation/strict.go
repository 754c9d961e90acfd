package reservation

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/percpu"
)

// Strict admits every allocation, or makes it wait until another user frees. What lies on a CPU's list was admitted when the list was filled; with
// the knob single no list keeps any, and each allocation is admitted by itself.
type Strict struct {
	Pages
	refused []*mem.Plain64 // by CPU; written with interrupts masked
}

// NewStrict makes zones as NewPages does, with the same errors.
func NewStrict(place kernel.Place, config designs.Config) (*Strict, error) {
	if err := config.Validate(strictKnobs); err != nil {
		return nil, fmt.Errorf("reservation: %w", err)
	}
	pages, err := newPages(place, config)
	if err != nil {
		return nil, err
	}
	if config.Knob(knobSingle, 0) == 1 {
		if err := pages.SetLimits(0, 1); err != nil {
			return nil, fmt.Errorf("reservation: %w", err)
		}
	}
	refused, err := percpu.New[mem.Plain64](place)
	if err != nil {
		return nil, fmt.Errorf("reservation: %w", err)
	}
	return &Strict{Pages: Pages{pages: pages, memory: place.Memory(), bytes: itemBytes(config, pageBytes)}, refused: refused}, nil
}

// Alloc hands out a page that nobody was promised. With DirectReclaim it waits until another user frees, and never fails (process context, no spinning
// lock held); without, the answer may be kernel.ErrWouldBlock. With kernel.Promised it draws. Any context but NMI.
func (s *Strict) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	at, err := s.pages.AllocOrDraw(t, gfp&^kernel.DirectReclaim, 0)
	if err != nil {
		return s.allocSlow(t, gfp)
	}
	return designs.Item(at), nil
}

// allocSlow has a page promised, for which the wait is that of any reserver, and draws it.
//
// I2: from the promise on the page is this caller's.
func (s *Strict) allocSlow(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if mutant.On(rs02) {
		gfp &^= kernel.DirectReclaim
	}
	if err := s.pages.Reserve(t, gfp, 1); err != nil {
		reachRefused.Hit()
		t.IRQSave()
		w := s.refused[t.CPU()]
		w.Store(w.Load() + 1)
		t.IRQRestore()
		return 0, kernel.ErrWouldBlock
	}
	reachAdmitted.Hit()
	return designs.Item(s.pages.Draw(t)), nil
}

// Stats are those of Pages; a wait is one of Reserve, or of Alloc.
func (s *Strict) Stats() designs.Stats {
	all := s.Pages.Stats()
	all.Failed = 0
	for _, w := range s.refused {
		all.Failed += w.Load()
	}
	return all
}
