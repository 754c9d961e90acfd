package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	schedules "headroom/fuzz/explore"
	"headroom/fuzz/families"
	"headroom/kernel/mutant"
)

// testStrategy stands for a test in place of a strategy.
const testStrategy = "test"

// mutantRow is a planted mistake, and what became of the hunt for it.
type mutantRow struct {
	ID          mutant.ID `json:"id"`
	Host        string    `json:"host"`
	History     bool      `json:"history"` // it is of the kernel's history, or another allocator's
	Needs       string    `json:"needs,omitempty"`
	Harm        string    `json:"harm,omitempty"`
	Strategy    string    `json:"strategy"`
	Found       bool      `json:"found"`
	Executions  int       `json:"executions"`
	Seconds     float64   `json:"seconds"`
	Ops         int       `json:"ops"` // of the program, made small
	Preemptions int       `json:"preemptions"`
	Family      string    `json:"family,omitempty"`
	On          string    `json:"on,omitempty"` // the variant that failed, or the test
	Reported    string    `json:"reported,omitempty"`
	Locks       bool      `json:"locks,omitempty"` // the lock checker alone found it: there is no run to make small
}

func newMutantRow(m mutant.Mutant) mutantRow {
	row := mutantRow{ID: m.ID, Host: m.Host}
	if b, ok := families.BugOf(m.ID); ok {
		row.History, row.Needs, row.Harm = true, b.Needs, string(b.Class)
	}
	return row
}

// said is the row for who waits.
func (r *mutantRow) said() string {
	switch {
	case r.Strategy == testStrategy:
		return "is killed by " + r.On
	case r.Found:
		return fmt.Sprintf("found after %d executions, %.2f s", r.Executions, r.Seconds)
	}
	return fmt.Sprintf("NOT FOUND in %d executions, %.2f s", r.Executions, r.Seconds)
}

// cleanRow is a hunt without a mistake.
type cleanRow struct {
	Host       string   `json:"host"`
	Variants   int      `json:"variants"`
	Executions int      `json:"executions"`
	Known      []string `json:"known,omitempty"` // the variants whose known faults were met
	Found      string   `json:"found,omitempty"`
	Replay     string   `json:"replay,omitempty"` // as a file, or the lock checker's report
}

// note adds a known fault, once.
func (r *cleanRow) note(f *families.Fault) {
	if !slices.Contains(r.Known, f.Variant) {
		r.Known = append(r.Known, f.Variant)
	}
}

// knownRow is a fault that a variant has without a mistake, and the replay file that shows it.
type knownRow struct {
	Variant string `json:"variant"`
	Met     bool   `json:"met"`    // in these hunts
	Replay  string `json:"replay"` // in the source tree
	Why     string `json:"why"`
}

// knownFaults is the table of them.
func knownFaults(clean []cleanRow) (rows []knownRow) {
	for _, f := range families.KnownFaults {
		met := slices.ContainsFunc(clean, func(c cleanRow) bool { return slices.Contains(c.Known, f.Variant) })
		rows = append(rows, knownRow{Variant: f.Variant, Met: met, Replay: "fuzz/corpus/replay/" + f.File, Why: f.Why})
	}
	return rows
}

// mutantsReport is what headroom mutants prints.
type mutantsReport struct {
	Seed    uint64      `json:"seed"`
	Budget  int         `json:"budget"` // executions for each
	Mutants []mutantRow `json:"mutants"`
	Clean   []cleanRow  `json:"clean"`
	Known   []knownRow  `json:"known"`
	Missed  []mutant.ID `json:"missed"`
	False   []string    `json:"false"` // hosts on which something was found without a mistake
}

func (r *mutantsReport) tell(asJSON bool) error {
	r.Missed, r.False = []mutant.ID{}, []string{}
	for _, m := range r.Mutants {
		if !m.Found && m.Strategy != testStrategy {
			r.Missed = append(r.Missed, m.ID)
		}
	}
	for _, c := range r.Clean {
		if c.Found != "" {
			r.False = append(r.False, c.Host)
		}
	}
	err := error(nil)
	if asJSON {
		err = printJSON(os.Stdout, r)
	} else {
		err = r.print()
	}
	if err == nil && len(r.Missed)+len(r.False) > 0 {
		return status(exitFound)
	}
	return err
}

