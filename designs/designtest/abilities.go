package designtest

import (
	"headroom/designs"
	"headroom/designs/spec"
	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/mem"
)

// stageContexts: interrupts on the caller's own CPU allocate until they are refused, and free, as far as the table allows each.
func stageContexts(s *scene) {
	c := s.caller("contexts")
	can := s.variant.Capabilities
	s.task(nil, c.name, 0, func(t *kernel.Task) {
		irq := s.caller("interrupt")
		if inInterrupts(can.AllocIn) {
			c.interrupt(t, 0, func(t *kernel.Task) {
				for len(irq.held) < s.most() && irq.alloc(t, irq.noWait()) {
				}
			})
		} else {
			for len(irq.held) < s.most() && irq.alloc(t, irq.noWait()) {
			}
		}
		c.join(t)
		if got := len(irq.held); got < s.rules.Guaranteed {
			s.breaks(spec.C3, "a sole caller in an interrupt got %d items, and %d are guaranteed", got, s.rules.Guaranteed)
		}
		if inInterrupts(can.FreeIn) {
			c.interrupt(t, 0, func(t *kernel.Task) { irq.freeAll(t) })
		}
		c.join(t)
		s.leave(t)
	})
}

// stageMemory: a caller takes all items and writes its own pattern to every byte of each. Read back, every pattern must be whole.
func stageMemory(s *scene) {
	c := s.caller("memory")
	s.task(nil, c.name, 0, func(t *kernel.Task) {
		b, ok := s.alloc.(designs.Bytes)
		if !ok {
			s.breaks(spec.C2, "the table says that items are memory, and there is no method Bytes")
		}
		for len(c.held) < s.most() && c.alloc(t, kernel.NoWait) {
			it := c.held[len(c.held)-1]
			memory := b.Bytes(it)
			if len(memory) < s.config.Bytes {
				s.breaks(spec.C2, "item %d has %d bytes of the %d asked for", it, len(memory), s.config.Bytes)
			}
			for i := range memory {
				memory[i] = pattern(it, i)
			}
		}
		for _, it := range c.held {
			for i, got := range b.Bytes(it) {
				if got != pattern(it, i) {
					s.breaks(spec.C1, "byte %d of item %d was written through another item", i, it)
				}
			}
		}
		s.leave(t)
	})
}

// pattern is what byte i of an item is to hold; where two items meet, theirs differ with a chance of 255 in 256.
func pattern(it designs.Item, i int) byte { return byte(rng.Mix(uint64(it))) + byte(i) }

// stageLoops: the measuring loops complete every pair that the guarantee covers, touch a record for each, and leave nothing held.
func stageLoops(s *scene) {
	const pairs = 128
	c := s.caller("loops")
	held := make([]designs.Item, min(s.rules.Guaranteed, 4))
	loops := s.variant.Loops
	records := s.records()
	s.task(nil, c.name, 0, func(t *kernel.Task) {
		defer s.blame(spec.C1, "a measuring loop")
		for _, r := range []*designs.Records{nil, records} {
			if failed := loops.Pair(s.alloc, t, kernel.NoWait, pairs, r); failed != 0 {
				s.breaks(spec.C3, "loop Pair failed %d times of %d with nothing else held", failed, pairs)
			}
			if failed := loops.Window(s.alloc, t, kernel.NoWait, held, pairs*len(held), r); failed != 0 {
				s.breaks(spec.C3, "loop Window of %d failed %d times of %d", len(held), failed, pairs*len(held))
			}
		}
		if got, want := s.touched(records), uint64(pairs+pairs*len(held)); records != nil && got != want {
			s.breaks(spec.C1, "loops touched %d records in %d pairs", got, want)
		}
		if !s.variant.Capabilities.Unbounded {
			for c.alloc(t, kernel.NoWait) {
			}
			over := make([]designs.Item, len(c.held)+1)
			c.freeAll(t)
			if failed := loops.Window(s.alloc, t, kernel.NoWait, over, 2*len(over), nil); failed != 2 {
				s.breaks(spec.C3, "loop Window of one more item than the %d there are failed %d times in 2 rounds", len(over)-1, failed)
			}
		}
		s.leave(t)
	})
}

// records are a line for each item, nil where items are offsets or have no limit.
func (s *scene) records() *designs.Records {
	if s.rules.Slots() != s.config.Items {
		return nil
	}
	r, err := designs.NewRecords(s, s.config.Items, mem.LineBytes)
	if err != nil {
		s.note(err)
	}
	return r
}

// touched is how often any record was touched.
func (s *scene) touched(r *designs.Records) (sum uint64) {
	if r == nil {
		return 0
	}
	for it := range s.config.Items {
		sum += r.Touched(designs.Item(it))
	}
	return sum
}
