package workload

import (
	"path/filepath"
	"testing"

	"headroom/designs"
	"headroom/harness/trace"
)

// sample reads one of the recordings of package trace.
func sample(t *testing.T, name string) *trace.Recording {
	t.Helper()
	all, err := trace.Open(filepath.Join("..", "trace", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	parts := all.Split()
	if len(parts) != 1 {
		t.Fatalf("%s holds %d kinds", name, len(parts))
	}
	return parts[0]
}

// served counts the lifetimes that a replay serves: those of order 0.
func served(r *trace.Recording) (n int64) {
	for _, l := range r.Lifetimes {
		if l.Order == 0 {
			n++
		}
	}
	return n
}

// A replay serves every lifetime once a pass: flat out and paced, on one CPU and on two, nothing fails and nothing is lost.
func TestReplayServesEveryLifetimeOnceAPass(t *testing.T) {
	_, counts := processors(t)
	for _, file := range []string{"sample-block.ftrace.gz", "sample-pages.ftrace.gz"} {
		r := sample(t, file)
		kind := r.Lifetimes[0].Kind.String()
		eachVariant(t, Trace, kind, func(v designs.Variant) {
			if raced && v.Capabilities.Unbounded {
				return // under the race detector a sync.Pool forgets boxes at random, and collects garbage for each
			}
			for _, n := range counts {
				for _, pace := range []float64{0, 100} {
					s := Spec{Workload: Trace, Design: v.Design, Variant: v.Name, CPUs: n, File: file, Kind: kind, Pace: pace, DurationNs: 1}
					o := measureOne(t, s, r)
					failed := int64(o.Sample.Counters["failed"])
					if o.Sample.Ops+failed != served(r) || failed != 0 && !mayMiss(v, n) || int64(o.Skipped) != int64(len(r.Lifetimes))-served(r) {
						t.Errorf("%s on %s, %d CPUs, pace %g: %d operations, %v failed and %d skipped of %d lifetimes, %d of them served",
							file, v.FullName(), n, pace, o.Sample.Ops, o.Sample.Counters["failed"], o.Skipped, len(r.Lifetimes), served(r))
					}
				}
			}
		})
	}
}

// A replay goes on until its time is up, in whole passes.
func TestReplayRunsWholePasses(t *testing.T) {
	_, counts := processors(t)
	for _, n := range counts {
		r := sample(t, "sample-block.ftrace.gz")
		s := Spec{Workload: Trace, Design: "percpu_tags", Variant: "lock", CPUs: n, File: "f", Kind: "tag", DurationNs: 20_000_000}
		o := measureOne(t, s, r)
		if passes := o.Sample.Ops / served(r); passes < 2 || o.Sample.Ops%served(r) != 0 || o.Sample.Counters["failed"] != 0 {
			t.Errorf("%d CPUs: %d operations of %d lifetimes, %v failed", n, o.Sample.Ops, served(r), o.Sample.Counters["failed"])
		}
	}
}

// A recording of which nothing can be served is refused, and says why.
func TestReplayRefusesARecordingOfHighOrdersOnly(t *testing.T) {
	r := &trace.Recording{Name: "r", SpanNs: 3, Lifetimes: []trace.Lifetime{{AllocNs: 1, FreeNs: 2, FreeSequence: 1, Order: 3}}}
	m, _ := newMachine(t, 1, 1)
	defer m.Close()
	const says = "r: every lifetime is of an order above 0, which no design here serves"
	if _, err := newReplay(m, r, Spec{CPUs: 1}); err == nil || err.Error() != says {
		t.Errorf("the error is %v", err)
	}
}
