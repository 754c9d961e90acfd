package workload

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	distribution "headroom/harness/latency"
	"headroom/harness/trace"
	"headroom/kernel"
	"headroom/kernel/machine"
)

// processors lists the processors of this process, and the counts of them that tests run on: one, and two where there are two.
func processors(t *testing.T) (cpus []machine.CPU, counts []int) {
	t.Helper()
	ids, err := machine.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	topology, err := machine.ReadTopology("/sys", ids)
	if err != nil {
		t.Fatal(err)
	}
	counts = []int{1}
	if len(ids) > 1 {
		counts = append(counts, 2)
	}
	return topology.CPUs, counts
}

// memoryBytes holds what any spec of these tests needs: 4,096 bytes for each of the pages of the sample recording.
const memoryBytes = 128 << 20

// newMachine is a machine of n CPUs, each on a processor of its own if there are as many, else on those there are in turn.
func newMachine(t *testing.T, n, tasks int) (m *machine.Native, ids []int) {
	t.Helper()
	cpus, _ := processors(t)
	cpus = slices.Repeat(cpus, (n+len(cpus)-1)/len(cpus))
	m, err := machine.NewNative(machine.Options{CPUs: cpus[:n], MemoryBytes: memoryBytes, Tasks: tasks + 8})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cpus[:n] {
		ids = append(ids, c.ID)
	}
	return m, ids
}

// outcomeOf runs a spec that must run.
func outcomeOf(t *testing.T, v designs.Variant, s Spec, recording *trace.Recording) *Outcome {
	t.Helper()
	m, ids := newMachine(t, s.CPUs, s.MachineTasks())
	defer m.Close()
	o, err := Run(m, ids, v, s, recording)
	if err != nil {
		t.Fatalf("%s on %s, %d CPUs: %v", s.Workload, v.FullName(), s.CPUs, err)
	}
	return o
}

// measureOne runs a spec that must run, and checks what holds for every outcome. A CPU that had no turn in the few milliseconds of a test, because the
// machine was busy with something else, gets two more runs: what never has a turn is found all the same.
func measureOne(t *testing.T, s Spec, recording *trace.Recording) *Outcome {
	t.Helper()
	v, err := catalog.Find(s.Design, s.Variant)
	if err != nil {
		t.Fatal(err)
	}
	o := outcomeOf(t, v, s, recording)
	for again := 0; again < 2 && slices.Contains(o.Sample.PerCPU, 0); again++ {
		o = outcomeOf(t, v, s, recording)
	}
	sample, sum := &o.Sample, int64(0)
	for cpu, ops := range sample.PerCPU {
		sum += ops
		// A recording decides itself who does what, and the other CPU may hold all tags whenever an interrupt asks for one.
		if ops < 1 && s.Workload != Trace && s.Workload != IRQAllocFails && !mayMiss(v, s.CPUs) {
			t.Errorf("%s on %s: CPU %d did nothing: %v", s.Workload, v.FullName(), cpu, sample.PerCPU)
		}
	}
	if uneven := loadOf(s.Workload).uneven; sample.Ops < 1 || uneven != (sample.PerCPU == nil) || !uneven && (sum != sample.Ops || len(sample.PerCPU) != s.CPUs) {
		t.Errorf("%s on %s: %d operations on %d CPUs are %v", s.Workload, v.FullName(), sample.Ops, s.CPUs, sample.PerCPU)
	}
	if sample.WallNs <= 0 || sample.NsPerOp <= 0 || sample.OpsPerSec <= 0 || sample.CASNs <= 0 || (sample.LoopNs <= 0) != (s.Workload == FalseShare) {
		t.Errorf("%s on %s: a figure is missing: %+v", s.Workload, v.FullName(), sample)
	}
	if two := s.CPUs > 1; (sample.RTTNs[0] > 0) != two || (sample.RTTNs[1] > 0) != two {
		t.Errorf("%s on %s, %d CPUs: round trips %v", s.Workload, v.FullName(), s.CPUs, sample.RTTNs)
	}
	return o
}

// eachVariant calls visit for every variant that has the capabilities a workload needs, and reports how many there are.
func eachVariant(t *testing.T, name, kind string, visit func(v designs.Variant)) {
	t.Helper()
	d, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	visited := 0
	seen := map[string]bool{}
	for _, v := range catalog.All() {
		if Lacks(d, v, kind) == "" && !(sparing && seen[v.Design]) {
			visited++
			seen[v.Design] = true
			visit(v)
		}
	}
	if visited == 0 {
		t.Errorf("no variant can run %s", name)
	}
}

// mayMiss: on more than one CPU the variant's callers are refused now and then, and one that stays out of luck gets nothing in the short time of a test.
func mayMiss(v designs.Variant, cpus int) bool { return v.Capabilities.Misses && cpus > 1 }

