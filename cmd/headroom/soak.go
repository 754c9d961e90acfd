package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/fuzz"
	schedules "headroom/fuzz/explore"
	"headroom/fuzz/families"
	"headroom/fuzz/scenario/clients"
	"headroom/internal/rng"
	"headroom/kernel/mutant"
)

// soakOptions are the flags of headroom soak.
type soakOptions struct {
	exploreOptions
	slice int
}

// soaked is what was done on one variant.
type soaked struct {
	Variant    string        `json:"variant"`
	Executions int           `json:"executions"`
	Programs   int           `json:"programs"`
	Known      int           `json:"known"`   // failures that are known faults of the variant, which its original has too
	Found      []string      `json:"found"`   // replay files of others
	Classes    []string      `json:"classes"` // what they broke
	Locks      []lockOutcome `json:"locks"`   // what the lock checker said
}

func soakCommand() *cobra.Command {
	var o soakOptions
	c := &cobra.Command{
		Use:   "soak",
		Short: "Look for failures in every variant that the simulator can run, in turn, until the time is up",
		Long: `Soak gives every variant a turn of --slice executions, then every variant the next, with programs of all families and schedules that were not
tried before, until the time or the executions are used up. A failure ends its variant's turn; it is made as small as it goes and written to a replay file, and the
soak goes on. Failures that a variant is known for, because its original has them, are counted and not written.

With --executions equal seeds give equal soaks. Exit status: 0 nothing found, 1 a failure found, 2 bad input, 130 interrupted.`,
		Example: `  headroom soak --seconds 300
  headroom soak --seconds 28800 --seed 7 --out build/soak
  headroom soak --executions 10000 --json`,
		Args: arguments(0),
		RunE: func(*cobra.Command, []string) error { return simulated(o.soak) },
	}
	f := c.Flags()
	f.Float64Var(&o.seconds, "seconds", 0, "stop after so many seconds (default 300 when --executions is not given)")
	f.IntVar(&o.executions, "executions", 0, "stop after so many executions of each variant")
	f.IntVar(&o.slice, "slice", 20_000, "executions of one turn")
	f.StringVar(&o.strategy, "strategy", schedules.Names[0], "who takes the next step; see headroom explore")
	f.StringVar(&o.mutant, "mutant", "", "switch this planted mistake on, to see what a soak makes of it; see headroom list")
	f.Uint64Var(&o.seed, "seed", 1, "seed of programs and schedules")
	f.StringVar(&o.out, "out", filepath.Join("build", "findings"), "folder for replay files")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	o.shrink = true
	return c
}

// soakable is every variant the simulator can run whose faults, if it has any, are known one by one.
func soakable() []designs.Variant {
	all := slices.Concat(catalog.All(), catalog.Beside(), clients.Variants())
	return slices.DeleteFunc(all, func(v designs.Variant) bool {
		known := slices.ContainsFunc(families.KnownFaults, func(f families.Fault) bool { return f.Variant == v.FullName() })
		return v.Capabilities.NativeOnly || len(v.Breaks) > 0 && !known
	})
}

func (o *soakOptions) soak(ctx context.Context) error {
	if !(o.seconds >= 0) || o.executions < 0 || o.slice < 1 {
		return fmt.Errorf("--seconds %g --executions %d --slice %d: give positive numbers", o.seconds, o.executions, o.slice)
	}
	if _, err := schedules.New(o.strategy, 0); err != nil {
		return fmt.Errorf("--strategy: %w", err)
	}
	if err := findMutant("--mutant", mutant.ID(o.mutant)); err != nil {
		return err
	}
	if err := checkFolder(o.out); err != nil {
		return err
	}
	if o.seconds == 0 && o.executions == 0 {
		o.seconds = 300
	}
	started := time.Now()
	list := make([]soaked, 0, 64)
	variants := soakable()
	for _, v := range variants {
		list = append(list, soaked{Variant: v.FullName(), Found: []string{}, Classes: []string{}, Locks: []lockOutcome{}})
	}
	done := func() bool { return o.late(ctx, started) }
	said := started
	for turn := uint64(0); !done() && (o.executions == 0 || slices.ContainsFunc(list, func(s soaked) bool { return s.Executions < o.executions && len(s.Found) < enough })); turn++ {
		for i, v := range variants {
			if err := o.turn(ctx, v, turn, done, &list[i]); err != nil {
				return err
			}
			if now := time.Now(); now.Sub(said) >= 10*time.Second {
				said = now
				fmt.Fprintf(os.Stderr, "%.0f s, round %d: %s\n", now.Sub(started).Seconds(), turn+1, v.FullName())
			}
		}
	}
	return o.tell(ctx, list)
}

