package mempool

import (
	"slices"
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/page"
	"headroom/kernel/slab"
)

// bench is a machine of which only the numbers matter: one task, which may not wait. Work that is queued waits for ever.
type bench struct {
	testing.TB
	memory *mem.Memory
	task   *kernel.Task
}

func (b *bench) Queue(*kernel.Task, int, *machine.Work) {}

func newBench(t testing.TB) *bench {
	memory, err := mem.Make(1, 16<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(memory.Release)
	return &bench{TB: t, memory: memory, task: kernel.NewBoot(0)}
}

func (b *bench) CPUs() int           { return 1 }
func (b *bench) Node(int) int        { return 0 }
func (b *bench) Memory() *mem.Memory { return b.memory }

// contender is a way to get an item and give it back, so many times in a row.
type contender struct {
	name  string
	pairs func(t *kernel.Task, pairs int)
}

const (
	benchItems = 64
	benchRoom  = 1024 // so that the backing always has some
	batchPairs = 2000
)

// The layer's cost, each contender by turns in batches: the backing bare, the pool that calls it through a pointer, and the pool that calls it by its
// type; all in compare-and-swaps of the same turn. "layer" is what the pool adds as it is, "call" the part of it that goes when the pointer does.
func BenchmarkLayer(b *testing.B) {
	for _, order := range []string{"mainline", "molnar"} {
		for _, suffix := range []string{"", "-page", "-mempool"} {
			b.Run(order+suffix, func(b *testing.B) { benchLayer(b, order+suffix) })
		}
	}
}

func benchLayer(b *testing.B, name string) {
	m := newBench(b)
	v := Variants()[slices.IndexFunc(Variants(), func(v designs.Variant) bool { return v.Name == name })]
	pools := make([]*Pool, 2)
	for direct := range pools {
		a, err := v.New(m, designs.Config{Items: benchItems, Room: benchRoom, Knobs: map[string]int{knobDirect: direct}})
		if err != nil {
			b.Fatal(err)
		}
		pools[direct] = a.(*Pool)
	}
	word, err := mem.New[atomic.Uint64](m.memory, 0)
	if err != nil {
		b.Fatal(err)
	}
	contenders := []contender{
		{"CAS", func(_ *kernel.Task, pairs int) {
			for i := range uint64(pairs) {
				word.CompareAndSwap(i, i+1)
			}
			word.Store(0)
		}},
		{"bare", bare(pools[0].Backing())},
		{"pool", func(t *kernel.Task, pairs int) { poolPair(pools[0], t, kernel.NoWait, pairs, nil) }},
		{"direct", func(t *kernel.Task, pairs int) { poolPair(pools[1], t, kernel.NoWait, pairs, nil) }},
	}
	costs := make([][]float64, len(contenders))
	for i := range costs {
		costs[i] = make([]float64, 0, b.N)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		for i, c := range contenders {
			start := arch.TSC()
			c.pairs(m.task, batchPairs)
			costs[i] = append(costs[i], float64(arch.TSC()-start))
		}
	}
	if s := pools[0].Stats(); s.Locks != 0 {
		b.Fatalf("the pool's lock was taken %d times", s.Locks)
	}
	cost := make([]float64, len(contenders))
	for i := range cost {
		slices.Sort(costs[i])
		cost[i] = costs[i][len(costs[i])/2] / (costs[0][len(costs[0])/2])
	}
	b.ReportMetric(cost[1], "bare-CAS")
	b.ReportMetric(cost[2], "pool-CAS")
	b.ReportMetric(cost[3], "direct-CAS")
	b.ReportMetric(cost[2]-cost[1], "layer-CAS")
	b.ReportMetric(cost[2]-cost[3], "call-CAS")
}

// What a pair costs where the pool serves everybody, because the backing serves nobody who may not wait: in compare-and-swaps of the same turn.
func BenchmarkChunks(b *testing.B) {
	for _, name := range []string{"mainline-chunks", "async", "async-mayfail"} {
		b.Run(name, func(b *testing.B) {
			m := newBench(b)
			p := build1(b, m, name, designs.Config{Items: benchItems})
			word, err := mem.New[atomic.Uint64](m.memory, 0)
			if err != nil {
				b.Fatal(err)
			}
			var costs [2][]float64
			b.ReportAllocs()
			for range b.N {
				for i, pairs := range []func(){
					func() {
						for i := range uint64(batchPairs) {
							word.CompareAndSwap(i, i+1)
						}
						word.Store(0)
					},
					func() { poolPair(p, m.task, kernel.NoWait, batchPairs, nil) },
				} {
					start := arch.TSC()
					pairs()
					costs[i] = append(costs[i], float64(arch.TSC()-start))
				}
			}
			slices.Sort(costs[0])
			slices.Sort(costs[1])
			b.ReportMetric(costs[1][len(costs[1])/2]/costs[0][len(costs[0])/2], "pool-CAS")
		})
	}
}

// bare is the same loop on a backing's own type.
func bare(backing Backing) func(t *kernel.Task, pairs int) {
	switch b := backing.(type) {
	case *Pages:
		return func(t *kernel.Task, pairs int) { barePages(b.pages, t, pairs) }
	case *Slab:
		return func(t *kernel.Task, pairs int) { bareSlab(b.cache, t, pairs) }
	}
	return func(t *kernel.Task, pairs int) { poolPair(backing.(*Pool), t, kernel.NoWait, pairs, nil) }
}

//go:noinline
func barePages(a *page.Allocator, t *kernel.Task, pairs int) (failed int) {
	for range pairs {
		p, err := a.Alloc(t, kernel.NoWait, 0)
		if err != nil {
			failed++
			continue
		}
		a.Free(t, p, 0)
	}
	return failed
}

//go:noinline
func bareSlab(c *slab.Cache, t *kernel.Task, pairs int) (failed int) {
	for range pairs {
		o, err := c.Alloc(t, kernel.NoWait)
		if err != nil {
			failed++
			continue
		}
		c.Free(t, o)
	}
	return failed
}

// What a pool costs when the backing has nothing: every pair is a pop and a push under the pool's lock.
func BenchmarkEmptyBacking(b *testing.B) {
	m := newBench(b)
	v := Variants()[0]
	a, err := v.New(m, designs.Config{Items: benchItems})
	if err != nil {
		b.Fatal(err)
	}
	p := a.(*Pool)
	for p.Elements() == benchItems { // what the last slab has beside the pool's elements
		if _, err := p.Alloc(m.task, kernel.NoWait); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		poolPair(p, m.task, kernel.NoWait, 1, nil)
	}
}