func (r *mutantsReport) print() error {
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tHOST\tNEEDS\tSTRATEGY\tEXECUTIONS\tSECONDS\tLENGTH\tFAMILY\tFOUND ON")
	for _, m := range r.Mutants {
		executions, seconds, length := fmt.Sprint(m.Executions), fmt.Sprintf("%.2f", m.Seconds), fmt.Sprintf("%d+%d", m.Ops, m.Preemptions)
		switch {
		case m.Strategy == testStrategy:
			executions, seconds, length = "-", "-", "-"
		case !m.Found:
			length, m.On = "-", "NOT FOUND"
		case m.Locks:
			length = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.ID, m.Host, orDash(m.Needs), m.Strategy, executions, seconds, length, orDash(m.Family), m.On)
	}
	if len(r.Clean) > 0 {
		fmt.Fprintln(t, "\nWITHOUT A MISTAKE\tVARIANTS\tEXECUTIONS\tFOUND")
	}
	for _, c := range r.Clean {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", c.Host, c.Variants, c.Executions, orDash(c.Found))
	}
	if len(r.Known) > 0 {
		fmt.Fprintln(t, "\nKNOWN FAULT\tMET\tREPLAY FILE\tWHY")
	}
	for _, k := range r.Known {
		met := "no"
		if k.Met {
			met = "yes"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", k.Variant, met, k.Replay, k.Why)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, c := range r.Clean {
		if c.Found != "" {
			fmt.Printf("\nfound without a mistake on %s:\n%s", c.Host, c.Replay)
		}
	}
	fmt.Println(r.summary())
	return nil
}

// summary counts.
func (r *mutantsReport) summary() string {
	found, hunted, history, historical, soon := 0, 0, 0, 0, 0
	for _, m := range r.Mutants {
		if m.Strategy == testStrategy {
			continue
		}
		hunted++
		if m.History {
			historical++
		}
		if !m.Found {
			continue
		}
		found++
		if m.History {
			history++
			if m.Seconds < soonSeconds {
				soon++
			}
		}
	}
	text := fmt.Sprintf("found %d of %d that are hunted; of history %d of %d, %d of them within %d s of processor time; %d are killed by tests",
		found, hunted, history, historical, soon, soonSeconds, len(r.Mutants)-hunted)
	if len(r.Missed) > 0 {
		text += fmt.Sprintf("; missed %v", r.Missed)
	}
	if len(r.Clean) > 0 {
		text += fmt.Sprintf("; %d findings without a mistake", len(r.False))
	}
	return text
}

// soonSeconds is the bar for most mistakes of history.
const soonSeconds = 5

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// matrixRow is a mistake under every strategy: the executions to the first failure, 0 for none within the budget.
type matrixRow struct {
	ID         mutant.ID      `json:"id"`
	Executions map[string]int `json:"executions"`
}

// runMatrix hunts each mistake that is hunted under every strategy.
func (o *mutantsOptions) runMatrix(ctx context.Context) error {
	rows := []matrixRow{}
	for _, m := range families.Order(mutant.All()) {
		if o.id != "" && m.ID != mutant.ID(o.id) || families.TestOf(m.ID) != "" {
			continue
		}
		row := matrixRow{ID: m.ID, Executions: map[string]int{}}
		for _, name := range schedules.Names {
			h := o.hunter(ctx, families.HostsOf(m.Host))
			h.Mutant, h.Strategy = m.ID, name
			found, err := h.Run()
			if err != nil {
				return fmt.Errorf("mutant %s, strategy %s: %w", m.ID, name, err)
			}
			if ctx.Err() != nil {
				return status(exitInterrupted)
			}
			switch {
			case found.Failure != nil:
				row.Executions[name] = found.Executions
			case len(found.Locks) > 0:
				row.Executions[name] = found.Locks[0].Executions
			}
		}
		rows = append(rows, row)
		fmt.Fprintf(os.Stderr, "%s under %d of %d strategies\n", m.ID, len(row.Executions), len(schedules.Names))
	}
	if o.asJSON {
		return printJSON(os.Stdout, rows)
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "ID\t%s\t\n", strings.ToUpper(strings.Join(schedules.Names, "\t")))
	for _, row := range rows {
		fmt.Fprintf(t, "%s\t", row.ID)
		for _, name := range schedules.Names {
			if n := row.Executions[name]; n > 0 {
				fmt.Fprintf(t, "%d\t", n)
			} else {
				fmt.Fprint(t, "-\t")
			}
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
