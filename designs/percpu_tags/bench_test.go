package percputags

import (
	"slices"
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// bench is a machine of which only the numbers matter: one task for each CPU, called by the test in any order, none of which may wait.
type bench struct {
	testing.TB
	memory *mem.Memory
	tasks  []kernel.Task
}

const benchMemoryBytes = 1 << 20

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

// pool makes a pool on the bench.
func (b *bench) pool(c Config) *Pool {
	p, err := New(b, c)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// on is the task of a CPU.
func (b *bench) on(cpu int) *kernel.Task { return &b.tasks[cpu] }

func (b *bench) CPUs() int           { return len(b.tasks) }
func (b *bench) Node(int) int        { return 0 }
func (b *bench) Memory() *mem.Memory { return b.memory }

func (b *bench) TaskAt(index int) *kernel.Task      { return &b.tasks[index] }
func (b *bench) Park(*kernel.Task)                  { b.Fatal("a task waits") }
func (b *bench) Ready(by, t *kernel.Task)           {}
func (b *bench) Resched(*kernel.Task)               {}
func (b *bench) Masked(*kernel.Task)                {}
func (b *bench) Misuse(t *kernel.Task, what string) { b.Fatal(what) }

// BenchmarkPair is the tight pair of each way to keep owner and thief apart, in one run.
func BenchmarkPair(b *testing.B) {
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

// callPair is the tight pair through the interface.
//
//go:noinline
func callPair(a designs.Allocator, t *kernel.Task, pairs int) (failed int) {
	for range pairs {
		it, err := a.Alloc(t, kernel.NoWait)
		if err != nil {
			failed++
			continue
		}
		a.Free(t, it)
	}
	return failed
}

// The layer's cost, each contender by turns in batches, in compare-and-swaps of the same turn: lock alone, lock called through the interface, as the
// layer calls it, and the layer over it.
func BenchmarkReserve(b *testing.B) {
	const tags, batchPairs = 256, 2000
	m := newBench(b, 1)
	bare := m.pool(Config{Tags: tags})
	over, err := NewReserved(m, Composition{Ordinary: m.pool(Config{Tags: tags}), OrdinaryTags: tags, Reserve: m.pool(Config{Tags: 4, Max: 1}), ReserveTags: 4})
	if err != nil {
		b.Fatal(err)
	}
	word, err := mem.New[atomic.Uint64](m.memory, 0)
	if err != nil {
		b.Fatal(err)
	}
	contenders := []func(){
		func() {
			for i := range uint64(batchPairs) {
				word.CompareAndSwap(i, i+1)
			}
			word.Store(0)
		},
		func() { poolPair(bare, m.on(0), kernel.NoWait, batchPairs, nil) },
		func() { callPair(bare, m.on(0), batchPairs) },
		func() { reservedPair(over, m.on(0), kernel.NoWait, batchPairs, nil) },
	}
	costs := make([][]float64, len(contenders))
	for b.Loop() {
		for i, run := range contenders {
			start := arch.TSC()
			run()
			costs[i] = append(costs[i], float64(arch.TSC()-start))
		}
	}
	if over.Drawn() != 0 {
		b.Fatalf("%d tags came from the reserve", over.Drawn())
	}
	middle := func(i int) float64 { slices.Sort(costs[i]); return costs[i][len(costs[i])/2] }
	unit := middle(0)
	b.ReportMetric(middle(1)/unit, "lock-CAS")
	b.ReportMetric(middle(2)/unit, "called-CAS")
	b.ReportMetric(middle(3)/unit, "reserve-CAS")
	b.ReportMetric((middle(3)-middle(1))/unit, "layer-CAS")
}
