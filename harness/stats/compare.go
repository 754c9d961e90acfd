package stats

import (
	"cmp"
	"fmt"
	"math"

	"golang.org/x/perf/benchmath"
)

// Verdict says how the second of two cells came out against the first.
type Verdict string

// The verdicts of a comparison.
const (
	Better        Verdict = "better"         // beyond the A/A spread, p at most alpha, in the metric's good direction
	Worse         Verdict = "worse"          // the same in the bad direction
	NoDifference  Verdict = "no difference"  // inside the A/A spread, or p above alpha
	CannotTell    Verdict = "cannot tell"    // so few samples that p would be above alpha however far apart they lay
	NotComparable Verdict = "not comparable" // other item kind or distance class, or no samples
)

// Comparison is a second cell against a first, in one metric.
type Comparison struct {
	Metric    Metric
	Verdict   Verdict
	DeltaPct  float64 // change of the median from first to second, percent; NaN when not comparable
	P         float64 // Mann-Whitney p of one distribution for both, not corrected for the number of comparisons
	FamilyP   float64 // p of equal means of the logarithms (Welch); after Correct, corrected for the number of comparisons. NaN when not made
	Alpha     float64 // p above this is no difference
	SpreadPct float64 // A/A spread the difference was held against, percent
	N1, N2    int     // counts of samples
	Warnings  []string
}

// Compare holds second against first in the metric m. spreadPct is the run's A/A spread in percent: a difference of
// medians no larger than that is no difference, whatever its p.
//
// The rows may come from one run or from two. Rows of different item kinds or distance classes give NotComparable, with
// a warning that says why.
func Compare(first, second Row, m Metric, spreadPct float64) Comparison {
	a, b := first.Estimate(m), second.Estimate(m)
	c := Comparison{
		Metric: m, Verdict: NotComparable, DeltaPct: math.NaN(), P: math.NaN(), FamilyP: math.NaN(), Alpha: benchmath.DefaultThresholds.CompareAlpha,
		SpreadPct: spreadPct, N1: a.Count(), N2: b.Count(),
	}
	if why := incomparable(first, second, a, b); why != "" { // I3
		c.Warnings = []string{why}
		return c
	}
	u := benchmath.AssumeNothing.Compare(lowerFirst(a, b))
	c.P, c.Alpha, c.Warnings = u.P, u.Alpha, texts(u.Warnings)
	c.FamilyP = ofDifference(a.Values, b.Values, false)
	c.DeltaPct = 100 * (b.Median/a.Median - 1)
	switch {
	case leastP(c.N1, c.N2) > c.Alpha:
		c.Verdict = CannotTell
		c.Warnings = []string{fmt.Sprintf("%d and %d samples are too few to tell any difference at alpha = %v", c.N1, c.N2, c.Alpha)}
	case c.P > c.Alpha || math.Abs(c.DeltaPct) <= spreadPct: // I2
		c.Verdict = NoDifference
	case (c.DeltaPct < 0) == m.LowerIsBetter():
		c.Verdict = Better
	default:
		c.Verdict = Worse
	}
	return c
}

// Correct takes back the verdicts of a family of comparisons that do not stand at FamilyAlpha once FamilyP is corrected for their number (Holm).
func Correct(family []Comparison) {
	p := make([]float64, len(family))
	for i := range family {
		p[i] = family[i].FamilyP
	}
	for i, corrected := range Holm(p) {
		family[i].FamilyP = corrected
		family[i].Verdict = standing(family[i].Verdict, corrected)
	}
}

// incomparable says why two rows must not be compared, "" when they may.
func incomparable(first, second Row, a, b Estimate) string {
	switch {
	case a.Count() == 0 || b.Count() == 0:
		return "no samples"
	case first.ItemKind != second.ItemKind && first.ItemKind != "" && second.ItemKind != "":
		return fmt.Sprintf("different item kinds: %s and %s", first.ItemKind, second.ItemKind)
	case first.Class != second.Class:
		return fmt.Sprintf("different distance classes: %q and %q", first.Class, second.Class)
	}
	return ""
}

// leastP is the p of two samples that do not overlap at all: 2 of the ways to choose n1 values from n1+n2.
func leastP(n1, n2 int) float64 {
	p := 2.0
	for i := 1; i <= n1; i++ {
		p *= float64(i) / float64(n2+i)
	}
	return min(p, 1)
}

// lowerFirst gives the two samples with the one that tends to be lower in front.
//
// The test is two-sided, so the order should not matter. But with ties and unequal counts the U distribution is lopsided,
// and the library (go-moremath of January 2021) takes the wrong tail of it when the lower sample comes second: for {20, 20}
// against {5} it gives p = 0, and for {5} against {20, 20} the right 2/3.
func lowerFirst(a, b Estimate) (first, second *benchmath.Sample) {
	balance := 0 // pairs in which a is lower, less those in which b is
	for _, x := range a.Values {
		for _, y := range b.Values {
			balance += cmp.Compare(y, x)
		}
	}
	if balance < 0 {
		a, b = b, a
	}
	return sampleOf(a), sampleOf(b)
}

func sampleOf(e Estimate) *benchmath.Sample {
	return &benchmath.Sample{Values: e.Values, Thresholds: &benchmath.DefaultThresholds}
}

// String gives the comparison in a few words: "+12.3 % (p=0.002)", "no difference (p=0.310)", "cannot tell (p=0.071)" or
// "not comparable".
func (c Comparison) String() string {
	p := fmt.Sprintf("(p=%.3f)", c.P)
	if c.P < 0.001 {
		p = "(p<0.001)"
	}
	switch c.Verdict {
	case NotComparable:
		return string(NotComparable)
	case NoDifference, CannotTell:
		return string(c.Verdict) + " " + p
	}
	return fmt.Sprintf("%+.1f %% %s", c.DeltaPct, p)
}
