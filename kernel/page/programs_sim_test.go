//go:build sim

package page

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/sim"
)

// churn: tasks on all CPUs and the interrupts they raise take and free blocks, with one task that empties all lists.
func churn(era ListEra, nodes int) program {
	c := tiny(8, 2, 3, 4, era)
	c.High, c.Batch, c.Drift = 3, 2, 1
	return program{cpus: 2, nodes: nodes, config: c, after: everything, setup: func(s *scene) {
		for i := range 3 {
			seed := s.stream.Uint64()
			s.task(fmt.Sprintf("task/%d", i), i%2, func(t *kernel.Task) { s.churn(t, int(seed>>8)) })
		}
		s.task("drain", 1, func(t *kernel.Task) { s.a.Drain(t) })
	}}
}

// interrupted: churn on lists that never spill, so that what a refill loses stays lost.
func interrupted() program {
	p := churn(IRQOff, 1)
	p.config = tiny(32, 0, 0, 0, IRQOff)
	p.config.High, p.config.Batch = 32, 4
	return p
}

// floating: churn on lists whose limits float, over a zone with pages set aside.
func floating() program {
	p := churn(TryLock, 1)
	p.config.High, p.config.HighMax, p.config.Batch, p.config.HighAtomic = 1, 3, 1, 2
	return p
}

// churn makes some calls, as the bits of a number say, and frees all it holds.
func (s *scene) churn(t *kernel.Task, bits int) {
	type block struct {
		p     Page
		order int
	}
	var mine []block
	for range 6 {
		what := bits & 7
		bits >>= 3
		switch {
		case what < 5 && len(mine) < 3:
			order := 0
			gfp := kernel.NoWait
			switch what {
			case 0:
				order = 1
			case 1:
				gfp = kernel.Kernel
			case 2:
				gfp = kernel.Atomic
			}
			if p, ok := s.alloc(t, gfp, order); ok {
				mine = append(mine, block{p, order})
			}
		case len(mine) > 0 && what&1 == 0 && s.sent < 3:
			s.freeInInterrupt(t, what>>1&1, mine[0].p, mine[0].order)
			mine = mine[1:]
		case len(mine) > 0:
			s.free(t, mine[0].p, mine[0].order)
			mine = mine[1:]
		}
	}
	for _, b := range mine {
		s.free(t, b.p, b.order)
	}
}

// marks: unprivileged callers come and go at the mark of a zone whose shared count may be off by more than the reserve. Whenever one got a page
// and nobody is changing the zone, what is linked there, counted page by page, is at least the reserve.
func marks() program {
	c := tiny(6, 2, 2, 2, TryLock)
	c.High, c.Batch, c.Drift = 2, 2, 2
	return program{cpus: 3, nodes: 1, config: c, after: everything, setup: func(s *scene) {
		for i := range 3 {
			s.task(fmt.Sprintf("task/%d", i), i, func(t *kernel.Task) {
				for range 3 {
					var mine []Page
					for range 2 {
						if p, ok := s.alloc(t, kernel.NoWait, 0); ok {
							mine = append(mine, p)
							s.reserveIsThere()
						}
					}
					for _, p := range mine {
						s.free(t, p, 0)
					}
				}
			})
		}
	}}
}

func (s *scene) reserveIsThere() {
	z := &s.a.zones[0]
	left := peek(func() int64 {
		if z.area.lock.Held() {
			return int64(z.config.Marks.Min)
		}
		return z.linked()
	})
	if left < int64(z.config.Marks.Min) {
		s.Fail(sim.Contract, "an unprivileged caller left %d pages of a reserve of %d", left, z.config.Marks.Min)
	}
}

