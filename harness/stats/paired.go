package stats

import (
	"fmt"
	"math"
)

// minPairs is the fewest pairs that an order-statistic interval of 95 % can be had from: with 5, the smallest and the largest hold the median with
// 1 - 2/2^5 = 94 %.
const minPairs = 6

// Paired is a second series of samples against a first one, where the i-th of both were taken beside each other.
type Paired struct {
	Verdict   Verdict
	Ratio     Estimate // second over first, within each pair
	P         float64  // paired t test of the logarithms; after CorrectPaired, corrected for the number of series. NaN when not made
	SpreadPct float64  // a median ratio no further than this from 1 is no difference, percent
}

// DeltaPct is the change from first to second in percent, by the median ratio; NaN without pairs.
func (p *Paired) DeltaPct() float64 { return 100 * (p.Ratio.Median - 1) }

// Pair holds second against first, both of positive values, lower being better, and of the same length (it panics otherwise). spreadPct is how far,
// in percent, identical programs lie apart on this cell.
//
// The verdict is of this series alone: Better or Worse when the interval of the median ratio leaves out 1, which is a sign test, and the ratio is
// beyond the spread. Of several series, CorrectPaired says which of the verdicts stand.
func Pair(first, second []float64, spreadPct float64) Paired {
	if len(first) != len(second) {
		panic(fmt.Sprintf("stats: %d values paired with %d", len(first), len(second)))
	}
	ratios := make([]float64, len(first))
	for i := range first {
		ratios[i] = second[i] / first[i]
	}
	p := Paired{Verdict: NotComparable, Ratio: Of(ratios), P: math.NaN(), SpreadPct: spreadPct}
	if len(ratios) == 0 {
		return p
	}
	if len(ratios) < minPairs {
		p.Verdict = CannotTell
		return p
	}
	p.P = ofDifference(first, second, true)
	switch {
	case p.Ratio.Low <= 1 && p.Ratio.High >= 1 || math.Abs(p.DeltaPct()) <= spreadPct:
		p.Verdict = NoDifference
	case p.Ratio.Median < 1:
		p.Verdict = Better
	default:
		p.Verdict = Worse
	}
	return p
}

// CorrectPaired corrects the p of all series for their number (Holm), and takes back the verdicts that do not stand at FamilyAlpha then.
func CorrectPaired(all []Paired) {
	p := make([]float64, len(all))
	for i := range all {
		p[i] = all[i].P
	}
	for i, corrected := range Holm(p) {
		all[i].P = corrected
		all[i].Verdict = standing(all[i].Verdict, corrected)
	}
}

// standing is what is left of a verdict at a corrected p.
func standing(v Verdict, p float64) Verdict {
	if (v == Better || v == Worse) && p > FamilyAlpha {
		return NoDifference
	}
	return v
}
