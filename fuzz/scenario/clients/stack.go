package clients

import (
	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// stack is two drivers over each other: a request takes an element of the upper one's pool, then one of the lower one's, and holds both until it is
// completed. Each layer has a pool of its own, as large as the other, so who has both gives both back.
type stack struct {
	upper, lower *elements
	below        []mem.Plain32 // by element of the upper pool: the lower one of its request
}

func stackVariant() designs.Variant {
	return variant("stack", "a request takes an element in each of two stacked drivers, each with a pool of its own (dm 2006)", designs.Object, nil,
		func(m machine.Machine, c designs.Config) (designs.Allocator, error) {
			count := c.Items
			if mutant.On(mp06) {
				count *= 2 // as many as both have together
			}
			upper, err := newElements(m, count)
			if err != nil {
				return nil, err
			}
			lower, err := newElements(m, c.Items)
			if err != nil {
				return nil, err
			}
			s := &stack{upper: &upper, lower: &lower}
			if mutant.On(mp06) {
				s.lower = &upper
			}
			s.below, err = mem.Slice[mem.Plain32](m.Memory(), 0, count)
			return s, err
		})
}

// Alloc starts a request. With DirectReclaim it sleeps for its elements (process context); without, the answer is kernel.ErrWouldBlock when either is
// missing. Any context but NMI.
func (s *stack) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if gfp.MayWait() {
		id := s.upper.get(t)
		s.below[id].Store(s.lower.get(t))
		return designs.Item(id), nil
	}
	id, ok := s.upper.try(t)
	if !ok {
		return 0, kernel.ErrWouldBlock
	}
	below, ok := s.lower.try(t)
	if !ok {
		s.upper.put(t, id)
		return 0, kernel.ErrWouldBlock
	}
	s.below[id].Store(below)
	return designs.Item(id), nil
}

// Free completes a request, from the bottom up. Any context but NMI.
func (s *stack) Free(t *kernel.Task, it designs.Item) {
	s.lower.put(t, s.below[it].Load())
	s.upper.put(t, uint32(it))
}

// Check: at quiescence all elements of all that was freed are back.
func (s *stack) Check() error {
	if err := s.upper.check(s.upper.count); err != nil {
		return err
	}
	return s.lower.check(s.lower.count)
}
