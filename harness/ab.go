package harness

import (
	"context"
	"fmt"
	"math"
	"slices"

	"headroom/designs"
	"headroom/harness/result"
	"headroom/harness/stats"
	"headroom/harness/workload"
)

// Side is one of two programs that are measured against each other.
type Side struct {
	Name    string // for messages: the revision
	Program string // path of a headroom
	Offer   *Offer // what it can measure
}

// Figure is a median with the bounds of its interval.
type Figure struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// Versus is one cell of two programs, measured beside each other. With fewer than 6 pairs its intervals are not bounded.
type Versus struct {
	Name       string       `json:"name"`
	CAS        [2]Figure    `json:"cas"`     // CAS/op of the first and the second program
	Ns         [2]Figure    `json:"ns"`      // ns/op of the same
	Ratio      Figure       `json:"ratio"`   // second over first in CAS/op, within each pair
	NsRatio    Figure       `json:"nsRatio"` // the same in ns/op
	Pairs      int          `json:"pairs"`
	P          float64      `json:"p"`         // paired t test, corrected for the number of cells; 1 when not made
	SpreadPct  float64      `json:"spreadPct"` // how far halves of one program's own samples lie apart
	Verdict    string       `json:"verdict"`
	Regression bool         `json:"regression"` // worse by more than the gate, beyond noise
	Paired     stats.Paired `json:"-"`
}

// Duel is one run of two programs.
type Duel struct {
	GatePct float64       `json:"gatePct"`
	Cells   []Versus      `json:"cells"`
	Missing []Missing     `json:"missing"` // cells that one of the programs cannot take
	Doubts  []string      `json:"doubts"`  // about the run as a whole
	Runs    [2]result.Run `json:"-"`       // the samples of each side, as if it had been run alone
}

// Missing is a cell that was not measured since one program cannot.
type Missing struct {
	Cell   string `json:"cell"`
	Side   string `json:"side"` // which program
	Reason string `json:"reason"`
}

// Regressions counts the cells of the second program that came out worse by more than the gate.
func (d *Duel) Regressions() int { return d.count(func(v *Versus) bool { return v.Regression }) }

// Differences counts the cells that came out better or worse, by however little.
func (d *Duel) Differences() int {
	return d.count(func(v *Versus) bool { return differs(v.Paired.Verdict) })
}

func differs(v stats.Verdict) bool { return v == stats.Better || v == stats.Worse }

// Judged counts the cells that had enough pairs for a verdict.
func (d *Duel) Judged() int {
	return d.count(func(v *Versus) bool {
		return v.Paired.Verdict != stats.CannotTell && v.Paired.Verdict != stats.NotComparable
	})
}

func (d *Duel) count(which func(v *Versus) bool) (n int) {
	for i := range d.Cells {
		if which(&d.Cells[i]) {
			n++
		}
	}
	return n
}

// NewDuelPlan is the plan of a request, restricted to the cells that both programs can take; the others are listed. The run's control is taken on a
// cell of both. A quick one is a choice of cells and 10 rounds, for a run of a minute or two.
func NewDuelPlan(q Request, sides [2]Side) (Plan, []Missing) {
	var missing []Missing
	p := NewPlan(q)
	p.thin(q)
	for i := range p.Cells {
		s := &p.Cells[i]
		if side, why := refused(s, sides); why != "" && s.Twin == "" && !s.Dispatch {
			c := newCell(s)
			missing = append(missing, Missing{c.Name(), side, why})
		}
	}
	if len(missing) > 0 { // plan again, so that the control's cells are of what both have
		q.Designs, q.Workloads = nil, nil
		for i := range p.Cells {
			s := &p.Cells[i]
			if _, why := refused(s, sides); why == "" {
				q.Designs = append(q.Designs, designs.Variant{Design: s.Design, Name: s.Variant}.FullName())
				q.Workloads = append(q.Workloads, s.Workload)
			}
		}
		if len(q.Designs) == 0 {
			return Plan{}, missing
		}
		p = NewPlan(q)
		p.thin(q)
		p.Cells = slices.DeleteFunc(p.Cells, func(s workload.Spec) bool {
			_, why := refused(&s, sides)
			return why != ""
		})
	}
	const rounds, most = 10, 20
	p.Samples, p.Most = rounds, most
	return p, missing
}

func refused(s *workload.Spec, sides [2]Side) (side, why string) {
	for _, side := range sides {
		if why := side.Offer.Refuses(s); why != "" {
			return side.Name, why
		}
	}
	return "", ""
}

// thin leaves of a quick plan one point of tag-exhaust, where tags are scarce: the others tell little more about a change.
func (p *Plan) thin(q Request) {
	const scarce = 2
	p.Cells = slices.DeleteFunc(p.Cells, func(s workload.Spec) bool {
		return q.Quick && s.Workload == workload.TagExhaust && s.Ratio != scarce && s.Twin == ""
	})
}

