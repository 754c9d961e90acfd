package explore

import (
	"math/bits"

	"headroom/internal/rng"
)

// Random is the uniform random walk: every entity that may take the next step is as likely as any other.
type Random struct {
	stream rng.Stream
	drawn  uint64 // random bits not used yet
	left   int    // choices they suffice for
	beside uint64 // entities that are considered at one choice in odds only
	odds   int
}

// A choice takes 16 bits: with up to 64 entities the bias is below a thousandth, and one number serves four choices.
const (
	choiceBits = 16
	choiceMask = 1<<choiceBits - 1
)

// Seed starts the walk of a seed.
func (r *Random) Seed(seed uint64) { r.stream, r.left, r.beside = rng.New(seed), 0, 0 }

// Beside names the machine's own entities before a run: how often they are considered is drawn for the run, from always to once in 64 choices. As
// likely as any other they would empty each store buffer at once, and use their budgets up in the first steps.
func (r *Random) Beside(agents uint64) {
	r.beside = agents
	r.odds = []int{1, 4, 16, 64}[r.stream.Below(4)]
}

// Next draws one of the eligible.
func (r *Random) Next(eligible uint64, current int) int {
	if r.beside != 0 && eligible&^r.beside != 0 && r.stream.Below(r.odds) != 0 {
		eligible &^= r.beside
	}
	if eligible&(eligible-1) == 0 {
		return bits.TrailingZeros64(eligible)
	}
	if r.left == 0 {
		r.drawn, r.left = r.stream.Uint64(), 64/choiceBits
	}
	n := r.drawn & choiceMask * uint64(bits.OnesCount64(eligible)) >> choiceBits
	r.drawn >>= choiceBits
	r.left--
	for ; n > 0; n-- {
		eligible &= eligible - 1
	}
	return bits.TrailingZeros64(eligible)
}

// Choose draws one of n answers.
func (r *Random) Choose(n int) int { return r.stream.Below(n) }
