package slab

import (
	"testing"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
	"headroom/kernel/page"
)

// bench is a machine of which only the numbers matter: one task for each CPU, called by the test in any order, none of which may wait.
type bench struct {
	testing.TB
	memory *mem.Memory
	tasks  []kernel.Task
	masked func(t *kernel.Task) // called when t masks interrupts and when it restores them, sim build only
}

func newBench(t testing.TB, nodes, cpus, bytes int) *bench {
	t.Helper()
	memory, err := mem.Make(nodes, bytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(memory.Release)
	b := &bench{TB: t, memory: memory, tasks: make([]kernel.Task, cpus)}
	words, err := mem.Slice[kernel.Node](memory, 0, cpus)
	if err != nil {
		t.Fatal(err)
	}
	for cpu := range b.tasks {
		b.tasks[cpu].Setup(b, &words[cpu], "test", cpu, cpu, kernel.Process)
	}
	return b
}

// cache makes a cache over zones of so many pages of 64 bytes without a reserve.
func (b *bench) cache(pages int, c Config) *Cache {
	b.Helper()
	a, err := page.New(b, tinyPages(pages))
	if err != nil {
		b.Fatal(err)
	}
	cache, err := New(b, a, c)
	if err != nil {
		b.Fatal(err)
	}
	return cache
}

func tinyPages(pages int) page.Config {
	return page.Config{Pages: pages, PageBytes: 64, Marks: &page.Marks{}, High: 1, Batch: 1}
}

func (b *bench) on(cpu int) *kernel.Task { return &b.tasks[cpu] }

// take allocates n objects, all of which must be had and differ.
func (b *bench) take(c *Cache, cpu, n int) []Object {
	b.Helper()
	var got []Object
	seen := map[Object]bool{}
	for range n {
		o, err := c.Alloc(b.on(cpu), kernel.NoWait)
		if err != nil || seen[o] {
			b.Fatalf("object %d of %d: %d, %v, handed out before: %v", len(got), n, o, err, seen[o])
		}
		seen[o] = true
		got = append(got, o)
	}
	return got
}

// all allocates until it is refused.
func (b *bench) all(c *Cache, cpu int) (got []Object) {
	for {
		o, err := c.Alloc(b.on(cpu), kernel.NoWait)
		if err != nil {
			return got
		}
		got = append(got, o)
	}
}

func (b *bench) free(c *Cache, cpu int, objects ...Object) {
	for _, o := range objects {
		c.Free(b.on(cpu), o)
	}
}

// words are words of the bench's memory that hold the objects' places.
func (b *bench) words(objects []Object) []mem.Plain64 {
	b.Helper()
	words, err := mem.Slice[mem.Plain64](b.memory, 0, len(objects))
	if err != nil {
		b.Fatal(err)
	}
	for i, o := range objects {
		words[i].Store(uint64(o))
	}
	return words
}

// sound fails the test if Check, of the cache or of its pages, finds a fault.
func (b *bench) sound(c *Cache) {
	b.Helper()
	if err := c.Check(); err != nil {
		b.Fatal(err)
	}
	if err := c.pages.Check(); err != nil {
		b.Fatal(err)
	}
}

// pagesHeld is the number of pages that the page allocator has given out.
func pagesHeld(c *Cache) int {
	return len(c.zones)*c.pages.ZonePages() - c.pages.FreePages() - c.pages.ListedPages()
}

func (b *bench) CPUs() int           { return len(b.tasks) }
func (b *bench) Node(cpu int) int    { return cpu * b.memory.Nodes() / len(b.tasks) }
func (b *bench) Memory() *mem.Memory { return b.memory }

func (b *bench) TaskAt(index int) *kernel.Task { return &b.tasks[index] }
func (b *bench) Park(*kernel.Task)             { b.Fatal("a task waits") }
func (b *bench) Ready(by, t *kernel.Task)      {}
func (b *bench) Resched(*kernel.Task)          {}
func (b *bench) Masked(t *kernel.Task) {
	if b.masked != nil {
		b.masked(t)
	}
}
func (b *bench) Misuse(t *kernel.Task, what string) { b.Fatal(what) }

// One pair that hits the list; windows of several sizes, the larger of which refill and spill; and a compare-and-swap to compare with.
func BenchmarkPair(b *testing.B) {
	for _, window := range []struct {
		name string
		size int
	}{{"Pair", 1}, {"Window32", 32}, {"Window512", 512}} {
		b.Run(window.name, func(b *testing.B) {
			m := newBench(b, 1, 1, 64<<20)
			a, err := page.New(m, page.Config{Pages: 4096})
			if err != nil {
				b.Fatal(err)
			}
			c, err := New(m, a, Config{ObjectBytes: 256})
			if err != nil {
				b.Fatal(err)
			}
			task, held := m.on(0), make([]Object, window.size)
			b.ReportAllocs()
			for left := b.N; left > 0; left -= len(held) {
				for i := range held {
					held[i], _ = c.Alloc(task, kernel.NoWait)
				}
				for _, o := range held {
					c.Free(task, o)
				}
			}
		})
	}
	b.Run("CAS", func(b *testing.B) {
		m := newBench(b, 1, 1, 1<<20)
		w, err := mem.New[atomic.Uint64](m.memory, 0)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			w.CompareAndSwap(0, 0)
		}
	})
}
