package trace

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Scaled keeps the invariants and S1 to S4 for every number of CPUs; the copies are told apart by the order of their starts.
func TestScaledKeepsItsRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawTold(t)
		if r == nil {
			return
		}
		n := rapid.IntRange(1, 13).Draw(t, "cpus")
		_, used := r.cpuRanks()
		copies := max(1, (n+used-1)/used)
		scaled := r.Scaled(n)
		if err := scaled.Check(); err != nil {
			t.Fatal(err)
		}
		if err := scaled.checkStreams(scaled.Streams(n)); err != nil {
			t.Fatal(err)
		}
		if len(scaled.Lifetimes) != copies*len(r.Lifetimes) || scaled.Events != copies*r.Events || scaled.SpanNs > r.SpanNs+r.SpanNs/16 {
			t.Fatalf("%d CPUs for %d: %d lifetimes of %d, span %d of %d", n, used, len(scaled.Lifetimes), len(r.Lifetimes), scaled.SpanNs, r.SpanNs)
		}
		// What each copy must be, made the slow way; then both sides sorted alike.
		var want []Lifetime
		for i := range copies {
			for _, l := range r.Lifetimes {
				shift := int64(float64(r.SpanNs) * float64(i) / float64(16*copies))
				width := min(used, n-i*used)
				l.AllocCPU, l.FreeCPU = uint16(i*used+rankOf(r, l.AllocCPU)%width), uint16(i*used+rankOf(r, l.FreeCPU)%width)
				l.AllocNs, l.FreeNs, l.AllocSequence, l.FreeSequence = l.AllocNs+shift, l.FreeNs+shift, 0, 0
				want = append(want, l)
			}
		}
		got := slices.Clone(scaled.Lifetimes)
		for i := range got {
			got[i].AllocSequence, got[i].FreeSequence = 0, 0
		}
		slices.SortFunc(got, byContent)
		slices.SortFunc(want, byContent)
		if !slices.Equal(got, want) {
			t.Fatalf("got\n%v\nwant\n%v", got, want)
		}
		if n <= used && scaled.SpanNs != r.SpanNs {
			t.Fatalf("folding changes the span")
		}
		if empty := slices.IndexFunc(scaled.Streams(n), func(s Stream) bool { return len(s.Operations) == 0 }); empty >= 0 {
			t.Fatalf("CPU %d of %d idles", empty, n)
		}
	})
}

// byContent orders lifetimes by all that is not a sequence.
func byContent(a, b Lifetime) int {
	c := classOf(&a).compare(classOf(&b))
	if c == 0 {
		c = int(a.AllocNs - b.AllocNs)
	}
	if c == 0 {
		c = int(a.FreeNs - b.FreeNs)
	}
	return c
}

// By hand: recorded on CPUs 3 and 9 only, replayed on 1, 2, 3 and 4.
func TestScaledWorkedExample(t *testing.T) {
	r := &Recording{Events: 4, CPUs: 8, SpanNs: 3200, Lifetimes: []Lifetime{
		{AllocNs: 0, FreeNs: 3200, AllocCPU: 3, FreeCPU: 9, AllocSequence: 0, FreeSequence: 3},
		{AllocNs: 1600, FreeNs: 1700, AllocCPU: 9, FreeCPU: 9, AllocSequence: 1, FreeSequence: 2},
	}}
	for n, want := range map[int][]Lifetime{
		1: {{AllocNs: 0, FreeNs: 3200, FreeSequence: 3}, {AllocNs: 1600, FreeNs: 1700, AllocSequence: 1, FreeSequence: 2}},
		2: {{AllocNs: 0, FreeNs: 3200, FreeCPU: 1, FreeSequence: 3}, {AllocNs: 1600, FreeNs: 1700, AllocCPU: 1, FreeCPU: 1, AllocSequence: 1, FreeSequence: 2}},
		3: { // the second copy is folded onto CPU 2, and 100 ns late
			{AllocNs: 0, FreeNs: 3200, FreeCPU: 1, AllocSequence: 0, FreeSequence: 6},
			{AllocNs: 100, FreeNs: 3300, AllocCPU: 2, FreeCPU: 2, AllocSequence: 1, FreeSequence: 7},
			{AllocNs: 1600, FreeNs: 1700, AllocCPU: 1, FreeCPU: 1, AllocSequence: 2, FreeSequence: 3},
			{AllocNs: 1700, FreeNs: 1800, AllocCPU: 2, FreeCPU: 2, AllocSequence: 4, FreeSequence: 5},
		},
	} {
		if got := r.Scaled(n); !slices.Equal(got.Lifetimes, want) {
			t.Errorf("%d CPUs: got\n%+v\nwant\n%+v", n, got.Lifetimes, want)
		}
	}
	if got := r.Scaled(4); got.CPUs != 4 || got.SpanNs != 3300 || got.Summary().MaxDepth != 3 {
		t.Errorf("4 CPUs: got %+v", got)
	}
	if got := (&Recording{Name: "empty"}).Scaled(3); got.Name != "empty" {
		t.Errorf("without lifetimes: %+v", got)
	}
}

// Numbers of a file may be anything; sums of copies stay numbers.
func TestScaledCountsSaturate(t *testing.T) {
	r := &Recording{Lost: math.MaxInt, Events: 2, SpanNs: math.MaxInt64, Lifetimes: []Lifetime{{FreeNs: math.MaxInt64, FreeSequence: 1}}}
	got := r.Scaled(2)
	if err := got.Check(); err != nil || got.Lost != math.MaxInt || got.SpanNs != math.MaxInt64 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Copies stop at the largest number of lifetimes.
func TestCopiesStopAtTheLargestSize(t *testing.T) {
	for _, c := range []struct{ cpus, used, lifetimes, want int }{
		{1, 4, 10, 1}, {4, 4, 10, 1}, {5, 4, 10, 2}, {64, 1, 10, 64}, {64, 1, maxLifetimes / 2, 2}, {64, 1, maxLifetimes/2 + 1, 1}, {64, 1, maxLifetimes + 1, 1},
	} {
		if got := copyCount(c.cpus, c.used, c.lifetimes); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}

// A machine of more CPUs than a recording can name: the copies end at the last number, and the CPUs beyond it idle.
func TestCopiesStopAtTheLargestCPU(t *testing.T) {
	r := &Recording{Events: 2, CPUs: 3, SpanNs: 10, Lifetimes: []Lifetime{
		{FreeNs: 10, FreeCPU: 9, FreeSequence: 3}, {FreeNs: 5, AllocCPU: 4, FreeCPU: 4, AllocSequence: 1, FreeSequence: 2},
	}}
	for _, cpus := range []int{maxCPU, maxCPU + 1, maxCPU + 2, 1 << 16, 1<<17 + 5} {
		scaled := r.Scaled(cpus)
		usable := min(cpus, maxCPU+1)
		if err := scaled.Check(); err != nil || scaled.CPUs != usable || len(scaled.Lifetimes) != 2*((usable+2)/3) {
			t.Fatalf("%d CPUs: %v, %d used by %d lifetimes", cpus, err, scaled.CPUs, len(scaled.Lifetimes))
		}
		for cpu, s := range scaled.Streams(cpus) {
			if busy := len(s.Operations) > 0; busy != (cpu < usable) {
				t.Fatalf("CPU %d of %d: busy is %v", cpu, cpus, busy)
			}
		}
	}
}

func TestScaledToNoCPUPanics(t *testing.T) {
	defer func() {
		if got, _ := recover().(string); !strings.Contains(got, "no CPU") {
			t.Errorf("recovered %q", got)
		}
	}()
	(&Recording{}).Scaled(0)
}
