package stats_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"headroom/harness/result"
	"headroom/harness/stats"
)

func TestVerdicts(t *testing.T) {
	ten := []float64{10, 10.1, 10.2, 10.3, 10.4, 10.5}
	twelve := []float64{12, 12.1, 12.2, 12.3, 12.4, 12.5}
	base := cell("a", "tag", 4, ten...)
	slow := cell("b", "tag", 4, twelve...)
	far := cell("b", "tag", 4, twelve...)
	far.Class = "far"
	page := cell("b", "page", 4, twelve...)
	few := cell("b", "tag", 4, 12, 13)
	none := cell("b", "tag", 4)
	for name, c := range map[string]struct {
		second result.Cell
		metric stats.Metric
		spread float64
		want   stats.Verdict
		text   string
		warn   string
	}{
		"slower in ns":             {slow, stats.Ns, 2, stats.Worse, "+19.5 % (p=0.002)", ""},
		"slower in cas":            {slow, stats.CAS, 2, stats.Worse, "+19.5 % (p=0.002)", ""},
		"slower in throughput":     {slow, stats.Throughput, 2, stats.Worse, "-16.3 % (p=0.002)", ""},
		"inside the A/A spread":    {slow, stats.Ns, 20, stats.NoDifference, "no difference (p=0.002)", ""},
		"itself":                   {base, stats.Ns, 0, stats.NoDifference, "no difference (p=1.000)", ""},
		"too few to tell":          {few, stats.Ns, 2, stats.CannotTell, "cannot tell (p=0.071)", "6 and 2 samples are too few to tell any difference at alpha = 0.05"},
		"another class":            {far, stats.Ns, 2, stats.NotComparable, "not comparable", `different distance classes: "near" and "far"`},
		"another item kind":        {page, stats.Ns, 2, stats.NotComparable, "not comparable", "different item kinds: tag and page"},
		"a cell without a samples": {none, stats.Ns, 2, stats.NotComparable, "not comparable", "no samples"},
	} {
		got := stats.Compare(stats.FromCell(&base), stats.FromCell(&c.second), c.metric, c.spread)
		if got.Verdict != c.want || got.String() != c.text || c.warn != strings.Join(got.Warnings, "; ") {
			t.Errorf("%s: %s, %q, warnings %q; want %s, %q, %q", name, got.Verdict, got, got.Warnings, c.want, c.text, c.warn)
		}
	}
	faster := stats.Compare(stats.FromCell(&slow), stats.FromCell(&base), stats.Throughput, 2)
	if faster.Verdict != stats.Better {
		t.Errorf("the faster design came out %s", faster.Verdict)
	}
}

// Two samples each can never show a difference, and the comparison says so.
func TestTooFewSamplesAreSaidToBeTooFew(t *testing.T) {
	a, b := cell("a", "tag", 4, 1, 1.1), cell("b", "tag", 4, 9, 9.1)
	got := stats.Compare(stats.FromCell(&a), stats.FromCell(&b), stats.Ns, 0)
	if got.Verdict != stats.CannotTell || !slices.Equal(got.Warnings, []string{"2 and 2 samples are too few to tell any difference at alpha = 0.05"}) {
		t.Errorf("%+v", got)
	}
}

// Swapping the cells swaps better and worse and keeps the rest.
func TestComparisonIsSymmetric(t *testing.T) {
	ns := rapid.SliceOfN(rapid.Map(rapid.IntRange(20, 40), func(n int) float64 { return float64(n) / 4 }), 1, 8) // coarse, for ties
	swapped := map[stats.Verdict]stats.Verdict{stats.Better: stats.Worse, stats.Worse: stats.Better, stats.NoDifference: stats.NoDifference, stats.CannotTell: stats.CannotTell}
	rapid.Check(t, func(t *rapid.T) {
		ca, cb := cell("a", "tag", 4, ns.Draw(t, "a")...), cell("b", "tag", 4, ns.Draw(t, "b")...)
		a, b := stats.FromCell(&ca), stats.FromCell(&cb)
		ab, ba := stats.Compare(a, b, stats.Ns, 0), stats.Compare(b, a, stats.Ns, 0)
		if ab.P > ab.Alpha && (ab.Verdict == stats.Better || ab.Verdict == stats.Worse) {
			t.Fatalf("%s with p=%v", ab.Verdict, ab.P)
		}
		if ba.Verdict != swapped[ab.Verdict] || ba.P != ab.P {
			t.Fatalf("%s, p=%v one way, %s, p=%v the other", ab.Verdict, ab.P, ba.Verdict, ba.P)
		}
	})
}

