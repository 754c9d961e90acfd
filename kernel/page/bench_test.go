package page

import (
	"testing"

	"headroom/kernel"
	"headroom/kernel/mem"
)

// bench is a machine of which only the numbers matter: one task for each CPU, called by the test in any order, none of which may wait.
type bench struct {
	testing.TB
	memory    *mem.Memory
	tasks     []kernel.Task
	distances [][]int              // what the machine tells of them; nil by default
	masked    func(t *kernel.Task) // called when t masks interrupts and when it restores them, sim build only
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

// pages makes an allocator on the bench.
func (b *bench) pages(c Config) *Allocator {
	b.Helper()
	a, err := New(b, c)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// on is the task of a CPU.
func (b *bench) on(cpu int) *kernel.Task { return &b.tasks[cpu] }

// sound fails the test if Check finds a fault, or the number of pages that nobody owns is another.
func (b *bench) sound(a *Allocator, idle int) {
	b.Helper()
	if err := a.Check(); err != nil {
		b.Fatal(err)
	}
	if got := a.FreePages() + a.ListedPages() + a.LatePages() + a.CleanPages(); got != idle {
		b.Fatalf("%d pages are idle, want %d", got, idle)
	}
}

// take allocates n blocks, all of which must be had.
func (b *bench) take(a *Allocator, cpu int, gfp kernel.GFP, order, n int) []Page {
	b.Helper()
	var got []Page
	for range n {
		p, err := a.Alloc(b.on(cpu), gfp, order)
		if err != nil {
			b.Fatalf("block %d of %d in order %d: %v", len(got), n, order, err)
		}
		got = append(got, p)
	}
	return got
}

// all allocates until it is refused.
func (b *bench) all(a *Allocator, cpu int, gfp kernel.GFP, order int) (got []Page) {
	for {
		p, err := a.Alloc(b.on(cpu), gfp, order)
		if err != nil {
			return got
		}
		got = append(got, p)
	}
}

// free gives blocks back.
func (b *bench) free(a *Allocator, cpu, order int, blocks ...Page) {
	for _, p := range blocks {
		a.Free(b.on(cpu), p, order)
	}
}

func (b *bench) CPUs() int           { return len(b.tasks) }
func (b *bench) Node(cpu int) int    { return cpu * b.memory.Nodes() / len(b.tasks) }
func (b *bench) Memory() *mem.Memory { return b.memory }
func (b *bench) Distances() [][]int  { return b.distances }

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
