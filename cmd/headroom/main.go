// Headroom compares kernel allocator designs: it measures them, explores their schedules for broken invariants, and reports.
//
// Exit status: 0 when all is well, 1 when something was found (a failure, a sample that failed, a regression), 2 when the input or the environment cannot be used,
// 130 when interrupted. For ab, which answers git bisect, they are 128 instead of 2, and 125 for a revision to skip.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit statuses.
const (
	exitFound       = 1
	exitUnusable    = 2
	exitInterrupted = 130
)

// status is an error that only sets the exit status: everything was said already.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func main() { os.Exit(run()) }

func run() int {
	command, err := root().ExecuteC()
	var s status
	switch {
	case err == nil:
		return 0
	case errors.As(err, &s):
		return int(s)
	}
	fmt.Fprintf(os.Stderr, "headroom: %v\n", err)
	if command.Name() == abName {
		return exitStop
	}
	return exitUnusable
}

// interruptible returns a context that ends with the first SIGINT or SIGTERM; the next one ends the program, as every signal does while no command
// has asked for this.
func interruptible() (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "headroom",
		Short: "Compare kernel allocator designs: measure, explore, report",
		Long: `Headroom puts the allocator designs of five kernel mailing-list debates behind one interface,
runs them under identical workloads, explores their schedules for broken invariants, and reports.`,
		Example: `  headroom list
  headroom bench --quick
  headroom bench --quick --trace my.stream
  headroom record --seconds 10 --out my.stream
  headroom compare results/before results/latest --gate 5
  headroom report results/latest
  headroom ab v1 HEAD --quick
  headroom explore --design percpu_tags --seconds 20
  headroom mutants --id SB-07
  headroom replay build/findings/percpu_tags-lock-PI-01.replay`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q; see headroom --help", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			return c.Help()
		},
	}
	c.CompletionOptions.DisableDefaultCmd = true
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, c.CommandPath())
	})
	c.AddCommand(benchCommand(), compareCommand(), reportCommand(), abCommand(), costCommand(), recordCommand(), exploreCommand(), soakCommand(),
		replayCommand(), mutantsCommand(), listCommand(), envCommand(), sampleCommand())
	return c
}

// arguments makes a command take exactly n arguments.
func arguments(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("%s takes %d arguments, and %d were given; see %s --help", c.CommandPath(), n, len(args), c.CommandPath())
		}
		return nil
	}
}
