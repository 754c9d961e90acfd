//go:build sim

package workload

import (
	"cmp"
	"math/bits"
	"testing"

	"headroom/designs/catalog"
	"headroom/harness/driver"
	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// walk is a random walk of its own: the harness does not import the explorer's.
type walk struct{ stream rng.Stream }

func (w *walk) Next(eligible uint64, _ int) int {
	for n := w.stream.Below(bits.OnesCount64(eligible)); n > 0; n-- {
		eligible &= eligible - 1
	}
	return bits.TrailingZeros64(eligible)
}

// simulate runs a spec on the simulated machine, on the variant lock of percpu_tags unless it names another of that design, and returns what it measured,
// in steps, and the run's hash.
func simulate(t *testing.T, s Spec, seed uint64) (*Outcome, uint64) {
	t.Helper()
	v, err := catalog.Find("percpu_tags", cmp.Or(s.Variant, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	const steps = 50_000_000
	m, err := sim.New(sim.Options{CPUs: s.CPUs, MemoryBytes: 4 << 20, Entities: sim.MaxEntities, StepLimit: steps, Races: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.SetStrategy(&walk{rng.New(seed)})
	o, err := Run(m, nil, v, s, nil)
	if err != nil {
		t.Fatalf("%s: %v", s.Workload, err)
	}
	return o, m.Hash()
}

// The description that is measured natively runs on the simulated machine too, where equal seeds give equal runs and plain words are checked for races.
func TestWorkloadsRunOnTheSimulatedMachine(t *testing.T) {
	for _, s := range []Spec{
		{Workload: Fastpath, CPUs: 2, DurationNs: 20_000},
		{Workload: Window, CPUs: 2, Hold: 8, DurationNs: 20_000},
		{Workload: TagExhaust, CPUs: 2, Ratio: 1, Tasks: 2, DurationNs: 20_000},
		{Workload: BulkKeep, CPUs: 2, Keep: 64, Bulk: 16, DurationNs: 20_000},
		{Workload: CrossCPU, CPUs: 2, DurationNs: 20_000},
		{Workload: StartStorm, CPUs: 2, Burst: 8, DurationNs: 1},
		{Workload: ExhaustRecover, CPUs: 2, Ratio: 3, Tasks: 3, DurationNs: 20_000},
		{Workload: StackedPools, CPUs: 2, Way: SharedPool, Ratio: 2, Tasks: 3, DurationNs: 20_000},
		{Workload: BioInflight, CPUs: 2, Flight: Flight{Rate: 1e7, Arrival: Poisson, Depth: 2, ServiceUs: 0.3, Service: Random}, DurationNs: 20_000, SlowerPct: 10},
		{Workload: IRQAllocFails, CPUs: 2, OnRefusal: driver.Requeue, FailEvery: 5, Ratio: 2, Tasks: 3, DurationNs: 20_000},
		{Workload: Hotplug, CPUs: 3, Hold: 8, DurationNs: 20_000},
		{Workload: PhaseShift, CPUs: 2, Hold: 8, Shift: ShiftCPUs, DurationNs: 20_000},
		{Workload: PhaseShift, CPUs: 3, Hold: 8, Shift: ShiftQueues, DurationNs: 20_000},
		{Workload: Preempted, CPUs: 4, Hold: 8, Crowd: 2, DurationNs: 20_000},
		{Workload: FalseShare, CPUs: 2, Hold: 8, Bytes: 16, DurationNs: 20_000},
	} {
		a, first := simulate(t, s, 1)
		b, again := simulate(t, s, 1)
		_, other := simulate(t, s, 2)
		if a.Sample.Ops == 0 || a.Sample.Ops != b.Sample.Ops || first != again {
			t.Errorf("%s: %d operations with hash %#x, and %d with %#x", s.Workload, a.Sample.Ops, first, b.Sample.Ops, again)
		}
		if first == other {
			t.Errorf("%s: another seed gave the same run", s.Workload)
		}
	}
}

// Whatever the schedule, no write that is started in an interrupt is refused with a reserve of as many tags as are on their way, and none is lost but by
// order; without one some are.
func TestReserveSparesTheWrites(t *testing.T) {
	for _, variant := range []string{"lock", "lock-reserve"} {
		s := Spec{Workload: IRQAllocFails, Variant: variant, CPUs: 2, OnRefusal: driver.EIO, FailEvery: 7, Ratio: 4, Tasks: 5, DurationNs: 6_000}
		refused, lost, injected := 0.0, 0.0, 0.0
		for seed := range uint64(3) {
			o, _ := simulate(t, s, seed)
			c := o.Sample.Counters
			refused, lost, injected = refused+c[CounterRefused], lost+c[CounterLost], injected+c[CounterInjected]
		}
		if (refused == 0) != (variant == "lock-reserve") || lost != refused+injected || injected == 0 {
			t.Errorf("%s: %v were refused, %v failed by order, %v were lost", variant, refused, injected, lost)
		}
	}
}
