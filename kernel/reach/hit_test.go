//go:build sim

package reach

import (
	"slices"
	"testing"

	"headroom/kernel/choice"
)

// In a simulated run Hit tells the machine the point's place in All.
func TestHitTellsTheMachine(t *testing.T) {
	var told []int
	choice.Reached = func(index int) { told = append(told, index) }
	defer func() { choice.Reached = nil }()
	second.Hit()
	first.Hit()
	second.Hit()
	if !slices.Equal(told, []int{1, 0, 1}) {
		t.Errorf("told %v", told)
	}
}
