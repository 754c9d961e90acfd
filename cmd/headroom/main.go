// Headroom compares kernel allocator designs: it measures them, explores their schedules for broken invariants, and reports.
//
// Exit status: 0 when all is well, 1 when something was found (a failure, a regression), 2 when the input or the environment cannot be used,
// 130 when interrupted.
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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx))
}

func run(ctx context.Context) int {
	err := root().ExecuteContext(ctx)
	var s status
	switch {
	case err == nil:
		return 0
	case errors.As(err, &s):
		return int(s)
	}
	fmt.Fprintf(os.Stderr, "headroom: %v\n", err)
	return exitUnusable
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "headroom",
		Short: "Compare kernel allocator designs: measure, explore, report",
		Long: `Headroom puts the allocator designs of five kernel mailing-list debates behind one interface,
runs them under identical workloads, explores their schedules for broken invariants, and reports.`,
		Example: `  headroom list
  headroom bench --quick
  headroom bench --quick --trace my.ftrace.gz
  headroom compare results/before results/latest --gate 5
  headroom explore --design percpu_tags --seconds 20
  headroom replay build/findings/percpu_tags-lock-PI-01.replay`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return c.Help()
		},
	}
	c.CompletionOptions.DisableDefaultCmd = true
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; see headroom %s --help", err, c.Name())
	})
	c.AddCommand(benchCommand(), compareCommand(), exploreCommand(), replayCommand(), listCommand(), envCommand(), sampleCommand())
	return c
}
