//go:build sim

package reach

import "headroom/kernel/choice"

// Hit says that the point was passed, and tells the running simulation.
func (p *Point) Hit() {
	if f := choice.Reached; f != nil {
		f(p.index)
	}
}
