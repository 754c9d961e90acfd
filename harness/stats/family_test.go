package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// Worked by hand: 0.01 x 4, 0.02 x 3, 0.03 x 2, and the last never below the one before it; a test that was not made does not count.
func TestHolmAsWorkedByHand(t *testing.T) {
	got := stats.Holm([]float64{0.03, math.NaN(), 0.01, 0.031, 0.02})
	for i, want := range []float64{0.06, math.NaN(), 0.04, 0.06, 0.06} {
		if math.Abs(got[i]-want) > 1e-12 || math.IsNaN(want) != math.IsNaN(got[i]) {
			t.Errorf("number %d becomes %v, want %v", i, got[i], want)
		}
	}
	if got := stats.Holm([]float64{0.9, 0.6}); got[0] != 1 || got[1] != 1 {
		t.Errorf("0.9 and 0.6 become %v", got)
	}
}

// The shapes that samples of cells have: narrow; with a long tail, as contended ones; in two modes, as when CPUs move or a queue flips over.
var shapes = []func(r *rand.Rand) float64{
	func(r *rand.Rand) float64 { return 10 + 0.1*r.NormFloat64() },
	func(r *rand.Rand) float64 { return 10 + 2*r.ExpFloat64() },
	func(r *rand.Rand) float64 { return 10 + 8*float64(r.IntN(2)) + 0.1*r.NormFloat64() },
	func(r *rand.Rand) float64 { return 10 * math.Exp(0.5*r.NormFloat64()) },
}

func draw(r *rand.Rand, shape, n int, factor float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = factor * shapes[shape](r)
	}
	return v
}

// familySize is about how many cells a quick run has.
const familySize = 68

// row is a cell of the given values at 1 ns a compare-and-swap, so that CAS/op is what was drawn.
func row(v []float64) stats.Row {
	c := result.Cell{Workload: "w", Design: "d", CPUs: 1}
	for _, x := range v {
		c.Kept = append(c.Kept, result.Sample{NsPerOp: x, CASNs: 1, OpsPerSec: 1 / x})
	}
	return stats.FromCell(&c)
}

// compareFamily compares cells of all shapes, six samples against six, with nothing but the tests in the way; one cell's second samples are longer by
// a factor.
func compareFamily(r *rand.Rand, planted int, factor float64) (alarms int, found bool) {
	var family []stats.Comparison
	for i := range familySize {
		f := 1.0
		if i == planted {
			f = factor
		}
		shape := i % len(shapes)
		family = append(family, stats.Compare(row(draw(r, shape, 6, 1)), row(draw(r, shape, 6, f)), stats.CAS, 0))
	}
	stats.Correct(family)
	for i, c := range family {
		if c.Verdict == stats.Better || c.Verdict == stats.Worse {
			if i == planted {
				found = c.Verdict == stats.Worse
				continue
			}
			alarms++
		}
	}
	return alarms, found
}

// Of runs that are alike, no more than two in a hundred are told apart by any of their cells, whatever the shape of their samples; without the
// correction most would be. A planted tenth on one narrow cell is found in all but a few.
func TestFalseAlarmsOfAWholeRunAreBounded(t *testing.T) {
	const families = 500
	r := rand.New(rand.NewPCG(5, 6))
	withAlarm, missed, uncorrected := 0, 0, 0
	for range families {
		alarms, found := compareFamily(r, 0, 1.1)
		if alarms > 0 {
			withAlarm++
		}
		if !found {
			missed++
		}
		for i := range familySize {
			shape := i % len(shapes)
			if c := stats.Compare(row(draw(r, shape, 6, 1)), row(draw(r, shape, 6, 1)), stats.CAS, 0); c.Verdict != stats.NoDifference {
				uncorrected++
				break
			}
		}
	}
	t.Logf("of %d runs %d with a false alarm (%d without the correction), %d miss what was planted", families, withAlarm, uncorrected, missed)
	if withAlarm > families/50 || uncorrected < families/2 || missed > families/50 {
		t.Errorf("of %d runs %d with a false alarm (%d without the correction), %d miss what was planted", families, withAlarm, uncorrected, missed)
	}
}

// pairFamily does the same with ten pairs a cell, where both of a pair share what the machine did meanwhile.
func pairFamily(r *rand.Rand, planted int, factor float64) (alarms int, found bool) {
	var family []stats.Paired
	for i := range familySize {
		a, b := draw(r, i%len(shapes), 10, 1), draw(r, i%len(shapes), 10, 1)
		for j := range a {
			weather := 1 + r.Float64()
			a[j], b[j] = weather*a[j], weather*b[j]
			if i == planted {
				b[j] *= factor
			}
		}
		family = append(family, stats.Pair(a, b, 0))
	}
	stats.CorrectPaired(family)
	for i, p := range family {
		if p.Verdict == stats.Better || p.Verdict == stats.Worse {
			if i == planted {
				found = p.Verdict == stats.Worse
				continue
			}
			alarms++
		}
	}
	return alarms, found
}

// The same of pairs, on a machine whose speed changes twofold from pair to pair.
func TestFalseAlarmsOfPairsAreBounded(t *testing.T) {
	const families = 500
	r := rand.New(rand.NewPCG(7, 8))
	withAlarm, missed := 0, 0
	for range families {
		alarms, found := pairFamily(r, 0, 1.05)
		if alarms > 0 {
			withAlarm++
		}
		if !found {
			missed++
		}
	}
	t.Logf("of %d runs %d with a false alarm, %d miss what was planted", families, withAlarm, missed)
	if withAlarm > families/50 || missed > families/50 {
		t.Errorf("of %d runs %d with a false alarm, %d miss what was planted", families, withAlarm, missed)
	}
}

// The verdict of one series of pairs: by the interval of its ratios and the spread, and only with six pairs or more.
func TestPairedVerdicts(t *testing.T) {
	ten := []float64{10, 10.1, 10.2, 10.3, 10.4, 10.5}
	scaled := func(f float64) (v []float64) {
		for _, x := range ten {
			v = append(v, f*x)
		}
		return v
	}
	mixed := append(scaled(1.2)[:3:3], scaled(0.8)[3:]...)
	for _, c := range []struct {
		name          string
		first, second []float64
		spread        float64
		want          stats.Verdict
	}{
		{"slower", ten, scaled(1.2), 2, stats.Worse},
		{"faster", ten, scaled(0.8), 2, stats.Better},
		{"itself", ten, ten, 0, stats.NoDifference},
		{"inside the spread", ten, scaled(1.02), 3, stats.NoDifference},
		{"to and fro", ten, mixed, 0, stats.NoDifference},
		{"too few", ten[:5], scaled(2)[:5], 0, stats.CannotTell},
		{"none", nil, nil, 0, stats.NotComparable},
	} {
		family := []stats.Paired{stats.Pair(c.first, c.second, c.spread)}
		stats.CorrectPaired(family)
		if family[0].Verdict != c.want {
			t.Errorf("%s: %s (%+.1f %%, p=%v), want %s", c.name, family[0].Verdict, family[0].DeltaPct(), family[0].P, c.want)
		}
	}
}
