package latency

import (
	"math"
	"os"
	"strings"
	"testing"

	"headroom/harness/result"
	"headroom/kernel/latency"
)

// stored is a distribution of values in ns, each as often as given.
func stored(t testing.TB, timed string, counts map[float64]int) result.Latency {
	t.Helper()
	h := new(latency.Histogram)
	for ns, n := range counts {
		for range n {
			h.Record(uint64(ns * ticksPerNs))
		}
	}
	s, err := OfHistograms([]*latency.Histogram{h}, timed, ticksPerNs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is stored comes back: counts exactly, percentiles within 1 %, the longest exactly, over several CPUs and several samples.
func TestStoredDistributionsAddUp(t *testing.T) {
	one := stored(t, result.TimedAlloc, map[float64]int{20: 900, 80: 90, 1000: 9, 123_456: 1})
	two := stored(t, result.TimedAlloc, map[float64]int{40: 999, 99_999: 1})
	d := merged(t, one, two)
	if d.Count() != 2000 || d.Timed != result.TimedAlloc || d.Method != result.EveryOperation || d.MaxNs != 123_456 {
		t.Errorf("%d operations of %s by %s, the longest %v ns", d.Count(), d.Timed, d.Method, d.MaxNs)
	}
	for p, want := range map[float64]float64{1: 20, 45: 20, 46: 40, 94: 40, 95: 80, 99.4: 80, 99.5: 1000, 99.9: 1000, 99.95: 99_999, 100: 123_456} {
		if got := d.Percentile(p); math.Abs(got/want-1) > 0.01 {
			t.Errorf("p%v is %v ns, want %v", p, got, want)
		}
	}
	mean := (900*20 + 90*80 + 9*1000 + 123_456 + 999*40 + 99_999) / 2000.0
	if math.Abs(d.MeanNs()/mean-1) > 0.01 {
		t.Errorf("the mean is %v ns, want %v", d.MeanNs(), mean)
	}
	n, last := int64(0), 0.0
	for _, b := range d.Bars() {
		if b.LowNs < last || b.HighNs <= b.LowNs || b.Count < 1 {
			t.Errorf("bar %+v after one that ends at %v", b, last)
		}
		n, last = n+b.Count, b.HighNs
	}
	if n != 2000 {
		t.Errorf("the bars hold %d operations", n)
	}
}

// Each CPU's blocks are held against its own usual block: a CPU ten times slower than the other is not one long stall.
func TestCPUsAreJudgedByThemselves(t *testing.T) {
	var recorders []*latency.Recorder
	for _, ticks := range []uint64{40, 400} {
		r := latency.NewRecorder(ticks)
		now := uint64(0)
		for range 1000 {
			if r.Pick(latency.Free, 64) >= 0 {
				r.Sample(latency.Free, ticks)
			}
			now += 64 * ticks
			r.EndBlock(latency.Free, now, 64)
		}
		recorders = append(recorders, r)
	}
	s, err := Of(recorders, latency.Free, result.Sampled, ticksPerNs)
	if err != nil {
		t.Fatal(err)
	}
	if s.Timed != result.TimedFree || s.Method != result.Sampled || s.Count != 128_000 || s.MaxNs != 400/ticksPerNs {
		t.Errorf("got %d of %s by %s, the longest %v", s.Count, s.Timed, s.Method, s.MaxNs)
	}
	d := merged(t, s)
	if low, high := d.Percentile(49), d.Percentile(51); math.Abs(low-16) > 0.2 || math.Abs(high-160) > 2 {
		t.Errorf("p49 %v and p51 %v, want 16 and 160", low, high)
	}
}

// Nothing recorded is a distribution of nothing, which can be stored and read.
func TestNothingIsADistribution(t *testing.T) {
	for _, method := range []string{result.EveryOperation, result.Sampled} {
		d := of(t, latency.NewRecorder(1), method)
		if d.Count() != 0 || d.Percentile(99) != 0 || d.MaxNs != 0 || d.MeanNs() != 0 || d.Bars() != nil {
			t.Errorf("%s: %d operations, p99 %v, the longest %v, mean %v, bars %v", method, d.Count(), d.Percentile(99), d.MaxNs, d.MeanNs(), d.Bars())
		}
	}
}

// Whatever cannot be added up is refused in one line with a remedy.
func TestMergeRefusesWhatDoesNotFit(t *testing.T) {
	good := stored(t, result.TimedAlloc, map[float64]int{20: 5})
	damage := func(change func(*result.Latency)) result.Latency {
		bad := good
		change(&bad)
		return bad
	}
	const foreign = "HISTFAAAACl4nJNpmSzMwMDAxgABTBBKEMKYyMDAwMACxAAlfQJt" // a header of another program, cut short
	for _, c := range []struct {
		name string
		list []result.Latency
		want string
	}{
		{"none", nil, "no latency was recorded: take the run again with it"},
		{"other kind", []result.Latency{good, stored(t, result.TimedFree, nil)}, `latency of free, timed by "every", cannot be added to alloc`},
		{"other method", []result.Latency{good, damage(func(l *result.Latency) { l.Method = result.Sampled })}, `latency of alloc, timed by "sampled", cannot`},
		{"count", []result.Latency{damage(func(l *result.Latency) { l.Count = 6 })}, "the histogram holds 5 operations, the sample says 6; copy the folder again"},
		{"no base64", []result.Latency{damage(func(l *result.Latency) { l.Histogram = "?" + l.Histogram })}, "latency of alloc: damaged histogram (illegal base64"},
		{"cut", []result.Latency{damage(func(l *result.Latency) { l.Histogram = l.Histogram[:len(l.Histogram)/2/4*4] })}, "latency of alloc: damaged histogram ("},
		{"empty", []result.Latency{damage(func(l *result.Latency) { l.Histogram = "" })}, "latency of alloc: damaged histogram (encoded histogram too short"},
		{"foreign", []result.Latency{damage(func(l *result.Latency) { l.Histogram = foreign })}, "latency of alloc: damaged histogram ("},
	} {
		d, err := Merge(c.list)
		if err == nil || d != nil || !strings.HasPrefix(err.Error(), c.want) && !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// Fuzz tells histograms from other text, or go-fuzz would not be guided. A histogram of another range is none of ours.
func TestFuzzPrefersHistograms(t *testing.T) {
	other, err := os.ReadFile("testdata/other-form.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decode(string(other)); err == nil || !strings.HasPrefix(err.Error(), "histogram from 1 to 3600000000 with 2 digits, not one of headroom") {
		t.Errorf("a histogram of another form: %v", err)
	}
	for text, want := range map[string]int{stored(t, result.TimedAlloc, map[float64]int{20: 1}).Histogram: 1, "prose": 0, string(other): 0} {
		if got := Fuzz([]byte(text)); got != want {
			t.Errorf("%.20q: got %d, want %d", text, got, want)
		}
	}
}
