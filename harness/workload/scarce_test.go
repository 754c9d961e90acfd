package workload

import (
	"strings"
	"testing"

	"headroom/designs"
)

// light is a load that nothing runs out in, however late a busy machine is: the depth is more than all the requests of 4 ms.
var light = Flight{Rate: 50_000, Arrival: Poisson, Depth: 512, ServiceUs: 20, Service: Random}

// Requests in flight are all served, on every design that can free them in an interrupt: what was allocated is counted where it was freed.
func TestFlightServesEveryRequest(t *testing.T) {
	_, counts := processors(t)
	fixed := light
	fixed.Arrival, fixed.Service = Fixed, Fixed
	eachVariant(t, BioInflight, "", func(v designs.Variant) {
		for _, n := range counts {
			for _, f := range []Flight{light, fixed} {
				const ms = 4
				s := Spec{Workload: BioInflight, Design: v.Design, Variant: v.Name, CPUs: n, Flight: f, Touch: 64, DurationNs: ms * 1_000_000}
				o := measureOne(t, s, nil)
				due := f.Rate / 1000 * ms * float64(n)
				if got := float64(o.Sample.Ops); got < due/2 || got > 2*due || f.Arrival == Fixed && (got < due-2*float64(n) || got > due) {
					t.Errorf("%s, %d CPUs: %v requests of %v that were due", v.FullName(), n, got, due)
				}
				c := o.Sample.Counters
				if c[CounterFailed] != 0 && !mayMiss(v, n) || c[CounterLate] <= 0 || c[CounterLateMost] < c[CounterLate] {
					t.Errorf("%s, %d CPUs: %v", v.FullName(), n, c)
				}
			}
		}
	})
}

// When the device takes longer than the depth allows, requests wait for items, or fail where nobody can wait: some 100 would be in flight, and there are
// items for a few.
func TestFlightRunsOutOfItems(t *testing.T) {
	_, counts := processors(t)
	heavy := Flight{Rate: 100_000, Arrival: Poisson, Depth: 4, ServiceUs: 1000, Service: Random} // 100 in flight
	eachVariant(t, BioInflight, "", func(v designs.Variant) {
		for _, n := range counts {
			s := Spec{Workload: BioInflight, Design: v.Design, Variant: v.Name, CPUs: n, Flight: heavy, DurationNs: 3_000_000, SlowerPct: 10}
			o := measureOne(t, s, nil)
			least := 4.0
			if strings.HasPrefix(v.Name, "lock-reserve") {
				least = 2 // requests wait, and who waits has no right to the reserve
			}
			if most := o.Sample.Counters[CounterInFlight]; most < least || most > 80 {
				t.Errorf("%s, %d CPUs: %v requests in flight", v.FullName(), n, most)
			}
			if failed := o.Sample.Counters[CounterFailed] > 0; failed == v.Capabilities.MayWait {
				t.Errorf("%s, %d CPUs: waits %v, failed %v", v.FullName(), n, v.Capabilities.MayWait, failed)
			}
		}
	})
}

// In every cycle of exhaust-recover each task runs dry and is served after the release, on every design whose items run out.
func TestEveryTaskIsServedAfterTheRelease(t *testing.T) {
	_, counts := processors(t)
	eachVariant(t, ExhaustRecover, "", func(v designs.Variant) {
		for _, n := range counts {
			for _, slower := range []float64{0, 50} {
				s := Spec{Workload: ExhaustRecover, Design: v.Design, Variant: v.Name, CPUs: n, Ratio: 16, Tasks: 8, DurationNs: 2_000_000, SlowerPct: slower}
				o := measureOne(t, s, nil)
				c := o.Sample.Counters
				// What other CPUs keep is out of the leader's reach.
				private := v.Capabilities.KeepsAside || v.Guaranteed(designs.Config{Items: s.Items(0)}) < s.Items(0)
				if want := int64(droughtCycles * 8 * n); o.Sample.Ops+int64(c[CounterEarly]) != want || c[CounterEarly] != 0 && !private {
					t.Errorf("%s, %d CPUs: %d tasks were served, want %d, and %v early", v.FullName(), n, o.Sample.Ops, want, c[CounterEarly])
				}
				if c[CounterFailed] != 0 && !mayMiss(v, n) || c[CounterBefore] <= 0 || c[CounterAfter] <= 0 || c[CounterRecovery] <= 0 || c[CounterRecoveryMost] < c[CounterRecovery] {
					t.Errorf("%s, %d CPUs: %v", v.FullName(), n, c)
				}
				if waits := v.Capabilities.MayWait; waits && c[CounterPolls] != 0 || !waits && c[CounterPolls] < float64(o.Sample.Ops) {
					t.Errorf("%s, %d CPUs: %v tries in vain, waits: %v", v.FullName(), n, c[CounterPolls], waits)
				}
			}
		}
	})
}

// What the workloads count of their own is there: the price of the ring, the first allocation, the bytes of the allocator.
func TestOwnCountersAreThere(t *testing.T) {
	_, counts := processors(t)
	for _, n := range counts {
		s := Spec{Workload: StartStorm, Design: "percpu_tags", Variant: "lock", CPUs: n, Burst: 64, DurationNs: 1}
		o := measureOne(t, s, nil)
		c := o.Sample.Counters
		if c[CounterFirstAlloc] <= o.Sample.NsPerOp || c[CounterRefills] < stormRounds || c[CounterBytes] < 4 || o.Sample.Ops != int64(stormRounds*64*n) {
			t.Errorf("%d CPUs: %d operations of %v ns, and %v", n, o.Sample.Ops, o.Sample.NsPerOp, c)
		}
		if n == 1 {
			continue
		}
		s = Spec{Workload: CrossCPU, Design: "percpu_tags", Variant: "lock", CPUs: 2, Distance: "llc", DurationNs: 1_000_000}
		if c := measureOne(t, s, nil).Sample.Counters; c[CounterHandover] <= 0 || c[CounterRefills] == 0 || c[CounterSpills] == 0 {
			t.Errorf("cross-cpu: %v", c)
		}
	}
}

// A long queue kept in bulk leaves the CPU's list behind: items go back to the shared stack and come from it, in every round or two.
func TestBulkKeepRefillsAndSpills(t *testing.T) {
	s := Spec{Workload: BulkKeep, Design: "percpu_tags", Variant: "lock", CPUs: 1, Keep: 512, Bulk: 64, DurationNs: 1_000_000}
	if c := measureOne(t, s, nil).Sample.Counters; c[CounterRefills] == 0 || c[CounterSpills] == 0 {
		t.Errorf("bulks of 64 on a list of 48 have %v", c)
	}
}

// What an allocator takes is shared out to the items there is room for: with a zone below it, a page costs little more than its own bytes.
func TestBytesAreOfTheRoom(t *testing.T) {
	const room = 4096
	s := Spec{Workload: Fastpath, Design: "page", CPUs: 1, Room: room, DurationNs: 1}
	if got := measureOne(t, s, nil).Sample.Counters[CounterBytes]; got < pageBytes || got > 2*pageBytes {
		t.Errorf("a page of %d takes %v bytes", room, got)
	}
}
