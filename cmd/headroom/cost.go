package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"headroom/harness"
	"headroom/harness/cost"
	"headroom/harness/measure"
	"headroom/harness/result"
)

// costOptions are the flags of cost.
type costOptions struct {
	kernel  string
	samples int
	asJSON  bool
	seed    uint64
}

func costCommand() *cobra.Command {
	var o costOptions
	c := &cobra.Command{
		Use:   "cost",
		Short: "Hold the fast paths against the C originals, compiled from a kernel tree and measured in the same run",
		Long: `Cost measures a tight pair of alloc and free of each design on one thread, in ns and in compare-and-swaps, and holds it against a bar.
With --kernel the originals (mempool, sbitmap, ida, objpool) are compiled from those sources against a shim, and measured in between.
Without it the originals' column holds published figures of another machine, and says so.
Exit status: 0 every figure is within its bar, 1 one is over it, 2 the tree or the machine cannot be used.`,
		Example: "  headroom cost\n  headroom cost --kernel build/linux-source-6.12",
		Args:    arguments(0),
		RunE:    func(*cobra.Command, []string) error { return costs(o) },
	}
	f := c.Flags()
	f.StringVar(&o.kernel, "kernel", "", "top folder of a kernel's sources to compile the originals from")
	f.IntVar(&o.samples, "samples", 10, "samples of each design and original; at least 6, or there is no verdict")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.Uint64Var(&o.seed, "seed", 1, "order in which samples are interleaved")
	return c
}

// costReport is what headroom cost --json prints.
type costReport struct {
	Command     string     `json:"command"`
	Environment result.Env `json:"environment"`
	Absent      []string   `json:"absent"` // rows whose designs the catalog does not have
	*cost.Table
	Warnings []string `json:"warnings"`
}

const maxCostSamples = 1000

func costs(o costOptions) error {
	if err := nativeOnly(); err != nil {
		return err
	}
	if o.samples < 1 || o.samples > maxCostSamples {
		return fmt.Errorf("--samples %d: give 1 to %d", o.samples, maxCostSamples)
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	processors, err := harness.AllProcessors()
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	options := cost.Options{Samples: o.samples, Processor: processors[0].ID, TwoCPUs: len(processors) > 1, Seed: o.seed,
		Progress: newProgress(cost.SecondsPerSample), Program: program}
	if o.kernel != "" {
		tree, err := cost.Build(ctx, o.kernel)
		if err != nil {
			return err
		}
		defer tree.Close()
		options.Tree = tree
	}
	report := costReport{Command: commandLine(), Environment: measure.Environment(commandLine())}
	var rows []cost.Row
	rows, report.Absent = cost.Rows()
	if report.Table, err = cost.Run(ctx, rows, options); err != nil {
		return err
	}
	report.Warnings = measure.Doubts(report.Environment, (&harness.Ruler{Realtime: report.Realtime}).RealtimeError())
	if err := report.print(o.asJSON); err != nil {
		return err
	}
	switch {
	case report.Interrupted:
		fmt.Fprintln(os.Stderr, "headroom: interrupted: the table holds the samples completed until then")
		return status(exitInterrupted)
	case report.Misses() > 0:
		return status(exitFound)
	}
	return nil
}

func (r *costReport) print(asJSON bool) error {
	if asJSON {
		return printJSON(os.Stdout, r)
	}
	if err := r.Print(os.Stdout); err != nil {
		return err
	}
	if len(r.Absent) > 0 {
		fmt.Println("designs that are not there yet:", strings.Join(r.Absent, ", "))
	}
	e := r.Environment
	fmt.Printf("on %s, %s CPUs, %s, %s, commit %s, load average %s\n", e.Get("cpu"), e.Get("cpus-allowed"), e.Get("kernel"), e.Get("go"), e.Get("commit"), e.Get("load-average"))
	for _, w := range r.Warnings {
		fmt.Println("warning:", w)
	}
	fmt.Println(r.Command)
	return nil
}
