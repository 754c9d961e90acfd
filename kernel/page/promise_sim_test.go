//go:build sim

package page

import (
	"errors"
	"fmt"

	"headroom/kernel"
	"headroom/kernel/sim"
)

// promised is a zone of so many pages and a mark, with promises.
func promised(pages, least int, era ListEra) Config {
	c := tiny(pages, least, least, least, era)
	c.Promises = true
	return c
}

// draw draws n pages and notes who holds them. A promise that cannot be kept ends the run.
func (s *scene) draw(t *kernel.Task, n int) (mine []Page) {
	for range n {
		p := s.a.Draw(t)
		if _, twice := s.held[p]; twice {
			s.Fail(sim.Uniqueness, "page %d was drawn and is held", p)
		}
		s.held[p] = 0
		mine = append(mine, p)
	}
	return mine
}

// grabber takes all that is given to it, with whatever rights, and gives it back.
func (s *scene) grabber(t *kernel.Task, gfp kernel.GFP) {
	var mine []Page
	for p, ok := s.alloc(t, gfp, 0); ok; p, ok = s.alloc(t, gfp, 0) {
		mine = append(mine, p)
	}
	for _, p := range mine {
		s.free(t, p, 0)
	}
}

// promising: two tasks are promised pages and draw them, or cancel, while a third takes all it can by every right, and clean pages come and go.
func promising(era ListEra, nodes int, estimate bool) program {
	c := promised(6, 1, era)
	c.High, c.Batch, c.Drift, c.Estimate = 2, 2, 2, estimate
	return program{cpus: 2, nodes: nodes, config: c, after: everything, setup: func(s *scene) {
		for cpu := range 2 {
			s.task(fmt.Sprintf("reserver/%d", cpu), cpu, func(t *kernel.Task) {
				for n := 3; n > 1; n-- {
					if err := s.a.Reserve(t, kernel.NoWait, n); errors.Is(err, kernel.ErrWouldBlock) {
						continue
					}
					mine := s.draw(t, n-1)
					s.a.Cancel(t, 1)
					for _, p := range mine {
						s.free(t, p, 0)
					}
				}
			})
		}
		s.task("grabber", 0, func(t *kernel.Task) { s.grabber(t, kernel.Reserve) })
		s.task("files", 1, func(t *kernel.Task) { s.caching(t, 2) })
	}}
}

// kept: half of a zone is promised; a task takes all that he can get by every right, and gives it back while the promise is drawn.
func kept() program {
	return program{cpus: 2, nodes: 1, config: promised(4, 0, TryLock), after: everything, setup: func(s *scene) {
		s.task("grabber", 1, func(t *kernel.Task) {
			if s.a.Reserve(t, kernel.NoWait, 2) != nil {
				s.Fail(sim.Contract, "free pages are not countable")
			}
			var mine []Page
			for p, ok := s.alloc(t, kernel.Reserve, 0); ok; p, ok = s.alloc(t, kernel.Reserve, 0) {
				mine = append(mine, p)
			}
			s.task("drawer", 0, func(t *kernel.Task) {
				for _, p := range s.draw(t, 2) {
					s.free(t, p, 0)
				}
			})
			for _, p := range mine {
				s.free(t, p, 0)
			}
		})
	}}
}

// caching puts so many pages into the cache, takes one out again and drops the rest by reclaim.
func (s *scene) caching(t *kernel.Task, pages int) {
	for key := range uint64(pages) {
		p, ok := s.alloc(t, kernel.NoWait, 0)
		if !ok {
			return
		}
		s.forget(p, 0)
		s.a.CacheAdd(t, p, key)
		if key == 0 && s.a.CacheTake(t, p, key) {
			s.a.Free(t, p, 0)
		}
	}
	for i := range s.a.zones {
		s.a.zones[i].drop(t, pages)
	}
}

