package harness

import (
	"math"
	"testing"

	"headroom/harness/result"
)

// controlCell is a Fastpath cell of the control with samples of the given ns/op, at 5 ns a compare-and-swap.
func controlCell(key, value string, ns ...float64) result.Cell {
	c := result.Cell{Workload: "fastpath", Design: "mutex", CPUs: 1}
	if key != "" {
		c.Params = []result.Pair{{Key: key, Value: value}}
	}
	for _, v := range ns {
		c.Kept = append(c.Kept, result.Sample{NsPerOp: v, CASNs: 5})
	}
	return c
}

// controlOf is the control of a run with the given plain, twin and slower figures, and a cell called through the interface.
func controlOf(same, slower []float64) result.Control {
	return control([]result.Cell{
		controlCell("", "", 20, 21, 22),
		controlCell(result.ParamControl, twinA, same[:len(same)/2]...),
		controlCell(result.ParamControl, twinB, same[len(same)/2:]...),
		controlCell(result.ParamControl, twinSlower, slower...),
		controlCell(result.ParamCall, "interface", 22, 22.5, 24),
	})
}

// The control tells a planted difference from noise when it is larger than the spread of identical cells, and only then.
func TestControlTellsAPlantedDifferenceFromNoise(t *testing.T) {
	steady := []float64{20, 20.1, 20.2, 20.1, 20, 20.2, 20.1, 20, 20.2, 20.1, 20, 20.1}
	noisy := []float64{14, 29, 20, 25, 16, 21, 28, 15, 19, 26, 17, 23}
	for _, c := range []struct {
		name          string
		same, slower  []float64
		distinguished bool
		low, high     float64 // of the A/A spread, in per cent
		measured      float64
	}{
		{"steady", steady, []float64{22.1, 22.2, 22, 22.1, 22.2, 22.1}, true, 0, 1, 9.95},
		{"steady and equal", steady, []float64{20.1, 20, 20.2, 20.1, 20, 20.2}, false, 0, 1, 0},
		{"steady and faster", steady, []float64{18, 18.1, 18.2, 18, 18.1, 18.2}, false, 0, 1, -9.95},
		{"noisy", noisy, []float64{22, 23, 24, 21, 23, 22}, false, 10, 60, 9.76},
	} {
		got := controlOf(c.same, c.slower)
		if got.Distinguished != c.distinguished || got.AASpreadPct < c.low || got.AASpreadPct > c.high || math.Abs(got.MeasuredPct-c.measured) > 0.1 {
			t.Errorf("%s: %+v; want distinguished %v, a spread of %g to %g, a difference of %g", c.name, got, c.distinguished, c.low, c.high, c.measured)
		}
		if got.Cell != "Fastpath/control=same-a/design=mutex/cpus=1" || got.PlantedPct != slowerByPct || got.DispatchNs != 1.5 {
			t.Errorf("%s: cell %q, planted %g, dispatch %g ns", c.name, got.Cell, got.PlantedPct, got.DispatchNs)
		}
		if again := controlOf(c.same, c.slower); again != got {
			t.Errorf("%s: equal samples give %+v and %+v", c.name, got, again)
		}
	}
}

// A spread that shows only in one of the two units of figures counts: the compare-and-swap of a process may wander on its own.
func TestControlTakesTheWiderOfBothUnits(t *testing.T) {
	a := controlCell(result.ParamControl, twinA, 20, 20, 20, 20, 20, 20)
	for i := range a.Kept {
		a.Kept[i].CASNs = 4 + float64(i)
	}
	got := control([]result.Cell{a, controlCell(result.ParamControl, twinSlower, 22, 22)})
	if got.AASpreadPct < 5 {
		t.Errorf("compare-and-swaps of 4 to 9 ns give a spread of %g %%", got.AASpreadPct)
	}
}

// Without control cells, or with too few samples of them, nothing is claimed.
func TestControlClaimsNothingWithoutSamples(t *testing.T) {
	for _, cells := range [][]result.Cell{
		nil,
		{controlCell("", "", 20, 21)},
		{controlCell(result.ParamControl, twinA, 20), controlCell(result.ParamControl, twinSlower, 22, 22)},
		{controlCell(result.ParamControl, twinA, 20, 20), controlCell(result.ParamControl, twinSlower, 22)},
		{controlCell(result.ParamCall, "interface", 22)},
	} {
		if got := control(cells); got.Distinguished || got.AASpreadPct != 0 || got.MeasuredPct != 0 || got.DispatchNs != 0 {
			t.Errorf("%d cells give %+v", len(cells), got)
		}
	}
}
