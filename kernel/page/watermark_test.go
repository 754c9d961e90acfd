package page

import (
	"errors"
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"headroom/kernel"
)

// What flags and rights open, by era, of a mark of 80.
func TestRulesOfTheEras(t *testing.T) {
	const all = -1
	for _, c := range []struct {
		gfp                 kernel.GFP
		rights              kernel.Rights
		y2001, y2016, y2024 int64
	}{
		{kernel.Kernel, 0, 80, 80, 80},
		{kernel.NoWait, 0, 20, 80, 80}, // not waiting alone opens nothing, but in 2001
		{kernel.Atomic, 0, 20, 30, 30}, // three eighths
		{kernel.Kernel | kernel.High, 0, 80, 40, 40},
		{kernel.Atomic | kernel.NoMemalloc, 0, 20, 40, 40}, // the bonus of not waiting is barred, High's half is not
		{kernel.Kernel, kernel.RightVictim, all, all, 40},
		{kernel.Atomic, kernel.RightVictim, all, all, 15},
		{kernel.Kernel | kernel.NoMemalloc, kernel.RightVictim, 80, 80, 80},
		{kernel.Kernel, kernel.RightMemalloc, all, all, all},
		{kernel.Kernel | kernel.NoMemalloc, kernel.RightMemalloc, 80, 80, 80},
		{kernel.Reserve, 0, all, all, all},
		{kernel.Reserve | kernel.NoMemalloc, 0, 20, 40, 40},
	} {
		for era, want := range map[Era]int64{Rules2001: c.y2001, Rules2016: c.y2016, Rules2024: c.y2024} {
			config := Config{Rules: era}
			d := config.demand(c.gfp, c.rights, 80)
			if d.unchecked != (want == all) || !d.unchecked && d.mark != want || d.ordinary != 80 {
				t.Errorf("era %d, %v, rights %d: %+v, want a mark of %d", era, c.gfp, c.rights, d, want)
			}
		}
	}
}

// Watermarks and list limits of zones of known sizes, worked out by hand from the kernel's formulas.
func TestComputedSizes(t *testing.T) {
	for _, c := range []struct {
		pages, nodes, bytes int
		want                Marks
	}{
		{1 << 18, 1, 4096, Marks{1024, 1286, 1548}},     // 1 GiB: sqrt(16 x 2^20 KiB) = 4096 KiB; a thousandth is 262
		{1 << 18, 2, 4096, Marks{724, 986, 1248}},       // sqrt(16 x 2^21 KiB) = 5792 KiB = 1448 pages, shared by two
		{4096, 1, 4096, Marks{128, 160, 192}},           // 16 MiB: 512 KiB
		{256, 1, 4096, Marks{32, 40, 48}},               // the least: 128 KiB
		{16, 1, 64, Marks{4, 5, 6}},                     // too small for that: a quarter
		{1 << 26, 1, 4096, Marks{16384, 83492, 150600}}, // 256 GiB: 64 MiB is below the most
	} {
		if got := ComputeMarks(c.pages, c.nodes, c.bytes); got != c.want {
			t.Errorf("%d pages of %d bytes on %d nodes: %+v, want %+v", c.pages, c.bytes, c.nodes, got, c.want)
		}
	}
	for _, c := range []struct {
		pages, cpus int
		era         ListEra
		want        string
	}{
		{1 << 18, 2, TryLock, "643 16384 63"}, {1 << 18, 8, TryLock, "252 4096 63"}, {1 << 18, 8, IRQOff, "186 186 31"},
		{16, 1, TryLock, "5 5 1"}, {16, 1, IRQOff, "6 6 1"},
	} {
		m := ComputeMarks(c.pages, 1, 4096)
		config := Config{Pages: c.pages, PageBytes: 4096, Marks: &m, Lists: c.era}
		config.limits(c.cpus)
		if got := fmt.Sprint(config.High, config.HighMax, config.Batch); got != c.want {
			t.Errorf("%d pages, %d CPUs, era %d: high, its most and batch %s, want %s", c.pages, c.cpus, c.era, got, c.want)
		}
	}
	if a, b := driftPages(16, 64, 2), driftPages(1<<30, 4096, 64); a != 4 || b != 125 {
		t.Errorf("drifts %d and %d, want 4 and 125", a, b)
	}
}

