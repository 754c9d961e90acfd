package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/harness"
	"headroom/harness/workload"
	"headroom/kernel/mutant"
)

// listing is what headroom list --json prints.
type listing struct {
	Designs   []listedVariant        `json:"designs"`
	Workloads []workload.Description `json:"workloads"`
	Mutants   []listedMutant         `json:"mutants"`
	Spec      []string               `json:"spec"` // fields of a sample's description that this program understands, for headroom ab
}

type listedVariant struct {
	Design       string               `json:"design"`
	Variant      string               `json:"variant"`
	Summary      string               `json:"summary"`
	Capabilities designs.Capabilities `json:"capabilities"`
	Knobs        []designs.Knob       `json:"knobs"`
	Lacks        map[string]string    `json:"lacks"` // workloads it cannot run, with the reason
}

type listedMutant struct {
	ID     mutant.ID `json:"id"`
	Host   string    `json:"host"`
	Breaks string    `json:"breaks"`
	Story  string    `json:"story"`
}

func listCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List designs, variants, capabilities, workloads and mutants",
		Example: "  headroom list\n  headroom list --json",
		Args:    arguments(0),
		RunE: func(*cobra.Command, []string) error {
			l := newListing()
			if asJSON {
				return printJSON(os.Stdout, l)
			}
			return l.print(os.Stdout)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newListing() *listing {
	l := &listing{Workloads: workload.All(), Spec: harness.SpecFields()}
	for _, v := range catalog.All() {
		entry := listedVariant{Design: v.Design, Variant: v.Name, Summary: v.Summary, Capabilities: v.Capabilities, Knobs: v.Knobs, Lacks: map[string]string{}}
		for _, d := range l.Workloads {
			for _, kind := range kindsOf(d) {
				if why := workload.Lacks(d, v, kind); why != "" {
					entry.Lacks[lackName(d, kind)] = why
				}
			}
		}
		l.Designs = append(l.Designs, entry)
	}
	for _, m := range mutant.All() {
		l.Mutants = append(l.Mutants, listedMutant(m))
	}
	return l
}

// kindsOf lists the item kinds a workload comes in.
func kindsOf(d workload.Description) []string {
	if d.Name == workload.Trace {
		return []string{"tag", "page"}
	}
	return []string{""}
}

func lackName(d workload.Description, kind string) string {
	if kind == "" {
		return d.Name
	}
	return d.Name + "/" + kind
}

func (l *listing) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "DESIGN\tITEMS\tWAITS\tLOCKS\tMACHINES\tWHAT")
	for _, d := range l.Designs {
		machines := "native, simulated"
		if d.Capabilities.NativeOnly {
			machines = "native"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", designs.Variant{Design: d.Design, Name: d.Variant}.FullName(), d.Capabilities.Kind,
			yesNo(d.Capabilities.MayWait), yesNo(d.Capabilities.TakesLocks), machines, d.Summary)
	}
	fmt.Fprintln(t, "\nWORKLOAD\tSTANDS FOR")
	for _, d := range l.Workloads {
		fmt.Fprintf(t, "%s\t%s\n", d.Name, d.StandsFor)
	}
	fmt.Fprintln(t, "\nMUTANT\tPLANTED IN\tBREAKS\tWHAT GOES WRONG")
	for _, m := range l.Mutants {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", m.ID, m.Host, m.Breaks, m.Story)
	}
	return t.Flush()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
