package slab

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"headroom/kernel"
	"headroom/kernel/page"
)

// Objects of any size and slabs of any order do not overlap, lie in their zone, and can all be had, freed and had again.
func TestObjectsLieApart(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBench(t, 1, 1, 1<<18)
		order := rapid.IntRange(-1, 4).Draw(r, "order")
		c := b.cache(rapid.IntRange(16, 64).Draw(r, "pages"), Config{ObjectBytes: rapid.IntRange(8, 64).Draw(r, "bytes"), Order: order,
			High: rapid.IntRange(1, 20).Draw(r, "high"), Batch: 1, MinPartial: rapid.IntRange(-1, 3).Draw(r, "kept")})
		most := len(c.zones[0].slabs) * int(c.perSlab)
		for round := range 2 {
			got := b.all(c, 0)
			if len(got) != most {
				r.Fatalf("round %d: %d objects of %d", round, len(got), most)
			}
			taken := make([]bool, c.zones[0].bytes)
			for _, o := range got {
				for at := uint64(o) - c.zones[0].first; at < uint64(o)-c.zones[0].first+c.bytes; at++ {
					if taken[at] {
						r.Fatalf("byte %d is of two objects", at)
					}
					taken[at] = true
				}
			}
			b.free(c, 0, got...)
			b.sound(c)
		}
	})
}

// The sizes that are computed.
func TestComputedSizes(t *testing.T) {
	for _, c := range []struct {
		bytes, pages int
		want         Config
	}{
		{256, 1 << 18, Config{ObjectBytes: 256, High: 120, Batch: 60, Order: -1, MinPartial: 5}},
		{200, 1 << 18, Config{ObjectBytes: 200, High: 120, Batch: 60, Order: -1, MinPartial: 5}},
		{1024, 1 << 18, Config{ObjectBytes: 1024, High: 32, Batch: 16, Order: 1, MinPartial: 5}},
		{700, 1 << 18, Config{ObjectBytes: 704, High: 46, Batch: 23, Order: 1, MinPartial: 5}}, // 11 objects, 448 bytes of 8192 wasted
		{4096, 1 << 18, Config{ObjectBytes: 4096, High: 8, Batch: 4, Order: 3, MinPartial: 6}},
		{4096, 16, Config{ObjectBytes: 4096, High: 8, Batch: 4, Order: -1, MinPartial: 2}},
		{4096, 64, Config{ObjectBytes: 4096, High: 8, Batch: 4, Order: 2, MinPartial: 2}},
		{8, 4, Config{ObjectBytes: 8, High: 120, Batch: 60, Order: -1, MinPartial: -1}},
	} {
		if got, err := Plan(Config{ObjectBytes: c.bytes}, 4096, c.pages); err != nil || got != c.want {
			t.Errorf("objects of %d bytes in %d pages: %+v, %v; want %+v", c.bytes, c.pages, got, err, c.want)
		}
	}
}

// The index of an object is the quotient, for every place in the largest slab.
func TestIndexIsTheQuotient(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		bytes := 8 * rapid.Uint64Range(1, 512).Draw(r, "words")
		l := layout{inverse: (1<<40 + bytes - 1) / bytes}
		within := rapid.Uint64Range(0, 1<<22-1).Draw(r, "within")
		for _, at := range []uint64{within, within / bytes * bytes, within/bytes*bytes + bytes - 1} {
			if got := l.index(at); got != at/bytes {
				r.Fatalf("place %d of objects of %d bytes: index %d", at, bytes, got)
			}
		}
	})
}

// Objects go out newest first; a full list gives the oldest back; empty slabs beyond the minimum return their pages.
func TestListsFillAndSpill(t *testing.T) {
	b := newBench(t, 1, 1, 1<<16)
	c := b.cache(16, Config{ObjectBytes: 16, Order: -1, High: 8, Batch: 4, MinPartial: 1})
	held := b.take(c, 0, 16)
	if s := c.Stats(); s.NewSlabs != 4 || s.Refills != 8 || s.Locks != 8 || pagesHeld(c) != 4 { // each new slab after a look at none
		t.Errorf("after 16 objects of 4 a slab: %+v, %d pages held", s, pagesHeld(c))
	}
	b.free(c, 0, held...)
	if s := c.Stats(); s.Spills != 2 || s.Returned != 1 || pagesHeld(c) != 3 { // two of four slabs are empty, one of which is kept
		t.Errorf("after the frees: %+v, %d pages held", s, pagesHeld(c))
	}
	if o := b.take(c, 0, 1)[0]; o != held[15] {
		t.Errorf("the next object is %d, and %d was freed last", o, held[15])
	}
	b.sound(c)
}

