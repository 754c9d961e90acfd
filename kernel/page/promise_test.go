package page

import (
	"errors"
	"testing"

	"headroom/kernel"
)

// promisingBench is a bench with a zone of 8 pages, 2 of them below the mark.
func promisingBench(t testing.TB, cpus int, change func(c *Config)) (*bench, *Allocator) {
	b := newBench(t, 1, cpus, 1<<17)
	c := tiny(8, 2, 2, 2, TryLock)
	c.Promises = true
	if change != nil {
		change(&c)
	}
	return b, b.pages(c)
}

// I17: what is promised is nobody else's, whatever his rights, and is drawn to the last page; Cancel gives the rest to everybody.
func TestPromisedPagesAreKept(t *testing.T) {
	for _, era := range eras {
		b, a := promisingBench(t, 1, func(c *Config) { c.Lists = era })
		if err := a.Reserve(b.on(0), kernel.NoWait, 4); err != nil {
			t.Fatal(err)
		}
		if ordinary := b.all(a, 0, kernel.NoWait, 0); len(ordinary) != 2 {
			t.Errorf("an ordinary caller got %d pages, want the 2 that are neither promised nor below the mark", len(ordinary))
		}
		if urgent := b.all(a, 0, kernel.Reserve, 0); len(urgent) != 2 {
			t.Errorf("a caller with every right got %d pages more, want the 2 below the mark", len(urgent))
		}
		for range 3 {
			a.Draw(b.on(0))
		}
		a.Cancel(b.on(0), 1)
		if rest := b.all(a, 0, kernel.Reserve, 0); len(rest) != 1 || a.Promised() != 0 {
			t.Errorf("what was cancelled gave %d pages, and %d are promised", len(rest), a.Promised())
		}
		b.sound(a, 0)
	}
}

// The answer is yes for what is countable and no beyond: free above the mark, on lists that can be had, or clean in the cache.
func TestAdmissionCountsWhatThereIs(t *testing.T) {
	b, a := promisingBench(t, 1, nil)
	for key, p := range b.take(a, 0, kernel.NoWait, 0, 3) {
		a.CacheAdd(b.on(0), p, uint64(key))
	}
	b.free(a, 0, 0, b.take(a, 0, kernel.NoWait, 0, 1)...) // on the list
	for _, c := range []struct {
		n    int
		want error
	}{{7, kernel.ErrNoMemory}, {6, nil}, {1, kernel.ErrWouldBlock}} {
		if err := a.Reserve(b.on(0), kernel.NoWait, c.n); !errors.Is(err, c.want) {
			t.Errorf("a promise of %d pages: %v, want %v", c.n, err, c.want)
		}
	}
	if a.CleanPages() != 3 {
		t.Errorf("a promise dropped pages: %d are clean", a.CleanPages())
	}
	for range 6 {
		a.Draw(b.on(0))
	}
	if a.CleanPages() != 0 || a.FreePages() != 2 {
		t.Errorf("the draws left %d clean pages and %d free ones, want the clean ones dropped and the 2 below the mark free", a.CleanPages(), a.FreePages())
	}
	b.sound(a, 2)
}

// A clean page that backs a promise is not pinned where nothing else could back it, and is where the other zone can; nor does reclaim drop it.
func TestPinsMovePromises(t *testing.T) {
	for nodes, want := range map[int]error{1: kernel.ErrWouldBlock, 2: nil} {
		b := newBench(t, nodes, 1, 1<<17)
		c := tiny(3, 0, 0, 0, TryLock)
		c.Promises = true
		a := b.pages(c)
		pages := b.take(a, 0, kernel.NoWait, 0, 3)
		for _, p := range pages {
			a.CacheAdd(b.on(0), p, 7)
		}
		if err := a.Reserve(b.on(0), kernel.NoWait, 3); err != nil {
			t.Fatal(err)
		}
		if n := a.zones[0].drop(b.on(0), 3); n != 0 {
			t.Errorf("reclaim dropped %d pages that back promises", n)
		}
		found, err := a.CachePin(b.on(0), kernel.NoWait, pages[0], 7)
		if !errors.Is(err, want) || found != (want == nil) || a.Promised() != 3 {
			t.Errorf("%d nodes: the pin says %v, %v, want %v; %d are promised", nodes, found, err, want, a.Promised())
		}
		for range 3 {
			a.Draw(b.on(0))
		}
		if err := a.Check(); err != nil {
			t.Error(err)
		}
	}
}

