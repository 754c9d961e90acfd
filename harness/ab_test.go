package harness

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headroom/harness/result"
	"headroom/harness/workload"
)

// versus makes a runner and two sides; both are the test program, the second one by the name "slower".
func versus(t *testing.T, act string) (*Runner, *tally, [2]Side) {
	t.Helper()
	runner, progress := acting(t, act, 1)
	link := filepath.Join(t.TempDir(), "slower")
	if err := os.Symlink(runner.Program, link); err != nil {
		t.Fatal(err)
	}
	return runner, progress, [2]Side{{Name: "v1", Program: runner.Program}, {Name: "v2", Program: link}}
}

// A program that is a tenth slower is a regression at a gate of 5 %, and the faster one is none; the same program twice shows no difference.
func TestDuelFindsTheSlowerProgram(t *testing.T) {
	for _, c := range []struct {
		name        string
		order       [2]int // of the sides
		gate        float64
		verdict     string
		regressions int
	}{
		{"slower", [2]int{0, 1}, 5, "worse", 2},
		{"slower within the gate", [2]int{0, 1}, 15, "worse", 0},
		{"faster", [2]int{1, 0}, 5, "better", 0},
		{"the same", [2]int{1, 1}, 0, "no difference", 0},
	} {
		runner, progress, sides := versus(t, "named")
		d, err := runner.Duel(context.Background(), twoCells(6, 6), [2]Side{sides[c.order[0]], sides[c.order[1]]}, c.gate)
		if err != nil {
			t.Fatal(err)
		}
		if progress.samples != 24 || len(progress.cells) != 24 || progress.done != 1 {
			t.Errorf("%s: told of %d samples, then %d times, done %d times", c.name, progress.samples, len(progress.cells), progress.done)
		}
		if len(d.Cells) != 2 || d.Regressions() != c.regressions || d.Judged() != 2 || (d.Differences() == 0) != (c.verdict == "no difference") {
			t.Errorf("%s: %d cells, %d regressions, %d differences; want %d regressions", c.name, len(d.Cells), d.Regressions(), d.Differences(), c.regressions)
		}
		for _, v := range d.Cells {
			if v.Verdict != c.verdict || v.Pairs != 6 {
				t.Errorf("%s: %s is %s with %d pairs, want %s", c.name, v.Name, v.Verdict, v.Pairs, c.verdict)
			}
		}
	}
}

// A revision whose compare-and-swap comes out quicker is not slower: no ns more are spent.
func TestDuelTellsTheRulerFromTheDesign(t *testing.T) {
	runner, _, sides := versus(t, "ruler")
	d, err := runner.Duel(context.Background(), twoCells(6, 6), sides, 5)
	if err != nil {
		t.Fatal(err)
	}
	const says = "2 cells differ in compare-and-swaps and not in ns"
	if d.Regressions() != 0 || d.Differences() != 0 || d.Judged() != 2 || !slices.ContainsFunc(d.Doubts, func(s string) bool { return strings.HasPrefix(s, says) }) {
		t.Errorf("%d regressions, %d differences, doubts %q", d.Regressions(), d.Differences(), d.Doubts)
	}
}

// The two samples of a pair are taken one right after the other, and either program comes first now and then.
func TestPairsAreTakenTogether(t *testing.T) {
	runner, progress, sides := versus(t, "named")
	d, err := runner.Duel(context.Background(), twoCells(10, 10), sides, 5)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(progress.cells); i += 2 {
		if progress.cells[i] != progress.cells[i+1] {
			t.Errorf("samples %d and %d are of %s and %s", i, i+1, progress.cells[i], progress.cells[i+1])
		}
	}
	if slices.Equal(progress.cells[0:4], progress.cells[4:8]) && slices.Equal(progress.cells[4:8], progress.cells[8:12]) &&
		slices.Equal(progress.cells[8:12], progress.cells[12:16]) && slices.Equal(progress.cells[12:16], progress.cells[16:20]) {
		t.Errorf("every round has the same order: %v", progress.cells)
	}
	for k, want := range []float64{20, 22} { // each side keeps its own samples
		for i := range d.Runs[k].Cells {
			for _, s := range d.Runs[k].Cells[i].Kept {
				if s.NsPerOp != want {
					t.Errorf("side %d has a sample of %g ns, want %g", k, s.NsPerOp, want)
				}
			}
		}
	}
}

