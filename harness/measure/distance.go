package measure

import (
	"math"
	"slices"
)

// The distance classes of a line's round trip. On a virtual machine two CPUs may be neighbours in one sample and far apart in the next, as the
// host moves them: about 50 against about 330 ns were seen. A figure taken across such a change means nothing.
const (
	Single = "single" // the run has seen one distance only
	Near   = "near"
	Far    = "far"
)

// FarRatio is how far apart two round trips must lie to be of different classes: more than noise (a tenth or two), less than the change of a
// virtual machine's placement (two to seven times).
const FarRatio = 1.6

// Boundary finds, among the round trips of a run in ns, the one from which on they are far: behind the widest gap, if there is one of FarRatio with
// at least a twentieth of the values on each side. Otherwise all are of one class, and it returns infinity.
func Boundary(roundTripsNs []float64) float64 {
	v := slices.Clone(roundTripsNs)
	slices.Sort(v)
	const edge = 20
	boundary, widest := math.Inf(1), FarRatio
	for i := max(1, len(v)/edge); i <= len(v)-max(1, len(v)/edge) && i < len(v); i++ {
		if gap := v[i] / v[i-1]; gap >= widest {
			boundary, widest = v[i], gap
		}
	}
	return boundary
}

// Class names the class of a round trip, given the run's boundary.
func Class(roundTripNs, boundary float64) string {
	switch {
	case math.IsInf(boundary, 1):
		return Single
	case roundTripNs < boundary:
		return Near
	}
	return Far
}