// I19: an estimate never admits what the exact count would not, and misses no more than twice the drift of all CPUs.
func TestEstimatesAreBelowTheExactCount(t *testing.T) {
	const cpus, drift = 3, 2
	b, a := promisingBench(t, cpus, func(c *Config) { c.Pages, c.Drift, c.Estimate, c.High, c.Batch = 64, drift, true, 2, 2 })
	var held []Page
	for round := range 60 {
		cpu := round % cpus
		if round%4 == 3 {
			b.free(a, cpu, 0, held[0])
			held = held[1:]
		} else {
			held = append(held, b.take(a, cpu, kernel.NoWait, 0, 1)...)
		}
		exact, estimate := a.zones[0].countable(false), a.zones[0].countable(true)
		if estimate > exact || estimate < exact-2*cpus*drift {
			t.Fatalf("round %d: the estimate is %d, the exact count %d, and all CPUs drift by %d", round, estimate, exact, cpus*drift)
		}
		if err := a.Reserve(b.on(cpu), kernel.NoWait, int(exact)+1); err == nil {
			t.Fatalf("round %d: %d pages are promised and %d countable", round, exact+1, exact)
		}
	}
}

// AllocOrDraw is Alloc for callers without a promise: the same calls give the same pages. With kernel.Promised it draws.
func TestBranchChangesNothingElse(t *testing.T) {
	for _, era := range eras {
		b, plain := promisingBench(t, 1, func(c *Config) { c.Lists = era })
		_, branched := promisingBench(t, 1, func(c *Config) { c.Lists = era })
		for i := range 12 {
			p, err := plain.Alloc(b.on(0), kernel.NoWait, i%3/2)
			q, other := branched.AllocOrDraw(b.on(0), kernel.NoWait, i%3/2)
			if p != q || err != other {
				t.Fatalf("call %d: Alloc gives %d, %v and AllocOrDraw %d, %v", i, p, err, q, other)
			}
			if err == nil && i%4 == 1 {
				plain.Free(b.on(0), p, i%3/2)
				branched.Free(b.on(0), q, i%3/2)
			}
		}
	}
	b, a := promisingBench(t, 1, nil)
	if err := a.Reserve(b.on(0), kernel.NoWait, 6); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AllocOrDraw(b.on(0), kernel.NoWait|kernel.Promised, 0); err != nil || a.Promised() != 5 {
		t.Errorf("a draw by flag: %v, and %d promises are left of 6", err, a.Promised())
	}
}

// What nobody was promised is neither drawn nor cancelled, and nothing is promised by an allocator made without.
func TestMisusedPromisesPanic(t *testing.T) {
	b, a := promisingBench(t, 1, nil)
	_, without := promisingBench(t, 1, func(c *Config) { c.Promises = false })
	for name, call := range map[string]func(){
		"draw": func() { a.Draw(b.on(0)) }, "cancel": func() { a.Cancel(b.on(0), 1) }, "less than nothing": func() { _ = a.Reserve(b.on(0), 0, -1) },
		"without": func() { _ = without.Reserve(b.on(0), 0, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}

// Blocks that were freed without locks while the zone was held are countable as any others; in NMI, where nobody could be woken, such a free panics.
func TestLatePagesArePromised(t *testing.T) {
	b, a := promisingBench(t, 2, func(c *Config) { c.High, c.Batch = 1, 1 })
	got := b.take(a, 0, kernel.NoWait, 0, 6)
	a.zones[0].enter(b.on(1))
	for _, p := range got[1:] {
		a.FreeNoLocks(b.on(0), p, 0)
	}
	a.zones[0].leave(b.on(1))
	if late := a.LatePages(); late == 0 {
		t.Error("nothing is late, so nothing is shown")
	}
	if err := a.Reserve(b.on(0), kernel.NoWait, 5); err != nil {
		t.Errorf("a promise of 5 pages, most of them late: %v", err)
	}
	a.Cancel(b.on(0), 5)
	b.tasks[1].Setup(b, new(kernel.Node), "nmi", 1, 1, kernel.NMI)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a free in NMI, with promises: no panic")
			}
		}()
		a.FreeNoLocks(b.on(1), got[0], 0)
	}()
	b.tasks[1].Setup(b, new(kernel.Node), "test", 1, 1, kernel.Process)
	a.Free(b.on(0), got[0], 0)
	b.sound(a, 8)
}
