package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// summary writes what was measured and one table for each item kind: every design under one set of parameters of each workload.
func (d *document) summary() {
	if len(d.tables) == 0 {
		return
	}
	d.line("## Summary\n")
	d.line("%s\n", d.measured())
	d.line("Cost of one operation in CAS/op, the run's own uncontended compare-and-swaps: median [interval]. **Bold** is rank 1 of at least two designs of one " +
		"guarantee on as many CPUs; others may share it. Designs of different guarantees, and item kinds, are not ranked against each other. " +
		"Where a workload has several parameters the middle one stands here; all are below. *No* means that the design cannot run it, " +
		"*-* that it was not measured.\n")
	for _, kind := range d.kinds() {
		d.summaryOf(kind)
	}
}

// measured says in words what the run did.
func (d *document) measured() string {
	var names []string
	var samples []int
	rows := d.compared()
	for _, name := range d.workloads() {
		if slices.ContainsFunc(d.rows, func(r stats.Row) bool { return r.Workload == name }) {
			names = append(names, words(name))
		}
	}
	slices.SortStableFunc(rows, func(a, b stats.Row) int { return a.CPUs - b.CPUs })
	cpus := distinct(rows, func(r stats.Row) string { return strconv.Itoa(r.CPUs) })
	for _, r := range d.rows {
		samples = append(samples, r.Ns.Count())
	}
	least, most := slices.Min(samples), slices.Max(samples)
	each := plural(least, "sample")
	if least != most {
		each = fmt.Sprintf("%d to %d samples", least, most)
	}
	on := strings.Join(cpus, ", ") + " CPUs"
	if len(cpus) == 1 && cpus[0] == "1" {
		on = "1 CPU"
	}
	return fmt.Sprintf("Measured: %s on %s; workloads %s; %s of %s, each a fresh process.",
		plural(len(distinct(rows, func(r stats.Row) string { return r.Design })), "design"), on, strings.Join(names, ", "), plural(len(d.rows), "cell"), each)
}

// kinds lists the item kinds of the tables, in their order.
func (d *document) kinds() []string {
	return distinct(d.compared(), func(r stats.Row) string { return r.ItemKind })
}

// column is one workload of a summary table.
type column struct {
	workload string
	params   []result.Pair
	tail     bool // the p99 from the intended start stands for the cost, which an open loop does not have
}

func (d *document) summaryOf(kind string) {
	columns := d.columns(kind)
	var lines []stats.Row // one for each design and CPU count
	for _, r := range d.compared() {
		if r.ItemKind == kind && !slices.ContainsFunc(lines, func(o stats.Row) bool { return o.Design == r.Design && o.CPUs == r.CPUs }) {
			lines = append(lines, r)
		}
	}
	slices.SortStableFunc(lines, byPlaceOnly)
	d.line("### Items: %s\n", words(kind))
	g := grid{left: 3, header: []string{"design", "guarantee", "CPUs"}}
	for _, c := range columns {
		name := c.workload
		if p := parameters(c.params); p != "" {
			name += ", " + p
		}
		if c.tail {
			name += ", p99 from intended start"
		}
		g.header = append(g.header, words(name))
	}
	g.header = append(g.header, "n", "doubts")
	var l doubts
	for i := range lines {
		g.add(d.summaryLine(&lines[i], columns, &l)...)
	}
	g.drop(len(g.header) - 1)
	d.line("%s", g.String())
	d.explain(l)
}

func (d *document) summaryLine(line *stats.Row, columns []column, l *doubts) []string {
	var found []*stats.Entry
	n := 0
	for _, c := range columns {
		e := d.entryOf(line, c)
		found = append(found, e)
		if e != nil {
			n = max(n, e.CAS.Count())
		}
	}
	cells := []string{code(line.Design), words(line.Guarantee), strconv.Itoa(line.CPUs)}
	var warnings []string
	for i, e := range found {
		switch {
		case e != nil && columns[i].tail:
			cells = append(cells, p99(&e.Row, n))
		case e != nil:
			cells = append(cells, d.bold(e, estimate(e.CAS, 1, n)))
		case slices.ContainsFunc(d.run.Lacking, func(k result.Lack) bool { return k.Workload == columns[i].workload && k.Design == line.Design }):
			cells = append(cells, "no")
		default:
			cells = append(cells, "-")
		}
		if e != nil {
			for _, w := range e.Warnings {
				warnings = append(warnings, columns[i].workload+": "+w)
			}
		}
	}
	return append(cells, strconv.Itoa(n), l.letters(warnings))
}

// bold marks the figure of an entry that shares rank 1 with or leads at least one other (I3: within its table).
func (d *document) bold(e *stats.Entry, text string) string {
	if e.Rank != 1 {
		return text
	}
	for _, t := range d.tables {
		measured := 0
		own := false
		for i := range t.Entries {
			own = own || t.Entries[i].Name == e.Name && t.Entries[i].ItemKind == e.ItemKind
			measured += min(1, t.Entries[i].Rank)
		}
		if own && measured > 1 {
			return "**" + text + "**"
		}
	}
	return text
}

// entryOf finds the entry of a line under a column, nil without one.
func (d *document) entryOf(line *stats.Row, c column) *stats.Entry {
	for ti := range d.tables {
		t := &d.tables[ti]
		if t.Workload != c.workload || t.ItemKind != line.ItemKind || t.CPUs != line.CPUs || !slices.Equal(t.Params, c.params) {
			continue
		}
		for i := range t.Entries {
			if t.Entries[i].Design == line.Design {
				return &t.Entries[i]
			}
		}
	}
	return nil
}

// columns picks the workloads of an item kind, each with the middle one of its parameters.
func (d *document) columns(kind string) []column {
	var out []column
	for _, rows := range d.byWorkload(kind) {
		var params [][]result.Pair
		for _, r := range rows {
			if !slices.ContainsFunc(params, func(p []result.Pair) bool { return slices.Equal(p, r.Params) }) {
				params = append(params, r.Params)
			}
		}
		slices.SortStableFunc(params, stats.CompareParams)
		tail := slices.ContainsFunc(rows, func(r stats.Row) bool {
			return slices.ContainsFunc(r.Tails, func(t stats.Tail) bool { return t.Timed == result.TimedIntended })
		})
		out = append(out, column{rows[0].Workload, params[len(params)/2], tail})
	}
	return out
}

// byWorkload gives the compared rows of an item kind, split by workload.
func (d *document) byWorkload(kind string) [][]stats.Row {
	rows := slices.DeleteFunc(d.compared(), func(r stats.Row) bool { return r.ItemKind != kind })
	var out [][]stats.Row
	for _, name := range distinct(rows, func(r stats.Row) string { return r.Workload }) {
		out = append(out, slices.DeleteFunc(slices.Clone(rows), func(r stats.Row) bool { return r.Workload != name }))
	}
	return out
}

// p99 writes the 99th percentile from the intended start.
func p99(r *stats.Row, n int) string {
	for _, t := range r.Tails {
		if t.Timed != result.TimedIntended {
			continue
		}
		for _, q := range t.Quantiles {
			if q.Share == 0.99 {
				return quantile(q, n)
			}
		}
	}
	return "none"
}
