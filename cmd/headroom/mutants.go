package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headroom/designs"
	"headroom/fuzz"
	schedules "headroom/fuzz/explore"
	"headroom/fuzz/families"
	"headroom/kernel/mutant"
)

// mutantsOptions are the flags of headroom mutants.
type mutantsOptions struct {
	id         string
	strategy   string
	executions int
	seconds    float64
	seed       uint64
	matrix     bool
	asJSON     bool
}

// matrixExecutions is the budget of a cell of the matrix where none is given.
const matrixExecutions = 20_000

func mutantsCommand() *cobra.Command {
	var o mutantsOptions
	c := &cobra.Command{
		Use:   "mutants",
		Short: "Plant known mistakes one after another, and see whether the hunt finds them, and nothing else",
		Long: `Mutants switches each planted mistake on in turn and hunts it on the variants that stand on its host, in programs of all families in turn. The
families do not know which mistake it is. Then the same variants are hunted with the same budget and no mistake. Executions follow from the seed and
--executions alone, unless --seconds of processor time end a hunt before; SECONDS are of processor time.

HOST is where the mistake is planted: in the design or the mechanism it was in, or in a small client made for it (fuzz/scenario/clients).
NEEDS is what it takes: SC steps of several CPUs, TSO a late store, IRQ an interrupt, PRE a preemption or a move, HP a CPU that goes or comes, FI a backing
that fails, TF turns, SEQ one task, CTX a check of context. LENGTH is the shrunk program, in operations + preemptions. Mistakes that no family comes to
have the strategy "test", and the name of the test that kills them: they are not hunted.

Exit status: 0 all are found and nothing else is, 1 otherwise, 2 bad input.`,
		Example: `  headroom mutants
  headroom mutants --id SB-07
  headroom mutants --matrix --executions 5000
  headroom mutants --json`,
		Args: arguments(0),
		RunE: func(*cobra.Command, []string) error { return simulated(o.run) },
	}
	f := c.Flags()
	f.StringVar(&o.id, "id", "", "this mistake alone, without the hunt for others; see headroom list")
	f.StringVar(&o.strategy, "strategy", schedules.Names[0], "who takes the next step: "+strings.Join(schedules.Names, ", "))
	f.IntVar(&o.executions, "executions", 0, fmt.Sprintf("most executions for each mistake (default 120000, with --matrix %d)", matrixExecutions))
	f.Float64Var(&o.seconds, "seconds", 60, "most seconds of processor time for each mistake")
	f.Uint64Var(&o.seed, "seed", 1, "seed of programs and schedules; equal seeds give equal hunts")
	f.BoolVar(&o.matrix, "matrix", false, "hunt each mistake under every strategy, and print the executions that it takes; those of history first")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

// check refuses what cannot be used.
func (o *mutantsOptions) check() error {
	if err := findMutant("--id", mutant.ID(o.id)); err != nil {
		return err
	}
	if _, err := schedules.New(o.strategy, huntBound); err != nil {
		return fmt.Errorf("--strategy: %w", err)
	}
	if test := families.TestOf(mutant.ID(o.id)); o.matrix && test != "" {
		return fmt.Errorf("--matrix --id %s: it is killed by %s, and hunted under no strategy: leave --matrix out", o.id, test)
	}
	if o.executions < 0 || !(o.seconds > 0) { // a NaN is not above 0
		return fmt.Errorf("--executions %d --seconds %g: give a number of executions, and more than 0 seconds", o.executions, o.seconds)
	}
	if o.executions == 0 {
		o.executions = families.Executions
		if o.matrix {
			o.executions = matrixExecutions
		}
	}
	return nil
}

func (o *mutantsOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.matrix {
		return o.runMatrix(ctx)
	}
	report := &mutantsReport{Seed: o.seed, Budget: o.executions, Mutants: []mutantRow{}, Clean: []cleanRow{}, Known: []knownRow{}}
	for _, m := range families.Order(mutant.All()) {
		if o.id != "" && m.ID != mutant.ID(o.id) {
			continue
		}
		row, err := o.hunt(ctx, m)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return status(exitInterrupted)
		}
		report.Mutants = append(report.Mutants, row)
		fmt.Fprintf(os.Stderr, "%s %s\n", m.ID, row.said())
	}
	for _, folder := range families.Folders() {
		if o.id != "" {
			break
		}
		fmt.Fprintf(os.Stderr, "%s without a mistake\n", folder)
		row, err := o.clean(ctx, folder)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return status(exitInterrupted)
		}
		report.Clean = append(report.Clean, row)
	}
	if len(report.Clean) > 0 {
		report.Known = knownFaults(report.Clean)
	}
	return report.tell(o.asJSON)
}

