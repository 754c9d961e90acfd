package fault

import (
	"slices"
	"testing"
)

var first, second = Define("kernel/fault", "first"), Define("kernel/fault", "second")

// Points are listed in the order of their definition, and none fails outside a simulated run.
func TestPointsAreListed(t *testing.T) {
	if !slices.Equal(All(), []*Point{first, second}) {
		t.Errorf("All lists %v", All())
	}
	if first.Fails() || second.Fails() {
		t.Error("a point fails though nobody decided so")
	}
}
