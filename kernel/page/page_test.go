package page

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
)

// eras are both forms of the lists.
var eras = []ListEra{TryLock, IRQOff}

// tiny is a zone of pages of 64 bytes with the given marks.
func tiny(pages, least, low, high int, era ListEra) Config {
	return Config{Pages: pages, PageBytes: 64, Marks: &Marks{Min: least, Low: low, High: high}, Lists: era, High: 2, Batch: 1}
}

// Every page of a zone can be had in single pages, whatever its size, and comes back; blocks merge to where they were.
func TestAllPagesComeAndGo(t *testing.T) {
	for _, era := range eras {
		for _, pages := range []int{1, 2, 3, 16, 100, 1024, 5000} {
			b := newBench(t, 1, 2, 1<<20)
			a := b.pages(tiny(pages, 0, 0, 0, era))
			before := fmt.Sprint(blocks(a))
			for cpu := range 2 {
				got := b.all(a, cpu, kernel.NoWait, 0)
				if len(got) != pages {
					t.Fatalf("era %d: %d of %d pages came", era, len(got), pages)
				}
				b.sound(a, 0)
				b.free(a, cpu, 0, got...)
				b.sound(a, pages)
				a.CPUDead(b.on(1-cpu), cpu)
				b.sound(a, pages)
				if after := fmt.Sprint(blocks(a)); after != before {
					t.Errorf("era %d, %d pages: free blocks by order %s, and %s at first", era, pages, after, before)
				}
			}
		}
	}
}

// blocks are the lengths of the free lists of zone 0.
func blocks(a *Allocator) (n [MaxOrder + 1]uint32) {
	for order := range n {
		n[order] = a.zones[0].area.blocks[order].Load()
	}
	return n
}

// A list hit takes no lock but the list's own, and the list comes back newest first.
func TestListsAreStacks(t *testing.T) {
	for _, era := range eras {
		b := newBench(t, 1, 1, 1<<20)
		c := tiny(64, 0, 0, 0, era)
		c.High, c.Batch = 16, 4
		a := b.pages(c)
		p := b.take(a, 0, kernel.NoWait, 0, 1)
		if a.FreePages() != 60 || a.ListedPages() != 3 {
			t.Errorf("era %d: after a refill of 4 the zone has %d pages and the list %d", era, a.FreePages(), a.ListedPages())
		}
		q := b.take(a, 0, kernel.NoWait, 0, 2)
		b.free(a, 0, 0, p[0], q[0])
		if again := b.take(a, 0, kernel.NoWait, 0, 2); again[0] != q[0] || again[1] != p[0] {
			t.Errorf("era %d: freed %d, %d and got %d, %d", era, p[0], q[0], again[0], again[1])
		}
		b.sound(a, 61)
	}
}

// A list spills a batch when it reaches high, and nothing while high is 0 stays on it.
func TestListsSpill(t *testing.T) {
	for _, era := range eras {
		b := newBench(t, 1, 1, 1<<20)
		c := tiny(64, 0, 0, 0, era)
		c.High, c.Batch = 8, 3
		a := b.pages(c)
		b.free(a, 0, 0, b.take(a, 0, kernel.NoWait, 0, 20)...)
		least := 8 - 3
		if era == TryLock {
			least = 3 // pages freed in a row go together, all but a batch
		}
		if n := a.ListedPages(); n < least || n >= 8 {
			t.Errorf("era %d: the list holds %d pages", era, n)
		}
		if err := a.SetLimits(0, 8); err != nil {
			t.Fatal(err)
		}
		b.free(a, 0, 0, b.take(a, 0, kernel.NoWait, 0, 1)...)
		if n := a.ListedPages(); n != 0 {
			t.Errorf("era %d: a list that is off holds %d pages", era, n)
		}
		b.sound(a, 64)
		for _, l := range [][2]int{{-1, 1}, {0, 0}, {9, 1}, {1, 9}} {
			if a.SetLimits(l[0], l[1]) == nil {
				t.Errorf("SetLimits took %v", l)
			}
		}
	}
}

