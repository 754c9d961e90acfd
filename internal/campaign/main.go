// Command campaign is the program behind make fuzz, fuzz-ci and fuzz-gofuzz. It builds the fuzz targets (fuzz/target) for Go's own fuzzer and for
// go-fuzz, runs each under both from one corpus (fuzz/corpus), counts, and keeps what they find. It is to be built with -tags sim and started in the
// module's folder; all its work files are in build/fuzz.
//
// Exit status: 0 nothing found, 1 something found, or an alarm that does not work, 2 unusable input or environment, 130 interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"headroom/fuzz/target"
	"headroom/kernel/choice"
)

// The exit statuses.
const (
	exitFound       = 1
	exitUnusable    = 2
	exitInterrupted = 130
)

// errFound: what was found has been printed already.
var errFound = errors.New("something was found")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := command().ExecuteContext(ctx)
	switch {
	case ctx.Err() != nil:
		os.Exit(exitInterrupted)
	case errors.Is(err, errFound):
		os.Exit(exitFound)
	case err != nil:
		fmt.Fprintln(os.Stderr, "campaign: "+strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(exitUnusable)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{Use: "campaign", Short: "Fuzz the targets of fuzz/target with Go's own fuzzer and with go-fuzz", SilenceErrors: true, SilenceUsage: true}
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return usable() }
	var each time.Duration
	var names, engines []string
	run := &cobra.Command{Use: "run", Short: "Run every target under both fuzzers", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return newCampaign(each).run(c.Context(), names, engines) }}
	run.Flags().DurationVar(&each, "time", time.Minute, "how long each target runs under each fuzzer")
	run.Flags().StringSliceVar(&names, "target", nil, "targets to run (default all but the canary)")
	run.Flags().StringSliceVar(&engines, "engine", []string{native, goFuzz}, "fuzzers to run them under")
	ci := &cobra.Command{Use: "ci", Short: "Prove the alarm, then run every target under both fuzzers for a moment, from the kept corpus alone", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return newCampaign(ciTime).ci(c.Context()) }}
	var name string
	loopback := &cobra.Command{Use: "loopback", Short: "Run one target under go-fuzz as a coordinator and two workers over loopback", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return newCampaign(each).loopback(c.Context(), name) }}
	loopback.Flags().DurationVar(&each, "time", time.Minute, "how long")
	loopback.Flags().StringVar(&name, "target", "schedule", "the target")
	repeat := &cobra.Command{Use: "repeat FILE", Short: "Run a target on a file that a campaign kept", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return repeat(args[0]) }}
	root.AddCommand(run, ci, loopback, repeat, toolCommand())
	return root
}

// usable says what is missing.
func usable() error {
	if !choice.Enabled {
		return errors.New("this build has no simulator: use go run -tags sim ./internal/campaign")
	}
	if _, err := os.Stat("fuzz/target"); err != nil {
		return errors.New("no fuzz/target here: start it in the folder of headroom's go.mod")
	}
	return nil
}

// pick finds targets by name; without names all but the canary.
func pick(names []string) ([]target.Target, error) {
	var list []target.Target
	if len(names) == 0 {
		for _, t := range target.All {
			if !t.Canary {
				list = append(list, t)
			}
		}
		return list, nil
	}
	for _, name := range names {
		t, ok := target.Find(name)
		if !ok {
			var all []string
			for _, t := range target.All {
				all = append(all, t.Name)
			}
			return nil, fmt.Errorf("no target is called %q: there are %s", name, strings.Join(all, ", "))
		}
		list = append(list, t)
	}
	return list, nil
}