// huntBound is what strategies get that want a number of preemptions.
const huntBound = 2

// hunter is a hunt under the options, which ends with its budget of processor time.
func (o *mutantsOptions) hunter(ctx context.Context, variants []designs.Variant) *families.Hunt {
	began, asked, stopped := processorTime(), 0, false
	return &families.Hunt{Variants: variants, Strategy: o.strategy, Bound: huntBound, Seed: o.seed, Executions: o.executions, Stop: func() bool {
		asked++
		stopped = stopped || asked%64 == 0 && (ctx.Err() != nil || (processorTime()-began).Seconds() > o.seconds)
		return stopped
	}}
}

// hunt looks for one mistake, and makes what it finds small.
func (o *mutantsOptions) hunt(ctx context.Context, m mutant.Mutant) (mutantRow, error) {
	row := newMutantRow(m)
	if test := families.TestOf(m.ID); test != "" {
		row.Strategy, row.On = testStrategy, test
		return row, nil
	}
	row.Strategy = o.strategy
	began := processorTime()
	h := o.hunter(ctx, families.HostsOf(m.Host))
	h.Mutant = m.ID
	found, err := h.Run()
	if err != nil {
		return row, fmt.Errorf("mutant %s: %w", m.ID, err)
	}
	row.Executions, row.Seconds = found.Executions, roundSeconds(processorTime()-began)
	if found.Failure == nil && len(found.Locks) == 0 {
		return row, nil
	}
	row.Found = true
	if found.Failure == nil {
		l := &found.Locks[0]
		row.Executions, row.On, row.Family, row.Reported, row.Locks = l.Executions, l.Variant, l.Family, l.String(), true
		return row, nil
	}
	row.On = designs.Variant{Design: found.Failure.Program.Design, Name: found.Failure.Program.Variant}.FullName()
	row.Family, row.Reported = found.Family, string(found.Failure.Class)+": "+found.Failure.Message
	row.Ops, row.Preemptions, err = shrunkLength(ctx, m.ID, found.Failure)
	return row, err
}

// lengthExecutions bounds the making small of each: it is for the column alone.
const lengthExecutions = 6_000

// shrunkLength is how many operations and preemptions are left of a failing run.
func shrunkLength(ctx context.Context, id mutant.ID, r *fuzz.Replay) (ops, preemptions int, err error) {
	v, err := r.Program.Find()
	if err != nil {
		return 0, 0, err
	}
	fuzz.SetMutant(id)
	defer fuzz.SetMutant("")
	shrinker := &fuzz.Shrinker{Variant: v, Executions: lengthExecutions, Stop: func() bool { return ctx.Err() != nil }}
	_, shrunk, err := shrinker.Run(r)
	if err != nil {
		return 0, 0, err
	}
	return shrunk.After.Ops, shrunk.After.Preemptions, nil
}

// clean looks for anything at all on the variants of a host, with the budget that its mistakes have.
func (o *mutantsOptions) clean(ctx context.Context, folder string) (cleanRow, error) {
	variants := append(families.HostsOf(folder), families.Faulty(folder)...)
	row := cleanRow{Host: folder, Variants: len(variants)}
	found, err := o.hunter(ctx, variants).Run()
	if err != nil {
		return row, fmt.Errorf("without a mistake: %w", err)
	}
	row.Executions = found.Executions
	for _, f := range found.Known {
		row.note(f)
	}
	if len(found.Locks) > 0 {
		row.Found, row.Replay = found.Locks[0].Variant+": "+found.Locks[0].String(), found.Locks[0].Report.Text
	}
	if found.Failure != nil {
		row.Found, row.Replay = string(found.Failure.Class)+": "+found.Failure.Message, found.Failure.String()
	}
	return row, nil
}

func roundSeconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Millisecond)) / float64(time.Second)
}
