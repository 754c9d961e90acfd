package explore

import (
	"math/bits"

	"headroom/internal/rng"
)

// Random is the uniform random walk: every entity that may take the next step is as likely as any other.
type Random struct{ stream rng.Stream }

// Seed starts the walk of a seed.
func (r *Random) Seed(seed uint64) { r.stream = rng.New(seed) }

// Next draws one of the eligible.
func (r *Random) Next(eligible uint64, current int) int {
	if eligible&(eligible-1) == 0 {
		return bits.TrailingZeros64(eligible)
	}
	for n := r.stream.Below(bits.OnesCount64(eligible)); n > 0; n-- {
		eligible &= eligible - 1
	}
	return bits.TrailingZeros64(eligible)
}
