package gfpnolocks

import (
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// bench is a machine of which only the numbers matter: one task for each CPU, called by the test in any order, none of which may wait.
type bench struct {
	testing.TB
	memory *mem.Memory
	tasks  []kernel.Task
}

const benchMemoryBytes = 16 << 20

func newBench(t testing.TB, cpus int) *bench {
	memory, err := mem.Make(1, benchMemoryBytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(memory.Release)
	b := &bench{TB: t, memory: memory, tasks: make([]kernel.Task, cpus)}
	nodes, err := mem.Slice[kernel.Node](memory, 0, cpus)
	if err != nil {
		t.Fatal(err)
	}
	for cpu := range b.tasks {
		b.tasks[cpu].Setup(b, &nodes[cpu], "test", cpu, cpu, kernel.Process)
	}
	return b
}

// variant makes an allocator on the bench.
func (b *bench) variant(name string, c designs.Config) designs.Allocator {
	b.Helper()
	for _, v := range Variants() {
		if v.Name == name {
			a, err := v.New(b, c)
			if err != nil {
				b.Fatal(err)
			}
			return a
		}
	}
	b.Fatalf("no variant is called %s", name)
	return nil
}

// client makes a client over pages of the form trylock and objects of 64 bytes in the form slab.
func (b *bench) client(c ClientConfig, objects int) *Client {
	b.Helper()
	if c.Pages == nil {
		c.Pages = b.variant("trylock", designs.Config{Items: 64, Bytes: c.PageBytes}).(*TryLock)
	}
	c.Objects = b.variant("slab", designs.Config{Items: objects, Bytes: 64})
	var err error
	if c.Grace, err = NewGrace(b); err != nil {
		b.Fatal(err)
	}
	client, err := NewClient(b, c)
	if err != nil {
		b.Fatal(err)
	}
	return client
}

// on is the task of a CPU.
func (b *bench) on(cpu int) *kernel.Task { return &b.tasks[cpu] }

// period lets two grace periods pass, so that every snapshot taken so far has elapsed.
func (b *bench) period(g *Grace) {
	for range 2 {
		for cpu := range b.tasks {
			g.Quiesce(b.on(cpu))
		}
	}
}

func (b *bench) CPUs() int           { return len(b.tasks) }
func (b *bench) Node(int) int        { return 0 }
func (b *bench) Memory() *mem.Memory { return b.memory }

func (b *bench) TaskAt(index int) *kernel.Task      { return &b.tasks[index] }
func (b *bench) Park(*kernel.Task)                  { b.Fatal("a task waits") }
func (b *bench) Ready(by, t *kernel.Task)           {}
func (b *bench) Resched(*kernel.Task)               {}
func (b *bench) Masked(*kernel.Task)                {}
func (b *bench) Misuse(t *kernel.Task, what string) { b.Fatal(what) }

// BenchmarkPair is the tight pair of each variant through its entry, and as a control a compare-and-swap, in one run.
func BenchmarkPair(b *testing.B) {
	b.Run("CAS", func(b *testing.B) {
		word, err := mem.New[atomic.Uint64](newBench(b, 1).memory, 0)
		if err != nil {
			b.Fatal(err)
		}
		for range b.N {
			word.CompareAndSwap(0, 0)
		}
	})
	for _, v := range Variants() {
		b.Run(v.Name, func(b *testing.B) {
			bench := newBench(b, 1)
			a, err := v.New(bench, designs.Config{Items: 256})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			if failed := v.Loops.Pair(a, bench.on(0), kernel.NoWait, b.N, nil); failed > 0 {
				b.Fatal(failed)
			}
		})
	}
}

// single hides that objects can go back several at a time.
type single struct{ designs.Allocator }

// BenchmarkQueue is an object taken, queued and freed after its grace period, a thousand at a time: by pages of pointers that are freed as a whole, or
// object by object, and through the objects.
func BenchmarkQueue(b *testing.B) {
	for _, way := range []struct {
		name   string
		spares int
		bulk   bool
	}{{"pages", 5, true}, {"pages-single", 5, false}, {"list", 0, true}} {
		b.Run(way.name, func(b *testing.B) {
			const burst = 1000
			bench := newBench(b, 1)
			c := bench.client(ClientConfig{PageBytes: 4096, Spares: way.spares}, 2*burst)
			if !way.bulk {
				config := c.config
				config.Objects = single{config.Objects}
				var err error
				if c, err = NewClient(bench, config); err != nil {
					b.Fatal(err)
				}
			}
			t := bench.on(0)
			b.ReportAllocs()
			for done := 0; done < b.N; done += burst {
				if way.spares > 0 {
					c.Refill(t, kernel.NoWait)
				}
				for range burst {
					it, err := c.config.Objects.Alloc(t, kernel.NoWait)
					if err != nil {
						b.Fatal(err)
					}
					c.Queue(t, it)
				}
				bench.period(c.config.Grace)
				c.Drain(t)
				bench.period(c.config.Grace)
				c.Drain(t)
			}
		})
	}
}
