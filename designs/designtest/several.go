package designtest

import (
	"errors"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/kernel"
	"headroom/kernel/mem"
)

// can reports whether the variant's allocators have the methods of I: one is made to see.
func can[I any](v designs.Variant, c designs.Config) bool {
	m, err := newNative(1, c)
	if err != nil {
		return false
	}
	defer m.Close()
	a, err := build(m, v, c)
	_, ok := a.(I)
	return err == nil && ok && small(v, c)
}

// mostInBulk is how many items a bulk of the suite asks for at most.
const mostInBulk = 5

// stageBulk: tasks on all CPUs allocate in bulk and free. A bulk says how many items it gave; fewer than all come with an error. Then a sole caller gets
// in bulk what the variant guarantees, and if he may wait and holds nothing, all that he asks for up to that.
func stageBulk(s *scene) {
	bulk := s.alloc.(designs.BulkAllocator)
	lone := s.caller("lone")
	for i := range s.CPUs() {
		c := s.caller("bulk")
		lone.sent++
		s.task(nil, c.name, i, func(t *kernel.Task) {
			for range 4 {
				c.bulk(t, bulk, c.noWait(), 1+c.stream.Below(mostInBulk))
				for len(c.held) > 0 && c.stream.Below(4) != 0 {
					c.free(t, c.pick())
				}
			}
			c.freeAll(t)
			lone.over.Add(1)
			s.leave(t)
		})
	}
	s.task(nil, lone.name, 0, func(t *kernel.Task) {
		lone.join(t)
		for len(lone.held) < s.most() && lone.bulk(t, bulk, kernel.NoWait, mostInBulk) == mostInBulk {
		}
		if got := len(lone.held); got < s.rules.Guaranteed {
			s.breaks(spec.C3, "a sole caller got %d items in bulks, and %d are guaranteed", got, s.rules.Guaranteed)
		}
		lone.freeAll(t)
		if n := min(s.rules.Guaranteed, mostInBulk); s.variant.Capabilities.MayWait && lone.bulk(t, bulk, kernel.Kernel, n) < n {
			s.breaks(spec.C5, "a sole caller that may wait got %d items of %d in a bulk", len(lone.held), n)
		}
		lone.freeAll(t)
		s.leave(t)
	})
}

// bulk is AllocBulk of n items, which the caller keeps; it returns how many came.
func (c *caller) bulk(t *kernel.Task, b designs.BulkAllocator, gfp kernel.GFP, n int) int {
	s := c.scene
	defer s.blame(spec.C1, "AllocBulk")
	items := make([]designs.Item, n)
	c.gfp, c.inside = gfp, true
	got, err := b.AllocBulk(t, gfp, items)
	c.inside = false
	if got < 0 || got > n || (err == nil) != (got == n) {
		s.breaks(spec.C1, "AllocBulk of %d items gave %d and the error %v", n, got, err)
	}
	if err != nil {
		s.must(s.rules.Refusal(false, s.Leaving(t), 0, err))
		c.refusals++
	}
	for _, it := range items[:got] {
		s.must(s.ledger.take(it))
		c.held = append(c.held, it)
		c.allocs++
	}
	return got
}

// stageBulkFree: items are freed by words of machine memory that name them, as many at a time as chance has it; the words stay as they are.
func stageBulkFree(s *scene) {
	c := s.caller("bulk free")
	words, err := mem.Slice[mem.Plain64](s.Memory(), 0, 64)
	if err != nil {
		s.note(err)
	}
	s.task(nil, c.name, 0, func(t *kernel.Task) {
		for range 6 {
			n := 1 + c.stream.Below(len(words))
			for len(c.held) < min(n, s.most()) && c.alloc(t, kernel.NoWait) {
			}
			for i, it := range c.held {
				words[i].Store(uint64(it))
				s.ledger.give(it)
			}
			s.freeBulk(t, words[:len(c.held)])
			for i, it := range c.held {
				if words[i].Load() != uint64(it) {
					s.breaks(spec.C4, "FreeBulk changed the word that names item %d", it)
				}
			}
			c.frees += len(c.held)
			c.held = c.held[:0]
		}
		s.leave(t)
	})
}

