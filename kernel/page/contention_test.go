package page

import (
	"fmt"
	"testing"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/percpu"
)

// Windows of 32 pages on one CPU and on two at once: from a zone so small that its lists hold next to nothing, and from one of 1 GiB, whose lists hold
// them all; and as a control a compare-and-swap of a word of each CPU's own. ns/op is the time of a pair on each CPU.
func BenchmarkWindow(b *testing.B) {
	for cpus := 1; cpus <= 2; cpus++ {
		for _, pages := range []int{320, 1 << 18} {
			b.Run(fmt.Sprintf("%d pages, %d CPUs", pages, cpus), func(b *testing.B) {
				m := benchMachine(b, pages, cpus)
				a, err := New(m, Config{Pages: pages})
				if err != nil {
					b.Fatal(err)
				}
				onEach(b, m, func(t *kernel.Task) { windowsOf32(b, a, t) })
				s := a.Stats()
				b.ReportMetric(float64(s.Locks)/float64(b.N*cpus), "locks/op")
			})
		}
		b.Run(fmt.Sprintf("CAS, %d CPUs", cpus), func(b *testing.B) {
			m := benchMachine(b, 1, cpus)
			words, err := percpu.New[atomic.Uint64](m)
			if err != nil {
				b.Fatal(err)
			}
			onEach(b, m, func(t *kernel.Task) {
				for range b.N {
					words[t.CPU()].CompareAndSwap(0, 0)
				}
			})
		})
	}
}

func benchMachine(b *testing.B, pages, cpus int) *machine.Native {
	allowed, err := machine.Allowed()
	if err != nil {
		b.Fatal(err)
	}
	o := machine.Options{MemoryBytes: pages*(4096+128) + 8<<20, Tasks: 8}
	for cpu := range cpus {
		o.CPUs = append(o.CPUs, machine.CPU{ID: allowed[cpu%len(allowed)]})
	}
	m, err := machine.NewNative(o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(m.Close)
	return m
}

// onEach runs a task on each CPU, at real-time priority where that is granted.
func onEach(b *testing.B, m *machine.Native, body func(t *kernel.Task)) {
	for cpu := range m.CPUs() {
		m.Spawn(nil, machine.Spec{Name: "bench", CPU: cpu, Body: func(t *kernel.Task) {
			if machine.Realtime(true) == nil {
				defer func() { _ = machine.Realtime(false) }()
			}
			body(t)
		}})
	}
	b.ResetTimer()
	if err := m.Run(); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
}

func windowsOf32(b *testing.B, a *Allocator, t *kernel.Task) {
	var held [32]Page
	for left := b.N; left > 0; left -= len(held) {
		for i := range held {
			held[i], _ = a.Alloc(t, kernel.NoWait, 0)
		}
		for _, p := range held {
			a.Free(t, p, 0)
		}
	}
}