// Each closed workload runs on every variant that can: on one CPU and on two, all CPUs take part, no allocation fails, and Check, which Run calls
// when all is over, finds no fault.
func TestClosedWorkloadsRunOnEveryVariant(t *testing.T) {
	_, counts := processors(t)
	for _, s := range []Spec{
		{Workload: Fastpath},
		{Workload: Fastpath, Dispatch: true},
		{Workload: Fastpath, SlowerPct: 50},
		{Workload: Window, Hold: 1},
		{Workload: Window, Hold: 40, Touch: 128},
		{Workload: Window, Hold: 40, Dispatch: true},
		{Workload: BulkKeep, Keep: 96, Bulk: 16},
		{Workload: BulkKeep, Keep: 5, Bulk: 5, Touch: 64, SlowerPct: 50},
		{Workload: CrossCPU, Distance: "llc"},
		{Workload: CrossCPU, Distance: "node", Touch: 64, SlowerPct: 50},
		{Workload: StartStorm, Burst: 64},
		{Workload: StartStorm, Burst: 1, Touch: 64, SlowerPct: 50},
		{Workload: TagExhaust, Ratio: 8, Tasks: 4, Touch: 64},
		{Workload: TagExhaust, Ratio: 0.5, Tasks: 8, SlowerPct: 50},
	} {
		eachVariant(t, s.Workload, "", func(v designs.Variant) {
			for _, n := range counts {
				if s.Workload == CrossCPU && n != 2 {
					continue
				}
				s := s
				s.Design, s.Variant, s.CPUs, s.DurationNs = v.Design, v.Name, n, 1_000_000
				if raced && v.Capabilities.Unbounded {
					s.Touch = 0 // under the race detector a sync.Pool forgets boxes at random, and its numbers grow beyond the records
				}
				if o := measureOne(t, s, nil); o.Sample.Counters["failed"] != 0 && !mayMiss(v, n) {
					t.Errorf("%+v: %v allocations failed", s, o.Sample.Counters["failed"])
				}
			}
		})
	}
}

// Tag-exhaust waits when there are fewer tags than tasks, and only then.
func TestTagExhaustWaitsWhenTagsAreScarce(t *testing.T) {
	_, counts := processors(t)
	for _, n := range counts {
		for ratio, waits := range map[float64]bool{0.5: true, 4: true, 64: false} {
			s := Spec{Workload: TagExhaust, Design: "percpu_tags", Variant: "lock", CPUs: n, Ratio: ratio, Tasks: 8, DurationNs: 2_000_000}
			if got := measureOne(t, s, nil).Sample.Counters["waits"]; (got > 0) != waits {
				t.Errorf("%d CPUs, %v tags and 8 tasks for each: %v waits", n, ratio, got)
			}
		}
	}
}

// What the slow-path counters say of the measured interval leaves the warm-up out: a window that fits a CPU's list takes no slow path.
func TestCountersLeaveTheWarmUpOut(t *testing.T) {
	s := Spec{Workload: Window, Design: "percpu_tags", Variant: "lock", CPUs: 1, Hold: 8, DurationNs: 1_000_000}
	c := measureOne(t, s, nil).Sample.Counters
	if c["refills"] != 0 || c["spills"] != 0 || c["steals"] != 0 || c["waits"] != 0 {
		t.Errorf("a window of 8 on a list of 48 has %v", c)
	}
	s.Hold = 64
	if c := measureOne(t, s, nil).Sample.Counters; c["refills"] == 0 || c["spills"] == 0 {
		t.Errorf("a window of 64 on a list of 48 has %v", c)
	}
}

// An allocator that cannot be made, and one that fails its Check, end the run with an error that names workload and variant.
func TestRunReportsABrokenAllocator(t *testing.T) {
	v, err := catalog.Default("percpu_tags")
	if err != nil {
		t.Fatal(err)
	}
	m, ids := newMachine(t, 1, 1)
	defer m.Close()
	s := Spec{Workload: Fastpath, CPUs: 1, DurationNs: 1, Knobs: map[string]int{"max": 0}}
	if _, err := Run(m, ids, v, s, nil); err == nil || !strings.Contains(err.Error(), "knob max is 0") {
		t.Errorf("a knob out of range ends with %v", err)
	}
	makeGood := v.New
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		a, err := makeGood(place, c)
		return faulty{a}, err
	}
	v.Loops = nil
	s.Knobs = nil
	if _, err := Run(m, ids, v, s, nil); err == nil || err.Error() != "fastpath on percpu_tags:lock: after the run: on purpose" {
		t.Errorf("a broken allocator ends with %v", err)
	}
}

// faulty is an allocator whose Check finds a fault.
type faulty struct{ designs.Allocator }

func (faulty) Check() error { return fmt.Errorf("on purpose") }

// The measuring loops allocate nothing: otherwise the collector's work would be part of a figure.
func TestLoopsAllocateNothing(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, v := range catalog.All() {
		if v.Design == "syncpool" && raced {
			continue // under the race detector a sync.Pool forgets boxes at random, on purpose
		}
		m, _ := newMachine(t, 1, 1)
		s := Spec{Workload: Window, CPUs: 1, Hold: 40}
		a, err := v.New(m, designs.Config{Items: s.Items(0)})
		if err != nil {
			t.Fatal(err)
		}
		for name, loops := range map[string]*designs.Loops{"its own": v.Loops, "the interface": distribution.Interface()} {
			var pairs, windows uint64
			held := make([]designs.Item, s.Hold)
			m.Spawn(nil, machine.Spec{Name: "loops", Body: func(task *kernel.Task) {
				pairs = mallocs(func() { loops.Pair(a, task, kernel.NoWait, 4096, nil) })
				windows = mallocs(func() { loops.Window(a, task, kernel.NoWait, held, 100*s.Hold, nil) })
			}})
			if err := m.Run(); err != nil {
				t.Fatal(err)
			}
			if pairs > 0 || windows > 0 {
				t.Errorf("%s, %s loops: %d allocations in 4096 pairs, %d in 100 windows", v.FullName(), name, pairs, windows)
			}
			m.Close()
			m, _ = newMachine(t, 1, 1)
			if a, err = v.New(m, designs.Config{Items: s.Items(0)}); err != nil {
				t.Fatal(err)
			}
		}
		m.Close()
	}
}

// mallocs is how many objects f allocates: the least of a few tries, since the rest of the process allocates too. A first try warms up.
func mallocs(f func()) uint64 {
	f()
	least := ^uint64(0)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.Mallocs-before.Mallocs)
	}
	return least
}
