package workload

import (
	"strings"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/kernel"
)

// two reports whether there are two processors, which the workloads of this file need.
func two(t *testing.T) bool {
	_, counts := processors(t)
	return len(counts) > 1
}

// keepsApart are the variants whose lists another CPU cannot get at, or not always: what a CPU leaves there only CPUDead brings back.
var keepsApart = []string{"percpu_tags:lock-3.12", "percpu_tags:xchg", "ida:magazine", "slab"}

// CPUs go offline and come back under every design: nothing fails, CPUDead leaves nothing behind, and only what nobody else can reach needs it.
func TestOutagesLoseNothing(t *testing.T) {
	if !two(t) {
		return
	}
	stranded := map[string]float64{}
	eachVariant(t, Hotplug, "", func(v designs.Variant) {
		for _, slower := range []float64{0, 50} {
			s := Spec{Workload: Hotplug, Design: v.Design, Variant: v.Name, CPUs: 2, Hold: 32, DurationNs: 3_000_000, SlowerPct: slower}
			c := measureOne(t, s, nil).Sample.Counters
			if c[CounterFailed] != 0 || c[CounterUnreached] != 0 || c[CounterFirstAlloc] <= 0 {
				t.Errorf("%s: %v", v.FullName(), c)
			}
			if _, counted := c[CounterStranded]; counted == (v.FullName() == "syncpool") {
				t.Errorf("%s: whether items are out of reach was counted: %v", v.FullName(), counted)
			}
			if _, told := c[CounterCPUDead]; told != v.Capabilities.PerCPU && v.Design != "ida" || told && c[CounterCPUDeadMost] < c[CounterCPUDead] {
				t.Errorf("%s: CPUDead took %v ns, %v at most", v.FullName(), c[CounterCPUDead], c[CounterCPUDeadMost])
			}
			stranded[v.FullName()] += c[CounterStranded]
		}
	})
	for _, name := range keepsApart {
		if stranded[name] == 0 {
			t.Errorf("nothing was left on the dead CPU's list of %s", name)
		}
	}
	if n := stranded["percpu_tags:lock"]; n != 0 {
		t.Errorf("%v tags of percpu_tags:lock could not be stolen from a dead CPU", n)
	}
}

// deaf is an allocator that does not hear of dead CPUs.
type deaf struct{ designs.Allocator }

// What a dead CPU kept is missing when nobody calls CPUDead: the count that is 0 elsewhere can see it.
func TestItemsOfADeadCPUAreMissed(t *testing.T) {
	if !two(t) {
		return
	}
	v, err := catalog.Find("ida", "magazine")
	if err != nil {
		t.Fatal(err)
	}
	hears := v.New
	v.New, v.Loops = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		a, err := hears(place, c)
		return deaf{a}, err
	}, nil
	s := Spec{Workload: Hotplug, CPUs: 2, Hold: 32, DurationNs: 3_000_000}
	m, ids := newMachine(t, s.CPUs, s.MachineTasks())
	defer m.Close()
	o, err := Run(m, ids, v, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c := o.Sample.Counters; c[CounterUnreached] <= 0 || c[CounterStranded] != 0 {
		t.Errorf("without CPUDead: %v", c)
	}
}

// When the load moves, private lists keep items from those who work, and shared ones do not; where all can be had nothing fails.
func TestQuietCPUsKeepItems(t *testing.T) {
	if !two(t) {
		return
	}
	for _, what := range []string{ShiftCPUs, ShiftQueues} {
		stranded := map[string]float64{}
		eachVariant(t, PhaseShift, "", func(v designs.Variant) {
			s := Spec{Workload: PhaseShift, Design: v.Design, Variant: v.Name, CPUs: 2, Hold: 64, Shift: what, Touch: 64, DurationNs: 2_000_000, SlowerPct: 10}
			if v.FullName() == "syncpool" {
				s.Touch = 0
			}
			o := measureOne(t, s, nil)
			c := o.Sample.Counters
			if first := c[CounterFirstWindow] > 0; first != (what == ShiftCPUs) {
				t.Errorf("%s, %s: first windows of %v ns", v.FullName(), what, c[CounterFirstWindow])
			}
			if reaches := v.Design == "ida" && v.Name != "magazine" || v.FullName() == "percpu_tags:lock" || v.Design == "mutex"; reaches && c[CounterFailed] != 0 {
				t.Errorf("%s, %s: %v of %d allocations failed", v.FullName(), what, c[CounterFailed], o.Sample.Ops)
			}
			stranded[v.FullName()] = c[CounterStranded]
		})
		if stranded["percpu_tags:lock"] != 0 || stranded["mutex"] != 0 || stranded["ida:magazine"] <= 0 || stranded["slab"] <= 0 {
			t.Errorf("%s: out of reach are %v", what, stranded)
		}
	}
}

