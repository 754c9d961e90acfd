package coro

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// trace runs a random program of n coroutines, whose bodies sometimes end and start again, and returns the order in which they ran.
func trace(n int, hub bool, seed uint64) []int {
	draw := rand.New(rand.NewPCG(seed, 0))
	var order []int
	var s *Set
	left := 500
	turn := func(self int) {
		order = append(order, self)
		left--
		if left <= 0 {
			s.Switch(Main)
			return
		}
		s.Switch(draw.IntN(n + 1)) // Main included, and itself
	}
	s = New(n, hub, func(self int) {
		for range 1 + self%3 {
			if s.Closing() {
				return
			}
			turn(self)
		}
	})
	for left > 0 {
		turn(Main)
	}
	s.Close()
	return order
}

// Direct hand-over and hub run the same program in the same order.
func TestBothModesGiveTheSameOrder(t *testing.T) {
	for seed := range uint64(50) {
		n := 1 + int(seed%7)
		direct, hub := trace(n, false, seed), trace(n, true, seed)
		if !slices.Equal(direct, hub) {
			t.Fatalf("seed %d: direct %v, hub %v", seed, direct, hub)
		}
		if len(direct) < 500 {
			t.Fatalf("seed %d: %d turns only", seed, len(direct))
		}
	}
}

// A body that recovers its own panic, which may come after others ran on its behalf, goes on as before.
func TestPanicIsRecoveredInTheBody(t *testing.T) {
	for _, hub := range []bool{false, true} {
		var got []string
		var s *Set
		s = New(2, hub, func(self int) {
			for !s.Closing() {
				func() {
					defer func() {
						if r := recover(); r != nil {
							got = append(got, r.(string))
						}
					}()
					if self == 1 {
						s.Switch(2)
						panic("one")
					}
					panic("two")
				}()
				if self == 2 {
					s.Switch(1)
				} else {
					s.Switch(Main)
				}
			}
		})
		for range 3 {
			s.Switch(1)
		}
		s.Close()
		if want := []string{"two", "one", "two", "one", "two", "one"}; !slices.Equal(got[:min(6, len(got))], want) {
			t.Errorf("hub %v: recovered %q, want %q", hub, got, want)
		}
	}
}
