package report

import (
	"slices"
	"strconv"

	"headroom/harness/stats"
	"headroom/harness/workload"
)

// throughputs writes, for each item kind, the throughput of all CPUs together and how evenly they shared it. Nothing is ranked here.
func (d *document) throughputs(name string) {
	rows := slices.DeleteFunc(d.compared(), func(r stats.Row) bool { return r.Exhausted })
	for _, rows := range d.byKind(name, rows) {
		f := newFrame(rows)
		d.line("### Throughput and fairness: %s\n", words(f.heading))
		prefix, size := scale(rows)
		g := grid{left: len(f.columns()), header: append(f.columns(), "throughput, "+prefix+"op/s", "slowest/fastest CPU", "n", "doubts")}
		var l doubts
		for _, r := range rows {
			n := r.Throughput.Count()
			g.add(append(f.cells(&r), estimate(r.Throughput, size, n), fairness(&r, n), strconv.Itoa(n), l.letters(r.Warnings))...)
		}
		g.drop(len(g.header) - 1)
		d.line("%s", g.String())
		d.explain(l)
	}
}

// fairness writes the share of the slowest CPU, where the workload leaves it to the design.
func fairness(r *stats.Row, n int) string {
	switch {
	case r.CPUs == 1:
		return "one CPU"
	case r.Workload == workload.Trace:
		return "as recorded"
	case r.Fairness.Count() == 0:
		return "none"
	}
	return estimate(r.Fairness, 1, n)
}

// compared gives the rows whose mean cost and throughput are figures of their own: all but those taken apart.
func (d *document) compared() []stats.Row {
	var rows []stats.Row
	for _, t := range d.tables {
		for _, e := range t.Entries {
			rows = append(rows, e.Row)
		}
	}
	return rows
}

// byKind gives the rows of one workload, split by item kind, the kinds sorted.
func (d *document) byKind(name string, rows []stats.Row) [][]stats.Row {
	var kinds []string
	groups := make(map[string][]stats.Row)
	for _, r := range rows {
		if r.Workload != name {
			continue
		}
		if !slices.Contains(kinds, r.ItemKind) {
			kinds = append(kinds, r.ItemKind)
		}
		groups[r.ItemKind] = append(groups[r.ItemKind], r)
	}
	slices.Sort(kinds)
	var out [][]stats.Row
	for _, k := range kinds {
		out = append(out, groups[k])
	}
	return out
}

// scale is the power of a thousand that a table counts its operations a second in.
func scale(rows []stats.Row) (prefix string, size float64) {
	greatest := 0.0
	for _, r := range rows {
		if r.Throughput.Count() > 0 {
			greatest = max(greatest, r.Throughput.Median)
		}
	}
	switch {
	case greatest >= 1e9:
		return "G ", 1e9
	case greatest >= 1e6:
		return "M ", 1e6
	case greatest >= 1e3:
		return "k ", 1e3
	}
	return "", 1
}
