package workload

import (
	"cmp"
	"strings"
	"testing"

	"headroom/designs"
)

// situationTasks is the number of tasks of a CPU in these tests.
const situationTasks = 8

// situationSpec is a small sample of a situation on the variant.
func situationSpec(name string, v designs.Variant, way string, cpus int) Spec {
	s := Spec{Workload: name, Design: v.Design, Variant: v.Name, CPUs: cpus, Way: way, Ratio: 4, Tasks: situationTasks, DurationNs: 3_000_000}
	switch name {
	case ReserveCancel:
		s.Ratio = 64
	case RCUFlood:
		s.Ratio = 256
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

// The size changes while tasks wait, no change is refused, and everybody is served. On one CPU the 8 tasks, for whom there are 6 items, have no turn but in
// turns, whatever else the machine does.
func TestPoolsResizeWhileTasksWait(t *testing.T) {
	eachVariant(t, ResizeWaiters, "", func(v designs.Variant) {
		_, counts := processors(t)
		for _, n := range counts {
			c := measureOne(t, situationSpec(ResizeWaiters, v, "", n), nil).Sample.Counters
			waits := v.Capabilities.MayWait
			if c[CounterResizes] < 2 || c[CounterResizesRefused] != 0 || waits && (n == 1 && c[CounterWaits] == 0 || c[CounterFailed] != 0) {
				t.Errorf("%s, %d CPUs: %v", v.FullName(), n, c)
			}
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

// A variant lacks a situation for what it cannot do, or one of its ways.
func TestSituationsThatVariantsLack(t *testing.T) {
	pages := designs.Capabilities{Kind: designs.Page, Memory: true}
	overPool := designs.Variant{Design: "mempool", Capabilities: designs.Capabilities{Memory: true, MayWait: true, Resizes: true, Over: "mempool:mainline"}}
	reserve := designs.Variant{Design: "percpu_tags", Capabilities: designs.Capabilities{Kind: designs.Tag, MayWait: true, Over: "percpu_tags:lock"}}
	for _, c := range []struct {
		workload, way string
		v             designs.Variant
		says          string // how the reason begins, "" for none
	}{
		{SwapSqueeze, "", designs.Variant{Capabilities: pages}, "it makes memory of its own"},
		{ReserveCancel, "", designs.Variant{Capabilities: pages}, "it promises no items"},
		{ResizeWaiters, "", designs.Variant{Capabilities: pages}, "its size does not change"},
		{ResizeWaiters, "", overPool, "who makes its upper pool larger"},
		{FirstIO, FirstPolls, designs.Variant{Capabilities: pages}, "whoever may not wait"},
		{FirstIO, FirstWaits, designs.Variant{Capabilities: designs.Capabilities{HoldsBack: true}}, "wait: its Alloc never waits"},
		{FirstIO, FirstPolls, designs.Variant{Capabilities: designs.Capabilities{HoldsBack: true}}, ""},
		{RCUFlood, Throttled, designs.Variant{Capabilities: pages}, ""},
		{RCUFlood, Throttled, reserve, "its items are tags, not pages"},
		{StackedPools, OwnPools, designs.Variant{Capabilities: designs.Capabilities{Unbounded: true}}, "its items never run out"},
		{StackedPools, OwnPools, overPool, "own: who sleeps in the lower"},
		{StackedPools, SharedPool, overPool, "shared: who sleeps in the lower"},
		{StackedPools, Raid1, overPool, ""},
		{StackedPools, OwnPools, reserve, ""},
		{StackedPools, SharedPool, reserve, ""},
	} {
		d, err := Find(c.workload)
		if err != nil {
			t.Fatal(err)
		}
		if got := cmp.Or(Lacks(d, c.v, ""), LacksWay(c.workload, c.v, c.way)); (got == "") != (c.says == "") || !strings.HasPrefix(got, c.says) {
			t.Errorf("%s %s on %+v: %q, want %q", c.workload, c.way, c.v.Capabilities, got, c.says)
		}
	}
}
