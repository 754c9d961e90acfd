package designtest

import (
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/kernel"
)

// stageSole: one caller takes every item, is refused, and gives all back, three times, in three orders. Each round must give as much as the
// first: after all items are freed the allocator is as good as new.
func stageSole(s *scene) {
	c := s.caller("sole")
	s.task(nil, c.name, 0, func(t *kernel.Task) {
		first := 0
		for round := range 3 {
			for len(c.held) < s.most() && c.alloc(t, kernel.NoWait) {
			}
			got := len(c.held)
			if got < s.rules.Guaranteed {
				s.breaks(s.lossBreaks(), "a sole caller got %d items in round %d, and %d are guaranteed", got, round, s.rules.Guaranteed)
			}
			if round == 0 {
				first = got
			}
			if got < first && s.variant.Capabilities.MayFail {
				s.breaks(spec.C4, "a sole caller got %d items in round %d and %d in the first", got, round, first)
			}
			s.must(checked(s.alloc))
			c.order(round)
			c.freeAll(t)
			s.must(checked(s.alloc))
		}
		s.must(c.countsAgree())
		s.leave(t)
	})
}

// order puts the held items into the order in which they go back: oldest first, newest first, mixed.
func (c *caller) order(round int) {
	switch round {
	case 1:
		slices.Reverse(c.held)
	case 2:
		for i := range c.held {
			j := i + c.stream.Below(len(c.held)-i)
			c.held[i], c.held[j] = c.held[j], c.held[i]
		}
	}
}

// countsAgree compares Stats with what the only caller saw.
func (c *caller) countsAgree() error {
	reader, ok := c.scene.alloc.(designs.StatsReader)
	if !ok {
		return nil
	}
	if got := reader.Stats().Failed; got != uint64(c.refusals) {
		return &spec.Breach{Sentence: spec.C7, Message: fmt.Sprintf("Stats counts %d failed allocations, and the only caller saw %d", got, c.refusals)}
	}
	return nil
}

// stageMisuse: frees of what nobody holds. Items out of range must be refused by a panic that comes before any change (C8); an idle item by a
// panic, by changing nothing, or by the next Check.
func stageMisuse(s *scene) {
	c := s.caller("misuse")
	s.noClose = true
	s.task(nil, c.name, 0, func(t *kernel.Task) {
		for _, it := range s.outOfRange() {
			if r := s.misuse(t, it); r == nil {
				s.breaks(spec.C8, "Free took item %d, which is out of range", it)
			}
			if err := checked(s.alloc); err != nil {
				s.breaks(spec.C8, "after the free of item %d, which is out of range: %v", it, err)
			}
		}
		s.closing(t)
		if c.alloc(t, kernel.NoWait) {
			it := c.pick()
			c.free(t, it)
			s.idle(t, it)
		}
		s.leave(t)
	})
}

// outOfRange are items that cannot exist.
func (s *scene) outOfRange() []designs.Item {
	list := []designs.Item{^designs.Item(0), ^designs.Item(0) >> 1}
	for _, near := range []designs.Item{designs.Item(s.config.Items), designs.Item(s.Memory().Bytes()), 1 << 32} {
		if s.rules.Range(near) != nil {
			list = append(list, near)
		}
	}
	return list
}

// misuse frees an item and returns what the design's panic said, nil for no panic.
func (s *scene) misuse(t *kernel.Task, it designs.Item) (said any) {
	defer func() {
		if r := recover(); r != nil {
			if !byDesign(r) {
				panic(r)
			}
			said = r
		}
	}()
	s.alloc.Free(t, it)
	return nil
}

// idle frees an item that is free already. A panic may leave a lock held, so it ends the trial; else either Check tells, or nothing changed.
func (s *scene) idle(t *kernel.Task, it designs.Item) {
	if s.misuse(t, it) != nil || s.alloc.Check() != nil {
		return
	}
	for len(s.callers[0].held) < s.most() {
		got, err := s.alloc.Alloc(t, kernel.NoWait)
		if err != nil {
			return
		}
		if err := s.ledger.take(got); err != nil {
			s.breaks(spec.C8, "the free of idle item %d passed unnoticed, and then: %v", it, err)
		}
		s.callers[0].held = append(s.callers[0].held, got)
	}
}
