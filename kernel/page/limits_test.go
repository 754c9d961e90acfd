package page

import (
	"testing"

	"headroom/kernel"
)

// windows takes and frees a number of pages, some rounds long, and returns how many refills and spills that took.
func windows(b *bench, a *Allocator, size, rounds int) uint64 {
	before := a.Stats()
	for range rounds {
		b.free(a, 0, 0, b.take(a, 0, kernel.NoWait, 0, size)...)
	}
	after := a.Stats()
	return after.Refills + after.Spills - before.Refills - before.Spills
}

// A list comes to hold what its CPU takes and gives back in turn, up to its ceiling; then no look into the zone is needed. A list whose limit is
// given goes there each time.
func TestLimitsFloatWithTheLoad(t *testing.T) {
	for _, c := range []struct {
		high, most, window int
		quiet              bool
	}{
		{8, 64, 32, true}, {8, 64, 60, true}, {8, 64, 200, false}, {8, 0, 32, false}, {8, 16, 32, false}, {64, 0, 32, true},
	} {
		b := newBench(t, 1, 1, 1<<20)
		config := tiny(1024, 0, 0, 0, TryLock)
		config.High, config.HighMax, config.Batch = c.high, c.most, 4
		a := b.pages(config)
		windows(b, a, c.window, 20)
		if n := windows(b, a, c.window, 10); (n == 0) != c.quiet {
			t.Errorf("high %d to %d, windows of %d: %d looks into the zone in 10", c.high, c.most, c.window, n)
		}
		b.sound(a, 1024)
	}
}

// Refills and spills grow while only one of the two happens: taking or freeing many pages costs far fewer looks into the zone than batches.
func TestMovesGrow(t *testing.T) {
	b := newBench(t, 1, 1, 1<<20)
	config := tiny(2048, 0, 0, 0, TryLock)
	config.High, config.HighMax, config.Batch = 128, 512, 4
	a := b.pages(config)
	got := b.take(a, 0, kernel.NoWait, 0, 1024)
	if n := a.Stats().Refills; n > 14 { // 4+8+16+32+64, then 128 at a time
		t.Errorf("%d refills for 1024 pages in batches of 4", n)
	}
	b.free(a, 0, 0, got...)
	if n := a.Stats().Spills; n > 14 {
		t.Errorf("%d spills of 1024 pages in batches of 4", n)
	}
	b.sound(a, 2048)
}

// A look into a zone that refuses leaves the list as it is: its limit and the size of its refills, however often a caller tries.
func TestRefusalsRaiseNothing(t *testing.T) {
	b := newBench(t, 1, 1, 1<<20)
	config := tiny(64, 8, 16, 24, TryLock)
	config.High, config.HighMax, config.Batch = 4, 128, 1
	a := b.pages(config)
	z := &a.zones[0]
	w := z.lists[0].words
	for z.freePages() > 16 || w.pages.Load() != 0 {
		b.take(a, 0, kernel.NoWait, 0, 1)
	}
	const factor = 1
	w.factor.Store(factor)
	high := w.high.Load()
	if high < 5 || high >= w.most.Load()-2 || z.hint.pressed.Load() != 0 {
		t.Fatalf("the list may hold %d pages at the low mark, or memory is low already: nothing to see", high)
	}
	b.take(a, 0, kernel.NoWait, 0, 1) // refused above the low mark, served below it
	if got := w.high.Load(); got != high || w.factor.Load() > factor+1 {
		t.Errorf("a refused and a served look: the list may hold %d pages, before %d, and doubles %d times, before %d", got, high, w.factor.Load(), factor)
	}
	b.all(a, 0, kernel.NoWait, 0)
	w.factor.Store(0)
	for range 5 {
		if _, err := a.Alloc(b.on(0), kernel.NoWait, 0); err == nil {
			t.Fatal("a page from an empty zone")
		}
	}
	if got := w.high.Load(); got != high || w.factor.Load() != 0 {
		t.Errorf("after refusals the list may hold %d pages, before %d, and doubles %d times", got, high, w.factor.Load())
	}
}

// When memory is low limits go back to where they began, and lists keep no more than that, nor four batches.
func TestPressureLowersTheLimits(t *testing.T) {
	b := newBench(t, 1, 1, 1<<20)
	config := tiny(256, 8, 16, 24, TryLock)
	config.High, config.HighMax, config.Batch = 8, 64, 4
	a := b.pages(config)
	windows(b, a, 32, 20)
	w := a.zones[0].lists[0].words
	if w.high.Load() < 32 {
		t.Errorf("the list may hold %d pages after windows of 32", w.high.Load())
	}
	got := b.all(a, 0, kernel.NoWait, 0)
	b.free(a, 0, 0, got[:12]...)
	if high, pages := w.high.Load(), w.pages.Load(); high != 8 || pages >= 8 {
		t.Errorf("under pressure the list may hold %d pages and holds %d", high, pages)
	}
	b.free(a, 0, 0, got[12:]...)
	b.sound(a, 256)
}
