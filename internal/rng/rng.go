// Package rng is the seeded random stream of the explorer and the simulator: SplitMix64 (Steele, Lea and Flood, 2014), one multiply chain a
// number. math/rand/v2 serves wherever speed does not matter; here a number is drawn at every simulated step.
package rng

// Stream is a random stream. Equal seeds give equal streams, on every machine.
type Stream struct{ state uint64 }

// New starts the stream of a seed.
func New(seed uint64) Stream { return Stream{state: seed} }

// Uint64 is the next 64 random bits.
func (s *Stream) Uint64() uint64 {
	s.state += 0x9e3779b97f4a7c15
	return Mix(s.state)
}

// Below is a number from 0 to n-1; n must be at least 1. The bias is below n/2^32.
func (s *Stream) Below(n int) int {
	return int((s.Uint64() >> 32) * uint64(n) >> 32)
}

// Mix scatters the bits of x so that near inputs give far outputs; it turns a seed and a counter into a new seed.
func Mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