// Whatever is kept back, the cache gives all its objects again: to any CPU, in a zone of 16 pages, with lists of one object and slabs of one.
func TestTinyCaches(t *testing.T) {
	for _, c := range []Config{
		{ObjectBytes: 64, Order: -1, High: 1, Batch: 1, MinPartial: -1},
		{ObjectBytes: 64, Order: -1, High: 1, Batch: 1, MinPartial: 8},
		{ObjectBytes: 64},
		{ObjectBytes: 8, Order: 4, High: 2, Batch: 2},
	} {
		b := newBench(t, 1, 2, 1<<16)
		cache := b.cache(16, c)
		got := b.all(cache, 0)
		want := len(cache.zones[0].slabs) * int(cache.perSlab)
		b.free(cache, 1, got...)
		keeps := int(cache.lists[1].words.length.Load())
		again := b.all(cache, 0)
		if len(got) != want || len(again) != want-keeps {
			t.Errorf("%+v: %d objects of %d, then %d while another CPU keeps %d", c, len(got), want, len(again), keeps)
		}
		cache.CPUDead(b.on(0), 1)
		again = append(again, b.all(cache, 0)...)
		if len(again) != want {
			t.Errorf("%+v: %d objects of %d after a CPU's death", c, len(again), want)
		}
		b.free(cache, 0, again...)
		cache.CPUDead(b.on(1), 0)
		b.sound(cache)
		if n, most := pagesHeld(cache), max(0, cache.config.MinPartial)<<cache.order; n > most {
			t.Errorf("%+v: an idle cache holds %d pages, and is to keep %d at most", c, n, most)
		}
	}
}

// farObjects: I3 and I7: objects freed on another node go back to their own slabs, and a node without pages is served by the other.
func farObjects(t testing.TB) error {
	b := newBench(t, 2, 2, 1<<16)
	c := b.cache(8, Config{ObjectBytes: 64, Order: -1, High: 2, Batch: 2, MinPartial: 8})
	got := b.all(c, 0)
	if len(got) != 16 {
		return fmt.Errorf("CPU 0 got %d objects of two nodes' 16", len(got))
	}
	for node := range c.zones { // CPU 1 is of node 1
		for _, o := range got {
			if z, _ := c.zoneOf(o); z.number == node {
				c.Free(b.on(1), o)
			}
		}
		c.CPUDead(b.on(0), 1)
		for other := range c.zones {
			want := uint32(0)
			if other <= node {
				want = 8
			}
			if n := c.zones[other].words.linked.Load(); n != want {
				return fmt.Errorf("of node %d %d slabs have come back, want %d, when all objects of nodes up to %d were freed", other, n, want, node)
			}
		}
		if err := c.Check(); err != nil {
			return err
		}
	}
	if got := b.all(c, 1); len(got) != 16 {
		return fmt.Errorf("CPU 1 got %d objects of two nodes' 16", len(got))
	}
	return nil
}

// Objects go home.
func TestObjectsGoBackToTheirNode(t *testing.T) {
	if err := farObjects(t); err != nil {
		t.Error(err)
	}
}

// allComeBack: I2, I4, I5: rounds of taking all and giving all back leave the same behind.
func allComeBack(t testing.TB) error {
	b := newBench(t, 1, 1, 1<<16)
	c := b.cache(16, Config{ObjectBytes: 16, Order: -1, High: 2, Batch: 1, MinPartial: 2})
	for round := range 3 {
		got := b.all(c, 0)
		if len(got) != 64 {
			return fmt.Errorf("round %d: %d objects of 64", round, len(got))
		}
		b.free(c, 0, got...)
		if err := c.Check(); err != nil {
			return err
		}
	}
	return nil
}

// Nothing is lost over several rounds.
func TestAllObjectsComeBack(t *testing.T) {
	if err := allComeBack(t); err != nil {
		t.Error(err)
	}
}

// Several at once: all, or as many as there are and the error.
func TestBulk(t *testing.T) {
	b := newBench(t, 1, 1, 1<<16)
	c := b.cache(4, Config{ObjectBytes: 16, Order: -1, High: 4, Batch: 2})
	objects := make([]Object, 20)
	if n, err := c.AllocBulk(b.on(0), kernel.NoWait, objects[:10]); n != 10 || err != nil {
		t.Fatalf("%d of 10 objects, %v", n, err)
	}
	n, err := c.AllocBulk(b.on(0), kernel.NoWait, objects[10:])
	if n != 6 || !errors.Is(err, kernel.ErrNoMemory) {
		t.Fatalf("%d of 10 objects, and 6 are left: %v", n, err)
	}
	seen := map[Object]bool{}
	for _, o := range objects[:16] {
		seen[o] = true
	}
	if len(seen) != 16 {
		t.Errorf("%d of 16 objects differ", len(seen))
	}
	c.FreeBulk(b.on(0), b.words(objects[:16]))
	b.sound(c)
	if n := c.lists[0].words.length.Load(); n == 0 || n > 4 {
		t.Errorf("%d objects on the list after a bulk free, and it holds 4", n)
	}
	if got := b.all(c, 0); len(got) != 16 || c.Stats().Failed != 2 {
		t.Errorf("%d of 16 objects again, %d refusals", len(got), c.Stats().Failed)
	}
}