// A pair counts when both of its samples are of the distance class that is compared; a cell with fewer than six such pairs is not judged.
func TestPairsAreOfOneDistance(t *testing.T) {
	runner, progress, sides := versus(t, "alternate")
	t.Setenv(fileVariable, filepath.Join(t.TempDir(), "far"))
	plan := twoCells(6, 8)
	plan.Cells = plan.Cells[1:]
	d, err := runner.Duel(context.Background(), plan, sides, 5)
	if err != nil {
		t.Fatal(err)
	}
	if len(progress.cells) != 16 || d.Judged() != 0 || d.Cells[0].Verdict != "cannot tell" && d.Cells[0].Verdict != "not comparable" {
		t.Errorf("%d samples were taken, the verdict on %d pairs is %q", len(progress.cells), d.Cells[0].Pairs, d.Cells[0].Verdict)
	}
	if d.Cells[0].CAS[0].Low != 0 || d.Cells[0].P != 1 {
		t.Errorf("a cell without a verdict has the figures %+v", d.Cells[0])
	}
}

// A sample that fails ends the run with an error that names the revision and the cell; an interruption ends it with that of the context.
func TestFailingDuelNamesTheRevision(t *testing.T) {
	runner, progress, sides := versus(t, "complain")
	_, err := runner.Duel(context.Background(), twoCells(6, 6), sides, 5)
	if err == nil || !strings.HasPrefix(err.Error(), "v") || !strings.HasSuffix(err.Error(), "headroom: the sample broke") || progress.done != 1 {
		t.Errorf("%v", err)
	}
	runner, progress, sides = versus(t, "good")
	ctx, cancel := context.WithCancel(context.Background())
	progress.at, progress.call = 4, cancel
	if d, err := runner.Duel(ctx, twoCells(6, 6), sides, 5); !errors.Is(err, context.Canceled) || d != nil || len(progress.cells) != 4 {
		t.Errorf("interrupted in sample 4 of %d: %v, %v", len(progress.cells), d, err)
	}
}

// offering is what this program offers, less what spoil takes away.
func offering(spoil func(o *Offer)) *Offer {
	o := &Offer{Spec: SpecFields()}
	for _, w := range workload.All() {
		o.Workloads = append(o.Workloads, OfferedWorkload{w.Name, w.Operation})
	}
	for _, c := range NewPlan(Request{Allowed: 1}).Cells {
		o.Designs = append(o.Designs, OfferedDesign{c.Design, c.Variant, map[string]string{}})
	}
	spoil(o)
	return o
}

