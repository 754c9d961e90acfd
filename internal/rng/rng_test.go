package rng

import "testing"

// The first numbers of seed 1234567 as published with the algorithm.
func TestStreamIsSplitMix64(t *testing.T) {
	s := New(1234567)
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423} {
		if got := s.Uint64(); got != want {
			t.Errorf("number %d: %d, want %d", i, got, want)
		}
	}
}

// Every value below n comes up about equally often.
func TestBelowIsEven(t *testing.T) {
	s := New(7)
	const n, draws = 7, 70_000
	var seen [n]int
	for range draws {
		seen[s.Below(n)]++
	}
	for v, count := range seen {
		if count < draws/n*9/10 || count > draws/n*11/10 {
			t.Errorf("%d came up %d times of %d", v, count, draws)
		}
	}
}