// Duel measures the plan with two programs in one run. In a round each cell is taken with both, one right after the other, in random order, so that
// whatever the machine does meanwhile falls on both samples of a pair; the runner's own Program is not used. The error is for a sample that could
// not be taken, and names the program and the cell, or it is the one of ctx.
func (r *Runner) Duel(ctx context.Context, plan Plan, sides [2]Side, gatePct float64) (*Duel, error) {
	both := plan
	both.Cells = nil
	for _, c := range plan.Cells {
		both.Cells = append(both.Cells, c, c) // cell i of side k is cell 2i+k
	}
	s := newSampling(r, both)
	r.Progress.Start(len(both.Cells) * plan.Samples)
	defer r.Progress.Done()
	for range plan.Samples {
		if err := s.duelRound(ctx, sides, func(int) bool { return true }); err != nil {
			return nil, err
		}
	}
	for range plan.Most - plan.Samples {
		class := s.classify()
		if err := s.duelRound(ctx, sides, func(cell int) bool { return len(s.pairs(cell, class)) < minSamples }); err != nil {
			return nil, err
		}
	}
	d := &Duel{GatePct: gatePct, Missing: []Missing{}, Doubts: []string{}} // a list in JSON, even when it is empty
	d.judge(s)
	d.split(s.finish(false))
	return d, nil
}

// duelRound takes a pair of each wanted cell of the plan.
func (s *sampling) duelRound(ctx context.Context, sides [2]Side, want func(cell int) bool) error {
	for _, cell := range s.order.Perm(len(s.cells) / 2) {
		if !want(cell) {
			continue
		}
		for _, k := range s.order.Perm(len(sides)) {
			ended, err := s.sample(ctx, 2*cell+k, sides[k].Program)
			if err != nil {
				return fmt.Errorf("%s: %w", sides[k].Name, s.named(2*cell+k, err))
			}
			if ended {
				return ctx.Err()
			}
		}
	}
	return nil
}

// pairs are the samples of both programs taken in the same round, where both count.
func (s *sampling) pairs(cell int, class string) (list [][2]*result.Sample) {
	class = classOf(&s.cells[2*cell], class)
	counts := func(x *result.Sample) bool {
		return x.Dropped == "" && x.Class == class && x.CASNs > 0 && x.NsPerOp > 0
	}
	for i := range s.samples[2*cell] {
		a, b := &s.samples[2*cell][i], &s.samples[2*cell+1][i]
		if counts(a) && counts(b) {
			list = append(list, [2]*result.Sample{a, b})
		}
	}
	return list
}

// judge compares the two programs on every cell but the control's, as one family. A difference has to show in ns/op too, at least by its sign: the two
// programs bring a ruler each, and one that measures its compare-and-swap otherwise would differ in every cell.
func (d *Duel) judge(s *sampling) {
	class := s.classify()
	var family []stats.Paired
	unconfirmed := 0
	for cell := range len(s.cells) / 2 {
		c := &s.cells[2*cell]
		if result.IsControl(c.Params) {
			continue
		}
		var cas, ns [2][]float64
		for _, pair := range s.pairs(cell, class) {
			for k, x := range pair {
				cas[k], ns[k] = append(cas[k], x.CASPerOp()), append(ns[k], x.NsPerOp)
			}
		}
		v := Versus{Name: c.Name(), Pairs: len(cas[0])}
		for k := range cas {
			v.CAS[k], v.Ns[k] = figure(stats.Of(cas[k])), figure(stats.Of(ns[k]))
			if len(cas[k]) >= minSamples {
				v.SpreadPct = max(v.SpreadPct, spread(cas[k]))
			}
		}
		inNs := stats.Pair(ns[0], ns[1], 0)
		v.NsRatio = figure(inNs.Ratio)
		p := stats.Pair(cas[0], cas[1], v.SpreadPct)
		if differs(p.Verdict) && inNs.Verdict != p.Verdict {
			p.Verdict = stats.NoDifference
			unconfirmed++
		}
		family, d.Cells = append(family, p), append(d.Cells, v)
	}
	if unconfirmed > 0 {
		d.Doubts = append(d.Doubts, fmt.Sprintf("%d cells differ in compare-and-swaps and not in ns, which counts as no difference: it may be the ruler that differs",
			unconfirmed))
	}
	stats.CorrectPaired(family)
	for i := range d.Cells {
		v, p := &d.Cells[i], family[i]
		v.Paired, v.Ratio, v.P, v.Verdict = p, figure(p.Ratio), p.P, string(p.Verdict)
		v.Regression = p.Verdict == stats.Worse && p.DeltaPct() > d.GatePct
		if math.IsNaN(v.P) {
			v.P = 1 // JSON has no NaN
		}
	}
}

// figure is an estimate as far as it is bounded: JSON has no infinity. Without an interval low and high are 0.
func figure(e stats.Estimate) (f Figure) {
	if e.Count() > 0 {
		f.Median = e.Median
	}
	if e.Bounded() {
		f.Low, f.High = e.Low, e.High
	}
	return f
}

// split deals the cells of the run out to the two programs, and holds against each what its control says.
func (d *Duel) split(run *result.Run) {
	for k := range d.Runs {
		d.Runs[k] = *run
		d.Runs[k].Cells = nil
		for i := k; i < len(run.Cells); i += len(d.Runs) {
			d.Runs[k].Cells = append(d.Runs[k].Cells, run.Cells[i])
		}
		d.Runs[k].Control = control(d.Runs[k].Cells)
	}
	switch c := d.Runs[0].Control; {
	case c.Cell == "":
		d.Doubts = append(d.Doubts, "no control was taken: no cell that one could be taken on is in both revisions")
	case !c.Distinguished:
		d.Doubts = append(d.Doubts, fmt.Sprintf("a planted slowdown of %g %% came out as %+.1f %% beside an A/A spread of %.1f %%: no difference means little here",
			c.PlantedPct, c.MeasuredPct, c.AASpreadPct))
	}
}
