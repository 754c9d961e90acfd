package explore

import (
	"math/bits"

	"headroom/internal/rng"
)

// Random is the uniform random walk: every entity that may take the next step is as likely as any other.
type Random struct {
	beside
	stream rng.Stream
	drawn  uint64 // random bits not used yet
	left   int    // choices they suffice for
	seed   uint64
}

// A choice takes 16 bits: with up to 64 entities the bias is below a thousandth, and one number serves four choices.
const (
	choiceBits = 16
	choiceMask = 1<<choiceBits - 1
)

// Begin starts the walk of a seed.
func (r *Random) Begin(seed uint64, length int) bool {
	r.stream, r.left, r.seed = rng.New(seed), 0, seed
	r.begin(seed)
	return true
}

// Again starts the walk of the same seed.
func (r *Random) Again() { r.Begin(r.seed, 0) }

// Next draws one of the eligible.
func (r *Random) Next(eligible uint64, current int) int {
	if r.agents != 0 {
		eligible = r.thin(eligible)
	}
	if eligible&(eligible-1) == 0 {
		return bits.TrailingZeros64(eligible)
	}
	count := bits.OnesCount64(eligible)
	n := r.draw(count)
	for i := range count - 1 {
		lowest := eligible & -eligible
		eligible -= lowest & uint64((i-n)>>(bits.UintSize-1)) // for i < n: no branch that depends on what was drawn
	}
	return bits.TrailingZeros64(eligible)
}

// Choose draws one of the answers.
func (r *Random) Choose(n int) int { return r.draw(n) }

// draw is a number below n, at most some hundreds.
func (r *Random) draw(n int) int {
	if r.left == 0 {
		r.drawn, r.left = r.stream.Uint64(), 64/choiceBits
	}
	drawn := r.drawn & choiceMask * uint64(n) >> choiceBits
	r.drawn >>= choiceBits
	r.left--
	return int(drawn)
}
