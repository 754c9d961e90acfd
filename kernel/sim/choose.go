package sim

import (
	"fmt"

	"headroom/kernel/mutant"
)

// Chooser is a Strategy that answers questions beside the one who goes next: which of several stores leaves a buffer, which value a load gives,
// whether a backing allocation fails, where a task moves to.
type Chooser interface {
	Strategy
	// Choose returns a number from 0 to n-1; n is at least 2. 0 is the harmless answer: the oldest store, the newest value, no failure.
	Choose(n int) int
}

// choose asks the strategy; one that is no Chooser answers 0. I3: the answer is part of the run's hash.
func (m *Machine) choose(n int, what string) int {
	if n < 2 || m.chooser == nil {
		return 0
	}
	k := m.chooser.Choose(n)
	if k < 0 || k >= n {
		panic(fmt.Sprintf("sim: the strategy answers %d to a question with %d answers", k, n))
	}
	m.hash = mix(m.hash, uintptr(n), k, chosen)
	if m.observe != nil && k > 0 {
		m.announce(m.current, fmt.Sprintf("%s %d of %d", what, k, n-1))
	}
	return k
}

// fault is choice.Fail: a backing allocation is about to be made at the point of that index. At most Options.Faults fail in a run.
func (m *Machine) fault(index int) bool {
	if m.left.faults == 0 || m.choose(2, "a backing allocation fails:") == 0 {
		return false
	}
	if !mutant.On(sm15) {
		m.left.faults--
	}
	return true
}