// The zones of other nodes serve in order of distance once the own one is at its mark: of the configuration's distances, or else the machine's.
func TestFarZonesServeInOrder(t *testing.T) {
	second, third := [][]int{{10, 20, 30}, {20, 10, 30}, {30, 30, 10}}, [][]int{{10, 30, 20}, {30, 10, 20}, {20, 20, 10}}
	for _, c := range []struct {
		told, distance [][]int
		want           string
	}{
		{nil, nil, "[0 1 2]"},
		{nil, third, "[0 2 1]"},
		{third, nil, "[0 2 1]"},
		{third, second, "[0 1 2]"},
	} {
		b := newBench(t, 3, 3, 1<<16)
		b.distances = c.told
		config := tiny(4, 0, 0, 0, TryLock)
		config.Distance, config.High = c.distance, 1
		a := b.pages(config)
		var zones []int
		for _, p := range b.all(a, 0, kernel.NoWait, 0) {
			for i := range a.zones {
				if uint64(p)-a.zones[i].first < a.zones[i].bytes && (len(zones) == 0 || zones[len(zones)-1] != i) {
					zones = append(zones, i)
				}
			}
		}
		if got := fmt.Sprint(zones); got != c.want {
			t.Errorf("CPU 0 was served by zones %s, want %s", got, c.want)
		}
		b.sound(a, 0)
	}
}

// I9: blocks have one owner by every path; owners come and go, and the last one frees.
func TestOwners(t *testing.T) {
	b := newBench(t, 1, 1, 1<<20)
	a := b.pages(tiny(64, 0, 0, 0, TryLock))
	for _, order := range []int{0, 0, 1, 3, 4} {
		p := b.take(a, 0, kernel.NoWait, order, 1)[0]
		if n := a.Owners(p); n != 1 {
			t.Errorf("a new block of order %d has %d owners", order, n)
		}
		a.Get(p)
		a.Put(b.on(0), p, order)
		if n := a.Owners(p); n != 1 {
			t.Errorf("after Get and Put there are %d owners", n)
		}
		a.Put(b.on(0), p, order)
		if n := a.Owners(p); n != 0 {
			t.Errorf("after the last Put there are %d owners", n)
		}
		b.sound(a, 64)
	}
}

// Frees of what is not held, in another order, or off any block panic before they change anything.
func TestMisuseIsRefused(t *testing.T) {
	b := newBench(t, 1, 1, 1<<20)
	a := b.pages(tiny(64, 0, 0, 0, TryLock))
	p := b.take(a, 0, kernel.NoWait, 2, 1)[0]
	shared := b.take(a, 0, kernel.NoWait, 0, 1)[0]
	a.Get(shared)
	idle := b.take(a, 0, kernel.NoWait, 0, 1)[0]
	b.free(a, 0, 0, idle)
	for name, f := range map[string]func(){
		"idle page":       func() { a.Free(b.on(0), idle, 0) },
		"other order":     func() { a.Free(b.on(0), p, 1) },
		"order too large": func() { a.Free(b.on(0), p, MaxOrder+1) },
		"inside":          func() { a.Free(b.on(0), p+64, 0) },
		"between pages":   func() { a.Free(b.on(0), p+1, 2) },
		"outside":         func() { a.Free(b.on(0), 1<<40, 0) },
		"shared":          func() { a.Free(b.on(0), shared, 0) },
		"alloc order":     func() { _, _ = a.Alloc(b.on(0), kernel.NoWait, MaxOrder+1) },
		"get of idle":     func() { a.Get(idle) },
		"put of idle":     func() { a.Put(b.on(0), idle, 0) },
		"cache of idle":   func() { a.CacheAdd(b.on(0), idle, 1) },
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "page: ") {
					t.Errorf("%s: panicked with %v", name, r)
				}
			}()
			f()
		}()
		if err := a.Check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// An alloc and a free that hit the list make no garbage; the slow paths make none either.
func TestNoGarbage(t *testing.T) {
	for _, era := range eras {
		b := newBench(t, 1, 1, 1<<20)
		a := b.pages(tiny(64, 2, 4, 8, era))
		n := testing.AllocsPerRun(500, func() {
			for order := range 3 {
				p, _ := a.Alloc(b.on(0), kernel.NoWait, order)
				a.Free(b.on(0), p, order)
			}
		})
		if n != 0 {
			t.Errorf("era %d: %v allocations of Go memory", era, n)
		}
	}
}

// With rt=on the zones' locks sleep, and a victim's Exit spins while it is reaped: New takes a reaper without rt only.
func TestNewRefusesAReaperThatWouldSleep(t *testing.T) {
	b := newBench(t, 1, 1, 1<<16)
	c := Config{Pages: 16, PageBytes: 64, Kill: func(*kernel.Task) (int, bool) { return 0, false }}
	defer func() { lock.RT = false }()
	for _, sleeping := range []bool{false, true} {
		for _, reaps := range []bool{false, true} {
			lock.RT, c.Reap, c.ReapPages = sleeping, nil, 0
			if reaps {
				c.Reap, c.ReapPages = func(*kernel.Task, int, int) int { return 0 }, 1
			}
			_, err := New(b, c)
			if refused := errors.Is(err, errLayout) && strings.Contains(err.Error(), "a reaper with rt=on"); refused != (sleeping && reaps) || !refused && err != nil {
				t.Errorf("rt=on %v, a reaper %v: %v", sleeping, reaps, err)
			}
		}
	}
}

