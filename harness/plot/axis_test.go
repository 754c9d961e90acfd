package plot

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gonum.org/v1/plot/vg"
)

func labels(s scale) string {
	sorted := slices.Clone(s.ticks)
	slices.SortFunc(sorted, func(a, b tick) int { return int(math.Copysign(1, a.value-b.value)) })
	var out []string
	for _, t := range sorted {
		if t.label == "" {
			t.label = "|"
		}
		out = append(out, t.label)
	}
	return strings.Join(out, " ")
}

func TestTickLabels(t *testing.T) {
	million := units[1]
	for name, c := range map[string]struct {
		have scale
		want string
	}{
		"hundreds of millions": {linearScale(4.4e8, million, 7), "0 100 200 300 400 500"},
		"exactly a step":       {linearScale(2e8, million, 7), "0 50 100 150 200"},
		"quarters":             {linearScale(1.6e6, million, 7), "0.00 0.25 0.50 0.75 1.00 1.25 1.50 1.75"},
		"two and a half":       {linearScale(16e6, million, 7), "0.0 2.5 5.0 7.5 10.0 12.5 15.0 17.5"},
		"twenty-fives":         {linearScale(160e6, million, 7), "0 25 50 75 100 125 150 175"},
		"nothing at all":       {linearScale(0, units[3], 7), "0.0 0.2 0.4 0.6 0.8 1.0"},
		"two decades":          {decadeScale(2.8e7, 4.4e8, million), "20 50 100 200 500"},
		"one value":            {decadeScale(5e6, 5e6, million), "5 10"},
		"five decades":         {decadeScale(1e6, 1e11, million), "1 | | 10 | | 100 | | 1000 | | 10000 | | 100000"},
		"powers of two":        {powerScale([]float64{1, 2, 4, 8, 16, 32, 64}, 330), "1 2 4 8 16 32 64"},
		"below one":            {powerScale([]float64{0.5, 1, 2}, 330), "0.5 1 2"},
		"other counts":         {powerScale([]float64{1, 2, 3, 6, 12, 224}, 330), "1 2 3 | 6 | 12 | | | | 224"},
		"one count":            {powerScale([]float64{3}, 330), "3"},
		"no room":              {powerScale([]float64{1, 2, 60, 64, 66}, 100), "1 2 | | | | | 64 |"},
	} {
		if got := labels(c.have); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// I2, and: the axis holds the greatest value, its labels say what its ticks are, and there are not too many of them.
func TestLinearAxisHoldsItsValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top := math.Pow(10, rapid.Float64Range(-2, 12).Draw(t, "exponent"))
		u := unitOf(top)
		const most = 7
		s := linearScale(top, u, most)
		if s.low != 0 || s.ticks[0].value != 0 {
			t.Fatalf("the axis starts at %v", s.low)
		}
		if s.high < top*(1-1e-6) || len(s.ticks) > most+1 || len(s.ticks) < 3 {
			t.Fatalf("%d ticks up to %v for %v", len(s.ticks), s.high, top)
		}
		for _, tick := range s.ticks {
			if v, err := strconv.ParseFloat(tick.label, 64); err != nil || math.Abs(v*u.size-tick.value) > 1e-6*top {
				t.Fatalf("tick at %v says %s, error %v", tick.value, tick.label, err)
			}
		}
	})
}

func TestLogarithmicAxesHoldTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := math.Pow(10, rapid.Float64Range(-3, 9).Draw(t, "low"))
		high := low * math.Pow(10, rapid.Float64Range(0, 6).Draw(t, "decades"))
		for _, s := range []scale{decadeScale(low, high, unitOf(high)), powerScale(slices.Compact([]float64{low, high}), 330)} {
			if a, b := s.at(low), s.at(high); a < -1e-6 || b > 1+1e-6 || a > b || math.IsNaN(float64(a)) {
				t.Fatalf("%v and %v stand at %v and %v of the axis", low, high, a, b)
			}
		}
	})
}

// No two labels of a log2 axis touch, however close the measured values are.
func TestPowerLabelsDoNotTouch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfNDistinct(rapid.IntRange(1, 512), 1, 12, rapid.ID[int]).Draw(t, "counts")
		slices.Sort(counts)
		var xs []float64
		for _, n := range counts {
			xs = append(xs, float64(n))
		}
		width := vg.Length(rapid.IntRange(150, 330).Draw(t, "width"))
		s := powerScale(xs, width)
		end := vg.Length(math.Inf(-1))
		slices.SortFunc(s.ticks, func(a, b tick) int { return int(math.Copysign(1, a.value-b.value)) })
		for _, tick := range s.ticks {
			if tick.label == "" {
				continue
			}
			middle, half := s.at(tick.value)*width, tickStyle.Width(tick.label)/2
			if middle-half < end {
				t.Fatalf("label %s begins at %v, the one before ends at %v", tick.label, middle-half, end)
			}
			end = middle + half
		}
	})
}

// However many designs there are elsewhere, those of one picture can be told apart.
func TestLooksDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{3}`), 1, 40, rapid.ID[string]).Draw(t, "all")
		some := all[:rapid.IntRange(1, min(len(all), MaxSeries)).Draw(t, "count")]
		marks := make(map[int]bool)
		for _, l := range looks(some, all) {
			marks[l.mark] = true
		}
		if len(marks) != len(some) {
			t.Fatalf("%d marks for %d designs", len(marks), len(some))
		}
	})
}

// wrap loses no letter and keeps to the width.
func TestWrappedTextFitsAndIsWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.StringMatching(`[a-z_:é ]{0,80}`).Draw(t, "words")
		width := vg.Length(rapid.IntRange(30, 200).Draw(t, "width"))
		lines := wrap(legendStyle, words, width)
		strip := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if strip(strings.Join(lines, "")) != strip(words) {
			t.Fatalf("%q became %q", words, lines)
		}
		for _, line := range lines {
			if legendStyle.Width(line) > width {
				t.Fatalf("line %q is wider than %v", line, width)
			}
		}
	})
}