// resize: one task frees onto a short list while another changes its limits.
func resize(era ListEra) program {
	c := tiny(8, 0, 0, 0, era)
	c.High, c.MostHigh, c.Batch = 4, 8, 2
	return program{cpus: 2, nodes: 1, config: c, after: everything, setup: func(s *scene) {
		s.task("user", 0, func(t *kernel.Task) {
			for range 3 {
				if p, ok := s.alloc(t, kernel.NoWait, 0); ok {
					s.free(t, p, 0)
				}
			}
		})
		s.task("admin", 1, func(t *kernel.Task) {
			for _, l := range [][2]int{{0, 1}, {8, 8}, {0, 8}, {4, 2}} {
				if err := s.a.SetLimits(l[0], l[1]); err != nil {
					s.Fail(sim.Contract, "%v", err)
				}
			}
		})
	}}
}

// lowering: one task takes and frees pages, by which the limits of its list float, while another, after so many looks, ends that and turns the lists
// off.
func lowering() program {
	c := tiny(16, 0, 0, 0, TryLock)
	c.High, c.HighMax, c.Batch = 2, 16, 1
	return program{cpus: 2, nodes: 1, config: c, after: everything, setup: func(s *scene) {
		looks := s.stream.Below(100)
		s.task("user", 0, func(t *kernel.Task) {
			for range 2 {
				var mine []Page
				for range 4 {
					if p, ok := s.alloc(t, kernel.NoWait, 0); ok {
						mine = append(mine, p)
					}
				}
				for _, p := range mine {
					s.free(t, p, 0)
				}
			}
		})
		s.task("admin", 1, func(t *kernel.Task) {
			for range looks {
				s.a.zones[0].hint.pressed.Load()
			}
			if err := s.a.SetLimits(0, 1); err != nil {
				s.Fail(sim.Contract, "%v", err)
			}
		})
	}}
}

// urgent: of 8 pages, 4 of them set aside at first, urgent callers take 4, then 2 more and back, by which as much is set aside again. Who may reclaim
// wants 1 of the other 2, and is never refused.
func urgent() program {
	c := tiny(8, 0, 8, 8, TryLock)
	c.High, c.HighAtomic = 1, 4
	return program{cpus: 2, nodes: 1, config: c, after: everything, setup: func(s *scene) {
		s.task("urgent", 0, func(t *kernel.Task) {
			var mine []Page
			for i := range 6 {
				if p, ok := s.alloc(t, kernel.Atomic, 1); ok && i < 2 {
					mine = append(mine, p)
				} else if ok {
					s.free(t, p, 1)
				}
			}
			for _, p := range mine {
				s.free(t, p, 1)
			}
		})
		s.task("waiting", 1, func(t *kernel.Task) {
			for range 3 {
				if p, ok := s.alloc(t, kernel.Kernel, 0); ok {
					s.free(t, p, 0)
				} else {
					s.Fail(sim.Contract, "a caller in reclaim was refused, and at least 2 pages are free")
				}
			}
		})
	}}
}

// death: a CPU frees pages onto its list and goes offline; the other then gets every page.
func death(era ListEra) program {
	c := tiny(8, 0, 0, 0, era)
	c.High, c.Batch = 6, 2
	return program{cpus: 2, nodes: 1, config: c, after: everything, setup: func(s *scene) {
		s.task("dying", 1, func(t *kernel.Task) {
			for range 2 {
				if p, ok := s.alloc(t, kernel.NoWait, 0); ok {
					s.free(t, p, 0)
				}
			}
			s.Spawn(t, machine.Spec{Name: "unplug", CPU: 0, Body: func(t *kernel.Task) {
				if err := s.Unplug(t, 1, func(t *kernel.Task) {
					s.a.CPUDead(t, 1)
					w := s.a.zones[0].lists[1].words
					if n := peek(func() uint32 { return w.pages.Load() + w.drift.Load() }); n != 0 {
						s.Fail(sim.Conservation, "a dead CPU keeps %d pages, or a share of the count", n)
					}
					s.closing(t)
				}); err != nil {
					s.Fail(sim.Contract, "%v", err)
				}
			}})
		})
		s.task("other", 0, func(t *kernel.Task) {
			if p, ok := s.alloc(t, kernel.NoWait, 0); ok {
				s.free(t, p, 0)
			}
			s.a.Drain(t)
		})
	}}
}

