package harness

import (
	"slices"
	"strings"
	"testing"

	"headroom/harness/result"
	"headroom/harness/workload"
)

// trips makes a sample with the given round trips before and after, in ns; 0 is none.
func trips(before, after float64) result.Sample {
	return result.Sample{Ops: 1, NsPerOp: 10, CASNs: 5, RTTNs: [2]float64{before, after}}
}

// times repeats a sample.
func times(n int, s result.Sample) []result.Sample { return slices.Repeat([]result.Sample{s}, n) }

// sorted is the run that the given samples of one cell, on so many CPUs, end up as.
func sorted(cpus int, samples []result.Sample) *result.Run {
	plan := Plan{Cells: []workload.Spec{{Workload: workload.Window, Design: "percpu_tags", Variant: "lock", CPUs: cpus, Hold: 8}}}
	s := newSampling(&Runner{}, plan)
	s.samples[0] = samples
	return s.finish(false)
}

// Samples are kept or dropped by the distance of their CPUs: only those of the class that most fell into are compared, and none in which the
// distance changed on the way. A cell with fewer than six is not comparable.
func TestSamplesAreSortedByDistance(t *testing.T) {
	near, far := trips(50, 52), trips(330, 340)
	for _, c := range []struct {
		name    string
		cpus    int
		samples []result.Sample
		kept    int
		class   string
		dropped string // of each dropped sample
		warning string
	}{
		{"one CPU", 1, times(6, trips(0, 0)), 6, "", "", ""},
		{"all near", 2, times(6, near), 6, "single", "", ""},
		{"all far", 2, times(6, far), 6, "single", "", ""},
		{"most near", 2, append(times(7, near), times(3, far)...), 7, "near", "distance class far: the run compares class near", ""},
		{"most far", 2, append(times(2, near), times(6, far)...), 6, "far", "distance class near: the run compares class far", ""},
		{"changed on the way", 2, append(times(6, near), times(2, trips(50, 330))...), 6, "near",
			"the distance between the CPUs changed during the sample: 50 ns before, 330 ns after", ""},
		{"few of a class", 2, append(times(5, near), times(4, far)...), 5, "near", "distance class far: the run compares class near",
			"not comparable: 5 samples of at least 6"},
		{"none", 2, times(4, trips(50, 330)), 0, "near", "the distance between the CPUs changed during the sample: 50 ns before, 330 ns after",
			"not comparable: no sample in the distance class the run compares"},
		{"interrupted before the first", 1, nil, 0, "", "", "not comparable: no sample was completed"},
	} {
		run := sorted(c.cpus, c.samples)
		cell := &run.Cells[0]
		if len(cell.Kept) != c.kept || len(cell.Kept)+len(cell.Dropped) != len(c.samples) || cell.Class != c.class {
			t.Errorf("%s: %d kept, %d dropped of %d, class %q; want %d kept, class %q",
				c.name, len(cell.Kept), len(cell.Dropped), len(c.samples), cell.Class, c.kept, c.class)
		}
		for _, s := range cell.Dropped {
			if s.Dropped != c.dropped {
				t.Errorf("%s: dropped since %q, want %q", c.name, s.Dropped, c.dropped)
			}
		}
		for _, s := range cell.Kept {
			if s.Dropped != "" || s.Class != c.class {
				t.Errorf("%s: kept in class %q although %q", c.name, s.Class, s.Dropped)
			}
		}
		if got := strings.Join(cell.Warnings, "; "); got != c.warning {
			t.Errorf("%s: the warnings are %q, want %q", c.name, got, c.warning)
		}
	}
}

// The class is one for all cells: a cell whose own samples are mostly far is still compared with the others, near.
func TestAllCellsAreComparedInOneClass(t *testing.T) {
	spec := workload.Spec{Workload: workload.Fastpath, Design: "mutex", CPUs: 2}
	one := spec
	one.CPUs = 1
	s := newSampling(&Runner{}, Plan{Cells: []workload.Spec{spec, spec, one}})
	s.samples[0] = append(times(9, trips(50, 50)), times(1, trips(330, 330))...)
	s.samples[1] = append(times(2, trips(50, 50)), times(8, trips(330, 330))...)
	s.samples[2] = times(6, trips(0, 0))
	cells := s.finish(false).Cells
	if len(cells[0].Kept) != 9 || len(cells[1].Kept) != 2 || len(cells[2].Kept) != 6 || cells[1].Class != "near" || cells[2].Class != "" {
		t.Errorf("kept are %d, %d and %d of classes %q, %q and %q",
			len(cells[0].Kept), len(cells[1].Kept), len(cells[2].Kept), cells[0].Class, cells[1].Class, cells[2].Class)
	}
	if len(cells[1].Warnings) != 1 || cells[1].Warnings[0] != "not comparable: 2 samples of at least 6" {
		t.Errorf("the warnings are %q", cells[1].Warnings)
	}
}

