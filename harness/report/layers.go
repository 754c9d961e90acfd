package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"headroom/harness/result"
	"headroom/harness/stats"
	"headroom/harness/workload"
)

// layers writes what each layer adds to the variant it stands on, in the same workload, on the same CPUs: a difference, not a ranking.
func (d *document) layers() {
	rows := slices.DeleteFunc(slices.Clone(d.rows), func(r stats.Row) bool { return r.Over == "" || result.IsAside(r.Params) || runsOut(r.Workload) })
	if len(rows) == 0 {
		return
	}
	d.line("## What a layer adds\n")
	d.line("A layer stands on another variant of this run, which serves the same workload alone. **Added** is by how much the layer's cost lies above it: " +
		"the median of all differences between their samples (Hodges and Lehmann), with the interval that belongs to the Mann-Whitney test. " +
		"**Of which the call** is the same between the layer and a build of it that calls what is below it directly, without the function pointer of the kernel's form; " +
		"it is a part of what is added. The two designs promise different things, so this is no ranking. " +
		"Workloads that run out of items are left out: there the waiting makes the cost, not the layer.\n")
	g := grid{left: 5, header: []string{"layer", "over", "item kind", "CPUs", "workload", "layer, CAS/op", "below, CAS/op", "added, CAS/op", "of which the call, CAS/op", "n", "doubts"}}
	var l doubts
	var alone []string // layers without anything to hold them against
	for i := range rows {
		r := &rows[i]
		if d.partner(r, r.Over, r.Params) == nil && d.partner(r, r.Design, directly(r.Params)) == nil {
			alone = append(alone, fmt.Sprintf("%s over %s", code(r.Design), code(r.Over)))
			continue
		}
		g.add(d.layer(r, &l)...)
	}
	g.drop(len(g.header) - 1)
	if len(g.rows) > 0 {
		d.line("%s", g.String())
	}
	d.explain(l)
	if len(alone) > 0 { // I4
		slices.Sort(alone)
		d.line("Not shown in all their cells, because this run did not measure what is below: %s.\n", strings.Join(slices.Compact(alone), ", "))
	}
}

// runsOut reports whether items run out under a workload.
func runsOut(name string) bool {
	w, err := workload.Find(name)
	return err == nil && (w.Waits || w.Bounded)
}

// directly gives parameters with that of a direct call.
func directly(params []result.Pair) []result.Pair {
	return append(slices.Clone(params), result.Pair{Key: result.ParamCall, Value: result.CallDirect})
}

// layer gives the cells of one line.
func (d *document) layer(r *stats.Row, l *doubts) []string {
	doubts := slices.Clone(r.Warnings)
	n, counts := r.CAS.Count(), strconv.Itoa(r.CAS.Count())
	below, added, call := "not measured", "not measured", "not measured"
	if b := d.partner(r, r.Over, r.Params); b != nil {
		below = estimate(b.CAS, 1, n)
		added = difference(b, r)
		counts += ", " + strconv.Itoa(b.CAS.Count())
		doubts = append(doubts, b.Warnings...)
	}
	if b := d.partner(r, r.Design, directly(r.Params)); b != nil {
		call = difference(b, r)
		counts += ", " + strconv.Itoa(b.CAS.Count())
		doubts = append(doubts, b.Warnings...)
	}
	name := r.Workload
	if p := parameters(r.Params); p != "" {
		name += ", " + p
	}
	return []string{code(r.Design), code(r.Over), words(r.ItemKind), strconv.Itoa(r.CPUs), words(name), estimate(r.CAS, 1, n), below, added, call, counts, l.letters(doubts)}
}

// partner finds the row that r is held against: the same workload and CPUs on another design or with other parameters; nil without one.
func (d *document) partner(r *stats.Row, design string, params []result.Pair) *stats.Row {
	for i := range d.rows {
		o := &d.rows[i]
		if o.Workload == r.Workload && o.Design == design && o.CPUs == r.CPUs && sameParams(o.Params, params) && o.CAS.Count() > 0 {
			return o
		}
	}
	return nil
}

// sameParams reports whether two lists hold the same parameters, in any order.
func sameParams(a, b []result.Pair) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(p result.Pair) bool { return !slices.Contains(b, p) })
}

// difference writes by how much r costs more than b: "+1.21 [+1.15, +1.30]".
func difference(b, r *stats.Row) string {
	if r.CAS.Count() == 0 {
		return "none"
	}
	if b.Class != r.Class {
		return fmt.Sprintf("not comparable: classes %s and %s", b.Class, r.Class)
	}
	return interval(stats.Shift(b.CAS, r.CAS))
}

// interval writes a difference with its interval.
func interval(e stats.Estimate) string {
	if !e.Bounded() {
		return signed(e.Median) + " [no interval]"
	}
	return fmt.Sprintf("%s [%s, %s]", signed(e.Median), signed(e.Low), signed(e.High))
}

// signed writes a difference with its sign, to a hundredth.
func signed(v float64) string {
	if math.Abs(v) < 0.005 {
		return "0.00"
	}
	return fmt.Sprintf("%+.2f", v)
}
