//go:build sim

package fault

import (
	"slices"
	"testing"

	"headroom/kernel/choice"
)

// In a simulated run Fails asks the machine, by the point's place in All, and gives its answer.
func TestFailsAsksTheMachine(t *testing.T) {
	var asked []int
	choice.Fail = func(index int) bool { asked = append(asked, index); return index == 1 }
	defer func() { choice.Fail = nil }()
	if first.Fails() || !second.Fails() || !slices.Equal(asked, []int{0, 1}) {
		t.Errorf("asked %v", asked)
	}
}
