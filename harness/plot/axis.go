package plot

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"
)

// scale maps values to the share of an axis, 0 at its beginning and 1 at its end.
type scale struct {
	low, high float64
	log       bool
	ticks     []tick
}

// tick is a mark on an axis; without a label it is a short one.
type tick struct {
	value float64
	label string
}

// at is the place of v on the axis. On a logarithmic axis v must be above 0.
func (s scale) at(v float64) vg.Length {
	if s.log {
		return vg.Length(math.Log2(v/s.low) / math.Log2(s.high/s.low))
	}
	return vg.Length((v - s.low) / (s.high - s.low))
}

// unit is a power of a thousand that operations a second are counted in.
type unit struct {
	size  float64
	word  string
	short string
}

var units = []unit{{1e9, "billion", "G"}, {1e6, "million", "M"}, {1e3, "thousand", "k"}, {1, "", ""}}

// unitOf is the greatest unit that leaves at least 1 before the point.
func unitOf(v float64) unit {
	for _, u := range units {
		if v >= u.size {
			return u
		}
	}
	return units[len(units)-1]
}

// linearScale goes from 0 to the first step that is not below top, in steps of 1, 2, 2.5 or 5 times a power of ten.
func linearScale(top float64, u unit, most int) scale {
	if top <= 0 {
		top = u.size
	}
	step := niceStep(top / u.size / float64(most))
	count := int(math.Ceil(top/u.size/step - 1e-9))
	s := scale{high: float64(count) * step * u.size}
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	if mantissa := step / math.Pow10(int(math.Floor(math.Log10(step)+1e-9))); math.Abs(mantissa-2.5) < 1e-9 {
		decimals = max(0, 1-int(math.Floor(math.Log10(step)+1e-9)))
	}
	for i := range count + 1 {
		v := float64(i) * step
		s.ticks = append(s.ticks, tick{v * u.size, strconv.FormatFloat(v, 'f', decimals, 64)})
	}
	return s
}

// niceStep is the least of 1, 2, 2.5 and 5 times a power of ten that is not below v.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// decadeScale is a logarithmic axis that holds low to high, both above 0, with 1, 2 and 5 in each decade marked. Over
// more than three decades only the powers of ten carry a label.
func decadeScale(low, high float64, u unit) scale {
	var steps []float64
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for _, m := range []float64{1, 2, 5} {
			steps = append(steps, m*math.Pow(10, e))
		}
	}
	first := max(0, firstAbove(steps, low*(1+1e-9))-1)
	last := min(len(steps)-1, firstAbove(steps, high*(1-1e-9)))
	if first == last {
		last++
	}
	s := scale{low: steps[first], high: steps[last], log: true}
	wide := s.high/s.low > 1e3
	for i := first; i <= last; i++ {
		label := plain(steps[i] / u.size)
		if wide && i%3 != 0 {
			label = ""
		}
		s.ticks = append(s.ticks, tick{steps[i], label})
	}
	return s
}

// firstAbove is the index of the first of steps that is not below v, or their count.
func firstAbove(steps []float64, v float64) int {
	i, _ := slices.BinarySearch(steps, v)
	return i
}

// powerScale is a log2 axis over the measured values xs, ascending and above 0. Measured values carry a label, powers of
// two first, as far as there is room; powers of two between them are marked only. width is the length of the axis.
func powerScale(xs []float64, width vg.Length) scale {
	pad := math.Max(0.25, 0.05*math.Log2(xs[len(xs)-1]/xs[0]))
	s := scale{low: xs[0] * math.Exp2(-pad), high: xs[len(xs)-1] * math.Exp2(pad), log: true}
	var powers, others []float64 // measured
	for _, x := range xs {
		if f, _ := math.Frexp(x); f == 0.5 {
			powers = append(powers, x)
		} else {
			others = append(others, x)
		}
	}
	for _, x := range slices.Concat(powers, others) {
		t := tick{x, plain(x)}
		if !s.hasRoom(t, width) {
			t.label = ""
		}
		s.ticks = append(s.ticks, t)
	}
	for e := math.Ceil(math.Log2(xs[0])); e <= math.Log2(xs[len(xs)-1]); e++ {
		if x := math.Exp2(e); !slices.Contains(powers, x) {
			s.ticks = append(s.ticks, tick{value: x})
		}
	}
	return s
}

// hasRoom reports whether the label of t would stand clear of those that the axis has already.
func (s scale) hasRoom(t tick, width vg.Length) bool {
	for _, other := range s.ticks {
		room := (tickStyle.Width(t.label)+tickStyle.Width(other.label))/2 + 5
		if other.label != "" && max(s.at(t.value)-s.at(other.value), s.at(other.value)-s.at(t.value))*width < room {
			return false
		}
	}
	return true
}

// plain writes a number without exponent and without needless zeros, in at most six digits after the point.
func plain(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}