// cached: all memory is clean and all of it promised; one task draws, others would take the pages out of the cache, or drop them.
func cached(nodes int) program {
	c := promised(3, 0, TryLock)
	c.High, c.Batch = 1, 1
	return program{cpus: 2, nodes: nodes, config: c, after: everything, setup: func(s *scene) {
		s.task("files", 0, func(t *kernel.Task) {
			var pages []Page
			for range 3 {
				p, ok := s.alloc(t, kernel.NoWait, 0)
				if ok {
					s.forget(p, 0)
					s.a.CacheAdd(t, p, 7)
					pages = append(pages, p)
				}
			}
			if s.a.Reserve(t, kernel.NoWait, 3) != nil {
				s.Fail(sim.Contract, "clean pages are not countable")
			}
			s.task("drawer", nodes-1, func(t *kernel.Task) {
				for _, p := range s.draw(t, 3) {
					s.free(t, p, 0)
				}
			})
			s.task("pinner", 2-nodes, func(t *kernel.Task) {
				for _, p := range pages[:2] {
					if found, err := s.a.CachePin(t, kernel.Kernel, p, 7); err == nil && found {
						s.a.Free(t, p, 0)
					}
				}
			})
			s.task("reclaimer", 1, func(t *kernel.Task) { s.a.zones[0].drop(t, 2) })
		})
	}}
}

// awaiting: a task holds all memory and gives it back by itself and by interrupts on both CPUs; others are promised nearly all of it when that is
// done. Ordinary callers come in between and leave pages wherever they do. late says that the task gives back without locks, in parts while the zone is
// held.
func awaiting(era ListEra, late bool) program {
	c := promised(5, 1, era)
	c.High, c.Batch = 4, 2
	return program{cpus: 2, nodes: 1, config: c, after: everything, setup: func(s *scene) {
		s.task("holder", 0, func(t *kernel.Task) {
			var mine []Page
			for p, ok := s.alloc(t, kernel.NoWait, 0); ok; p, ok = s.alloc(t, kernel.NoWait, 0) {
				mine = append(mine, p)
			}
			for cpu := range 2 {
				s.task(fmt.Sprintf("reserver/%d", cpu), cpu, func(t *kernel.Task) {
					if err := s.a.Reserve(t, kernel.Kernel, 4); err != nil {
						s.Fail(sim.Contract, "a caller that may wait was refused: %v", err)
					}
					for _, p := range s.draw(t, 4) {
						s.free(t, p, 0)
					}
				})
			}
			s.task("passer-by", 1, func(t *kernel.Task) {
				if p, ok := s.alloc(t, kernel.NoWait, 0); ok {
					s.freeInInterrupt(t, 0, p, 0)
				}
			})
			for i, p := range mine {
				switch {
				case late:
					s.forget(p, 0)
					s.a.FreeNoLocks(t, p, 0)
				case i&1 == 0:
					s.freeInInterrupt(t, 1, p, 0)
				default:
					s.free(t, p, 0)
				}
			}
		})
	}}
}

// estimating: callers on two CPUs keep some pages each, so that the shared word is off by both CPUs' drift, and a third is promised what he can get.
func estimating() program {
	c := promised(6, 0, TryLock)
	c.High, c.Batch, c.Drift, c.Estimate = 1, 1, 1, true
	return program{cpus: 2, nodes: 1, config: c, after: everything, setup: func(s *scene) {
		for cpu := range 2 {
			s.task(fmt.Sprintf("user/%d", cpu), cpu, func(t *kernel.Task) {
				for range 2 {
					if p, ok := s.alloc(t, kernel.NoWait, 0); ok {
						t.Resched()
						s.free(t, p, 0)
					}
				}
			})
		}
		s.task("reserver", 0, func(t *kernel.Task) {
			for n := 6; n > 2; n-- {
				if s.a.Reserve(t, kernel.NoWait, n) == nil {
					for _, p := range s.draw(t, n) {
						s.free(t, p, 0)
					}
				}
			}
		})
	}}
}
