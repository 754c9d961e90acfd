package latency

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"headroom/harness/result"
	"headroom/internal/rng"
	"headroom/kernel/latency"
)

// load is a sequence of operations whose durations in ticks are known: most take 30 to 45, one in 200 takes a slow path of up to 500, and some are
// held up.
type load struct {
	random rng.Stream
	stall  func(i int, random *rng.Stream) uint64
}

// stallTicks is 20 us at a tick of 0.4 ns.
const (
	stallTicks = 50_000
	ticksPerNs = 2.5
)

// everyOps holds up each operation whose number is a multiple of period.
func everyOps(period int) func(int, *rng.Stream) uint64 {
	return func(i int, _ *rng.Stream) uint64 {
		if i%period == period-1 {
			return stallTicks
		}
		return 0
	}
}

// atRandom holds up one operation in so many on average, for 0.5 to 1.5 of stallTicks.
func atRandom(oneIn int) func(int, *rng.Stream) uint64 {
	return func(_ int, random *rng.Stream) uint64 {
		if random.Below(oneIn) == 0 {
			return stallTicks/2 + uint64(random.Below(stallTicks))
		}
		return 0
	}
}

func (l *load) next(i int) uint64 {
	ticks := 30 + uint64(l.random.Below(16))
	if l.random.Below(200) == 0 {
		ticks += uint64(l.random.Below(450))
	}
	return ticks + l.stall(i, &l.random)
}

// recorded is the same sequence as three clocks see it: each operation timed, sampled, and 64 averaged; and as it was.
type recorded struct {
	every, sampled, averaged *Distribution
	truth                    truth
}

// truth is all durations, the common ones counted, since there are millions.
type truth struct {
	common [512]int
	rare   []uint64
	n      int
}

func (t *truth) add(ticks uint64) {
	t.n++
	if ticks < uint64(len(t.common)) {
		t.common[ticks]++
	} else {
		t.rare = append(t.rare, ticks)
	}
}

// exact is a percentile of the operations as they were, in ns.
func (t *truth) exact(p float64) float64 {
	rank := max(int(math.Ceil(p/100*float64(t.n))), 1)
	if beyond := t.n - rank; beyond < len(t.rare) {
		slices.Sort(t.rare)
		return float64(t.rare[len(t.rare)-1-beyond]) / ticksPerNs
	}
	for ticks, count := range t.common {
		if rank -= count; rank <= 0 {
			return float64(ticks) / ticksPerNs
		}
	}
	panic("fewer operations than were added")
}

// record runs ops operations of a load. The calls are those of the generated loops, the time is the sum of the durations.
func record(t *testing.T, ops int, stall func(int, *rng.Stream) uint64) recorded {
	t.Helper()
	l := load{random: rng.New(42), stall: stall}
	every, sampled := latency.NewRecorder(1), latency.NewRecorder(2)
	averaged := new(latency.Histogram)
	var truth truth
	now := uint64(1_000_000)
	every.Start(now)
	sampled.Start(now)
	for truth.n < ops {
		at := sampled.Pick(latency.Operation, latency.BlockOps)
		begun := now
		for i := range latency.BlockOps {
			ticks := l.next(truth.n)
			truth.add(ticks)
			now += ticks
			every.End(latency.Operation, now)
			if i == at {
				sampled.Sample(latency.Operation, ticks)
			}
		}
		sampled.EndBlock(latency.Operation, now, latency.BlockOps)
		for range latency.BlockOps {
			averaged.Record((now - begun) / latency.BlockOps)
		}
	}
	a, err := OfHistograms([]*latency.Histogram{averaged}, result.TimedOperation, ticksPerNs)
	if err != nil {
		t.Fatal(err)
	}
	return recorded{
		every: of(t, every, result.EveryOperation), sampled: of(t, sampled, result.Sampled), averaged: merged(t, a), truth: truth,
	}
}

func of(t testing.TB, r *latency.Recorder, method string) *Distribution {
	t.Helper()
	stored, err := Of([]*latency.Recorder{r}, latency.Operation, method, ticksPerNs)
	if err != nil {
		t.Fatal(err)
	}
	return merged(t, stored)
}

