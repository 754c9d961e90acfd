package gfpnolocks

import (
	"testing"

	"headroom/designs"
	"headroom/kernel"
)

// A period ends when every CPU has quiesced in it, and a snapshot waits for a whole one.
func TestPeriodNeedsEveryCPU(t *testing.T) {
	b := newBench(t, 2)
	g, err := NewGrace(b)
	if err != nil {
		t.Fatal(err)
	}
	g.Quiesce(b.on(0))
	snapshot := g.Snapshot()
	g.Quiesce(b.on(1)) // ends the period that CPU 0 had passed before the snapshot
	if g.Elapsed(snapshot) {
		t.Error("CPU 0 has not quiesced since the snapshot")
	}
	for range 3 {
		g.Quiesce(b.on(1))
	}
	if g.Elapsed(snapshot) {
		t.Error("CPU 1 alone ended a period")
	}
	g.Quiesce(b.on(0))
	if !g.Elapsed(snapshot) {
		t.Error("both CPUs have quiesced since the snapshot")
	}
	snapshot = g.Snapshot()
	g.CPUDead(0)
	for range 2 {
		g.Quiesce(b.on(1))
	}
	if !g.Elapsed(snapshot) {
		t.Error("a dead CPU is waited for")
	}
}

// stingy gives a page to every nth call of the entry only; 0 to none.
type stingy struct {
	PageSource
	every, calls int
}

func (s *stingy) AllocNoLocks(t *kernel.Task) (designs.Item, error) {
	s.calls++
	if s.every == 0 || s.calls%s.every != 0 {
		return 0, kernel.ErrNoMemory
	}
	return s.PageSource.AllocNoLocks(t)
}

// However often the entry has no page, every object comes back, once, and every page does (I3, I4).
func TestFailuresLoseNothing(t *testing.T) {
	const objects, pageBytes = 600, 128 // 11 pointers a page
	for _, every := range []int{0, 1, 2, 7, 50} {
		for _, spares := range []int{0, 5} {
			b := newBench(t, 2)
			pages := b.variant("trylock", designs.Config{Items: 64, Bytes: pageBytes}).(*TryLock)
			c := b.client(ClientConfig{Pages: &stingy{PageSource: pages, every: every}, PageBytes: pageBytes, Spares: spares, Ask: true}, objects)
			store := c.config.Objects
			for i := range objects {
				it, err := store.Alloc(b.on(i%2), kernel.NoWait)
				if err != nil {
					t.Fatal(err)
				}
				c.Queue(b.on(i%2), it)
				if i%97 == 0 {
					c.Refill(b.on(0), kernel.NoWait)
				}
			}
			if got := c.Drain(b.on(0)); got != 0 {
				t.Errorf("%d objects were freed before a period ended", got)
			}
			s := c.Stats()
			if s.Waiting != objects || (every == 0 && spares == 0) != (s.Listed == objects) || every == 1 && s.Listed != 0 {
				t.Errorf("every %d, %d spares: %+v", every, spares, s)
			}
			got := 0
			for range 3 { // a list that is parked lets the next one wait
				b.period(c.config.Grace)
				if err := c.Check(); err != nil {
					t.Error(err)
				}
				got += c.Drain(b.on(1))
			}
			if s := c.Stats(); got != objects || s.Waiting != 0 || s.Blocks != 0 || s.Spares > 2*spares {
				t.Errorf("every %d, %d spares: %d objects came back of %d: %+v", every, spares, got, objects, s)
			}
			kept := c.Stats().Spares
			if n := c.Shrink(b.on(0)); n != kept || c.Stats().Spares != 0 {
				t.Errorf("Shrink gave %d of %d spare pages back", n, kept)
			}
			p := pages.pages
			if idle := p.FreePages() + p.ListedPages() + p.LatePages(); idle != p.ZonePages() {
				t.Errorf("%d of %d pages are idle in the end", idle, p.ZonePages())
			}
			if err := store.Check(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A page of 4096 bytes holds the 507 pointers of Linux 6.12, and what is out of range is refused.
func TestClientSizes(t *testing.T) {
	b := newBench(t, 1)
	c := b.client(ClientConfig{PageBytes: 4096, Spares: 5}, 8)
	if c.pointers != 507 {
		t.Errorf("%d pointers a page", c.pointers)
	}
	for _, change := range []func(*ClientConfig){
		func(c *ClientConfig) { c.Pages = nil }, func(c *ClientConfig) { c.Objects = nil }, func(c *ClientConfig) { c.Grace = nil },
		func(c *ClientConfig) { c.Spares = 6 }, func(c *ClientConfig) { c.PageBytes = 63 }, func(c *ClientConfig) { c.PageBytes = 8192 },
	} {
		bad := c.config
		change(&bad)
		if _, err := NewClient(b, bad); err == nil {
			t.Errorf("NewClient took %+v", bad)
		}
	}
}

// No path of the entries and of the client allocates Go memory.
func TestNoPathMakesGarbage(t *testing.T) {
	b := newBench(t, 1)
	task := b.on(0)
	for _, v := range Variants() {
		a, err := v.New(b, designs.Config{Items: 64})
		if err != nil {
			t.Fatal(err)
		}
		var held [80]designs.Item
		if n := testing.AllocsPerRun(10, func() {
			got := held[:0]
			for range held {
				if it, err := a.Alloc(task, kernel.NoWait|kernel.NoLocks); err == nil {
					got = append(got, it)
				} else if it, err := a.Alloc(task, kernel.NoWait); err == nil {
					got = append(got, it)
				}
			}
			for _, it := range got {
				a.Free(task, it)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations of Go memory in 80 pairs", v.FullName(), n)
		}
	}
	c := b.client(ClientConfig{PageBytes: 4096, Spares: 2, Ask: true}, 64)
	if n := testing.AllocsPerRun(10, func() {
		c.Refill(task, kernel.NoWait)
		for range 30 {
			if it, err := c.config.Objects.Alloc(task, kernel.NoWait); err == nil {
				c.Queue(task, it)
			}
		}
		b.period(c.config.Grace)
		c.Drain(task)
	}); n != 0 {
		t.Errorf("the client: %v allocations of Go memory in 30 calls", n)
	}
}
