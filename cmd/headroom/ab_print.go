package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"headroom/harness"
	"headroom/harness/stats"
)

// printDuel prints a line a cell, what was left out and why, and the verdict.
func printDuel(w io.Writer, d *harness.Duel, revisions [2]*revision) error {
	fmt.Fprintf(w, "a is %v, b is %v\n", revisions[0], revisions[1])
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CELL\tA CAS/OP\tB CAS/OP\tA NS/OP\tB NS/OP\tB/A\tVERDICT")
	for i := range d.Cells {
		c := &d.Cells[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, interval(c.CAS[0]), interval(c.CAS[1]), interval(c.Ns[0]), interval(c.Ns[1]),
			interval(c.Ratio), verdict(c))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	printMissing(w, d.Missing)
	for _, doubt := range d.Doubts {
		fmt.Fprintf(w, "doubt: %s\n", doubt)
	}
	fmt.Fprintln(w, conclusion(d, revisions))
	return nil
}

// verdict is the last column: what came out, and how sure it is.
func verdict(c *harness.Versus) string {
	switch c.Paired.Verdict {
	case stats.CannotTell, stats.NotComparable:
		return fmt.Sprintf("%s (%d pairs)", c.Verdict, c.Pairs)
	case stats.NoDifference:
		return c.Verdict
	}
	mark := ""
	if c.Regression {
		mark = "  REGRESSION"
	}
	return fmt.Sprintf("%+.1f %% (p=%.2g)%s", c.Paired.DeltaPct(), c.P, mark)
}

// printMissing prints a line for each reason, with the first cell it holds for and the number of the others.
func printMissing(w io.Writer, missing []harness.Missing) {
	type reason struct{ side, text string }
	count := map[reason]int{}
	var order []harness.Missing
	for _, m := range missing {
		r := reason{m.Side, m.Reason}
		if count[r]++; count[r] == 1 {
			order = append(order, m)
		}
	}
	for _, m := range order {
		others := ""
		if n := count[reason{m.Side, m.Reason}]; n > 1 {
			others = fmt.Sprintf(" and %d more", n-1)
		}
		fmt.Fprintf(w, "not in %s: %s%s: %s\n", m.Side, m.Cell, others, m.Reason)
	}
}

// conclusion is the run in a sentence.
func conclusion(d *harness.Duel, revisions [2]*revision) string {
	a, b, worse, differ := revisions[0], revisions[1], d.Regressions(), d.Differences()
	switch {
	case worse > 0:
		return fmt.Sprintf("regression: %v is slower than %v by more than %g %% and beyond noise in %d of %d cells", b, a, d.GatePct, worse, d.Judged())
	case differ > 0:
		return fmt.Sprintf("no regression: %v and %v differ in %d of %d cells, none of them slower by more than %g %%", a, b, differ, d.Judged(), d.GatePct)
	}
	return fmt.Sprintf("no difference between %v and %v beyond noise, in %d cells", a, b, d.Judged())
}