func merged(t testing.TB, stored ...result.Latency) *Distribution {
	t.Helper()
	d, err := Merge(stored)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const ops = 64 * 50_000

// Both methods give each percentile as it was, within 10 %, wherever stalls put it: so rare that hardly a sample meets one, as frequent as samples
// need, several to a block, at even distances and at random. Random stalls differ in length, so the tail has a shape to be found.
func TestBothMethodsAgreeWithWhatWas(t *testing.T) {
	for _, c := range []struct {
		name  string
		stall func(int, *rng.Stream) uint64
	}{
		{"every 50", everyOps(50)}, {"every 110", everyOps(110)}, {"every 501", everyOps(501)}, {"every 5,003", everyOps(5003)}, {"none", everyOps(ops + 1)},
		{"random, 1 in 100", atRandom(100)}, {"random, 1 in 700", atRandom(700)}, {"random, 1 in 5,000", atRandom(5000)},
	} {
		r := record(t, ops, c.stall)
		if r.every.Count() != ops || r.sampled.Count() != ops {
			t.Errorf("%s: %d operations timed, and %d sampled, of %d", c.name, r.every.Count(), r.sampled.Count(), ops)
		}
		for _, p := range []float64{50, 90, 99, 99.9, 99.99} {
			for method, d := range map[string]*Distribution{"every": r.every, "sampled": r.sampled} {
				if got, want := d.Percentile(p), r.truth.exact(p); math.Abs(got/want-1) > 0.1 {
					t.Errorf("stalls %s, p%v by %s: %.1f ns, was %.1f", c.name, p, method, got, want)
				}
			}
		}
		t.Logf("%-18s p99.9 was %8.1f, every %8.1f, sampled %8.1f, averaged %8.1f; p99.99 was %8.1f, every %8.1f, sampled %8.1f, averaged %8.1f", c.name,
			r.truth.exact(99.9), r.every.Percentile(99.9), r.sampled.Percentile(99.9), r.averaged.Percentile(99.9),
			r.truth.exact(99.99), r.every.Percentile(99.99), r.sampled.Percentile(99.99), r.averaged.Percentile(99.99))
	}
}

// What averaging 64 operations says instead is wrong by a factor: a stall of 20 us every 501 operations appears to be 0.3 us long and to hit 64
// times as many.
func TestAveragingMisleads(t *testing.T) {
	for _, c := range []struct {
		period int
		p      float64
	}{{501, 99.9}, {501, 99.99}, {5003, 99.99}} {
		r := record(t, ops, everyOps(c.period))
		was, averaged, sampled := r.truth.exact(c.p), r.averaged.Percentile(c.p), r.sampled.Percentile(c.p)
		if was < 20_000 || averaged > was/50 || math.Abs(sampled/was-1) > 0.1 {
			t.Errorf("every %d, p%v was %.0f ns: averages say %.0f, samples and blocks %.0f", c.period, c.p, was, averaged, sampled)
		}
	}
	r := record(t, ops, everyOps(501))
	if was, averaged := r.truth.exact(99), r.averaged.Percentile(99); averaged < 1.5*was {
		t.Errorf("every 501, p99 was %.0f ns, averages say %.0f: they should spread a stall over its whole block", was, averaged)
	}
}

// The longest of all is in the blocks even when no sample met it.
func TestOneStallIsSeen(t *testing.T) {
	r := record(t, ops, func(i int, _ *rng.Stream) uint64 {
		if i == ops/3 {
			return 100 * stallTicks
		}
		return 0
	})
	const stallNs = 100 * stallTicks / ticksPerNs
	for name, d := range map[string]*Distribution{"every": r.every, "sampled": r.sampled} {
		if got := fmt.Sprintf("%.1f %.1f", d.MaxNs/stallNs, d.Percentile(100)/stallNs); got != "1.0 1.0" {
			t.Errorf("%s: the longest and p100 are %s of the stall", name, got)
		}
	}
}
