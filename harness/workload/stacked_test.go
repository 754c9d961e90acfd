package workload

import (
	"strings"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
)

// stackedSpec is stacked-pools on a variant with half as many items as tasks at each level.
func stackedSpec(v designs.Variant, way string, cpus int) Spec {
	return Spec{Workload: StackedPools, Design: v.Design, Variant: v.Name, CPUs: cpus, Way: way, Ratio: 4, Tasks: 8, DurationNs: 3_000_000}
}

// Levels with allocators of their own never deadlock, whatever the design: who holds items of the lowest level waits for nobody. With one allocator for
// all, those who wait holding items deadlock; those who are promised all beforehand, or give all back when refused, do not.
func TestSharedPoolsDeadlockAndOwnOnesDoNot(t *testing.T) {
	_, counts := processors(t)
	seen := 0
	eachVariant(t, StackedPools, "", func(v designs.Variant) {
		for _, n := range counts {
			for _, way := range Ways(StackedPools) {
				if LacksWay(StackedPools, v, way) != "" {
					continue
				}
				c := measureOne(t, stackedSpec(v, way, n), nil).Sample.Counters
				holds := way == SharedPool && v.Capabilities.MayWait && !strings.HasPrefix(v.FullName(), "reservation:")
				if got := c[CounterDeadlocks]; got > 0 && !holds {
					t.Errorf("%s, %s, %d CPUs: %v deadlocks", v.FullName(), way, n, got)
				} else if got > 0 {
					seen++
				}
				if v.Capabilities.MayWait && c[CounterFailed] != 0 {
					t.Errorf("%s, %s, %d CPUs: %v refusals of callers that may wait", v.FullName(), way, n, c[CounterFailed])
				}
			}
		}
	})
	if seen == 0 {
		t.Error("no shared pool deadlocked, so nothing was shown")
	}
}

// The stack of raid1 is made of the variants it names, in both eras and rewritten on slab and pages; other designs are refused it.
func TestRaid1IsMadeOfItsBackings(t *testing.T) {
	for _, name := range []string{"mempool:mainline", "mempool:molnar", "reservation:slab"} {
		design, variant, _ := strings.Cut(name, ":")
		v, err := catalog.Find(design, variant)
		if err != nil {
			t.Fatal(err)
		}
		if c := measureOne(t, stackedSpec(v, Raid1, 1), nil).Sample.Counters; c[CounterDeadlocks] != 0 {
			t.Errorf("%s: %v", name, c)
		}
	}
	v, err := catalog.Default("percpu_tags")
	if err != nil {
		t.Fatal(err)
	}
	m, ids := newMachine(t, 1, 16)
	defer m.Close()
	if _, err := Run(m, ids, v, stackedSpec(v, Raid1, 1), nil); err == nil || !strings.Contains(err.Error(), "stands for no stack of raid1: give the way own or shared") {
		t.Errorf("raid1 on tags: %v", err)
	}
}
