package workload

import (
	"testing"

	"headroom/designs"
)

// situationTasks is the number of tasks of a CPU in these tests.
const situationTasks = 8

// situationSpec is a small sample of a situation on the variant.
func situationSpec(name string, v designs.Variant, way string, cpus int) Spec {
	s := Spec{Workload: name, Design: v.Design, Variant: v.Name, CPUs: cpus, Way: way, Ratio: 4, Tasks: situationTasks, DurationNs: 3_000_000}
	switch name {
	case ReserveCancel, RCUFlood:
		s.Ratio = 64
	case SwapSqueeze:
		s.Ratio = 8
	}
	return s
}

// eachSituation runs a situation in all its ways on every variant that can, on the most CPUs that tests use, and shows what was counted.
func eachSituation(t *testing.T, name string, show func(v designs.Variant, way string, c map[string]float64)) {
	t.Helper()
	_, counts := processors(t)
	ways := Ways(name)
	if ways == nil {
		ways = []string{""}
	}
	eachVariant(t, name, "", func(v designs.Variant) {
		for _, way := range ways {
			if LacksWay(name, v, way) == "" {
				show(v, way, measureOne(t, situationSpec(name, v, way, counts[len(counts)-1]), nil).Sample.Counters)
			}
		}
	})
}

// Where the pool bars its callers from the reserve, writers wait and the reserve is left; where it does not, they take it, and others find none.
func TestSqueezedWritersTakeTheReserveUnlessBarred(t *testing.T) {
	seen := map[string]map[string]float64{}
	eachSituation(t, SwapSqueeze, func(v designs.Variant, _ string, c map[string]float64) { seen[v.FullName()] = c })
	barred, free := seen["mempool:mainline-page"], seen["mempool:mainline-optin"]
	if barred == nil || free == nil {
		t.Fatalf("seen are only %v", seen)
	}
	if barred[CounterFreeLeast] <= free[CounterFreeLeast] || barred[CounterReserve] != 0 || barred[CounterWaits] == 0 {
		t.Errorf("barred callers leave %v pages, and callers with the choice %v; others were refused %v times, and %v waited", barred[CounterFreeLeast],
			free[CounterFreeLeast], barred[CounterReserve], barred[CounterWaits])
	}
}

// A promise holds whatever others take, and where Reserve waits nobody is refused one.
func TestPromisesHoldBesideOthers(t *testing.T) {
	waited := false
	eachSituation(t, ReserveCancel, func(v designs.Variant, _ string, c map[string]float64) {
		if c[CounterBroken] != 0 || v.Capabilities.ReserveWaits && c[CounterFailed] != 0 {
			t.Errorf("%s: %v", v.FullName(), c)
		}
		waited = waited || c[CounterWaits] > 0
	})
	if !waited {
		t.Error("nobody waited for a promise, so nothing was scarce")
	}
}

// What is given up is freed in the end (checkFlood), the throttle bounds what waits, and an object is linked through itself where no page can be had.
func TestFloodIsBoundedByTheThrottle(t *testing.T) {
	_, counts := processors(t)
	cpus := float64(counts[len(counts)-1])
	listed := false
	eachSituation(t, RCUFlood, func(v designs.Variant, way string, c map[string]float64) {
		most := (floodBound + situationTasks*floodTurn) * cpus // each caller may be at a turn of its own beyond the bound
		if way == Throttled && c[CounterBacklog] > most || way == Unthrottled && c[CounterThrottled] != 0 || c[CounterBacklog] == 0 {
			t.Errorf("%s, %s: %v", v.FullName(), way, c)
		}
		listed = listed || c[CounterListed] > 0
	})
	if !listed {
		t.Error("a page was there for every object, so nothing was short")
	}
}

// The size changes while tasks wait, no change is refused, and everybody is served.
func TestPoolsResizeWhileTasksWait(t *testing.T) {
	eachSituation(t, ResizeWaiters, func(v designs.Variant, _ string, c map[string]float64) {
		waits := v.Capabilities.MayWait
		if c[CounterResizes] < 2 || c[CounterResizesRefused] != 0 || waits && (c[CounterWaits] == 0 || c[CounterFailed] != 0) {
			t.Errorf("%s: %v", v.FullName(), c)
		}
	})
}

// Only who polls polls, only who defers falls back, and what was preallocated holds nobody up.
func TestFirstIOsDoWhatTheirWaySays(t *testing.T) {
	polled := false
	eachSituation(t, FirstIO, func(v designs.Variant, way string, c map[string]float64) {
		if way != FirstPolls && c[CounterPolls] != 0 || way != FirstDefers && c[CounterFallbacks] != 0 || c[CounterFirstIO] <= 0 {
			t.Errorf("%s, %s: %v", v.FullName(), way, c)
		}
		polled = polled || c[CounterPolls] > 0
	})
	if !polled {
		t.Error("nobody polled in vain, so nothing was short")
	}
}