// I4, over random numbers: the test of the mark is the same in whole numbers of any size.
func TestAllowsIsExact(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		if err := allowsIsExact(r); err != nil {
			r.Fatal(err)
		}
	})
}

func allowsIsExact(r *rapid.T) error {
	small := rapid.Int64Range(0, 1<<40)
	d := demand{mark: small.Draw(r, "mark"), setAside: small.Draw(r, "set aside")}
	free, order := small.Draw(r, "free"), rapid.IntRange(0, MaxOrder).Draw(r, "order")
	left := new(big.Int).Sub(big.NewInt(free), big.NewInt(1<<order-1))
	left.Sub(left, big.NewInt(d.setAside))
	if want := left.Cmp(big.NewInt(d.mark)) > 0; d.allows(free, order) != want {
		return fmt.Errorf("%+v of %d free, order %d: %v", d, free, order, !want)
	}
	return nil
}

// PA-06: with more set aside than is free an ordinary caller gets nothing, and one with a reserve flag gets down to his mark.
func TestSetAsideIsSigned(t *testing.T) {
	if err := setAsideIsSigned(t); err != nil {
		t.Error(err)
	}
}

func setAsideIsSigned(t *testing.T) error {
	b := newBench(t, 1, 1, 1<<16)
	c := tiny(4, 0, 0, 0, TryLock)
	c.HighAtomic, c.High = 3, 1
	a := b.pages(c)
	if n := len(b.all(a, 0, kernel.NoWait, 0)); n != 1 {
		return fmt.Errorf("an ordinary caller got %d pages of 4 with 3 set aside", n)
	}
	b.take(a, 0, kernel.Atomic, 0, 2)
	if n := len(b.all(a, 0, kernel.NoWait, 0)); n != 0 {
		return fmt.Errorf("an ordinary caller got %d pages with less free than set aside", n)
	}
	b.take(a, 0, kernel.Atomic, 0, 1)
	return nil
}

// setAsideIsGiven: I16: who may reclaim gets what is set aside in the end, and then it serves everybody until an urgent caller takes a block of a high
// order.
func setAsideIsGiven(t *testing.T) error {
	b := newBench(t, 1, 1, 1<<16)
	c := tiny(16, 0, 12, 12, TryLock)
	c.HighAtomic, c.High = 6, 1
	a := b.pages(c)
	held := b.all(a, 0, kernel.NoWait, 0)
	if len(held) != 10 {
		return fmt.Errorf("%d pages of 16 with 6 set aside", len(held))
	}
	if p, err := a.Alloc(b.on(0), kernel.Kernel, 0); err != nil {
		return fmt.Errorf("a caller in reclaim is refused for the sake of 6 pages: %w", err)
	} else if held = append(held, p); len(b.all(a, 0, kernel.NoWait, 0)) != 5 {
		return errors.New("what was given up serves others only in part")
	}
	b.free(a, 0, 0, held...)
	b.take(a, 0, kernel.Atomic, 2, 1)
	b.take(a, 0, kernel.Atomic, 1, 1) // now all 6 are set aside again, and of 16 pages 5 are free
	if n := len(b.all(a, 0, kernel.NoWait, 0)); n != 0 {
		return fmt.Errorf("%d pages beside what urgent callers left set aside", n)
	}
	return a.Check()
}

// Pages set aside are given up, and set aside again.
func TestSetAsideIsGiven(t *testing.T) {
	if err := setAsideIsGiven(t); err != nil {
		t.Error(err)
	}
}

