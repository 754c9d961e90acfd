package workload

import (
	"testing"

	"headroom/designs"
	"headroom/harness/driver"
	"headroom/harness/result"
)

// Every write is accounted for on every design that can be called in interrupts, which accountWrites, called by Run, makes sure of: a driver that requeues
// loses none, one that answers EIO loses as many as there were allocations in vain.
func TestWritesAreRequeuedOrLost(t *testing.T) {
	_, counts := processors(t)
	vain := 0.0
	eachVariant(t, IRQAllocFails, "", func(v designs.Variant) {
		for _, n := range counts {
			for _, action := range driver.Actions() {
				s := Spec{Workload: IRQAllocFails, Design: v.Design, Variant: v.Name, CPUs: n, OnRefusal: action, FailEvery: 2, Ratio: 4, Tasks: 6, DurationNs: 1_000_000}
				if n == 2 {
					s.Touch, s.SlowerPct = 64, 50
				}
				o := measureOne(t, s, nil)
				c := o.Sample.Counters
				lost, requeued := 0.0, c[CounterRefused]+c[CounterInjected]
				vain += requeued
				if action == driver.EIO {
					lost, requeued = requeued, 0
				}
				if c[CounterLost] != lost || c[CounterRequeues] != requeued || c[CounterFailed] != c[CounterRefused] {
					t.Errorf("%s, %s: %d writes, %v", v.FullName(), action, o.Sample.Ops, c)
				}
				if l := o.Sample.Latency; len(l) != 1 || l[0].Timed != result.TimedStart || l[0].Count != o.Sample.Ops {
					t.Errorf("%s, %s: %d writes, and the distributions %+v", v.FullName(), action, o.Sample.Ops, l)
				}
			}
		}
	})
	if vain == 0 {
		t.Error("no allocation failed")
	}
}

// Where nothing runs out, what fails is what is to fail: every n-th allocation of a CPU, whatever the machine does.
func TestFailuresComeByNumber(t *testing.T) {
	_, counts := processors(t)
	for _, n := range counts {
		for _, every := range []int{2, 3, 50} {
			s := Spec{Workload: IRQAllocFails, Design: "percpu_tags", Variant: "lock", CPUs: n, OnRefusal: driver.EIO, FailEvery: every, Ratio: 64, Tasks: 2, DurationNs: 500_000}
			o := measureOne(t, s, nil)
			c := o.Sample.Counters
			ended := float64(o.Sample.Ops) + c[CounterLost]
			if want := ended / float64(every); c[CounterRefused] != 0 || c[CounterLost] > want || c[CounterLost] < want-float64(n) {
				t.Errorf("%d CPUs: of %v writes with every allocation numbered %d failing %v are lost, %v refused", n, ended, every, c[CounterLost], c[CounterRefused])
			}
		}
	}
}

// A reserve of as many tags as writes can be on the device spares them refusals where tags are scarce. That without one they are refused, the simulated
// machine shows.
func TestReserveServesWritesWhereTagsAreScarce(t *testing.T) {
	_, counts := processors(t)
	for _, n := range counts {
		for _, variant := range []string{"lock-reserve", "lock-reserve-nowait"} {
			s := Spec{Workload: IRQAllocFails, Design: "percpu_tags", Variant: variant, CPUs: n, OnRefusal: driver.Requeue, FailEvery: 100, Ratio: 4, Tasks: 6, DurationNs: 2_000_000}
			if c := measureOne(t, s, nil).Sample.Counters; c[CounterRefused] > 0 {
				t.Errorf("%s, %d CPUs: %v", variant, n, c)
			}
		}
	}
}