// What was left out of a run, and what failed in it, is said beside its figures.
func TestRunSaysWhatWasLeftOut(t *testing.T) {
	failing := trips(0, 0)
	failing.Counters = map[string]float64{"failed": 3}
	if w := sorted(1, times(6, failing)).Cells[0].Warnings; len(w) != 1 || !strings.HasPrefix(w[0], "18 allocations failed: ") {
		t.Errorf("failed allocations are told as %q", w)
	}
	for name, why := range map[string]string{workload.Fastpath: "ns/op is too low", workload.Window: "ns/op is too low", workload.Trace: "ns/op is too high",
		workload.BioInflight: "ns/op is too high; no tail contains them", workload.ExhaustRecover: "throughput there is too low"} {
		cell := result.Cell{Workload: name, Kept: times(6, failing)}
		if w := doubts(&cell); len(w) != 1 || !strings.Contains(w[0], why) {
			t.Errorf("%s: failed allocations are told as %q", name, w)
		}
	}
	full := trips(0, 0)
	full.Counters = map[string]float64{workload.CounterEarly: 2}
	if w := sorted(1, times(6, full)).Cells[0].Warnings; len(w) != 1 || !strings.HasPrefix(w[0], "12 tasks got an item although one task had taken all it could get") {
		t.Errorf("a drought that was none is told as %q", w)
	}
	s := newSampling(&Runner{}, Plan{Lacking: []result.Lack{{Workload: "w", Design: "d", Reason: "r"}}, Traces: []result.Trace{{File: "f"}}})
	s.skipped = 7
	run := s.finish(true)
	want := []string{"the run was interrupted: it holds the samples completed until then",
		"7 recorded page lifetimes of order 1 and above were left out: no design here serves them"}
	if !slices.Equal(run.Warnings, want) || !run.Interrupted || len(run.Lacking) != 1 || len(run.Traces) != 1 {
		t.Errorf("the run says %q, lacks %v and read %v", run.Warnings, run.Lacking, run.Traces)
	}
}

// A cell says what its items are: what the variant hands out, or pages when a recording of pages is replayed on its memory.
func TestCellsNameTheirItems(t *testing.T) {
	for _, c := range []struct {
		spec workload.Spec
		kind string
		irqs float64
	}{
		{workload.Spec{Workload: workload.Fastpath, Design: "percpu_tags", Variant: "lock"}, "tag", 2},
		{workload.Spec{Workload: workload.Trace, Kind: "tag", Design: "mutex"}, "tag", 0},
		{workload.Spec{Workload: workload.Trace, Kind: "page", Design: "mutex"}, "page", 0},
	} {
		if cell := newCell(&c.spec); cell.ItemKind != c.kind || cell.IRQPairs != c.irqs {
			t.Errorf("%+v: items %q and %g pairs, want %q and %g", c.spec, cell.ItemKind, cell.IRQPairs, c.kind, c.irqs)
		}
	}
}

// The two processors of a cross-cpu cell lie as far apart as it says: it is classed with its like, not with the rest of the run, and its class is named
// for the distance.
func TestCellsOfADistanceAreClassedApart(t *testing.T) {
	spec := workload.Spec{Workload: workload.Fastpath, Design: "mutex", CPUs: 2}
	distant := workload.Spec{Workload: workload.CrossCPU, Design: "mutex", CPUs: 2, Distance: DistanceFar}
	s := newSampling(&Runner{}, Plan{Cells: []workload.Spec{spec, distant}})
	s.samples[0] = append(times(6, trips(50, 52)), trips(330, 330))
	s.samples[1] = append(times(6, trips(300, 310)), trips(900, 900), trips(900, 300))
	cells := s.finish(false).Cells
	if len(cells[0].Kept) != 6 || cells[0].Class != "near" || len(cells[1].Kept) != 6 || cells[1].Class != DistanceFar {
		t.Errorf("%d kept of class %q, %d of class %q", len(cells[0].Kept), cells[0].Class, len(cells[1].Kept), cells[1].Class)
	}
	var why []string
	for _, d := range cells[1].Dropped {
		why = append(why, d.Dropped)
	}
	want := []string{"distance class far, far: the run compares class far", "the distance between the CPUs changed during the sample: 900 ns before, 300 ns after"}
	if !slices.Equal(why, want) {
		t.Errorf("dropped since %q, want %q", why, want)
	}
}
