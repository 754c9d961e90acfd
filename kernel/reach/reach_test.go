package reach

import (
	"slices"
	"testing"
)

var first, second = Define("kernel/reach", "first"), Define("kernel/reach", "second")

// Points are listed in the order of their definition, and Hit outside a simulated run does nothing.
func TestPointsAreListed(t *testing.T) {
	if !slices.Equal(All(), []*Point{first, second}) {
		t.Errorf("All lists %v", All())
	}
	first.Hit()
}
