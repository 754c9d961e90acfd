package stats

import (
	"cmp"
	"slices"
	"strconv"

	"headroom/harness/result"
)

// Table is what may be ranked together: the designs that ran one workload with the same parameters, item kind, guarantee,
// number of CPUs and distance class.
type Table struct {
	Workload  string
	Params    []result.Pair
	ItemKind  string
	Guarantee string
	CPUs      int
	Class     string
	Entries   []Entry // best median ns/op first; exhausted rows, then rows without samples last
}

// Entry is a row with its place in the table.
type Entry struct {
	Row
	Rank    int        // from 1; rows that cannot be told from the first of their rank share it; 0 without samples, and for exhausted rows
	Against Comparison // ns/op against the table's first row
}

// Tables sorts the rows of a run into tables and ranks each by ns/op. spreadPct is the run's A/A spread in percent.
//
// Workloads come in the order of their first row; within one, the order is item kind, guarantee, CPUs, class, parameters
// (numbers as numbers). Rows without samples have no class of their own and stand in every table of their cell.
func Tables(rows []Row, spreadPct float64) []Table {
	var tables []Table
	place := func(r Row) {
		for i := range tables {
			if tables[i].takes(&r) {
				tables[i].Entries = append(tables[i].Entries, Entry{Row: r})
				return
			}
		}
		tables = append(tables, Table{r.Workload, r.Params, r.ItemKind, r.Guarantee, r.CPUs, r.Class, []Entry{{Row: r}}})
	}
	var workloads []string
	for _, r := range rows {
		if !slices.Contains(workloads, r.Workload) {
			workloads = append(workloads, r.Workload)
		}
		if r.Ns.Count() > 0 {
			place(r)
		}
	}
	for _, r := range rows {
		if r.Ns.Count() == 0 && !joinAll(tables, r) {
			place(r)
		}
	}
	for i := range tables {
		tables[i].rank(spreadPct)
	}
	slices.SortStableFunc(tables, func(a, b Table) int {
		return cmp.Or(
			cmp.Compare(slices.Index(workloads, a.Workload), slices.Index(workloads, b.Workload)),
			cmp.Compare(a.ItemKind, b.ItemKind),
			cmp.Compare(a.Guarantee, b.Guarantee),
			cmp.Compare(a.CPUs, b.CPUs),
			cmp.Compare(a.Class, b.Class),
			CompareParams(a.Params, b.Params),
		)
	})
	return tables
}

// joinAll puts a row without samples into every table of its cell and reports whether there was one.
func joinAll(tables []Table, r Row) bool {
	joined := false
	for i := range tables {
		r.Class = tables[i].Class
		if tables[i].takes(&r) {
			tables[i].Entries = append(tables[i].Entries, Entry{Row: r})
			joined = true
		}
	}
	return joined
}

// takes reports whether r belongs in the table.
func (t *Table) takes(r *Row) bool {
	return t.Workload == r.Workload && slices.Equal(t.Params, r.Params) && t.ItemKind == r.ItemKind &&
		t.Guarantee == r.Guarantee && t.CPUs == r.CPUs && t.Class == r.Class
}

// order puts rows that have no rank after those that have one: 1 where items ran out, 2 without samples.
func (e *Entry) order() int {
	switch {
	case e.Ns.Count() == 0:
		return 2
	case e.Exhausted:
		return 1
	}
	return 0
}

// rank sorts the entries and gives each its rank and its comparison with the first.
func (t *Table) rank(spreadPct float64) {
	slices.SortStableFunc(t.Entries, func(a, b Entry) int {
		if a.order() != b.order() || a.Ns.Count() == 0 {
			return cmp.Compare(a.order(), b.order())
		}
		return cmp.Or(cmp.Compare(a.Ns.Median, b.Ns.Median), cmp.Compare(a.Design, b.Design))
	})
	leader := 0 // the first of the current rank
	for i := range t.Entries {
		e := &t.Entries[i]
		e.Against = Compare(t.Entries[0].Row, e.Row, Ns, spreadPct)
		if e.order() > 0 {
			continue
		}
		switch Compare(t.Entries[leader].Row, e.Row, Ns, spreadPct).Verdict {
		case NoDifference, CannotTell:
		default:
			leader = i
		}
		e.Rank = leader + 1
	}
}

// CompareParams orders two lists of parameters: key by key, values that are both numbers as numbers.
func CompareParams(a, b []result.Pair) int {
	return slices.CompareFunc(a, b, func(x, y result.Pair) int {
		return cmp.Or(cmp.Compare(x.Key, y.Key), compareValues(x.Value, y.Value))
	})
}

// compareValues orders two values, as numbers when both are.
func compareValues(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}
