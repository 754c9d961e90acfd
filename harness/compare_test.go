package harness

import (
	"testing"

	"headroom/harness/result"
)

// costing is a run of one cell on two CPUs, a round trip apart, whose samples cost about so many compare-and-swaps.
func costing(cas, tripNs float64) *result.Run {
	c := result.Cell{Workload: "window", Design: "channel", ItemKind: "tag", CPUs: 2, Class: "single", Params: []result.Pair{{Key: "hold", Value: "8"}}}
	for i := range 6 {
		c.Kept = append(c.Kept, result.Sample{Ops: 1, NsPerOp: cas * (1 + float64(i)/1000), CASNs: 1, OpsPerSec: 1, RTTNs: [2]float64{tripNs, tripNs}})
	}
	twin := c
	twin.Params = append(twin.Params[:1:1], result.Pair{Key: result.ParamControl, Value: twinA})
	return &result.Run{Cells: []result.Cell{c, twin}, Control: result.Control{AASpreadPct: 2}}
}

// A cell is a regression when it is worse by more than the gate and the A/A spread; at another distance between the CPUs nothing is compared.
func TestCompareGatesWhatBothRunsCanTell(t *testing.T) {
	for _, c := range []struct {
		name        string
		older, new  *result.Run
		gate        float64
		verdict     string
		regressions int
	}{
		{"the same", costing(10, 100), costing(10, 100), 5, "no difference", 0},
		{"slower", costing(10, 100), costing(11, 120), 5, "worse", 1},
		{"slower within the gate", costing(10, 100), costing(10.4, 100), 5, "worse", 0},
		{"slower within the spread", costing(10, 100), costing(10.1, 100), 0, "no difference", 0},
		{"faster", costing(10, 100), costing(9, 100), 5, "better", 0},
		{"slower, but further apart", costing(10, 100), costing(20, 330), 5, "not comparable", 0},
	} {
		got := Compare(c.older, c.new, c.gate)
		if len(got.Cells) != 1 {
			t.Fatalf("%s: %d cells compared, want 1 without the control", c.name, len(got.Cells))
		}
		if d := got.Cells[0]; d.Verdict != c.verdict || got.Regressions() != c.regressions {
			t.Errorf("%s: %s (%+.1f %%), %d regressions; want %s, %d", c.name, d.Verdict, d.DeltaPct, got.Regressions(), c.verdict, c.regressions)
		}
	}
}

// Cells that one run only has are listed and not compared.
func TestCompareListsTheOthers(t *testing.T) {
	older, newer := costing(10, 100), costing(10, 100)
	older.Cells[0].Design, newer.Cells[0].Design = "mutex", "syncpool"
	c := Compare(older, newer, 5)
	if len(c.Cells) != 0 || len(c.OnlyOld) != 1 || len(c.OnlyNew) != 1 {
		t.Errorf("%d compared, only old %v, only new %v", len(c.Cells), c.OnlyOld, c.OnlyNew)
	}
}

// A sample that does not count for a reason of its own stays out, whatever its distance.
func TestSampleKeepsItsOwnReason(t *testing.T) {
	odd := trips(50, 52)
	odd.Dropped = "the compare-and-swap changed"
	run := sorted(2, append(times(6, trips(50, 52)), odd))
	if c := run.Cells[0]; len(c.Kept) != 6 || len(c.Dropped) != 1 || c.Dropped[0].Dropped != odd.Dropped {
		t.Errorf("%d kept, dropped %+v", len(c.Kept), c.Dropped)
	}
}
