package report

import (
	"slices"
	"strconv"
	"strings"

	"headroom/harness/stats"
)

// spoken are the headings of counters; those not named here are printed under their own name.
var spoken = map[string]string{
	"failed":         "failures",
	"locks":          "shared locks",
	"bytes-per-item": "bytes held per item",
}

// perThousand is what counts are given for: most of them are far rarer than operations.
const perThousand = 1000

// counters writes what the design and the workload counted, for each item kind: events for each thousand operations, other figures as they are.
func (d *document) counters(name string) {
	for _, rows := range d.byKind(name, d.compared()) {
		rows = slices.DeleteFunc(rows, func(r stats.Row) bool { return len(r.Counters) == 0 })
		shown, zero := countersOf(rows)
		if len(rows) == 0 || len(shown)+len(zero) == 0 {
			continue
		}
		f := newFrame(rows)
		d.line("### Counters: %s\n", words(f.heading))
		if len(shown) > 0 {
			d.counterTable(f, rows, shown)
		}
		if len(zero) > 0 {
			d.line("Zero wherever it is counted: %s.\n", strings.Join(zero, ", "))
		}
	}
}

func (d *document) counterTable(f frame, rows []stats.Row, shown []stats.Counter) {
	g := grid{left: len(f.columns()), header: f.columns()}
	for _, c := range shown {
		heading, _ := counterForm(c)
		g.header = append(g.header, heading)
	}
	g.header = append(g.header, "n", "doubts")
	var l doubts
	for _, r := range rows {
		n := r.Ns.Count()
		cells := f.cells(&r)
		for _, c := range shown {
			e := r.Counter(c.Name)
			if e.Count() == 0 {
				cells = append(cells, "not counted")
				continue
			}
			_, write := counterForm(c)
			cells = append(cells, write(e, n))
		}
		g.add(append(cells, strconv.Itoa(n), l.letters(r.Warnings))...)
	}
	g.drop(len(g.header) - 1)
	d.line("%s", g.String())
	d.explain(l)
}

// countersOf gives the counters that any row has, split into those that are not always zero and the names of those that are.
func countersOf(rows []stats.Row) (shown []stats.Counter, zero []string) {
	var all []stats.Counter
	for _, r := range rows {
		for _, c := range r.Counters {
			if !slices.ContainsFunc(all, func(o stats.Counter) bool { return o.Name == c.Name }) {
				all = append(all, c)
			}
		}
	}
	slices.SortFunc(all, func(a, b stats.Counter) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range all {
		some := slices.ContainsFunc(rows, func(r stats.Row) bool {
			return slices.ContainsFunc(r.Counter(c.Name).Values, func(v float64) bool { return v != 0 })
		})
		if some {
			shown = append(shown, c)
		} else {
			zero = append(zero, counterName(c.Name))
		}
	}
	return shown, zero
}

// The endings of counters' names that are units.
const (
	perSecond   = "-ops-per-sec"
	nanoseconds = "-ns"
)

// counterForm gives the heading of a counter and how its values are written.
func counterForm(c stats.Counter) (heading string, write func(e stats.Estimate, n int) string) {
	in := func(size float64) func(stats.Estimate, int) string {
		return func(e stats.Estimate, n int) string { return estimate(e, size, n) }
	}
	name, most := strings.CutSuffix(c.Name, "-max")
	short, isTime := strings.CutSuffix(strings.TrimSuffix(name, "-mean"), nanoseconds)
	switch {
	case c.PerOperation:
		return counterName(c.Name) + " /1000 op", in(1.0 / perThousand)
	case strings.HasSuffix(c.Name, perSecond):
		const million = 1e6
		return "throughput " + counterName(strings.TrimSuffix(c.Name, perSecond)) + ", M op/s", in(million)
	case isTime && most:
		return counterName(short) + ", longest", timed
	case isTime:
		return counterName(short) + ", mean", timed
	}
	return counterName(c.Name), in(1)
}

func counterName(name string) string {
	if s, ok := spoken[name]; ok {
		return s
	}
	return words(strings.ReplaceAll(name, "-", " "))
}