// More CPUs than processors are preempted, and an operation costs processor time: that of two processors, not of four threads.
func TestCrowdedCPUsArePreempted(t *testing.T) {
	if !two(t) {
		return
	}
	eachVariant(t, Preempted, "", func(v designs.Variant) {
		s := Spec{Workload: Preempted, Design: v.Design, Variant: v.Name, CPUs: 4, Hold: 64, Crowd: 2, DurationNs: 15_000_000}
		o := measureOne(t, s, nil)
		c := o.Sample.Counters
		if c[CounterFailed] != 0 || c[CounterPreemptions] < 1 || c[CounterAwayMost] <= 0 || c[CounterBusyMost] <= 0 {
			t.Errorf("%s: %v", v.FullName(), c)
		}
		if used := o.Sample.NsPerOp * float64(o.Sample.Ops); used > 1.1*2*o.Sample.WallNs {
			t.Errorf("%s: %.3g ns of processor time in %.3g ns on two processors", v.FullName(), used, o.Sample.WallNs)
		}
		if !strings.Contains(errToBePreempted.Error(), "preempts") || o.Realtime == nil {
			t.Errorf("%s ran at real-time priority", v.FullName())
		}
	})
}

// Ids that are handed out lowest first, in turn, lie on the same lines, tags from lists of the CPUs' own do not; and nothing does that is a line long.
func TestNeighboursShareLines(t *testing.T) {
	if !two(t) {
		return
	}
	lines := func(v designs.Variant, bytes int) (lines, pairs float64) {
		s := Spec{Workload: FalseShare, Design: v.Design, Variant: v.Name, CPUs: 2, Hold: 32, Bytes: bytes, DurationNs: 500_000}
		c := measureOne(t, s, nil).Sample.Counters
		if c[CounterFailed] != 0 {
			t.Errorf("%s: %v", v.FullName(), c)
		}
		return c[CounterLines], c[CounterPairs]
	}
	eachVariant(t, FalseShare, "", func(v designs.Variant) {
		n, pairs := lines(v, 16)
		switch v.FullName() {
		case "ida:tree":
			if n != 16 || pairs != 64 { // four ids a line, two of each CPU
				t.Errorf("ids in turn share %v lines in %v pairs", n, pairs)
			}
		case "percpu_tags:lock", "page":
			if n != 0 || pairs != 0 {
				t.Errorf("%s shares %v lines in %v pairs", v.FullName(), n, pairs)
			}
		}
		if n, pairs := lines(v, 64); n != 0 || pairs != 0 {
			t.Errorf("%s: %v lines and %v pairs of items of a line each", v.FullName(), n, pairs)
		}
	})
}

// Pairs are of different CPUs on one line, each once; a line counts once.
func TestPairsAreOfDifferentCPUs(t *testing.T) {
	for _, c := range []struct {
		held         [][]designs.Item
		lines, pairs int
	}{
		{[][]designs.Item{{0, 16, 32, 48}, {64}}, 0, 0},
		{[][]designs.Item{{0}, {16}}, 1, 1},
		{[][]designs.Item{{0, 32}, {16, 48}}, 1, 4},
		{[][]designs.Item{{0, 16, 64}, {48, 80}, {32, 192}}, 2, 6},
	} {
		h := &sharing{held: c.held}
		if h.count(1); h.lines != c.lines || h.pairs != c.pairs || h.rounds != 1 {
			t.Errorf("%v: %d lines and %d pairs, want %d and %d", c.held, h.lines, h.pairs, c.lines, c.pairs)
		}
	}
}
