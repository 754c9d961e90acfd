package measure

import (
	"math"
	"testing"
)

// Noise is one class; two clusters are two; a single stray value makes no class of its own.
func TestBoundarySplitsClustersOnly(t *testing.T) {
	noise := []float64{110, 115, 118, 121, 125, 126, 131, 137, 140, 146, 155, 160, 120, 119, 128, 133, 122, 124, 127, 129, 141, 112, 117, 138}
	for _, c := range []struct {
		name  string
		trips []float64
		want  float64
	}{
		{"none", nil, math.Inf(1)},
		{"one", []float64{50}, math.Inf(1)},
		{"noise", noise, math.Inf(1)},
		{"stray", append([]float64{900}, noise[:len(noise)-1]...), math.Inf(1)},
		{"two clusters", []float64{48, 330, 52, 340, 50, 47, 325, 55}, 325},
	} {
		got := Boundary(c.trips)
		if c.name == "stray" {
			got = Boundary(append(c.trips, noise...)) // 1 of 47 is less than a twentieth
		}
		if got != c.want {
			t.Errorf("%s: boundary %v, want %v", c.name, got, c.want)
		}
	}
	if Class(50, 325) != Near || Class(325, 325) != Far || Class(1e9, math.Inf(1)) != Single {
		t.Error("a class is on the wrong side of its boundary")
	}
}
