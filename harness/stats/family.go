package stats

import (
	"cmp"
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// FamilyAlpha bounds the probability that any of a family of comparisons finds a difference where there is none. A gate that is asked many times a day
// must not cry wolf, and what it looks for, several per cent of a narrow cell, is far below.
const FamilyAlpha = 0.01

// Holm corrects the p values of a family of tests for their number, by Holm's step-down method (1979): the probability that any test of the family
// rejects a true hypothesis is at most the p it rejects at, however the tests depend on each other. The answer is in the order of the input; a NaN,
// which stands for a test that was not made, stays one and does not count.
func Holm(p []float64) []float64 {
	var order []int
	for i := range p {
		if !math.IsNaN(p[i]) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	corrected := slices.Clone(p)
	least := 0.0 // a larger p never comes out smaller
	for rank, i := range order {
		least = max(least, min(1, float64(len(order)-rank)*p[i]))
		corrected[i] = least
	}
	return corrected
}

// ofDifference is the p of equal means of the logarithms of two samples of positive values, by Welch's t test; of pairs, of a mean difference of 0.
//
// A rank test on six samples against six cannot give a p below 0.002, so after a correction for dozens of cells it would never find anything. The t
// test uses by how much the samples differ. It needs values that are not too far from normal, so it only comes on top of the tests by rank.
func ofDifference(a, b []float64, paired bool) float64 {
	la, lb := logarithms(a), logarithms(b)
	var t *stats.TTestResult
	var err error
	if paired {
		t, err = stats.PairedTTest(la, lb, 0, stats.LocationDiffers)
	} else {
		t, err = stats.TwoSampleWelchTTest(stats.Sample{Xs: la}, stats.Sample{Xs: lb}, stats.LocationDiffers)
	}
	switch {
	case err == nil:
		return t.P
	case err == stats.ErrZeroVariance && stats.Mean(la) != stats.Mean(lb):
		return 0 // nothing scatters, and yet they differ
	}
	return 1
}

func logarithms(values []float64) []float64 {
	v := make([]float64, len(values))
	for i := range values {
		v[i] = math.Log(values[i])
	}
	return v
}
