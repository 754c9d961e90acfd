package reservation

import (
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
)

// desk is a machine of which only the numbers matter: one task a CPU, none of which may wait.
type desk struct {
	testing.TB
	memory *mem.Memory
	tasks  []kernel.Task
}

func newDesk(t testing.TB, cpus, bytes int) *desk {
	t.Helper()
	memory, err := mem.Make(1, bytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(memory.Release)
	d := &desk{TB: t, memory: memory, tasks: make([]kernel.Task, cpus)}
	words, err := mem.Slice[kernel.Node](memory, 0, cpus)
	if err != nil {
		t.Fatal(err)
	}
	for cpu := range d.tasks {
		d.tasks[cpu].Setup(d, &words[cpu], "test", cpu, cpu, kernel.Process)
	}
	return d
}

func (d *desk) CPUs() int           { return len(d.tasks) }
func (d *desk) Node(int) int        { return 0 }
func (d *desk) Memory() *mem.Memory { return d.memory }

func (d *desk) TaskAt(index int) *kernel.Task      { return &d.tasks[index] }
func (d *desk) Park(*kernel.Task)                  { d.Fatal("a task waits") }
func (d *desk) Ready(by, t *kernel.Task)           {}
func (d *desk) Resched(*kernel.Task)               {}
func (d *desk) Masked(*kernel.Task)                {}
func (d *desk) Misuse(t *kernel.Task, what string) { d.Fatal(what) }

// reserver makes a variant's allocator.
func (d *desk) reserver(v designs.Variant, c designs.Config) (designs.Allocator, designs.Reserver) {
	d.Helper()
	a, err := v.New(d, c)
	if err != nil {
		d.Fatal(err)
	}
	return a, a.(designs.Reserver)
}

// An ordinary alloc and free of every variant while 64 items are promised, and a promise that is drawn and freed.
func BenchmarkVariants(b *testing.B) {
	for _, v := range Variants() {
		d := newDesk(b, 1, 64<<20)
		a, r := d.reserver(v, designs.Config{Items: 4096})
		t := &d.tasks[0]
		if err := r.Reserve(t, kernel.NoWait, 64); err != nil {
			b.Fatal(err)
		}
		b.Run(v.Name+"/ordinary", func(b *testing.B) {
			b.ReportAllocs()
			if failed := v.Loops.Pair(a, t, kernel.NoWait, b.N, nil); failed != 0 {
				b.Errorf("%d of %d pairs failed", failed, b.N)
			}
		})
		b.Run(v.Name+"/promised", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Reserve(t, kernel.NoWait, 1); err != nil {
					b.Fatal(err)
				}
				it, _ := r.AllocReserved(t)
				a.Free(t, it)
			}
		})
	}
}