// enough failures of one variant: it is left alone afterwards.
const enough = 4

// turn explores one variant for a slice, or until it fails.
func (o *soakOptions) turn(ctx context.Context, v designs.Variant, turn uint64, done func() bool, s *soaked) error {
	most := o.slice
	if o.executions > 0 {
		most = min(most, o.executions-s.Executions)
	}
	if most <= 0 || len(s.Found) >= enough || done() {
		return nil
	}
	hunt := &families.Hunt{Mutant: mutant.ID(o.mutant), Variants: []designs.Variant{v}, Strategy: o.strategy, Seed: rng.Mix(rng.Mix(o.seed) ^ turn),
		Executions: most, Stop: done}
	found, err := hunt.Run()
	if errors.Is(err, fuzz.ErrUnrepeatable) {
		s.Found, s.Classes = append(s.Found, "none: "+err.Error()), append(s.Classes, "unrepeatable")
		return nil
	}
	if err != nil {
		return err
	}
	for i := range found.Locks {
		o.locks(s, &found.Locks[i])
	}
	s.Executions, s.Programs, s.Known = s.Executions+found.Executions, s.Programs+found.Programs, s.Known+len(found.Known)
	if found.Failure == nil {
		return nil
	}
	one := &outcome{Executions: found.Executions}
	fuzz.SetMutant(mutant.ID(o.mutant)) // for the making small
	defer fuzz.SetMutant("")
	if err := o.finding(ctx, v, found.Failure, one); err != nil {
		return err
	}
	if !slices.Contains(s.Found, one.Replay) {
		s.Found, s.Classes = append(s.Found, one.Replay), append(s.Classes, one.Class)
	}
	return nil
}

// locks adds what the lock checker said in the turn that comes after s, unless it was said before.
func (o *soakOptions) locks(s *soaked, l *families.Locks) {
	if slices.ContainsFunc(s.Locks, func(k lockOutcome) bool { return k.Rule == string(l.Report.Rule) && k.Summary == l.Report.Summary }) {
		return
	}
	repeat := fmt.Sprintf("bin/headroom soak --executions %d --slice %d --strategy %s --seed %d", s.Executions+l.Executions, o.slice, o.strategy, o.seed)
	if o.mutant != "" {
		repeat += " --mutant " + o.mutant
	}
	s.Locks = append(s.Locks, lockOutcome{Rule: string(l.Report.Rule), Summary: l.Report.Summary, Text: l.Report.Text, Repeat: repeat})
}

func (o *soakOptions) tell(ctx context.Context, list []soaked) error {
	failed := false
	if o.asJSON {
		for _, s := range list {
			failed = failed || len(s.Found)+len(s.Locks) > 0
		}
		if err := printJSON(os.Stdout, list); err != nil {
			return err
		}
	} else {
		t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "VARIANT\tEXECUTIONS\tPROGRAMS\tKNOWN FAULTS MET\tFOUND")
		for _, s := range list {
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\n", s.Variant, s.Executions, s.Programs, s.Known, len(s.Found)+len(s.Locks))
		}
		t.Flush()
		for _, s := range list {
			for _, l := range s.Locks {
				failed = true
				fmt.Printf("FAILURE lockdep: %s: %s on %s\n%srepeat it: %s\n", l.Rule, l.Summary, s.Variant, l.Text, l.Repeat)
			}
			for i, file := range s.Found {
				failed = true
				fmt.Printf("FAILURE %s on %s; repeat it: bin/headroom replay %s\n", s.Classes[i], s.Variant, file)
			}
		}
	}
	switch {
	case failed:
		return status(exitFound)
	case ctx.Err() != nil:
		return status(exitInterrupted)
	}
	return nil
}