// A bulk free panics where it comes to what is no object, or to one that this CPU has just freed; what came before is free by then.
func TestBulkMisuseIsFound(t *testing.T) {
	for _, bad := range []func(first Object) Object{
		func(first Object) Object { return first },
		func(first Object) Object { return first + 1 },
		func(Object) Object { return 1 << 40 },
	} {
		b := newBench(t, 1, 1, 1<<16)
		c := b.cache(4, Config{ObjectBytes: 16, Order: -1, High: 4, Batch: 2})
		got := b.take(c, 0, 2)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("object %d was freed with %d before it", bad(got[0]), got[0])
				}
			}()
			c.FreeBulk(b.on(0), b.words([]Object{got[0], bad(got[0]), got[1]}))
		}()
		if !c.Idle(got[0]) || c.Idle(got[1]) {
			t.Error("the first object is not free, or the third is")
		}
		b.free(c, 0, got[1])
		b.sound(c)
	}
}

// What a caller may do for memory is told to the page allocator: the reserve opens for who may use it, and the page cache is dropped for who may wait.
func TestFlagsReachThePages(t *testing.T) {
	b := newBench(t, 1, 1, 1<<16)
	config := tinyPages(16)
	config.Marks = &page.Marks{Min: 8, Low: 8, High: 8}
	pages, err := page.New(b, config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(b, pages, Config{ObjectBytes: 64, Order: -1, High: 1, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	if cached, err := pages.Alloc(b.on(0), kernel.NoWait, 0); err != nil {
		t.Fatal(err)
	} else {
		pages.CacheAdd(b.on(0), cached, 1)
	}
	ordinary := len(b.all(c, 0))
	_, waits := c.Alloc(b.on(0), kernel.Kernel)
	_, reserve := c.Alloc(b.on(0), kernel.Reserve)
	if ordinary != 7 || waits != nil || reserve != nil {
		t.Errorf("%d objects of 7 for who has no privileges; for who may wait: %v; from the reserve: %v", ordinary, waits, reserve)
	}
	b.sound(c)
}

// What is no object of the cache is refused before anything changes, and so is the one freed last; others that are free are found by Check, or
// when they reach their slab.
func TestMisuseIsFound(t *testing.T) {
	b := newBench(t, 1, 2, 1<<16)
	c := b.cache(16, Config{ObjectBytes: 24, Order: -1, High: 4, Batch: 4})
	other, err := New(b, c.pages, Config{ObjectBytes: 24, Order: -1})
	if err != nil {
		t.Fatal(err)
	}
	held := b.take(c, 0, 4)
	stranger := b.take(other, 0, 1)[0]
	b.free(c, 0, held[3])
	for name, o := range map[string]Object{
		"inside": held[0] + 8, "waste": held[0]&^63 + 48, "outside": 1 << 40, "before": 0, "stranger": stranger, "freed last": held[3],
		"no slab": Object(c.zones[0].first + c.zones[0].bytes - 64),
	} {
		if said := panics(func() { b.free(c, 0, o) }); !strings.Contains(said, "slab: free of object") {
			t.Errorf("%s: panicked with %q", name, said)
		}
		b.sound(c)
	}
	b.free(c, 1, held[3])
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "on the lists of CPU 0 and CPU 1") {
		t.Errorf("an object is on two lists: %v", err)
	}
	if said := panics(func() { c.CPUDead(b.on(0), 1); c.CPUDead(b.on(1), 0) }); !strings.Contains(said, "free already") {
		t.Errorf("an object reached its slab twice: %q", said)
	}
}

func panics(f func()) (said string) {
	defer func() {
		if r := recover(); r != nil {
			said = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

// New and Plan refuse what is out of range, and New says when a node's memory is too small.
func TestNewRefuses(t *testing.T) {
	b := newBench(t, 1, 2, 1<<16)
	pages, err := page.New(b, tinyPages(16))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{
		{}, {ObjectBytes: 4}, {ObjectBytes: 65}, {ObjectBytes: 8, High: -1}, {ObjectBytes: 8, High: 2, Batch: 3}, {ObjectBytes: 8, Batch: -1},
		{ObjectBytes: 8, Order: 5}, {ObjectBytes: 8, Order: -2}, {ObjectBytes: 8, MinPartial: -2}, {ObjectBytes: 8, High: 1<<20 + 1},
	} {
		if _, err := New(b, pages, c); !errors.Is(err, errLayout) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := New(b, pages, Config{ObjectBytes: 8, High: 6000}); err == nil || !strings.Contains(err.Error(), "more memory") {
		t.Errorf("lists larger than the memory: %v", err)
	}
}

// No path makes garbage.
func TestNoGarbage(t *testing.T) {
	b := newBench(t, 1, 1, 1<<16)
	c := b.cache(16, Config{ObjectBytes: 16, Order: -1, High: 2, Batch: 1, MinPartial: -1})
	held, words := [8]Object{}, b.words(make([]Object, 8))
	if n := testing.AllocsPerRun(200, func() {
		for i := range held {
			held[i], _ = c.Alloc(b.on(0), kernel.NoWait)
			words[i].Store(uint64(held[i]))
		}
		c.FreeBulk(b.on(0), words)
	}); n != 0 || c.Stats().Returned == 0 {
		t.Errorf("%v allocations of Go memory, %+v", n, c.Stats())
	}
}

// What Check says of planted faults.
func TestCheckFindsFaults(t *testing.T) {
	for says, plant := range map[string]func(t *kernel.Task, c *Cache, z *zone){
		"are counted (I1)":     func(t *kernel.Task, c *Cache, z *zone) { z.slabs[0].free.Store(9) },
		"and 7 are linked":     func(t *kernel.Task, c *Cache, z *zone) { z.words.linked.Store(7) },
		"and 7 are counted":    func(t *kernel.Task, c *Cache, z *zone) { z.words.empty.Store(7) },
		"is linked wrongly":    func(t *kernel.Task, c *Cache, z *zone) { z.slabs[0].previous.Store(1) },
		"slabs are linked":     func(t *kernel.Task, c *Cache, z *zone) { z.words.oldest.Store(3) },
		"lock is held":         func(t *kernel.Task, c *Cache, z *zone) { z.words.lock.TryLock(t) },
		"of at most":           func(t *kernel.Task, c *Cache, z *zone) { c.lists[0].words.length.Store(5) },
		"none of this cache":   func(t *kernel.Task, c *Cache, z *zone) { c.lists[0].slots[0].Store(z.first + 1) },
		"lies in no zone":      func(t *kernel.Task, c *Cache, z *zone) { c.lists[0].slots[0].Store(1 << 40) },
		"free in its slab too": func(t *kernel.Task, c *Cache, z *zone) { z.bits[0].Store(1 << 3); z.slabs[0].free.Store(1) },
		"are to be kept": func(t *kernel.Task, c *Cache, z *zone) {
			z.bits[0].Store(15)
			z.slabs[0].free.Store(4)
			z.words.empty.Store(1)
			c.config.MinPartial = -1
		},
	} {
		b := newBench(t, 1, 1, 1<<16)
		c := b.cache(4, Config{ObjectBytes: 16, Order: -1, High: 4, Batch: 1, MinPartial: 1})
		held := b.take(c, 0, 2) // two of four are left in slab 0
		b.free(c, 0, held[0])
		b.sound(c)
		z := &c.zones[0]
		c.lists[0].slots[0].Store(z.first + 3*16)
		z.bits[0].Store(3)
		plant(b.on(0), c, z)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q: %v", says, err)
		}
	}
}

// Holds knows an object of the cache by its place, and Idle one without an owner wherever it lies: on a CPU's list or in its slab.
func TestHoldsAndIdleKnowAnObject(t *testing.T) {
	b := newBench(t, 1, 2, 1<<18)
	c := b.cache(16, Config{ObjectBytes: 24, Order: -1, High: 4, Batch: 2})
	got := b.all(c, 0)
	for i, o := range got {
		if !c.Holds(o) || c.Idle(o) {
			t.Errorf("object %d, which is held: Holds %v, Idle %v", o, c.Holds(o), c.Idle(o))
		}
		b.free(c, i%2, o)
		if c.Holds(o) && !c.Idle(o) {
			t.Errorf("object %d was freed and is not idle", o)
		}
	}
	last := c.zones[0].first + c.zones[0].bytes
	for _, o := range []Object{got[0] + 8, Object(last), Object(last + 1<<20), ^Object(0), Object(c.zones[0].first + 2*24)} {
		if c.Holds(o) {
			t.Errorf("offset %d is held for an object", o)
		}
	}
}
