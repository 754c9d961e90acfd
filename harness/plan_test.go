package harness

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headroom/designs/catalog"
	"headroom/harness/trace"
	"headroom/harness/workload"
)

// names lists the cells of a plan.
func names(p Plan) (list []string) {
	for i := range p.Cells {
		c := newCell(&p.Cells[i])
		list = append(list, c.Name())
	}
	return list
}

// recordings reads a sample recording of package trace.
func recordings(t *testing.T, file string) []*trace.Recording {
	t.Helper()
	r, err := trace.Open(filepath.Join("trace", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return r.Split()
}

// What is asked for is planned, cell by cell, and nothing else; the controls follow on the first cell.
func TestPlanHoldsWhatIsAskedFor(t *testing.T) {
	const lock, mutex = "/design=percpu_tags:lock/cpus=", "/design=mutex/cpus="
	for _, c := range []struct {
		name    string
		request Request
		want    []string
		lacking []string
	}{
		{"one workload on two designs", Request{Quick: true, Allowed: 2, Workloads: []string{"fastpath"}, Designs: []string{"percpu_tags:lock", "mutex"}},
			append(append([]string{"Fastpath" + lock + "1", "Fastpath" + lock + "2", "Fastpath" + mutex + "1", "Fastpath" + mutex + "2"},
				controls("Fastpath", lock+"1")...), "Fastpath/call=interface"+lock+"1"), nil},
		{"one CPU only", Request{Allowed: 1, Workloads: []string{"window"}, Designs: []string{"mutex"}},
			append([]string{"Window/hold=8" + mutex + "1", "Window/hold=32" + mutex + "1",
				"Window/hold=64" + mutex + "1", "Window/hold=32/latency=sampled" + mutex + "1"}, controls("Window/hold=8", mutex+"1")...), nil},
		{"untimed", Request{Quick: true, Allowed: 1, Latency: LatencyOff, Workloads: []string{"window"}, Designs: []string{"mutex"}},
			append([]string{"Window/hold=32" + mutex + "1"}, controls("Window/hold=32", mutex+"1")...), nil},
		{"timed", Request{Quick: true, Allowed: 1, Latency: "every", Workloads: []string{"window", "start-storm"}, Designs: []string{"mutex"}},
			append([]string{"Window/hold=32" + mutex + "1", "Window/hold=32/latency=every" + mutex + "1", "StartStorm/burst=64" + mutex + "1"},
				controls("Window/hold=32", mutex+"1")...), nil},
		{"quick window on chosen counts", Request{Quick: true, Allowed: 8, CPUs: []int{3}, Workloads: []string{"window"}, Designs: []string{"mutex"}},
			append([]string{"Window/hold=32" + mutex + "3"}, controls("Window/hold=32", mutex+"3")...), nil},
		{"a workload that one design lacks", Request{Quick: true, Allowed: 1, Workloads: []string{"tag-exhaust"}, Designs: []string{"percpu_tags:lock", "mutex"}},
			append([]string{"TagExhaust/items-per-cpu=0.5" + lock + "1", "TagExhaust/items-per-cpu=2" + lock + "1", "TagExhaust/items-per-cpu=16" + lock + "1",
				"TagExhaust/items-per-cpu=64" + lock + "1"}, controls("TagExhaust/items-per-cpu=0.5", lock+"1")...),
			[]string{"tag-exhaust on mutex: its Alloc never waits for an item"}},
		{"nothing that can run", Request{Allowed: 1, Workloads: []string{"tag-exhaust"}, Designs: []string{"mutex"}}, nil,
			[]string{"tag-exhaust on mutex: its Alloc never waits for an item"}},
		{"touched", Request{Quick: true, Allowed: 1, Touch: 64, Workloads: []string{"window"}, Designs: []string{"mutex"}},
			append([]string{"Window/hold=32/touch=64" + mutex + "1"}, controls("Window/hold=32/touch=64", mutex+"1")...), nil},
		{"a recording", Request{Allowed: 1, Recording: recordings(t, "sample-pages.ftrace.gz"), Workloads: []string{"trace"}, Designs: []string{"percpu_tags:lock", "mutex"}},
			append([]string{"Trace/kind=page/pace=flat-out" + mutex + "1"}, controls("Trace/kind=page/pace=flat-out", mutex+"1")...),
			[]string{"trace on percpu_tags:lock: its items are tags, not memory"}},
		{"a recording, paced, beside a workload", Request{Quick: true, Allowed: 1, Pace: 2, Recording: recordings(t, "sample-block.ftrace.gz"),
			Workloads: []string{"trace", "fastpath"}, Designs: []string{"mutex"}},
			append(append([]string{"Fastpath" + mutex + "1", "Trace/kind=tag/pace=2x" + mutex + "1"}, controls("Fastpath", mutex+"1")...),
				"Fastpath/call=interface"+mutex+"1"), nil},
	} {
		checkPlan(t, c.name, c.request, c.want, c.lacking)
	}
}

// Cells of the workloads that choose their CPUs, or run on a placement, are on those and named for it.
func TestPlanPlacesCells(t *testing.T) {
	const flights = "BioInflight/rate=200000/depth=32/service-us="
	const mutex = "/design=mutex/cpus="
	for _, c := range []struct {
		name    string
		request Request
		want    []string
		lacking []string
	}{
		{"in flight, quick", Request{Quick: true, Allowed: 2, Workloads: []string{"bio-inflight"}, Designs: []string{"mutex", "syncpool"}},
			append([]string{flights + "50" + mutex + "1", flights + "50" + mutex + "2", flights + "200" + mutex + "2"}, controls(flights+"50", mutex+"1")...),
			[]string{"bio-inflight on syncpool: its items never run out"}},
		{"across CPUs, placed", Request{Quick: true, Topology: synthetic(2, 2, 2, 2), Placement: Scatter, Workloads: []string{"cross-cpu"}, Designs: []string{"mutex"}},
			append([]string{"CrossCpu/distance=smt/placement=scatter" + mutex + "2", "CrossCpu/distance=llc/placement=scatter" + mutex + "2",
				"CrossCpu/distance=far/placement=scatter" + mutex + "2"}, controls("CrossCpu/distance=smt/placement=scatter", mutex+"2")...),
			[]string{"cross-cpu on every design: no two of the CPUs are at distance node"}},
		{"across CPUs, unknown ones", Request{Quick: true, Allowed: 2, Workloads: []string{"cross-cpu"}, Designs: []string{"mutex"}}, nil,
			[]string{"cross-cpu on every design: the run leaves the choice of processors to its samples, and this needs two of a distance"}},
		{"across CPUs, with one", Request{Quick: true, Topology: synthetic(2, 2, 2, 2), CPUs: []int{1}, Workloads: []string{"cross-cpu"}, Designs: []string{"mutex"}}, nil,
			[]string{"cross-cpu on every design: it needs two CPUs, and the run uses one"}},
		{"two on each processor", Request{Quick: true, Topology: synthetic(1, 4, 1, 1), Workloads: []string{"preempted-holder"}, Designs: []string{"mutex"}},
			append([]string{"PreemptedHolder/hold=64/per-processor=2" + mutex + "8"}, controls("PreemptedHolder/hold=64/per-processor=2", mutex+"8")...), nil},
		{"two on each unknown processor", Request{Quick: true, Allowed: 2, Workloads: []string{"preempted-holder"}, Designs: []string{"mutex"}}, nil,
			[]string{"preempted-holder on every design: the run leaves the choice of processors to its samples, and this puts several CPUs on each"}},
		{"CPUs that come and go, with one", Request{Quick: true, Allowed: 1, Workloads: []string{"hotplug"}, Designs: []string{"mutex"}}, nil,
			[]string{"hotplug on every design: it needs two CPUs, and the run uses one"}},
		{"a load that moves", Request{Quick: true, Allowed: 4, Workloads: []string{"phase-shift"}, Designs: []string{"mutex"}},
			append([]string{"PhaseShift/hold=64/shift=cpus" + mutex + "2", "PhaseShift/hold=64/shift=cpus" + mutex + "4", "PhaseShift/hold=64/shift=queues" + mutex + "2",
				"PhaseShift/hold=64/shift=queues" + mutex + "4"}, controls("PhaseShift/hold=64/shift=cpus", mutex+"2")...), nil},
		{"on one node of two", Request{Quick: true, Topology: synthetic(2, 2, 1, 2), Placement: OneNode, Workloads: []string{"fastpath"}, Designs: []string{"mutex"}},
			append(append([]string{"Fastpath/placement=one-node" + mutex + "1", "Fastpath/placement=one-node" + mutex + "2"},
				controls("Fastpath/placement=one-node", mutex+"1")...), "Fastpath/placement=one-node/call=interface"+mutex+"1"), nil},
	} {
		checkPlan(t, c.name, c.request, c.want, c.lacking)
	}
}

// controls are the names of the cells that check the ruler on a cell.
func controls(cell, cpus string) []string {
	return []string{cell + "/control=same-a" + cpus, cell + "/control=same-b" + cpus, cell + "/control=slower" + cpus}
}

// checkPlan compares the cells planned for a request, and what lacks, with what is wanted.
func checkPlan(t *testing.T, name string, request Request, want, lack []string) {
	t.Helper()
	plan := NewPlan(request)
	if got := names(plan); !slices.Equal(got, want) {
		t.Errorf("%s: the cells are\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var lacking []string
	for _, l := range plan.Lacking {
		lacking = append(lacking, l.Workload+" on "+l.Design+": "+l.Reason)
	}
	if !slices.Equal(lacking, lack) {
		t.Errorf("%s: lacking are %q, want %q", name, lacking, lack)
	}
	if len(plan.Traces) != len(request.Recording) {
		t.Errorf("%s: %d recordings are described", name, len(plan.Traces))
	}
}

// Whatever is planned can be run, has a name of its own, and the whole is what was asked for: every design on every workload that it can run,
// on powers of two of CPUs and all of them.
func TestEveryPlannedCellCanRun(t *testing.T) {
	for _, quick := range []bool{true, false} {
		plan := NewPlan(Request{Quick: quick, Allowed: 6})
		seen := map[string]bool{}
		counts := map[int]bool{}
		for i, name := range names(plan) {
			if err := plan.Cells[i].Check(); err != nil || seen[name] {
				t.Errorf("%s, seen before: %v: %v", name, seen[name], err)
			}
			seen[name] = true
			counts[plan.Cells[i].CPUs] = true
		}
		if len(counts) != 4 || !counts[1] || !counts[2] || !counts[4] || !counts[6] {
			t.Errorf("of 6 CPUs the counts are %v", counts)
		}
		for _, v := range catalog.All() {
			if first, err := catalog.Default(v.Design); quick && (err != nil || first.Name != v.Name) {
				continue // one variant of each design is enough there
			}
			if !slices.ContainsFunc(plan.Cells, func(s workload.Spec) bool { return s.Design == v.Design && s.Variant == v.Name }) {
				t.Errorf("%s is in no cell", v.FullName())
			}
		}
		if plan.Samples < minSamples || plan.Most != mostSamples || plan.RestNs < plan.Cells[0].DurationNs || plan.SecondsPerSample() <= 0 {
			t.Errorf("quick %v: %d to %d samples with %d ns of rest", quick, plan.Samples, plan.Most, plan.RestNs)
		}
	}
	quick, full := NewPlan(Request{Quick: true, Allowed: 2}), NewPlan(Request{Allowed: 2})
	if len(quick.Cells) >= len(full.Cells) || len(quick.Left) == 0 || len(full.Left) != 0 {
		t.Errorf("quick has %d cells and left out %q, full has %d and left out %q", len(quick.Cells), quick.Left, len(full.Cells), full.Left)
	}
}

// A planted slowdown lengthens every cell, and the slower twin is slower still.
func TestPlannedSlowdownIsEverywhere(t *testing.T) {
	plan := NewPlan(Request{Quick: true, Allowed: 1, SlowerPct: 20, Designs: []string{"mutex"}})
	for i, name := range names(plan) {
		want := 20.0
		if strings.Contains(name, "/control=slower/") {
			want = 20 + slowerByPct
		}
		if got := plan.Cells[i].SlowerPct; got != want {
			t.Errorf("%s is lengthened by %g %%, want %g", name, got, want)
		}
	}
}

// Powers of two, and all: at least one.
func TestCPUCountsArePowersOfTwoAndAll(t *testing.T) {
	for allowed, want := range map[int][]int{0: {1}, 1: {1}, 2: {1, 2}, 3: {1, 2, 3}, 8: {1, 2, 4, 8}, 12: {1, 2, 4, 8, 12}} {
		if got := cpuCounts(allowed); !slices.Equal(got, want) {
			t.Errorf("of %d CPUs: %v, want %v", allowed, got, want)
		}
	}
}