// New refuses what is out of range, and says when a node's memory is too small.
func TestNewRefuses(t *testing.T) {
	b := newBench(t, 2, 2, 1<<16)
	for _, c := range []Config{
		{}, {Pages: -1}, {Pages: 16, PageBytes: 32}, {Pages: 16, PageBytes: 8192}, {Pages: 16, PageBytes: 100},
		{Pages: 16, PageBytes: 64, High: 1, Batch: 2}, {Pages: 16, PageBytes: 64, High: -1}, {Pages: 16, PageBytes: 64, High: 4, MostHigh: 3},
		{Pages: 16, PageBytes: 64, High: 4, HighMax: 3}, {Pages: 16, PageBytes: 64, HighMax: 8, Lists: IRQOff}, {Pages: 16, PageBytes: 64, HighMax: 8, MostHigh: 7},
		{Pages: 16, PageBytes: 64, ReapPages: 1, Reap: func(*kernel.Task, int, int) int { return 0 }},
		{Pages: 16, PageBytes: 64, Drift: -1}, {Pages: 16, PageBytes: 64, HighAtomic: -1}, {Pages: 16, PageBytes: 64, HighAtomic: 17}, {Pages: 16, PageBytes: 64, Rules: 3},
		{Pages: 16, PageBytes: 64, Lists: 2}, {Pages: 16, PageBytes: 64, Distance: [][]int{{10}}},
		{Pages: 16, PageBytes: 64, Marks: &Marks{Min: 3, Low: 2, High: 5}}, {Pages: 16, PageBytes: 64, Marks: &Marks{Min: 17, Low: 18, High: 19}},
	} {
		if _, err := New(b, c); !errors.Is(err, errLayout) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := New(b, Config{Pages: 1024}); err == nil || !strings.Contains(err.Error(), "more memory") {
		t.Errorf("a zone larger than its node: %v", err)
	}
}

// What Check says of planted faults.
func TestCheckFindsFaults(t *testing.T) {
	for name, plant := range map[string]func(a *Allocator, t *kernel.Task, p Page){
		"are free, and":     func(a *Allocator, _ *kernel.Task, p Page) { a.zones[0].area.free.Add(1) },
		"is in no place":    func(a *Allocator, _ *kernel.Task, p Page) { a.zones[0].pages[index(a, p)].state.Store(0) },
		"whose descriptor":  func(a *Allocator, _ *kernel.Task, p Page) { a.zones[0].pages[index(a, p)^32].state.Store(owned(0)) },
		"pages, and":        func(a *Allocator, _ *kernel.Task, p Page) { a.zones[0].lists[0].words.pages.Store(9) },
		"are cached, and":   func(a *Allocator, _ *kernel.Task, p Page) { a.zones[0].cache.clean.pages.Store(1) },
		"is held at quiesc": func(a *Allocator, t *kernel.Task, _ Page) { a.zones[0].area.lock.TryLock(t) },
		"blocks of order":   func(a *Allocator, _ *kernel.Task, p Page) { a.zones[0].area.blocks[3].Store(7) },
	} {
		b := newBench(t, 1, 1, 1<<20)
		a := b.pages(tiny(64, 0, 0, 0, TryLock))
		p := b.take(a, 0, kernel.NoWait, 5, 1)[0]
		plant(a, b.on(0), p)
		if err := a.Check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q: %v", name, err)
		}
	}
}

func index(a *Allocator, p Page) uint32 { return uint32((uint64(p) - a.zones[0].first) >> a.shift) }

// One pair that hits the list, in both forms.
func BenchmarkPair(b *testing.B) {
	for _, c := range []struct {
		name string
		era  ListEra
	}{{"TryLock", TryLock}, {"IRQOff", IRQOff}} {
		b.Run(c.name, func(b *testing.B) {
			m := newBench(b, 1, 1, 64<<20)
			a := m.pages(Config{Pages: 4096, Lists: c.era})
			task := m.on(0)
			for b.Loop() {
				p, _ := a.Alloc(task, kernel.NoWait, 0)
				a.Free(task, p, 0)
			}
		})
	}
	b.Run("CAS", func(b *testing.B) {
		m := newBench(b, 1, 1, 1<<20)
		w, err := mem.New[area](m.memory, 0)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			w.free.CompareAndSwap(0, 0)
		}
	})
}
