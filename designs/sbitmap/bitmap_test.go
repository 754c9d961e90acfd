package sbitmap

import (
	"fmt"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
)

// The configuration that is refused, and why, and what is computed for one that is taken.
func TestNewRefusesWhatIsOutOfRange(t *testing.T) {
	for _, c := range []struct {
		config       Config
		says         string // "" when it is taken
		words, batch int
	}{
		{Config{Tags: 1}, "", 1, 1},
		{Config{Tags: 3}, "", 1, 1},
		{Config{Tags: 4}, "", 2, 1}, // a word holds two tags at least
		{Config{Tags: 16}, "", 4, 2},
		{Config{Tags: 64}, "", 4, 8},
		{Config{Tags: 1000}, "", 16, 8},
		{Config{Tags: 16, Shift: 4, WakeBatch: 1}, "", 1, 1},
		{Config{Tags: 16, WakeBatch: 100}, "", 4, 2},
		{Config{Tags: 0}, "0 tags: give 1 to 2^31", 0, 0},
		{Config{Tags: maxTags + 1}, "tags: give 1 to 2^31", 0, 0},
		{Config{Tags: 8, Shift: 7}, "words of 2^7 tags", 0, 0},
		{Config{Tags: 8, Shift: -1}, "words of 2^-1 tags", 0, 0},
		{Config{Tags: 8, WakeBatch: -1}, "a wake-up for every -1 frees", 0, 0},
		{Config{Tags: maxTags}, "tags: mem: ", 0, 0},
	} {
		b, err := New(newBench(t, 2), c.config)
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%+v: %v", c.config, err)
		case c.says == "" && (len(b.words) != c.words || int(b.batch) != c.batch || b.Check() != nil):
			t.Errorf("%+v: %d words, a batch of %d, %v; want %d and %d", c.config, len(b.words), b.batch, b.Check(), c.words, c.batch)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%+v: %v, want %q", c.config, err, c.says)
		}
	}
}

// A tag out of range is refused before anything changes.
func TestFreeOfATagOutOfRangePanics(t *testing.T) {
	b := newBench(t, 1)
	m := b.bitmap(Config{Tags: 4})
	for _, it := range []designs.Item{4, 1 << 32, ^designs.Item(0)} {
		said := func() (said any) {
			defer func() { said = recover() }()
			m.Free(b.on(0), it)
			return nil
		}()
		if want := fmt.Sprintf("sbitmap: free of tag %d of a bitmap of 4", it); said != want {
			t.Errorf("free of %d: panic %v, want %q", it, said, want)
		}
	}
	if m.FreeTags() != 4 || m.Check() != nil {
		t.Errorf("%d tags are free, %v", m.FreeTags(), m.Check())
	}
}

// A free leaves the word of taken bits alone until somebody needs one: the 4 tags of a word are handed out once each before the first comes again.
func TestFreedTagsAreClearedWhenTheWordIsFull(t *testing.T) {
	b := newBench(t, 1)
	m := b.bitmap(Config{Tags: 4, Shift: 2})
	var order []designs.Item
	for range 6 {
		it, err := m.Alloc(b.on(0), kernel.NoWait)
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, it)
		m.Free(b.on(0), it)
	}
	if got := fmt.Sprint(order); got != "[0 1 2 3 0 1]" || m.Stats().Refills != 1 || m.Stats().Locks != 1 {
		t.Errorf("the tags come as %s, with %+v", got, m.Stats())
	}
}

// A bulk allocation takes what there is, word by word, and says how much that was.
func TestBulkTakesWhatThereIs(t *testing.T) {
	b := newBench(t, 1)
	m := b.bitmap(Config{Tags: 10, Shift: 2})
	items := make([]designs.Item, 7)
	if n, err := m.AllocBulk(b.on(0), kernel.NoWait, items); n != 7 || err != nil {
		t.Fatalf("%d tags, %v", n, err)
	}
	m.Free(b.on(0), items[3])
	rest := make([]designs.Item, 7)
	n, err := m.AllocBulk(b.on(0), kernel.NoWait, rest)
	if n != 4 || err != kernel.ErrWouldBlock {
		t.Errorf("with 4 free tags: %d, %v", n, err)
	}
	seen := map[designs.Item]int{}
	for _, it := range append(append(items[:3:3], items[4:]...), rest[:n]...) {
		seen[it]++
	}
	if len(seen) != 10 || m.FreeTags() != 0 || m.Check() != nil {
		t.Errorf("the tags are %v, %d are free, %v", seen, m.FreeTags(), m.Check())
	}
}

// Check finds each fault it is there for: the words are spoilt by hand, one way in each case.
func TestCheckFindsEachCorruption(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(b *bench, m *Bitmap)
		says  string
	}{
		{"nothing", func(*bench, *Bitmap) {}, ""},
		{"a bit behind the last tag", func(_ *bench, m *Bitmap) { m.words[2].taken.Or(1 << 2) }, "word 2 has taken bits 0x4 behind its last tag"},
		{"an idle tag to be cleared", func(_ *bench, m *Bitmap) { m.words[1].cleared.Or(1 << 3) }, "word 1 has tags 0x8 to be cleared that are not taken (I2)"},
		{"a held lock", func(b *bench, m *Bitmap) { m.words[0].lock.Lock(b.on(0)) }, "the lock of word 0 is held"},
		{"a free that woke nobody", func(_ *bench, m *Bitmap) { m.shared.completed.Add(1) }, "1 frees that saw a sleeper woke nobody, and a batch is 1 (I5)"},
		{"a sleeper that is not there", func(_ *bench, m *Bitmap) { m.shared.sleepers.Add(1) }, "1 sleepers are counted and 0 are in the queues"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 1)
			m := b.bitmap(Config{Tags: 10, Shift: 2})
			c.spoil(b, m)
			err := m.Check()
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("Check: %v, want %q", err, c.says)
			}
		})
	}
}

// No path makes garbage.
func TestNoPathMakesGarbage(t *testing.T) {
	b := newBench(t, 1)
	m := b.bitmap(Config{Tags: 100})
	if n := testing.AllocsPerRun(1000, func() {
		it, _ := m.Alloc(b.on(0), kernel.NoWait)
		m.Free(b.on(0), it)
	}); n != 0 {
		t.Errorf("a pair makes %g objects", n)
	}
}

func BenchmarkPair(b *testing.B) {
	bench := newBench(b, 1)
	m := bench.bitmap(Config{Tags: 256})
	b.ReportAllocs()
	if failed := bitmapLoops.Pair(m, bench.on(0), kernel.NoWait, b.N, nil); failed > 0 {
		b.Fatal(failed)
	}
}

// BenchmarkLock is the unit: an uncontended lock is one compare-and-swap and a store.
func BenchmarkLock(b *testing.B) {
	bench := newBench(b, 1)
	var l lock.RawSpin
	for range b.N {
		l.Lock(bench.on(0))
		l.Unlock(bench.on(0))
	}
}
