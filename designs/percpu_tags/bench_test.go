package percputags

import (
	"testing"

	"headroom/designs"
	"headroom/kernel"
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
