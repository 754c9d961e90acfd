//go:build sim

package page

import (
	"fmt"
	"testing"
	"unsafe"

	"headroom/kernel"
	"headroom/kernel/choice"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/sim"
)

// lockless: callers that take no locks beside those that do, on all CPUs and in interrupts. None of the former ever asks for a lock.
func lockless(era ListEra) program {
	c := tiny(8, 2, 3, 4, era)
	c.High, c.Batch, c.Drift = 3, 2, 1
	return locklessOn(2, c)
}

// crowded: so many CPUs and so short lists that frees meet a zone that is held.
func crowded() program {
	c := tiny(8, 0, 0, 0, TryLock)
	c.High, c.Batch, c.Drift = 1, 1, 1
	return locklessOn(4, c)
}

func locklessOn(cpus int, c Config) program {
	return program{cpus: cpus, nodes: 1, config: c, after: everything, setup: func(s *scene) {
		for i := range cpus + 1 {
			bits := int(s.stream.Uint64() >> 8)
			s.task(fmt.Sprintf("task/%d", i), i%cpus, func(t *kernel.Task) { s.mixed(t, bits) })
		}
		for cpu := range cpus {
			s.sent++
			s.Interrupt(nil, cpu, &machine.Work{Run: func(t *kernel.Task) {
				if p, ok := s.allocNoLocks(t); ok {
					s.freeNoLocks(t, p)
				}
				s.sent--
			}})
		}
	}}
}

// mixed makes some calls of both kinds, as the bits of a number say, and frees all it holds.
func (s *scene) mixed(t *kernel.Task, bits int) {
	var mine []Page
	for range 6 {
		what := bits & 7
		bits >>= 3
		p, ok := Page(0), false
		switch {
		case what < 3:
			p, ok = s.allocNoLocks(t)
		case what == 3:
			p, ok = s.alloc(t, kernel.NoWait, 0)
		case len(mine) > 0 && what < 7:
			s.freeNoLocks(t, mine[0])
			mine = mine[1:]
		case len(mine) > 0:
			s.free(t, mine[0], 0)
			mine = mine[1:]
		}
		if ok {
			mine = append(mine, p)
		}
	}
	for _, p := range mine {
		s.freeNoLocks(t, p)
	}
}

func (s *scene) allocNoLocks(t *kernel.Task) (Page, bool) {
	before := t.LocksAsked()
	p, err := s.a.AllocNoLocks(t, 0)
	s.unlocked(t, before)
	if err != nil {
		return 0, false
	}
	if _, twice := s.held[p]; twice || !s.a.Holds(p) {
		s.Fail(sim.Uniqueness, "page %d was handed out twice, or lies outside", p)
	}
	s.held[p] = 0
	return p, true
}

// freeNoLocks frees without locks where the form of the lists has that.
func (s *scene) freeNoLocks(t *kernel.Task, p Page) {
	if s.a.irqOff {
		s.free(t, p, 0)
		return
	}
	s.forget(p, 0)
	before := t.LocksAsked()
	s.a.FreeNoLocks(t, p, 0)
	s.unlocked(t, before)
}

func (s *scene) unlocked(t *kernel.Task, before int) {
	if n := t.LocksAsked() - before; n != 0 && !lock.RT { // with rt=on, who gives a lock up wakes its sleepers under a raw one
		s.Fail(sim.Contract, "a path that takes no locks asked for %d", n)
	}
}

// inRaw is a program over zones whose lock spins with rt=on too.
func inRaw(p program) program {
	p.config.RawZone = true
	return p
}

// With rt=on an interrupt that comes to a zone's sleeping lock breaks the kernel's rules; to a raw one it does not (TestSleepingLocksServeTasks).
func TestSleepingZoneLockIsNotForInterrupts(t *testing.T) {
	lock.RT = true
	defer func() { lock.RT = false }()
	if err := explore(churn(IRQOff, 1)); err == nil {
		t.Error("interrupts free onto lists that spill under a sleeping lock, and nobody minds")
	}
}

// I20 where it matters most: a non-maskable interrupt comes at every step of an ordinary caller in turn.
func TestNMIAnywhere(t *testing.T) {
	if err := nmiAnywhere(t); err != nil {
		t.Error(err)
	}
}

func nmiAnywhere(t *testing.T) error {
	served := 0
	for at := 0; ; at++ {
		came, got, err := nmiAt(t, at)
		if err != nil {
			return fmt.Errorf("NMI at step %d: %w", at, err)
		}
		served += got
		if !came {
			if at < 100 || served == 0 {
				return fmt.Errorf("%d steps, %d NMIs served: nothing is shown", at, served)
			}
			return nil
		}
	}
}

// nmiAt runs a caller's script with an NMI at one step: it allocates a block and frees one that it had before. It reports whether the script has so
// many steps and how many allocations of the NMI succeeded.
func nmiAt(t *testing.T, at int) (came bool, served int, err error) {
	b := newBench(t, 1, 2, 1<<16)
	words := b.tasks[1]
	b.tasks[1].Setup(b, new(kernel.Node), "nmi", 1, 0, kernel.NMI)
	defer func() { b.tasks[1] = words }()
	c := tiny(16, 2, 3, 4, TryLock)
	c.High, c.Batch = 3, 2
	a := b.pages(c)
	nmi := b.on(1)
	mine := []Page{b.take(a, 0, kernel.NoWait, 0, 1)[0]}
	step, inside := 0, false
	choice.Await = func(unsafe.Pointer, uint32) { panic("a caller spins on its own CPU's lock") }
	choice.Point = func(choice.Kind, unsafe.Pointer, uint64) {
		if inside {
			return
		}
		if step++; step-1 != at {
			return
		}
		inside, came = true, true
		if p, e := a.AllocNoLocks(nmi, 0); e == nil {
			mine = append(mine, p)
			served++
		}
		a.FreeNoLocks(nmi, mine[0], 0)
		mine = mine[1:]
		inside = false
	}
	var held []Page
	err = script(a, b.on(0), &held)
	choice.Point, choice.Await = nil, nil
	if err != nil {
		return came, served, err
	}
	for _, p := range append(held, mine...) {
		if n := a.Owners(p); n != 1 {
			return came, served, fmt.Errorf("page %d has %d owners", p, n)
		}
		a.Free(b.on(0), p, 0)
	}
	if got := a.FreePages() + a.ListedPages() + a.LatePages(); got != 16 {
		return came, served, fmt.Errorf("%d of 16 pages are idle in the end", got)
	}
	return came, served, a.Check()
}

// script refills, spills, and takes a block of an order; what is held at the end it leaves in held.
func script(a *Allocator, t *kernel.Task, held *[]Page) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	for range 7 {
		if p, err := a.Alloc(t, kernel.NoWait, 0); err == nil {
			*held = append(*held, p)
		}
	}
	if p, err := a.Alloc(t, kernel.NoWait, 2); err == nil {
		a.Free(t, p, 2)
	}
	for len(*held) > 2 {
		p := (*held)[0]
		*held = (*held)[1:]
		a.Free(t, p, 0)
	}
	return nil
}
