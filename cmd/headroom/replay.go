package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"headroom/fuzz"
	"headroom/kernel/choice"
	"headroom/kernel/mutant"
)

func replayCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "replay FILE",
		Short: "Repeat a failure from its replay file, step by step, a column a CPU",
		Long: `Replay runs the program of a replay file under its recorded schedule and prints every step. The same file prints the same bytes.
Exit status: 0 the failure came again, 1 the run took another way (the code has changed), 2 the file cannot be used.`,
		Example: "  headroom replay build/findings/percpu_tags-lock-PI-01-waiting-beside-free-item-0123456789abcdef.replay",
		Args:    arguments(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if !choice.Enabled {
				return startSibling()
			}
			return replay(args[0])
		},
	}
}

func replay(path string) error {
	r, err := fuzz.ReadReplay(path)
	if err != nil {
		return err
	}
	if r.Mutant != "" {
		if _, ok := mutant.Find(r.Mutant); !ok {
			return fmt.Errorf("%s: mutant %s is not in this build; see headroom list", path, r.Mutant)
		}
	}
	fuzz.SetMutant(r.Mutant)
	defer fuzz.SetMutant("")
	var out bytes.Buffer
	failure, err := r.Play(&out)
	if _, werr := os.Stdout.Write(out.Bytes()); werr != nil {
		return werr
	}
	if err != nil && (failure != nil || out.Len() > 0) {
		fmt.Fprintf(os.Stderr, "headroom: %s: %v\n", path, err)
		return status(exitFound)
	}
	return err
}
