package workload

import (
	"errors"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/harness/latency"
	"headroom/harness/result"
)

// Each workload that times single operations gives their distributions, on every variant that can run it, and a floor for each CPU beside them.
func TestTimedOperationsAreDistributions(t *testing.T) {
	_, counts := processors(t)
	for _, c := range []struct {
		spec  Spec
		timed []string
	}{
		{Spec{Workload: Fastpath, Latency: result.EveryOperation}, []string{result.TimedOperation}},
		{Spec{Workload: Fastpath, Latency: result.Sampled, Dispatch: true}, []string{result.TimedOperation}},
		{Spec{Workload: Window, Hold: 32, Latency: result.EveryOperation}, []string{result.TimedAlloc, result.TimedFree}},
		{Spec{Workload: Window, Hold: 32, Latency: result.Sampled, Touch: 64}, []string{result.TimedAlloc, result.TimedFree}},
		{Spec{Workload: StartStorm, Burst: 8}, []string{result.TimedAlloc}},
		{Spec{Workload: TagExhaust, Ratio: 2, Tasks: 4, Latency: result.EveryOperation}, []string{result.TimedAlloc}},
		{Spec{Workload: ExhaustRecover, Ratio: 4, Tasks: 4, Latency: result.EveryOperation}, []string{result.TimedServed}},
		{Spec{Workload: BioInflight, Flight: light}, []string{result.TimedIntended, result.TimedActual}},
	} {
		eachVariant(t, c.spec.Workload, "", func(v designs.Variant) {
			if raced && v.Capabilities.Unbounded {
				return // under the race detector a sync.Pool forgets boxes at random
			}
			s := c.spec
			s.Design, s.Variant, s.CPUs, s.DurationNs = v.Design, v.Name, counts[len(counts)-1], 4_000_000
			o := measureOne(t, s, nil).Sample
			if len(o.Latency) != len(c.timed) || len(o.Floors) != s.CPUs {
				t.Fatalf("%s on %s: %d distributions and %d floors", s.Workload, v.FullName(), len(o.Latency), len(o.Floors))
			}
			for i, timed := range c.timed {
				if l := o.Latency[i]; l.Timed != timed || l.Count < 1 || l.MaxNs <= 0 {
					t.Errorf("%s on %s: %s of %d operations, at most %v ns; want %s", s.Workload, v.FullName(), l.Timed, l.Count, l.MaxNs, timed)
				}
			}
			if _, err := latency.NewFloor(o.Floors); err != nil {
				t.Error(err)
			}
		})
	}
}

// Timed from when it was due, an allocation takes at least as long as from when it began; an overloaded device shows the difference.
func TestIntendedStartsShowTheBacklog(t *testing.T) {
	s := Spec{Workload: BioInflight, Design: "percpu_tags", Variant: "lock", CPUs: 1, DurationNs: 4_000_000,
		Flight: Flight{Rate: 100_000, Arrival: Fixed, Depth: 2, ServiceUs: 100, Service: Fixed}}
	o := measureOne(t, s, nil).Sample
	median := map[string]float64{}
	for _, l := range o.Latency {
		d, err := latency.Merge([]result.Latency{l})
		if err != nil {
			t.Fatal(err)
		}
		if d.Count() != o.Ops {
			t.Errorf("%s: %d allocations of %d", l.Timed, d.Count(), o.Ops)
		}
		median[l.Timed] = d.Percentile(50)
	}
	// 10 us between requests and 50 between items: the middle one of 400 begins 8 ms late, and waits for an item for 100 us at most.
	if median[result.TimedIntended] < 10*median[result.TimedActual] {
		t.Errorf("the medians are %v", median)
	}
}

// Without a clock, which a simulated machine has none of, nothing is timed by the loops.
func TestOnlyNativeMachinesTime(t *testing.T) {
	v, err := catalog.Default("percpu_tags")
	if err != nil {
		t.Fatal(err)
	}
	m, _ := newMachine(t, 1, 1)
	defer m.Close()
	if _, err := Run(m, nil, v, Spec{Workload: Fastpath, CPUs: 1, DurationNs: 1, Latency: result.Sampled}, nil); !errors.Is(err, errNotTimed) {
		t.Errorf("timed without processors: %v", err)
	}
}
