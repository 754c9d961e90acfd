//go:build sim

package page

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/sim"
)

// hog is a task that wants most of the memory, as the killer sees it.
type hog struct {
	index  int // of its task; -1 before it runs
	pages  []Page
	done   bool
	victim bool // chosen, and not ended
	ended  bool // its Exit has returned
}

// drop takes a page from a hog, for the hog itself or the reaper to free; false when it has none. No step lies between the look and the taking.
func (h *hog) drop() (p Page, ok bool) {
	if len(h.pages) == 0 {
		return 0, false
	}
	p = h.pages[len(h.pages)-1]
	h.pages = h.pages[:len(h.pages)-1]
	return p, true
}

// reaping is hogging with a reaper of two pages.
func reaping() program {
	p := hogging()
	p.config.ReapPages = 2
	p.reap = func(s *scene, t *kernel.Task, victim, most int) (freed int) {
		for _, h := range s.hogs {
			if h.index != victim {
				continue
			}
			for p, ok := h.drop(); ok; p, ok = h.drop() {
				s.free(t, p, 0)
				if h.ended {
					s.Fail(sim.Contract, "a victim has ended while it is reaped")
				}
				if freed++; freed == most {
					break
				}
			}
		}
		return freed
	}
	return p
}

// hogging: each of three tasks wants more than a third of the memory and gives nothing back before it has it, so somebody has to be killed for the
// others to go on. At any time one task at most is a victim, and in the end every task has ended, with all it wanted or as a victim.
func hogging() program {
	const want = 3
	c := tiny(5, 1, 2, 2, TryLock)
	c.High = 1
	return program{cpus: 3, nodes: 1, config: c, after: everything, kill: (*scene).chooseHog, setup: func(s *scene) {
		s.hogs = nil
		for i := range 3 {
			h := &hog{index: -1}
			s.hogs = append(s.hogs, h)
			s.task(fmt.Sprintf("hog/%d", i), i, func(t *kernel.Task) {
				h.index = t.Index()
				for len(h.pages) < want && !s.a.Victim(t) {
					p, ok := s.alloc(t, kernel.Kernel, 0)
					if ok {
						h.pages = append(h.pages, p)
					} else if !peek(func() bool { return s.a.Victim(t) }) {
						s.Fail(sim.Contract, "a task that may wait was refused, and it is no victim")
					}
				}
				for p, ok := h.drop(); ok; p, ok = h.drop() {
					s.free(t, p, 0)
				}
				h.done, h.victim = true, false // no step between this and the look of Exit
				s.a.Exit(t)
				h.ended = true
			})
		}
	}}
}

// chooseHog is Config.Kill: the hog with the most pages. Nobody may be chosen while another lives.
func (s *scene) chooseHog() (victim int, ok bool) {
	var most *hog
	for _, h := range s.hogs {
		if h.victim {
			s.Fail(sim.Contract, "a second victim is chosen while the first lives")
		}
		if h.index >= 0 && !h.done && (most == nil || len(h.pages) > len(most.pages)) {
			most = h
		}
	}
	if most == nil {
		return 0, false
	}
	most.victim = true
	return most.index, true
}
