package page

import (
	"fmt"
	"testing"

	"headroom/kernel"
)

// pairsPlain allocates and frees without the branch for reservations. It is not inlined, so that an instruction counter can be switched on for it alone.
//
//go:noinline
func pairsPlain(a *Allocator, t *kernel.Task, pairs int) {
	for range pairs {
		p, _ := a.Alloc(t, kernel.NoWait, 0)
		a.Free(t, p, 0)
	}
}

// pairsBranched is pairsPlain with the branch.
//
//go:noinline
func pairsBranched(a *Allocator, t *kernel.Task, pairs int) {
	for range pairs {
		p, _ := a.AllocOrDraw(t, kernel.NoWait, 0)
		a.Free(t, p, 0)
	}
}

// benchZone is a zone of pages at their ordinary size.
func benchZone(b *testing.B, cpus int, promises bool) (*bench, *Allocator) {
	m := newBench(b, 1, cpus, 32<<20)
	return m, m.pages(Config{Pages: 4096, Promises: promises})
}

// An alloc and a free that hit the CPU's list, without the branch for reservations and with it, and from an allocator that may promise pages.
func BenchmarkReservationBranch(b *testing.B) {
	for _, c := range []struct {
		name     string
		promises bool
		pairs    func(*Allocator, *kernel.Task, int)
	}{{"without", false, pairsPlain}, {"branch", false, pairsBranched}, {"promises", true, pairsBranched}} {
		b.Run(c.name, func(b *testing.B) {
			m, a := benchZone(b, 1, c.promises)
			b.ReportAllocs()
			b.ResetTimer()
			c.pairs(a, m.on(0), b.N)
		})
	}
}

// A promise of a page, its draw, and the free; and the promise with its cancel, by exact counts and by estimates, for several numbers of CPUs.
func BenchmarkPromise(b *testing.B) {
	b.Run("draw", func(b *testing.B) {
		m, a := benchZone(b, 1, true)
		b.ReportAllocs()
		for b.Loop() {
			_ = a.Reserve(m.on(0), kernel.NoWait, 1)
			a.Free(m.on(0), a.Draw(m.on(0)), 0)
		}
	})
	for _, cpus := range []int{1, 8, 64} {
		for _, estimate := range []bool{false, true} {
			b.Run(fmt.Sprintf("admit/cpus=%d/estimate=%v", cpus, estimate), func(b *testing.B) {
				m := newBench(b, 1, cpus, 64<<20)
				a := m.pages(Config{Pages: 4096, Promises: true, Estimate: estimate})
				b.ReportAllocs()
				for b.Loop() {
					_ = a.Reserve(m.on(0), kernel.NoWait, 1)
					a.Cancel(m.on(0), 1)
				}
			})
		}
	}
}
