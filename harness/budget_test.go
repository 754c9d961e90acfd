package harness

import (
	"slices"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/harness/workload"
)

// planned is a plan of so many cells.
func planned(cells int) Plan {
	return Plan{Cells: make([]workload.Spec, cells)}
}

// However many cells there are, their samples fit into the budget as long as the fewest and shortest do, and are neither too short nor too long.
func TestSamplesFitTheBudget(t *testing.T) {
	for _, c := range []struct {
		name    string
		budget  budget
		cells   int
		samples int
		ms      int64
	}{
		{"full, few cells", fullBudget, 10, 10, 100},
		{"full, 400 cells", fullBudget, 400, 10, 90},
		{"full, 900 cells", fullBudget, 900, 10, 26},
		{"full, 1000 cells", fullBudget, 1000, 10, 21},
		{"full, 1600 cells", fullBudget, 1600, 6, 23},
		{"quick, few cells", quickBudget, 10, 6, 20},
		{"quick, 100 cells", quickBudget, 100, 6, 20},
		{"quick, 130 cells", quickBudget, 130, 6, 11},
		{"quick, 1000 cells", quickBudget, 1000, 6, 5},
	} {
		p := planned(c.cells)
		c.budget.fit(&p)
		if p.Samples != c.samples || p.Cells[0].DurationNs != c.ms*1_000_000 || p.RestNs != p.Cells[0].DurationNs*3/2 {
			t.Errorf("%s: %d samples of %d ns with %d ns of rest; want %d of %d ms", c.name, p.Samples, p.Cells[0].DurationNs, p.RestNs, c.samples, c.ms)
		}
		if total := p.SecondsPerSample() * float64(p.Samples*c.cells); c.budget.holds(&p) && total > c.budget.seconds+0.001 {
			t.Errorf("%s: %v s are planned, of %v", c.name, total, c.budget.seconds)
		}
	}
	if p := planned(1900); fullBudget.holds(&p) {
		t.Error("1900 cells are said to fit")
	}
}

// What a shorter run leaves out is named: by its parameters where no design has them, else with the designs that have not.
func TestCellsLeftOutAreNamed(t *testing.T) {
	spec := func(name string, hold int, design string) workload.Spec {
		return workload.Spec{Workload: name, Hold: hold, Design: design, CPUs: 1}
	}
	long := Plan{Cells: []workload.Spec{spec(workload.Fastpath, 0, "mutex"), spec(workload.Fastpath, 0, "channel"), spec(workload.Window, 8, "mutex"),
		spec(workload.Window, 8, "channel"), spec(workload.Window, 32, "mutex")}}
	short := Plan{Cells: []workload.Spec{long.Cells[0], long.Cells[4]}}
	if got, want := left(long, short), []string{"Fastpath on channel", "Window/hold=8"}; !slices.Equal(got, want) {
		t.Errorf("left out are %q, want %q", got, want)
	}
	if got := left(long, long); len(got) != 0 {
		t.Errorf("of the same plan %q are left out", got)
	}
}

// Cells of memory have a zone of full size below them unless it is to run out, and the machine has that much memory; cells of tags have none.
func TestMemoryHasRoomBelowIt(t *testing.T) {
	seen := map[string]bool{}
	plan := NewPlan(Request{Allowed: 2})
	for i := range plan.Cells {
		s := &plan.Cells[i]
		v, err := catalog.Find(s.Design, s.Variant)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int{workload.StartStorm: stormPages, workload.Hotplug: stormPages, workload.PhaseShift: stormPages, workload.TagExhaust: 0,
			workload.ExhaustRecover: 0, workload.BioInflight: 0, workload.IRQAllocFails: 0, workload.StackedPools: 0, workload.SwapSqueeze: 0,
			workload.ReserveCancel: 0, workload.RCUFlood: 0, workload.ResizeWaiters: 0, workload.FirstIO: 0}
		pages, special := want[s.Workload]
		if !special {
			pages = zonePages
		}
		if kind := v.Capabilities.Kind; kind != "page" && kind != "object" {
			pages = 0
		}
		if s.Room != pages || memoryBytes(*s, nil) < s.Room*4096 {
			t.Errorf("%s on %s has room for %d pages in %d bytes, want %d", s.Workload, v.FullName(), s.Room, memoryBytes(*s, nil), pages)
		}
		seen[string(v.Capabilities.Kind)] = true
	}
	if !seen["page"] || !seen["tag"] {
		t.Errorf("seen are only %v", seen)
	}
}

// A variant that calls what is below it through a pointer has a cell of fastpath in which it calls directly, on one CPU.
func TestDirectCallsHaveACell(t *testing.T) {
	d, err := workload.Find(workload.Fastpath)
	if err != nil {
		t.Fatal(err)
	}
	for _, knobs := range [][]designs.Knob{nil, {{Name: "max"}}, {{Name: "max"}, {Name: workload.KnobDirect}}} {
		p := Plan{}
		p.add(Request{}, newChoice(Request{Allowed: 2}), quickSweep, d, designs.Variant{Design: "layer", Knobs: knobs})
		got, want := names(p), []string{"Fastpath/design=layer/cpus=1", "Fastpath/design=layer/cpus=2"}
		if len(knobs) == 2 {
			want = append(want, "Fastpath/call=direct/design=layer/cpus=1")
		}
		if !slices.Equal(got, want) {
			t.Errorf("knobs %v: the cells are %q, want %q", knobs, got, want)
		}
	}
}
