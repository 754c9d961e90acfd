package page

import (
	"errors"
	"fmt"
	"testing"

	"headroom/kernel"
)

// The walk of 2020 takes what the caller's CPU has on its lists, of all zones, and nothing else: no refill, no other CPU's pages, order 0 only.
func TestWalkTakesWhatIsListed(t *testing.T) {
	b := newBench(t, 2, 2, 1<<16)
	c := tiny(16, 0, 0, 0, IRQOff)
	c.High, c.Batch = 8, 1
	a := b.pages(c)
	if _, err := a.AllocNoLocks(b.on(0), 0); !errors.Is(err, kernel.ErrNoMemory) {
		t.Errorf("with empty lists: %v", err)
	}
	near := b.take(a, 0, kernel.NoWait, 0, 1)[0]
	far := b.take(a, 1, kernel.NoWait, 0, 1)[0]
	b.free(a, 0, 0, far, near)
	b.free(a, 1, 0, b.take(a, 1, kernel.NoWait, 0, 1)...)
	if _, err := a.AllocNoLocks(b.on(0), 1); !errors.Is(err, kernel.ErrNoMemory) {
		t.Errorf("order 1: %v", err)
	}
	for _, want := range []Page{near, far} {
		if p, err := a.AllocNoLocks(b.on(0), 0); p != want || err != nil {
			t.Errorf("got %d, %v, want %d", p, err, want)
		}
	}
	locks := a.Stats().Locks
	if _, err := a.Alloc(b.on(0), kernel.Kernel|kernel.NoLocks, 0); !errors.Is(err, kernel.ErrNoMemory) {
		t.Errorf("the flag, with empty lists: %v", err)
	}
	if n := a.Stats().Locks - locks; n != 0 {
		t.Errorf("%d zone locks were taken", n)
	}
	b.free(a, 0, 0, near, far)
	b.sound(a, 32)
}

// A cap leaves that many pages of a list to other callers.
func TestCapLeavesPages(t *testing.T) {
	b := newBench(t, 1, 1, 1<<16)
	c := tiny(16, 0, 0, 0, IRQOff)
	c.High, c.Batch, c.Leave = 8, 1, 3
	a := b.pages(c)
	b.free(a, 0, 0, b.take(a, 0, kernel.NoWait, 0, 5)...)
	n := 0
	for p, err := a.AllocNoLocks(b.on(0), 0); err == nil; p, err = a.AllocNoLocks(b.on(0), 0) {
		defer a.Free(b.on(0), p, 0)
		n++
	}
	if n != 2 || a.ListedPages() != 3 {
		t.Errorf("a cap that leaves 3 of 5 gave %d and left %d", n, a.ListedPages())
	}
	c.Lists = TryLock
	if p, err := b.pages(c).AllocNoLocks(b.on(0), 0); err != nil || p == 0 {
		t.Errorf("TryLock: %v", err)
	}
}

// While another CPU holds the zone's lock nothing comes from the zone, and what is freed waits on the stack; the next holder takes it in.
func TestHeldZonePutsFreesAside(t *testing.T) {
	b := newBench(t, 1, 2, 1<<16)
	c := tiny(16, 0, 0, 0, TryLock)
	c.High, c.Batch = 2, 1
	a := b.pages(c)
	got := b.take(a, 0, kernel.NoWait, 0, 6)
	order2 := b.take(a, 0, kernel.NoWait, 2, 1)
	z := &a.zones[0]
	z.enter(b.on(1))
	if _, err := a.AllocNoLocks(b.on(0), 0); !errors.Is(err, kernel.ErrNoMemory) {
		t.Errorf("from a held zone: %v", err)
	}
	for _, p := range got {
		a.FreeNoLocks(b.on(0), p, 0)
	}
	a.FreeNoLocks(b.on(0), order2[0], 2)
	z.leave(b.on(1))
	if a.ListedPages() != 2 || a.LatePages() != 8 {
		t.Errorf("%d pages on the list and %d late", a.ListedPages(), a.LatePages())
	}
	b.sound(a, 16)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a late page was freed again")
			}
		}()
		a.FreeNoLocks(b.on(0), got[5], 0)
	}()
	p := b.take(a, 1, kernel.NoWait, 2, 1)
	if a.LatePages() != 0 {
		t.Errorf("%d pages are late after a look into the zone", a.LatePages())
	}
	a.FreeNoLocks(b.on(1), p[0], 2)
	b.sound(a, 16)
}

// I21: late pages, and no others, are an excuse for nothing.
func TestLateIsNoExcuse(t *testing.T) {
	if err := lateIsNoExcuse(t); err != nil {
		t.Error(err)
	}
}

func lateIsNoExcuse(t *testing.T) error {
	b := newBench(t, 1, 2, 1<<16)
	c := tiny(8, 0, 0, 0, TryLock)
	c.High, c.Batch = 1, 1
	a := b.pages(c)
	got := b.all(a, 0, kernel.NoWait, 0)
	z := &a.zones[0]
	z.enter(b.on(1))
	for _, p := range got {
		a.FreeNoLocks(b.on(0), p, 0)
	}
	z.leave(b.on(1))
	for i := range got {
		if _, err := a.AllocNoLocks(b.on(0), 0); err != nil {
			return fmt.Errorf("page %d of %d that are free, %d of them late: %w", i, len(got), a.LatePages(), err)
		}
	}
	return a.Check()
}
