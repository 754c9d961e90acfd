package coro

import (
	"math/rand/v2"
	"runtime"
	"testing"
)

// A random walk over n coroutines and the main goroutine visits each exactly when it is named, in both modes.
func TestSwitchReachesTheNamedOne(t *testing.T) {
	for _, hub := range []bool{false, true} {
		const n, rounds = 5, 10_000
		rng := rand.New(rand.NewPCG(1, 2))
		var s *Set
		wanted, visits, left := 0, make([]int, n+1), rounds
		pick := func() {
			if left == 0 {
				wanted = Main
			} else {
				left--
				wanted = 1 + rng.IntN(n)
			}
			s.Switch(wanted)
		}
		s = New(n, hub, func(self int) {
			for !s.Closing() {
				if wanted != self {
					t.Errorf("hub=%v: %d runs, wanted %d", hub, self, wanted)
				}
				visits[self]++
				pick()
			}
		})
		for left > 0 {
			pick()
		}
		s.Close()
		for i := 1; i <= n; i++ {
			if visits[i] < rounds/n/2 {
				t.Errorf("hub=%v: coroutine %d visited %d times of %d", hub, i, visits[i], rounds)
			}
		}
	}
}

// I2: after Close no goroutine is left over, whether the coroutines ran, were parked in each other's slots, or never started.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, hub := range []bool{false, true} {
		for started := range 4 {
			var s *Set
			s = New(4, hub, func(self int) {
				for !s.Closing() {
					if self < started {
						s.Switch(self + 1)
					} else {
						s.Switch(Main)
					}
				}
			})
			if started > 0 {
				s.Switch(1)
			}
			s.Close()
			if got := runtime.NumGoroutine(); got != before {
				t.Errorf("hub=%v started=%d: %d goroutines, %d before", hub, started, got, before)
			}
		}
	}
}

func BenchmarkSwitch(b *testing.B) {
	for _, mode := range []struct {
		name string
		hub  bool
	}{{"symmetric", false}, {"hub", true}} {
		b.Run(mode.name, func(b *testing.B) {
			var s *Set
			s = New(2, mode.hub, func(self int) {
				for range b.N / 2 {
					s.Switch(3 - self)
				}
				s.Switch(Main)
			})
			b.ResetTimer()
			s.Switch(1)
			b.StopTimer()
			s.Close()
		})
	}
}