func (s *scene) freeBulk(t *kernel.Task, words []mem.Plain64) {
	defer s.blame(spec.C4, "FreeBulk of held items")
	s.alloc.(designs.BulkFreer).FreeBulk(t, words)
}

// stageRange: a sole caller asks for items of random ranges, beside a list of what it holds: each is the lowest that is free in its range, and a range
// without any is refused with ErrNoSpace.
func stageRange(s *scene) {
	ranges := s.alloc.(designs.RangeAllocator)
	c := s.caller("range")
	s.task(nil, c.name, 0, func(t *kernel.Task) {
		for range 40 + 4*s.config.Items {
			if len(c.held) > 0 && c.stream.Below(3) == 0 {
				c.free(t, c.pick())
				continue
			}
			low := designs.Item(c.stream.Below(s.config.Items + 1))
			c.between(t, ranges, low, low+designs.Item(c.stream.Below(s.config.Items)))
		}
		c.freeAll(t)
		s.leave(t)
	})
}

// between is AllocRange, judged by what the caller holds.
func (c *caller) between(t *kernel.Task, r designs.RangeAllocator, low, high designs.Item) {
	s := c.scene
	defer s.blame(spec.C1, "AllocRange")
	taken := map[designs.Item]bool{}
	for _, it := range c.held {
		taken[it] = true
	}
	want, last := low, min(high, designs.Item(s.config.Items-1))
	for want <= last && taken[want] {
		want++
	}
	it, err := r.AllocRange(t, kernel.NoWait, low, high)
	switch {
	case errors.Is(err, kernel.ErrNoMemory):
		c.refusals++
		return
	case err == nil && (it < low || it > last):
		s.breaks(spec.C2, "AllocRange from %d to %d gave %d", low, high, it)
	case (err == nil) != (want <= last) || err != nil && !errors.Is(err, kernel.ErrNoSpace):
		s.breaks(spec.C3, "AllocRange from %d to %d of %d items answered with the error %v; the lowest free one is %d", low, high, s.config.Items, err, want)
	case err != nil:
		c.refusals++
		return
	case it != want:
		s.breaks(spec.C2, "AllocRange from %d to %d gave %d, and the lowest free one is %d", low, high, it, want)
	}
	s.must(s.ledger.take(it))
	c.held = append(c.held, it)
	c.allocs++
}

// stageResize: tasks allocate and free as in a churn, while another changes the size. When they are done the other CPU dies, so that nothing lies where
// one caller cannot get at it; then the size becomes what it was, and the closing finds all items. A size below none is refused, and changes nothing.
func stageResize(s *scene) {
	churn(s, s.CPUs())
	c := s.caller("resizer")
	size := s.alloc.(designs.Resizer)
	s.task(nil, c.name, 0, func(t *kernel.Task) {
		for range 4 {
			s.resize(t, size, c.stream.Below(s.config.Items+1))
			t.Resched()
		}
		s.leave(t)
	})
	s.last = func(t *kernel.Task) {
		s.offline(t, 1, func(t *kernel.Task, hook func()) {
			hook()
			if f, ok := s.alloc.(designs.Flusher); ok {
				f.Flush(t)
			}
			if err := size.Resize(t, -1); err == nil {
				s.breaks(spec.C8, "Resize took -1 items")
			}
			s.resize(t, size, 0)
			s.resize(t, size, s.config.Items)
		})
	}
}

// resize is Resize to a size that the allocator was made for.
func (s *scene) resize(t *kernel.Task, size designs.Resizer, items int) {
	defer s.blame(spec.C4, "Resize")
	if err := size.Resize(t, items); err != nil {
		s.breaks(spec.C4, "an allocator of %d items does not take the size %d: %v", s.config.Items, items, err)
	}
}