// The plan of two revisions has the cells that both can take and a control on one of them; the others are listed with the reason.
func TestPlanIsWhatBothRevisionsCanTake(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(o *Offer)
		gone  func(s *workload.Spec) bool
		says  string
	}{
		{"nothing", func(*Offer) {}, func(*workload.Spec) bool { return false }, ""},
		{"a workload", func(o *Offer) {
			o.Workloads = slices.DeleteFunc(o.Workloads, func(w OfferedWorkload) bool { return w.Name == workload.Fastpath })
		}, func(s *workload.Spec) bool { return s.Workload == workload.Fastpath }, "it has no workload fastpath"},
		{"a design", func(o *Offer) {
			for i := range o.Designs {
				if o.Designs[i].Design == "percpu_tags" {
					o.Designs[i].Design = "none"
				}
			}
		}, func(s *workload.Spec) bool { return s.Design == "percpu_tags" }, "it has no design percpu_tags:lock"},
		{"a design's ability", func(o *Offer) {
			for i := range o.Designs {
				o.Designs[i].Lacks[workload.Window] = "it is too small"
			}
		}, func(s *workload.Spec) bool { return s.Workload == workload.Window }, "it is too small"},
		{"a parameter", func(o *Offer) { o.Spec = slices.DeleteFunc(o.Spec, func(f string) bool { return f == "hold" }) },
			func(s *workload.Spec) bool { return s.Hold > 0 }, `its samples have no parameter "hold"`},
	} {
		sides := [2]Side{{Name: "new", Offer: offering(func(*Offer) {})}, {Name: "old", Offer: offering(c.spoil)}}
		request := Request{Quick: true, Allowed: 2, Workloads: []string{workload.Fastpath, workload.Window}}
		p, missing := NewDuelPlan(request, sides)
		twins := 0
		for i := range p.Cells {
			if c.gone(&p.Cells[i]) {
				t.Errorf("%s is missing: planned is %+v", c.name, p.Cells[i])
			}
			if p.Cells[i].Twin != "" {
				twins++
			}
		}
		if len(p.Cells) == 0 || twins != 3 || (len(missing) == 0) != (c.says == "") {
			t.Errorf("%s is missing: %d cells, %d of the control, missing %v", c.name, len(p.Cells), twins, missing)
		}
		for _, m := range missing {
			if m.Side != "old" || !strings.Contains(m.Reason, c.says) {
				t.Errorf("%s is missing: %+v, want %q", c.name, m, c.says)
			}
		}
	}
}

// A parameter that did not exist when the list of parameters was made is one that older programs do not know.
func TestOlderProgramsKnowTheFirstParametersOnly(t *testing.T) {
	o := offering(func(o *Offer) { o.Spec = firstSpec })
	spec := workload.Spec{Workload: workload.Window, Design: "percpu_tags", Variant: "lock", CPUs: 1, Hold: 8, DurationNs: 1}
	if why := o.Refuses(&spec); why != "" {
		t.Errorf("an older program is said to refuse a sample: %s", why)
	}
	if why := o.Refuses(&workload.Spec{Workload: workload.Window, Design: "percpu_tags", Variant: "none"}); why == "" {
		t.Error("a variant that there is not is taken")
	}
}

// A control that missed its planted slowdown, or was not taken, is a doubt about the run.
func TestDuelDoubtsItsOwnRuler(t *testing.T) {
	runner, _, sides := versus(t, "good")
	plan := twoCells(6, 6)
	plan.Cells = plan.Cells[:1]
	d, err := runner.Duel(context.Background(), plan, sides, 5)
	if err != nil || len(d.Doubts) != 1 || !strings.HasPrefix(d.Doubts[0], "no control was taken") {
		t.Fatalf("without a control: %v, %v", d, err)
	}
	plan = NewPlan(Request{Quick: true, Allowed: 1, Workloads: []string{workload.Fastpath}, Designs: []string{"mutex"}})
	plan.RestNs = 0
	if d, err = runner.Duel(context.Background(), plan, sides, 5); err != nil || len(d.Doubts) != 0 || !d.Runs[1].Control.Distinguished {
		t.Errorf("with a control that sees what was planted: %+v, %v", d, err)
	}
	for i := range plan.Cells {
		plan.Cells[i].SlowerPct = 0
	}
	if d, err = runner.Duel(context.Background(), plan, sides, 5); err != nil || len(d.Doubts) != 1 || !strings.HasPrefix(d.Doubts[0], "a planted slowdown of 10 %") {
		t.Errorf("with one that does not: %+v, %v", d, err)
	}
	for _, v := range d.Cells {
		if strings.Contains(v.Name, result.ParamControl+"=") {
			t.Errorf("the control's own cell %s is judged", v.Name)
		}
	}
}
