package stats

import (
	"slices"

	moremath "github.com/aclements/go-moremath/stats"
)

// Shift is by how much second lies above first: the median of all differences between a value of the one and a value of the other, with the
// interval that belongs to the Mann-Whitney test (Hodges and Lehmann 1963). It assumes that the two distributions differ in their place only;
// about their form it assumes nothing. The estimate is unbounded when there are too few values for the interval, and empty without values.
//
// Its Values are the differences, so Count is not a count of samples.
func Shift(first, second Estimate) Estimate {
	var differences []float64
	for _, b := range second.Values {
		for _, a := range first.Values {
			differences = append(differences, b-a)
		}
	}
	if len(differences) == 0 {
		return Of(nil)
	}
	slices.Sort(differences)
	e := Of(nil)
	e.Values, e.Warnings = differences, nil
	e.Median = (differences[(len(differences)-1)/2] + differences[len(differences)/2]) / 2
	// The interval leaves out k differences at each end, with k the most for which U < k is as rare as it must be.
	u := moremath.UDist{N1: first.Count(), N2: second.Count()}
	k := 0
	for k < len(differences)/2 && 2*u.CDF(float64(k)) <= 1-Confidence {
		k++
	}
	if k == 0 {
		e.Warnings = []string{"too few samples for an interval of the difference"}
		return e
	}
	e.Low, e.High, e.Confidence = differences[k-1], differences[len(differences)-k], 1-2*u.CDF(float64(k-1))
	return e
}