// The reserve is for those whom the rules let in, and for the last page of it; a free under pressure fills it first in the IRQOff
// form.
func TestReserveIsKept(t *testing.T) {
	for _, era := range eras {
		b := newBench(t, 1, 2, 1<<16)
		c := tiny(64, 8, 10, 12, era)
		c.High, c.Batch = 16, 8
		a := b.pages(c)
		held := b.all(a, 0, kernel.NoWait, 0)
		if len(held) != 56 || a.FreePages() != 8 {
			t.Fatalf("era %d: an ordinary caller got %d of 64 pages with 8 in reserve", era, len(held))
		}
		high := b.all(a, 1, kernel.Kernel|kernel.High|kernel.NoRetry, 0)
		urgent := b.all(a, 0, kernel.Atomic, 0)
		b.on(1).SetRights(kernel.RightMemalloc)
		rest := b.all(a, 1, kernel.NoWait, 0)
		b.on(1).SetRights(0)
		if fmt.Sprint(len(high), len(urgent), len(rest)) != "4 1 3" {
			t.Errorf("era %d: of a reserve of 8 High got %d, Atomic %d more, Memalloc %d more; want 4, 1, 3", era, len(high), len(urgent), len(rest))
		}
		b.sound(a, 0)
		b.free(a, 0, 0, held[:8]...)
		want := "8 0"
		if era == TryLock {
			want = "0 8" // a list may keep four batches, and what it keeps is for everybody
		}
		if got := fmt.Sprint(a.FreePages(), len(b.all(a, 0, kernel.NoWait, 0))); got != want {
			t.Errorf("era %d: 8 pages freed under pressure: in the zone, and had by an ordinary caller: %s, want %s", era, got, want)
		}
	}
}

// UM-01, I5: who may use the reserve takes one page of it; the rest is there for an entitled caller on another CPU.
func TestReserveIsNotCached(t *testing.T) {
	for _, era := range eras {
		if err := reserveIsNotCached(t, era); err != nil {
			t.Error(err)
		}
	}
}

func reserveIsNotCached(t *testing.T, era ListEra) error {
	b := newBench(t, 1, 2, 1<<16)
	c := tiny(16, 4, 4, 4, era)
	c.High, c.Batch = 8, 4
	a := b.pages(c)
	b.all(a, 0, kernel.NoWait, 0)
	b.take(a, 0, kernel.Reserve, 0, 1)
	if n := a.ListedPages(); n != 0 || a.FreePages() != 3 {
		return fmt.Errorf("era %d: one page of the reserve was taken, %d are left and %d lie on a list", era, a.FreePages(), n)
	}
	b.take(a, 1, kernel.Reserve, 0, 3)
	return nil
}

// pathsAgree: PG-16, I9: a page has one owner whether it came from the list, the zone, a far zone or a high order.
func pathsAgree(t *testing.T) error {
	b := newBench(t, 2, 2, 1<<16)
	a := b.pages(tiny(16, 0, 0, 0, TryLock))
	for i, p := range b.all(a, 0, kernel.NoWait, 0) {
		if n := a.Owners(p); n != 1 {
			return fmt.Errorf("page %d has %d owners", i, n)
		}
		if i%2 == 0 {
			a.Free(b.on(0), p, 0)
		}
	}
	for _, p := range b.all(a, 1, kernel.NoWait, 0) {
		if n := a.Owners(p); n != 1 {
			return fmt.Errorf("a page that was used before has %d owners", n)
		}
		a.Free(b.on(1), p, 0)
	}
	for p, err := a.AllocNoLocks(b.on(0), 0); err == nil; p, err = a.AllocNoLocks(b.on(0), 0) {
		if n := a.Owners(p); n != 1 {
			return fmt.Errorf("a page that came without a lock has %d owners", n)
		}
	}
	return a.Check()
}

// I9 by every path.
func TestPathsAgree(t *testing.T) {
	if err := pathsAgree(t); err != nil {
		t.Error(err)
	}
}
