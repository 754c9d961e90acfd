package stats_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// cell makes a cell of class near on 2 CPUs whose samples cost ns, each beside a compare-and-swap of cas.
func cell(design, kind string, cas float64, ns ...float64) result.Cell {
	c := result.Cell{Workload: "window", Design: design, ItemKind: kind, CPUs: 2, Class: "near"}
	for _, v := range ns {
		c.Kept = append(c.Kept, result.Sample{Ops: 1000, NsPerOp: v, CASNs: cas, LoopNs: 0.5, OpsPerSec: 2e9 / v, Class: "near"})
	}
	return c
}

func TestMedianAndInterval(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		values            []float64
		median, low, high float64
		warnings          []string
	}{
		{[]float64{3, 1, 2, 6, 5, 4}, 3.5, 1, 6, nil}, // six: from the least to the greatest, 96.9 %
		{[]float64{9, 1, 2, 3, 4, 5, 6, 7, 8}, 5, 2, 8, nil},
		{[]float64{3, 1, 2}, 2, -inf, inf, []string{"need >= 6 samples for confidence interval at level 0.95"}},
		{[]float64{7}, 7, -inf, inf, []string{"need >= 6 samples for confidence interval at level 0.95"}},
	} {
		before := slices.Clone(c.values)
		e := stats.Of(c.values)
		if e.Median != c.median || e.Low != c.low || e.High != c.high || !slices.Equal(e.Warnings, c.warnings) {
			t.Errorf("%v: median %v [%v, %v], warnings %q; want %v [%v, %v], %q", c.values, e.Median, e.Low, e.High, e.Warnings, c.median, c.low, c.high, c.warnings)
		}
		if e.Bounded() != (len(c.warnings) == 0) || e.Count() != len(c.values) {
			t.Errorf("%v: bounded %v, count %d", c.values, e.Bounded(), e.Count())
		}
		if e.Bounded() && e.Confidence < stats.Confidence {
			t.Errorf("%v: confidence %v", c.values, e.Confidence)
		}
		if !slices.Equal(before, c.values) {
			t.Errorf("%v became %v", before, c.values)
		}
	}
	if e := stats.Of(nil); e.Count() != 0 || !math.IsNaN(e.Median) || e.Bounded() || !slices.Equal(e.Warnings, []string{"no samples"}) {
		t.Errorf("without values: %+v", e)
	}
}

// The interval is one of the median: over many draws from a known distribution it holds the true median often enough.
func TestIntervalHoldsTheMedianAsOftenAsItSays(t *testing.T) {
	const draws, size = 4000, 8
	r := rand.New(rand.NewPCG(1, 2))
	held := 0
	for range draws {
		values := make([]float64, size)
		for i := range values {
			values[i] = r.ExpFloat64()
		}
		if e := stats.Of(values); e.Low <= math.Ln2 && math.Ln2 <= e.High {
			held++
		}
	}
	if share := float64(held) / draws; share < stats.Confidence-0.01 {
		t.Errorf("held in %.3f of %d draws, want about %.2f", share, draws, stats.Confidence)
	}
}

func TestPlusMovesEverythingAndLeavesTheOriginal(t *testing.T) {
	e := stats.Of([]float64{1, 2, 3, 4, 5, 6})
	p := e.Plus(10)
	if p.Median != 13.5 || p.Low != 11 || p.High != 16 || p.Values[0] != 11 || e.Values[0] != 1 {
		t.Errorf("%+v from %+v", p, e)
	}
}

// I1: the machine slows down threefold in half of the samples. The ratios stay; the ratio of medians would not.
func TestCompareAndSwapsArePairedWithinASample(t *testing.T) {
	c := cell("channel", "tag", 4, 8, 8, 8, 24, 24, 24)
	for i := range c.Kept[3:] {
		c.Kept[3+i].CASNs = 12
	}
	c.Kept[0].CASNs = 4.1
	row := stats.FromCell(&c)
	if row.CAS.Median != 2 || row.CAS.High != 2 || row.CAS.Low < 1.9 {
		t.Errorf("%v [%v, %v] cas/op, want 2 [1.95, 2]", row.CAS.Median, row.CAS.Low, row.CAS.High)
	}
}

// I4: each doubt appears on the row, once.
func TestDoubtsTravelWithTheRow(t *testing.T) {
	c := cell("channel", "tag", 4, 1, 1, 1)
	c.Warnings = []string{"governor is powersave"}
	c.Kept[1].Class = "far"
	c.Kept[2].CASNs = 0
	row := stats.FromCell(&c)
	want := []string{
		"governor is powersave",
		`kept samples of class "far" in a cell of class "near"`,
		"need >= 6 samples for confidence interval at level 0.95",
		"1 of 3 samples have no cas/op",
		"the measuring loop is 50 % of ns/op",
	}
	if !slices.Equal(row.Warnings, want) {
		t.Errorf("got  %q\nwant %q", row.Warnings, want)
	}
	empty := stats.FromCell(&result.Cell{Workload: "window", Design: "channel", CPUs: 1})
	if !slices.Equal(empty.Warnings, []string{"no samples"}) {
		t.Errorf("without samples: %q", empty.Warnings)
	}
}

// raw.txt and cells.json lead to the same figures.
func TestRawFileGivesTheSameFigures(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		run := &result.Run{}
		for _, design := range []string{"channel", "mutex"}[:rapid.IntRange(1, 2).Draw(t, "designs")] {
			c := cell(design, "tag", 4, rapid.SliceOfN(rapid.Float64Range(0.1, 1e5), 1, 9).Draw(t, "ns")...)
			c.Params = []result.Pair{{Key: "hold", Value: "32"}}
			run.Cells = append(run.Cells, c)
		}
		dir, err := os.MkdirTemp(root, "run")
		if err != nil {
			t.Fatal(err)
		}
		if err := result.Write(dir, result.Env{{Key: "cpu", Value: "x"}}, run); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, result.RawFile))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fromRaw, err := stats.ReadRaw(f, result.RawFile)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range stats.Rows(run) {
			raw := fromRaw[i]
			if raw.Name != row.Name || raw.Design != row.Design || raw.CPUs != row.CPUs || !reflect.DeepEqual(raw.Params, row.Params) {
				t.Fatalf("row %+v from raw.txt, %+v from the run", raw, row)
			}
			for _, m := range stats.Metrics {
				if !reflect.DeepEqual(raw.Estimate(m), row.Estimate(m)) {
					t.Fatalf("%s: %+v from raw.txt, %+v from the run", m.Unit(), raw.Estimate(m), row.Estimate(m))
				}
			}
		}
	})
}

func TestBadRawFilesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "x.txt: no benchmark line in it; give the raw.txt of a run",
		"cpu: y\nBenchmarkA 1 z b\n": "x.txt:2: parsing measurement: invalid syntax; remove the line, or copy the file again",
	} {
		if _, err := stats.ReadRaw(strings.NewReader(text), "x.txt"); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestResultsOfTwoMachinesAreSummedUpWithAWarning(t *testing.T) {
	rows, err := stats.ReadRaw(strings.NewReader("cpu: a\nBenchmarkX 1 2 ns/op\ncpu: b\nBenchmarkX 1 3 ns/op\n"), "x.txt")
	if err != nil || len(rows) != 1 || rows[0].Ns.Count() != 2 {
		t.Fatalf("%+v, error %v", rows, err)
	}
	if !slices.Contains(rows[0].Warnings, "results with different cpu summed up together") {
		t.Errorf("warnings %q", rows[0].Warnings)
	}
}
