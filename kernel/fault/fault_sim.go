//go:build sim

package fault

import "headroom/kernel/choice"

// Fails reports whether the allocation that is about to be made fails now; in a simulated run the strategy decides.
func (p *Point) Fails() bool {
	f := choice.Fail
	return f != nil && f(p.index)
}