// Ties with unequal counts: worked by hand, two of the fifteen ways to deal out six values are this extreme.
func TestTiesWithUnequalCounts(t *testing.T) {
	ca, cb := cell("a", "tag", 4, 1, 1, 1, 1), cell("b", "tag", 4, 2, 2)
	a, b := stats.FromCell(&ca), stats.FromCell(&cb)
	for _, c := range []stats.Comparison{stats.Compare(a, b, stats.Ns, 0), stats.Compare(b, a, stats.Ns, 0)} {
		if math.Abs(c.P-2.0/15) > 1e-9 {
			t.Errorf("p = %v, want 2/15", c.P)
		}
	}
}

// Samples of one distribution are told apart no oftener than alpha says.
func TestFalseAlarmsAreAsRareAsAlpha(t *testing.T) {
	const pairs, size = 2000, 6
	r := rand.New(rand.NewPCG(3, 4))
	draw := func() stats.Row {
		ns := make([]float64, size)
		for i := range ns {
			ns[i] = 10 + r.ExpFloat64()
		}
		c := cell("a", "tag", 4, ns...)
		return stats.FromCell(&c)
	}
	alarms := 0
	for range pairs {
		if stats.Compare(draw(), draw(), stats.Ns, 0).Verdict != stats.NoDifference {
			alarms++
		}
	}
	if share := float64(alarms) / pairs; share > 0.06 || alarms == 0 {
		t.Errorf("%d alarms in %d pairs of the same distribution", alarms, pairs)
	}
}

// summary writes tables in one line each, for comparison.
func summary(tables []stats.Table) string {
	var b strings.Builder
	for _, table := range tables {
		fmt.Fprintf(&b, "%s %v %s cpus=%d %q:", table.Workload, table.Params, table.ItemKind, table.CPUs, table.Class)
		for _, e := range table.Entries {
			fmt.Fprintf(&b, " %d %s", e.Rank, e.Design)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// I3 in tables; shared ranks; numbers in order; a cell without samples stands beside its rivals, last.
func TestTablesRankLikeWithLike(t *testing.T) {
	hold := func(c result.Cell, hold string) result.Cell {
		c.Params = []result.Pair{{Key: "hold", Value: hold}}
		return c
	}
	ten := []float64{10, 10.1, 10.2, 10.3, 10.4, 10.5}
	like := []float64{10.05, 10.15, 10.2, 10.35, 10.4, 10.55}
	twelve := []float64{12, 12.1, 12.2, 12.3, 12.4, 12.5}
	far := hold(cell("far", "tag", 4, ten...), "8")
	far.Class = "far"
	none := hold(cell("none", "tag", 4), "8")
	none.Class = ""
	one := hold(cell("a", "tag", 4, ten...), "8")
	one.CPUs = 1
	other := cell("a", "tag", 4, ten...)
	other.Workload = "fastpath"
	run := &result.Run{Cells: []result.Cell{
		none, hold(cell("a", "tag", 4, ten...), "32"), hold(cell("slow", "tag", 4, twelve...), "8"), hold(cell("b", "tag", 4, like...), "8"),
		hold(cell("a", "tag", 4, ten...), "8"), far, hold(cell("page", "page", 4, ten...), "8"), one, other,
	}}
	want := `window [{hold 8}] page cpus=2 "near": 1 page
window [{hold 8}] tag cpus=1 "near": 1 a
window [{hold 8}] tag cpus=2 "far": 1 far 0 none
window [{hold 8}] tag cpus=2 "near": 1 a 1 b 3 slow 0 none
window [{hold 32}] tag cpus=2 "near": 1 a
fastpath [] tag cpus=2 "near": 1 a
`
	if got := summary(stats.Tables(stats.Rows(run), 1)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
