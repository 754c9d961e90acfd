package stats_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// Events are counted per operation, figures are not; a sample that lacks a counter counts for nothing in it.
func TestCountersAreSummedUp(t *testing.T) {
	c := cell("mempool", "object", 4, 10, 10, 10)
	c.Kept[0].Counters = map[string]float64{"waits": 5, "recovery-ns": 700}
	c.Kept[1].Counters = map[string]float64{"waits": 7, "recovery-ns": 900}
	row := stats.FromCell(&c)
	waits, recovery := row.Counter("waits"), row.Counter("recovery-ns")
	if waits.Count() != 2 || waits.Median != 0.006 || recovery.Median != 800 { // of 1,000 operations
		t.Errorf("waits %+v, recovery %+v", waits, recovery)
	}
	if none := row.Counter("steals"); none.Count() != 0 {
		t.Errorf("steals %+v", none)
	}
}

func TestFairnessIsTheSlowestOverTheFastest(t *testing.T) {
	c := cell("mempool", "object", 4, 10, 10, 10)
	c.Kept[0].PerCPU, c.Kept[1].PerCPU, c.Kept[2].PerCPU = []int64{60, 100}, []int64{100, 80}, nil
	if f := stats.FromCell(&c).Fairness; f.Count() != 2 || f.Median != 0.7 {
		t.Errorf("%+v", f)
	}
}

// The published pairs are added within each sample, as I1 demands: 10 and 30 ns, 2 x 9.4 ns more, over 4 and 12 ns.
func TestMaskingIsAddedWithinASample(t *testing.T) {
	c := cell("percpu_tags", "tag", 4, 10, 30)
	c.Kept[1].CASNs, c.IRQPairs = 12, 2
	got := stats.FromCell(&c).MaskedCAS
	if want := ((10+18.8)/4 + (30+18.8)/12) / 2; math.Abs(got.Median-want) > 1e-9 {
		t.Errorf("%v, want %v", got.Median, want)
	}
}

// I5: two designs of different guarantees, alike in all else, stand in two tables.
func TestGuaranteesAreRankedApart(t *testing.T) {
	a, b := cell("a", "tag", 4, 1, 1, 1, 1, 1, 1), cell("b", "tag", 4, 9, 9, 9, 9, 9, 9)
	a.Guarantee, b.Guarantee = "may fail, bounded", "waits, bounded"
	tables := stats.Tables(stats.Rows(&result.Run{Cells: []result.Cell{a, b}}), 0)
	if len(tables) != 2 || tables[0].Entries[0].Rank != 1 || tables[1].Entries[0].Rank != 1 {
		t.Errorf("%+v", tables)
	}
}

// Of 6 against 6 the interval leaves out five of the 36 differences at each end (U at most 5 has p = 0.041): worked by hand for values that lie
// apart by steps of one.
func TestShiftOfKnownSamples(t *testing.T) {
	first, second := stats.Of([]float64{1, 2, 3, 4, 5, 6}), stats.Of([]float64{11, 12, 13, 14, 15, 16})
	// The differences are 5, 6 6, 7 7 7 ... 10 six times ... 15: the sixth is 7, the 31st 13.
	e := stats.Shift(first, second)
	if e.Median != 10 || e.Low != 7 || e.High != 13 || !e.Bounded() {
		t.Errorf("%v [%v, %v]", e.Median, e.Low, e.High)
	}
	if few := stats.Shift(stats.Of([]float64{1, 2}), second); few.Bounded() || few.Median != 12 || len(few.Warnings) != 1 {
		t.Errorf("two samples: %+v", few)
	}
	if none := stats.Shift(stats.Of(nil), second); none.Count() != 0 {
		t.Errorf("no samples: %+v", none)
	}
}

// Over many draws from distributions that lie 2 apart, the interval holds 2 as often as it says.
func TestIntervalHoldsTheShiftAsOftenAsItSays(t *testing.T) {
	const draws = 2000
	r := rand.New(rand.NewPCG(5, 6))
	draw := func(at float64) stats.Estimate {
		values := make([]float64, 7)
		for i := range values {
			values[i] = at + r.ExpFloat64()
		}
		return stats.Of(values)
	}
	held := 0
	for range draws {
		if e := stats.Shift(draw(1), draw(3)); e.Low <= 2 && 2 <= e.High {
			held++
		}
	}
	if share := float64(held) / draws; share < stats.Confidence-0.015 || share > 0.995 {
		t.Errorf("held in %.3f of the draws", share)
	}
}

// A cell of an open loop whose items ran out in most samples, for more than one operation in 1,000, has no rank, and stands behind those that have one, however
// cheap it looks.
func TestExhaustedOpenLoopsHaveNoRank(t *testing.T) {
	open := func(design string, ns float64, waits ...float64) result.Cell {
		c := cell(design, "tag", 4, ns, ns, ns, ns, ns, ns)
		for i := range c.Kept {
			c.Kept[i].Latency = []result.Latency{{Timed: result.TimedIntended, Method: result.EveryOperation, Count: 1000, MaxNs: ns, Histogram: stored(t, bar{ns, 1000})}}
			c.Kept[i].Counters = map[string]float64{"waits": waits[i], "failed": 0}
		}
		return c
	}
	closed := cell("closed", "tag", 4, 1, 1, 1, 1, 1, 1)
	closed.Workload, closed.Kept[0].Counters = "fastpath", map[string]float64{"waits": 1}
	tables := stats.Tables(stats.Rows(&result.Run{Cells: []result.Cell{
		open("drained", 1, 5, 5, 5, 5, 0, 0), open("half", 9, 5, 5, 5, 1, 1, 1), closed,
	}}), 0)
	var got []string
	for _, tab := range tables {
		for _, e := range tab.Entries {
			got = append(got, fmt.Sprint(e.Design, " ", e.Rank, " ", e.Exhausted))
		}
	}
	if want := []string{"half 1 false", "drained 0 true", "closed 1 false"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
