package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"headroom/harness"
	"headroom/harness/result"
)

func compareCommand() *cobra.Command {
	var gate float64
	var asJSON bool
	c := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Hold one run against another, cell by cell, and gate on regressions",
		Long: `Compare reads two result folders and compares the cells both have, in units of each run's own compare-and-swap.
A difference inside the runs' A/A spread is no difference, and neither is one that may be chance among so many cells: the last column
is the probability after correction for their number. Cells that only one run has are listed.
Exit status: 0 no regression, 1 a cell is worse by more than the gate and beyond noise, 2 a folder cannot be used,
or no cell could be judged.`,
		Example: "  headroom compare results/before results/latest --gate 5",
		Args:    arguments(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if !(gate >= 0) { // a NaN is not at least 0
				return fmt.Errorf("--gate %g: give a percentage of at least 0", gate)
			}
			return compare(args[0], args[1], gate, asJSON)
		},
	}
	c.Flags().Float64Var(&gate, "gate", 5, "per cent by which a cell may be worse")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func compare(oldDir, newDir string, gate float64, asJSON bool) error {
	_, older, err := result.Read(oldDir)
	if err != nil {
		return err
	}
	_, newer, err := result.Read(newDir)
	if err != nil {
		return err
	}
	c := harness.Compare(older, newer, gate)
	if len(c.Cells) == 0 {
		return fmt.Errorf("%s and %s have no cell in common: compare runs of the same workloads, designs and CPU counts", oldDir, newDir)
	}
	if c.Judged() == 0 {
		return fmt.Errorf("%s and %s: none of %d cells could be judged (%s): take both runs with 6 samples a cell or more, on the same CPUs",
			oldDir, newDir, len(c.Cells), strings.Join(c.Unjudged(), "; "))
	}
	if asJSON {
		err = printJSON(os.Stdout, finite(c))
	} else {
		err = printCompared(os.Stdout, c)
	}
	if err == nil && c.Regressions() > 0 {
		return status(exitFound)
	}
	return err
}

// finite replaces what JSON cannot hold: a cell without samples has no median.
func finite(c *harness.Compared) *harness.Compared {
	for i := range c.Cells {
		d := &c.Cells[i]
		for _, v := range []*float64{&d.Old, &d.New, &d.DeltaPct, &d.P, &d.FamilyP} {
			if math.IsNaN(*v) || math.IsInf(*v, 0) {
				*v = 0
			}
		}
	}
	return c
}

func printCompared(w io.Writer, c *harness.Compared) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CELL\tOLD CAS/OP\tNEW CAS/OP\tCHANGE\tP CORRECTED")
	for i := range c.Cells {
		d := &c.Cells[i]
		mark := ""
		if d.Regression {
			mark = "  REGRESSION"
		}
		fmt.Fprintf(t, "%s\t%.4g\t%.4g\t%v\t%.2g%s\n", d.Name, d.Old, d.New, d.Comparison, d.FamilyP, mark)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, name := range c.OnlyOld {
		fmt.Fprintf(w, "only in the old run: %s\n", name)
	}
	for _, name := range c.OnlyNew {
		fmt.Fprintf(w, "only in the new run: %s\n", name)
	}
	for _, why := range c.Unjudged() {
		fmt.Fprintf(w, "not judged: %s\n", why)
	}
	if c.Regressions() > 0 || c.Judged() < len(c.Cells) {
		for _, doubt := range c.Doubts {
			fmt.Fprintf(w, "doubt: %s\n", doubt)
		}
	}
	fmt.Fprintf(w, "judged %d of %d cells\n", c.Judged(), len(c.Cells))
	fmt.Fprintln(w, concludeRuns(c))
	return nil
}

// concludeRuns is the comparison in a sentence.
func concludeRuns(c *harness.Compared) string {
	limits := fmt.Sprintf("%g %% and beyond the A/A spread of %.1f %%", c.GatePct, c.SpreadPct)
	switch worse, differ := c.Regressions(), c.Differences(); {
	case worse > 0:
		return fmt.Sprintf("regression: %d of %d cells are worse by more than %s", worse, c.Judged(), limits)
	case differ > 0:
		return fmt.Sprintf("no regression: %d of %d cells differ, none of them worse by more than %s", differ, c.Judged(), limits)
	}
	return fmt.Sprintf("no difference beyond noise and the A/A spread of %.1f %%, in %d cells", c.SpreadPct, c.Judged())
}
