//go:build sim

package page

import (
	"fmt"
	"strings"
	"testing"

	"headroom/kernel"
	"headroom/kernel/mutant"
)

// Each planted mistake is found by the check of the invariant it breaks, and for what it breaks: under schedules where it takes several tasks, by one
// caller else.
func TestChecksCatchTheMutants(t *testing.T) {
	checked := map[mutant.ID]bool{}
	for _, c := range []struct {
		id    mutant.ID
		found string // what the finding must say
		check func() error
	}{
		{pa01, "contract: an unprivileged caller left", schedulesOf(marks())},
		{pa02, "contract: an unprivileged caller left", schedulesOf(marks())},
		{pa03, "livelock: no end", schedulesOf(resize(TryLock))},
		{pa03, "livelock: no end", schedulesOf(resize(IRQOff))},
		{pa04, "data-race: ", schedulesOf(churn(TryLock, 1))}, // of a list's words
		{pa06, "with less free than set aside", func() error { return setAsideIsSigned(t) }},
		{um01, "0 are left and 3 lie on a list", func() error { return reserveIsNotCached(t, TryLock) }},
		{um01, "0 are left and 3 lie on a list", func() error { return reserveIsNotCached(t, IRQOff) }},
		{pg16, "page 0 has 0 owners", func() error { return pathsAgree(t) }},
		{nl02, "late: no memory", func() error { return lateIsNoExcuse(t) }},
		{nl01, "a page that came without a lock has 0 owners", func() error { return pathsAgree(t) }},
		{nl04, "a caller spins on its own CPU's lock", func() error { return nmiAnywhere(t) }},
		{nl04, "contract: a path that takes no locks asked for 1", schedulesOf(lockless(TryLock))},
		{nl05, "was handed out twice", schedulesOf(lockless(IRQOff))},
		{nl06, "somewhere else too (I1)", schedulesOf(crowded())},
		{nl07, "deadlock: reserver/", schedulesOf(awaiting(TryLock, true))},
		{rv01, "a promise cannot be kept (I17)", schedulesOf(kept())},
		{rv02, "a promise cannot be kept (I17)", schedulesOf(cached(1))},
		{rv03, "a promise cannot be kept (I17)", schedulesOf(cached(1))},
		{rv04, "deadlock: reserver/", schedulesOf(awaiting(TryLock, true))},
		{rv05, "deadlock: reserver/", schedulesOf(awaiting(TryLock, false))},
		{rv05, "deadlock: reserver/", schedulesOf(awaiting(IRQOff, false))},
		{rv06, "a promise cannot be kept (I17)", schedulesOf(estimating())},
		{pg01, "a free list has pages 8 to 11, and page 11 of them is held, order 0, 1 owners (I2)", func() error { return buddyStory(t, mergeStory) }},
		{pg02, "somewhere else too (I1)", schedulesOf(interrupted())},
		{pg03, "conservation: a dead CPU keeps", schedulesOf(death(TryLock))},
		{pg03, "conservation: a dead CPU keeps", schedulesOf(death(IRQOff))},
		{sp02, "data-race: ", schedulesOf(churn(TryLock, 1))},  // of a list's words
		{pg05, "free of block", schedulesOf(caching(TryLock))}, // which reclaim has dropped as well
		{pg06, "livelock: no end", schedulesOf(background())},
		{pg07, "deadlock: user/0 on CPU 0 sleeps", schedulesOf(dirtying(TryLock, 1, 1))},
		{pg08, "deadlock: user/0 on CPU 0 sleeps; user/1 on CPU 1 sleeps", schedulesOf(dirtying(TryLock, 4, 2))},
		{pg09, "contract: a second victim is chosen", schedulesOf(hogging())},
		{pg10, "are the most (I14)", schedulesOf(floating())},
		{pg11, "contract: a victim has ended while it is reaped", schedulesOf(reaping())},
		{pg12, "a caller in reclaim is refused for the sake of 6 pages", func() error { return setAsideIsGiven(t) }},
		{pg13, "contract: a caller in reclaim was refused", schedulesOf(urgent())},
		{pg14, "are the most (I14)", schedulesOf(lowering())},
		{pg15, "a caller on CPU 1 freed a page, and CPU 0 has it", func() error { return movedCaller(t) }},
	} {
		checked[c.id] = true
		if err := with(c.id, c.check); err == nil || !strings.Contains(err.Error(), c.found) {
			t.Errorf("%s: want a finding with %q: %v", c.id, c.found, err)
		} else {
			t.Logf("%s: %v", c.id, err)
		}
	}
	for _, m := range mutant.All() {
		if m.Host == host && !checked[m.ID] {
			t.Errorf("%s has no check", m.ID)
		}
	}
}

func schedulesOf(p program) func() error { return func() error { return explore(p) } }

// movedCaller: I1: a caller who comes to another CPU just as he masks interrupts uses that CPU's list.
func movedCaller(t testing.TB) error {
	b := newBench(t, 1, 2, 1<<16)
	c := tiny(8, 0, 0, 0, IRQOff)
	c.High = 4
	a := b.pages(c)
	p := b.take(a, 0, kernel.NoWait, 0, 1)[0]
	b.masked = func(t *kernel.Task) { t.Move(1) }
	b.free(a, 0, 0, p) // the task of CPU 0, until it moves
	for cpu, want := range []uint32{0, 1} {
		if n := a.zones[0].lists[cpu].words.pages.Load(); n != want {
			return fmt.Errorf("a caller on CPU 1 freed a page, and CPU %d has it", cpu)
		}
	}
	return a.Check()
}

// A free goes to the list of the CPU on which interrupts are masked.
func TestMovedCallerUsesTheNewCPU(t *testing.T) {
	if err := movedCaller(t); err != nil {
		t.Error(err)
	}
}

// with runs a check with a mutant on; a panic is an error that says so.
func with(id mutant.ID, check func() error) (err error) {
	mutant.Set(id)
	defer mutant.Set("")
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return check()
}
