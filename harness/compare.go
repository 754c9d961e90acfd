package harness

import (
	"fmt"
	"strings"

	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/harness/stats"
)

// Difference is one cell of two runs, the newer against the older, in compare-and-swap units.
type Difference struct {
	Name       string           `json:"name"`
	Old        float64          `json:"oldCas"` // median, CAS/op
	New        float64          `json:"newCas"`
	DeltaPct   float64          `json:"deltaPct"`
	P          float64          `json:"p"`       // Mann-Whitney, of this cell alone
	FamilyP    float64          `json:"familyP"` // Welch's t of the logarithms, corrected for the number of cells
	Verdict    string           `json:"verdict"`
	Regression bool             `json:"regression"` // worse by more than the gate, beyond noise
	Comparison stats.Comparison `json:"-"`
}

// Compared is two runs held against each other.
type Compared struct {
	GatePct   float64      `json:"gatePct"`
	SpreadPct float64      `json:"spreadPct"` // the larger A/A spread of the two runs: no difference within it counts
	Cells     []Difference `json:"cells"`     // cells both runs have
	OnlyOld   []string     `json:"onlyOld"`
	OnlyNew   []string     `json:"onlyNew"`
	Doubts    []string     `json:"doubts"` // what the runs say against themselves
}

// Regressions counts the cells that came out worse by more than the gate.
func (c *Compared) Regressions() (n int) {
	for i := range c.Cells {
		if c.Cells[i].Regression {
			n++
		}
	}
	return n
}

// Judged counts the cells for which the two runs could be held against each other.
func (c *Compared) Judged() int { return len(c.Cells) - len(c.unjudged()) }

func (c *Compared) unjudged() (list []*Difference) {
	for i := range c.Cells {
		if v := c.Cells[i].Comparison.Verdict; v == stats.NotComparable || v == stats.CannotTell {
			list = append(list, &c.Cells[i])
		}
	}
	return list
}

// Unjudged says why cells were not judged: each reason with the number of cells that it is about, in the order of their appearance.
func (c *Compared) Unjudged() []string {
	var reasons []string
	counts := map[string]int{}
	for _, d := range c.unjudged() {
		why := d.Verdict + ": " + strings.Join(d.Comparison.Warnings, "; ")
		if counts[why]++; counts[why] == 1 {
			reasons = append(reasons, why)
		}
	}
	for i, why := range reasons {
		reasons[i] = fmt.Sprintf("%d x %s", counts[why], why)
	}
	return reasons
}

// Differences counts the cells that came out better or worse, by however little.
func (c *Compared) Differences() (n int) {
	for i := range c.Cells {
		if differs(c.Cells[i].Comparison.Verdict) {
			n++
		}
	}
	return n
}

// Compare holds a newer run against an older one, cell by cell, in units of each run's own compare-and-swap, so that a change of the machine's
// clock between them cancels. A regression is a cell that is worse by the tests, corrected for the number of cells, by more than gatePct per cent and
// the A/A spread of either run, and whose interval lies wholly beyond the older one's. Control cells are the ruler, not a figure, and are left out.
func Compare(older, newer *result.Run, gatePct float64) *Compared {
	c := &Compared{GatePct: gatePct, SpreadPct: max(older.Control.AASpreadPct, newer.Control.AASpreadPct),
		OnlyOld: []string{}, OnlyNew: []string{}, Doubts: []string{}} // lists in JSON, even when they are empty
	for _, w := range older.Warnings {
		c.Doubts = append(c.Doubts, "of the old run: "+w)
	}
	for _, w := range newer.Warnings {
		c.Doubts = append(c.Doubts, "of the new run: "+w)
	}
	before := map[string]stats.Row{}
	for _, r := range figures(older) {
		before[r.Name] = r
	}
	oldTrips, newTrips := roundTrips(older), roundTrips(newer)
	var pairs [][2]stats.Row
	seen := map[string]bool{}
	for _, r := range figures(newer) {
		seen[r.Name] = true
		old, both := before[r.Name]
		if !both {
			c.OnlyNew = append(c.OnlyNew, r.Name)
			continue
		}
		if a, b := oldTrips[r.Name], newTrips[r.Name]; max(a, b) > measure.FarRatio*min(a, b) {
			old.Class, r.Class = fmt.Sprintf("%.0f ns", a), fmt.Sprintf("%.0f ns", b) // each run's own names say nothing about the other's
		} else {
			old.Class = r.Class
		}
		pairs = append(pairs, [2]stats.Row{old, r})
	}
	c.judge(pairs)
	for _, r := range figures(older) {
		if !seen[r.Name] {
			c.OnlyOld = append(c.OnlyOld, r.Name)
		}
	}
	return c
}

// roundTrips is the median round trip between the CPUs of each cell's kept samples, in ns; 0 on one CPU.
func roundTrips(run *result.Run) map[string]float64 {
	all := map[string]float64{}
	for i := range run.Cells {
		var v []float64
		for _, s := range run.Cells[i].Kept {
			v = append(v, (s.RTTNs[0]+s.RTTNs[1])/2)
		}
		if len(v) > 0 {
			all[run.Cells[i].Name()] = median(v)
		}
	}
	return all
}

func figures(run *result.Run) (rows []stats.Row) {
	for _, r := range stats.Rows(run) {
		if !result.IsControl(r.Params) {
			rows = append(rows, r)
		}
	}
	return rows
}

// judge compares the cells that both runs have, as one family.
func (c *Compared) judge(pairs [][2]stats.Row) {
	var family []stats.Comparison
	for _, p := range pairs {
		family = append(family, stats.Compare(p[0], p[1], stats.CAS, c.SpreadPct))
	}
	stats.Correct(family)
	for i, cmp := range family {
		older, newer := pairs[i][0].CAS, pairs[i][1].CAS
		c.Cells = append(c.Cells, Difference{Name: pairs[i][1].Name, Old: older.Median, New: newer.Median, DeltaPct: cmp.DeltaPct, P: cmp.P,
			FamilyP: cmp.FamilyP, Verdict: string(cmp.Verdict), Comparison: cmp,
			Regression: cmp.Verdict == stats.Worse && cmp.DeltaPct > c.GatePct && newer.Low > older.High})
	}
}
