package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// summarise prints what a run measured as one table, a line a cell; the report says the rest.
func summarise(w io.Writer, run *result.Run) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WORKLOAD\tITEMS\tCPUS\tDESIGN\tNS/OP\tINTERVAL\tCAS/OP\tN\tRANK")
	for _, table := range stats.Tables(stats.Rows(run), run.Control.AASpreadPct) {
		if result.IsControl(table.Params) || result.IsAside(table.Params) {
			continue
		}
		name := table.Workload
		for _, p := range table.Params {
			name += " " + p.Key + "=" + p.Value
		}
		for _, e := range table.Entries {
			if e.Ns.Count() == 0 {
				fmt.Fprintf(t, "%s\t%s\t%d\t%s\tnot comparable\t\t\t0\t\n", name, table.ItemKind, table.CPUs, e.Design)
				continue
			}
			interval, rank := fmt.Sprintf("[%.4g, %.4g]", e.Ns.Low, e.Ns.High), fmt.Sprint(e.Rank)
			if !e.Ns.Bounded() {
				interval, rank = "too few", "-"
			}
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%.4g\t%s\t%.3g\t%d\t%s\n", name, table.ItemKind, table.CPUs, e.Design,
				e.Ns.Median, interval, e.CAS.Median, e.Ns.Count(), rank)
		}
	}
	return t.Flush()
}
