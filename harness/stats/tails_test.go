package stats_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// bar is a number of durations of one length.
type bar struct {
	ns    float64
	count int64
}

// stored is the stored form of durations.
func stored(t *testing.T, bars ...bar) string {
	t.Helper()
	h := hdrhistogram.New(1, 1e13, 3)
	for _, b := range bars {
		if err := h.RecordValues(int64(b.ns/result.LatencyUnitNs), b.count); err != nil {
			t.Fatal(err)
		}
	}
	text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// timedCell has 6 samples of 100,000 operations: 20 ns, one in 500 of 300 ns, 20 of 50 us. gaps says how many gaps of 60 us the machine had in a
// second beside it.
func timedCell(t *testing.T, method string, gaps int64) result.Cell {
	t.Helper()
	c := cell("mempool", "object", 4, 20, 20, 20, 20, 20, 20)
	floor := []bar{{10, 80_000_000}}
	if gaps > 0 {
		floor = append(floor, bar{60_000, gaps})
	}
	for i := range c.Kept {
		c.Kept[i].Latency = []result.Latency{{
			Timed: result.TimedOperation, Method: method, Count: 100_000, MaxNs: 50_000,
			Histogram: stored(t, bar{20, 99_780}, bar{300, 200}, bar{50_000, 20}),
		}}
		c.Kept[i].Floors = []result.Floor{{CPU: 0, SpunNs: 1e9, Histogram: stored(t, floor...)}}
	}
	return c
}

// quantiles writes a tail's percentiles as words: the median, "floor" or "n/a".
func quantiles(tail stats.Tail) string {
	var words []string
	for _, q := range tail.Quantiles {
		switch {
		case q.Thin:
			words = append(words, "n/a")
		case q.Floor:
			words = append(words, "floor")
		default:
			words = append(words, fmt.Sprintf("%.0f", math.Round(q.Ns.Median/10)*10)) // the form keeps three digits
		}
	}
	return strings.Join(words, " ")
}

// What the machine explains reads floor, what too few operations stand for n/a. 8,000 gaps of 60 us a second hit 16 of 100,000 operations of 20 ns
// and more: most of the 20 that took 50 us, and none of those that took 300 ns. Of sampled ones 20,480 must lie above, ten blocks of which one in 32 is
// timed; but 50 us is longer than a block, and every block shows it.
func TestTailsKnowTheirFloor(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		gaps   int64
		want   string
	}{
		"quiet machine":          {result.EveryOperation, 0, "20 20 20 300 50000 50000"},
		"gaps in the last tenth": {result.EveryOperation, 8000, "20 20 20 300 floor floor"},
		"sampled, so few":        {result.Sampled, 0, "20 n/a n/a n/a 50000 50000"},
	} {
		timed := timedCell(t, c.method, c.gaps)
		row := stats.FromCell(&timed)
		if len(row.Tails) != 1 || row.Tails[0].Operations != 600_000 {
			t.Fatalf("%s: tails %+v, warnings %q", name, row.Tails, row.Warnings)
		}
		if got := quantiles(row.Tails[0]); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		for _, q := range row.Tails[0].Quantiles {
			if !q.Thin && (!q.Ns.Bounded() || q.Ns.Count() != 6) {
				t.Errorf("%s: percentile %v of %d samples, bounded %v", name, q.Share, q.Ns.Count(), q.Ns.Bounded())
			}
		}
	}
}

// The spectrum rises, begins at the median and ends where fewer than ten operations lie above.
func TestSpectrumGoesAsFarAsThereAreOperations(t *testing.T) {
	c := timedCell(t, result.EveryOperation, 8000)
	points := stats.FromCell(&c).Tails[0].Spectrum
	if len(points) < 40 || math.Abs(points[0].Share-0.499) > 0.001 {
		t.Fatalf("%d points from %v", len(points), points[0])
	}
	rising := slices.IsSortedFunc(points, func(a, b stats.Point) int { return int(a.Ns - b.Ns) })
	if last := points[len(points)-1]; !rising || !last.Floor || points[0].Floor || 600_000*(1-last.Share) < 10 || 600_000*(1-last.Share) > 13 {
		t.Errorf("rising %v, last %+v", rising, last)
	}
}

// A damaged distribution costs the tail of its sample and nothing else, and says so.
func TestDamagedDistributionsAreNamed(t *testing.T) {
	c := timedCell(t, result.EveryOperation, 0)
	c.Kept[2].Latency[0].Histogram = "damaged"
	c.Kept[3].Floors = nil
	row := stats.FromCell(&c)
	if n := row.Tails[0].Quantiles[0].Ns.Count(); n != 5 {
		t.Errorf("%d samples, want 5", n)
	}
	if !slices.ContainsFunc(row.Warnings, func(w string) bool { return strings.HasPrefix(w, "sample 3 has no tails: ") }) {
		t.Errorf("warnings %q", row.Warnings)
	}
	for i := range c.Kept {
		c.Kept[i].Floors = nil
	}
	const want = "the machine's own gaps were not recorded: percentiles that are the machine's are not marked"
	if row := stats.FromCell(&c); !slices.Contains(row.Warnings, want) {
		t.Errorf("without floors: %q", row.Warnings)
	}
}

// 8,000 gaps of 60 us, less a reading of 10 ns, are 48 % of a second.
func TestGapsOfARun(t *testing.T) {
	run := &result.Run{Cells: []result.Cell{timedCell(t, result.EveryOperation, 8000)}}
	gaps := stats.GapsOf(run)
	if len(gaps) != 1 {
		t.Fatalf("%+v", gaps)
	}
	g := gaps[0]
	near := func(got, want float64) bool { return math.Abs(got/want-1) < 0.01 }
	if !near(g.ReadingNs.Median, 10) || !near(g.PerSecond.Median, 8000) || !near(g.LostPct.Median, 48) || !near(g.LongestNs.Median, 60_000) || g.PerSecond.Count() != 6 {
		t.Errorf("%+v", g)
	}
	if got := stats.GapsOf(&result.Run{Cells: []result.Cell{cell("a", "tag", 4, 1)}}); len(got) != 0 {
		t.Errorf("a run without floors: %+v", got)
	}
}
