package cost

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes the table, the one of two CPUs, and what a reader has to know of both.
func (t *Table) Print(w io.Writer) error {
	if err := t.printLines(w); err != nil {
		return err
	}
	if err := t.printScales(w); err != nil {
		return err
	}
	t.printNotes(w)
	return nil
}

func (t *Table) printLines(w io.Writer) error {
	if t.Tree != nil {
		fmt.Fprintf(w, "ORIGINAL: %s, this run. RATIO: ours to the original, in ns.\n\n", t.Tree.Name)
	} else {
		fmt.Fprintf(w, "PUBLISHED: another machine (%s). RATIO: ours to that, in compare-and-swaps.\n\n", PublishedOn)
	}
	column := "PUBLISHED"
	if t.Tree != nil {
		column = "ORIGINAL"
	}
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tab, "ONE CPU\tOURS NS/OP\tCAS/OP\tINTERVAL\t%s NS/OP\tCAS/OP\tINTERVAL\tRATIO\tINTERVAL\tBAR CAS/OP\tVERDICT\n", column)
	for i := range t.Lines {
		l := &t.Lines[i]
		ns, cas, between := "-", "-", "-"
		switch {
		case t.Tree == nil && l.Published.CAS > 0:
			ns, cas = fmt.Sprintf("%.1f", l.Published.Ns), fmt.Sprintf("%.1f", l.Published.CAS)
		case t.Tree != nil && l.OriginalNs.Samples > 0:
			ns, cas, between = number(l.OriginalNs), number(l.OriginalCAS), interval(l.OriginalCAS)
		}
		bar, verdict := "-", string(l.Verdict)
		if l.BarCAS > 0 {
			bar = fmt.Sprintf("%.1f", l.BarCAS)
		}
		if l.Slower {
			verdict += ", slower than the original"
		}
		if l.AllocsPerOp > maxAllocs {
			verdict += fmt.Sprintf(", %.3g allocs/op", l.AllocsPerOp)
		}
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, number(l.OursNs), number(l.OursCAS), interval(l.OursCAS),
			ns, cas, between, number(l.Ratio), interval(l.Ratio), bar, verdict)
	}
	return tab.Flush()
}

func (t *Table) printScales(w io.Writer) error {
	if len(t.Scales) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "TWO CPUS\tONE CPU NS/OP\tTWO CPUS NS/OP\tRATIO\tINTERVAL\tBAR\tVERDICT")
	for i := range t.Scales {
		s := &t.Scales[i]
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\t%.2f\t%s\n", s.Name, number(s.OneNs), number(s.TwoNs), number(s.Ratio), interval(s.Ratio), ScaleBar, s.Verdict)
	}
	return tab.Flush()
}

func number(s Spread) string {
	if s.Samples == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", s.Median)
}

func interval(s Spread) string {
	switch {
	case s.Samples == 0:
		return "-"
	case !s.Bounded():
		return fmt.Sprintf("%d samples", s.Samples)
	}
	return fmt.Sprintf("[%.2f, %.2f]", s.Low, s.High)
}

func (t *Table) printNotes(w io.Writer) {
	most := 0.0
	for i := range t.Lines {
		most = max(most, t.Lines[i].AllocsPerOp)
	}
	fmt.Fprintf(w, "\n%.4f allocs/op at most; samples set aside, since their compare-and-swap changed by more than %.0f %%: %d\n", most, 100*casDrift, t.SetAside)
	if t.Tree != nil {
		fmt.Fprintf(w, "originals compiled by %s, %s\n", t.Tree.Compiler, strings.Join(t.Tree.Flags, " "))
		for _, why := range t.Tree.Lacking {
			fmt.Fprintln(w, "no original of", why)
		}
	}
	if n := t.count(TooFew); n > 0 {
		fmt.Fprintf(w, "%d figures have too few samples for a verdict\n", n)
	}
	switch n := t.Misses(); n {
	case 0:
		fmt.Fprintln(w, "no figure is over its bar")
	case 1:
		fmt.Fprintln(w, "1 figure is over its bar")
	default:
		fmt.Fprintf(w, "%d figures are over their bars\n", n)
	}
}