// closing is a sole caller that takes all pages, when all other tasks are done.
func (s *scene) closing(t *kernel.Task) {
	for s.left > 0 {
		t.Resched()
	}
	var all []Page
	for p, ok := s.alloc(t, kernel.NoWait, 0); ok; p, ok = s.alloc(t, kernel.NoWait, 0) {
		all = append(all, p)
	}
	if len(all) != s.a.config.Pages {
		s.Fail(sim.Conservation, "after a CPU's death %d of %d pages can be had", len(all), s.a.config.Pages)
	}
	for _, p := range all {
		s.free(t, p, 0)
	}
}

// caching: a task puts pages into the cache and looks for them again, while others allocate with direct reclaim.
func caching(era ListEra) program {
	c := tiny(4, 0, 0, 0, era)
	c.High = 1
	return program{cpus: 2, nodes: 1, config: c, after: everything, setup: func(s *scene) {
		s.task("files", 0, func(t *kernel.Task) {
			for key := range uint64(3) {
				p, ok := s.alloc(t, kernel.Kernel, 0)
				if !ok {
					continue
				}
				s.forget(p, 0)
				s.a.CacheAdd(t, p, key)
				if s.a.CacheTake(t, p, key) {
					if _, twice := s.held[p]; twice {
						s.Fail(sim.Uniqueness, "page %d came out of the cache while it is held", p)
					}
					s.free(t, p, 0)
				}
			}
		})
		s.task("user", 1, func(t *kernel.Task) {
			for range 2 {
				var mine []Page
				for range 4 {
					if p, ok := s.alloc(t, kernel.Kernel, 0); ok {
						mine = append(mine, p)
					}
				}
				for _, p := range mine {
					s.free(t, p, 0)
				}
			}
		})
	}}
}

// background: all memory is cached; a caller that may not wait gets pages as kswapd frees them.
func background() program {
	c := tiny(4, 0, 4, 4, TryLock) // every look into the zone is below low, so the wish comes at any time
	c.High = 1
	return program{cpus: 2, nodes: 1, config: c, after: everything, setup: func(s *scene) {
		s.task("user", 0, func(t *kernel.Task) {
			for key := range uint64(7) {
				p, ok := s.alloc(t, kernel.NoWait, 0)
				for !ok {
					t.Resched()
					p, ok = s.alloc(t, kernel.NoWait, 0)
				}
				s.forget(p, 0)
				s.a.CacheAdd(t, p, key)
			}
			s.a.StopKswapd(t)
		})
		s.task("kswapd", 1, func(t *kernel.Task) { s.a.Kswapd(t, 0) })
	}}
}

// dirtying: all memory but the reserve is dirty. Each write allocates a page of its own and is completed by an interrupt; callers that may wait and
// start I/O get their page all the same.
func dirtying(era ListEra, dirty, users int) program {
	c := tiny(dirty+2, 2, 3, 3, era)
	write := func(s *scene, t *kernel.Task, dirty Page) error {
		buffer, ok := s.alloc(t, kernel.NoIO, 0)
		if !ok {
			return kernel.ErrNoMemory
		}
		s.Interrupt(t, 1-t.CPU(), &machine.Work{Run: func(t *kernel.Task) {
			s.free(t, buffer, 0)
			s.a.Written(t, dirty)
		}})
		return nil
	}
	return program{cpus: 2, nodes: 1, config: c, after: everything, write: write, setup: func(s *scene) {
		s.task("files", 0, func(t *kernel.Task) {
			for key := range uint64(dirty) {
				if p, ok := s.alloc(t, kernel.NoWait, 0); ok {
					s.forget(p, 0)
					s.a.CacheAddDirty(t, p, key)
				}
			}
			for cpu := range users {
				s.Spawn(t, machine.Spec{Name: fmt.Sprintf("user/%d", cpu), CPU: cpu, Body: func(t *kernel.Task) {
					p, ok := s.alloc(t, kernel.Kernel, 0)
					if !ok {
						s.Fail(sim.Contract, "a caller that may start I/O got no page, and %d are dirty", peek(s.a.DirtyPages))
					}
					s.free(t, p, 0)
				}})
			}
		})
	}}
}
