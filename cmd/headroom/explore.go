package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/fuzz"
	"headroom/kernel/choice"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// exploreOptions are the flags of headroom explore.
type exploreOptions struct {
	design     string
	variant    string
	mutant     string
	executions int
	seconds    float64
	seed       uint64
	memory     string
	vary       bool
	bare       bool
	bench      bool
	out        string
	asJSON     bool
}

func exploreCommand() *cobra.Command {
	var o exploreOptions
	c := &cobra.Command{
		Use:   "explore",
		Short: "Run generated programs under random schedules and look for broken invariants",
		Long: `Explore runs small generated programs on the simulated machine, each under many schedules, and checks uniqueness, conservation,
waiting beside a free item, deadlock, livelock, data races and misuse. A failure is written to a replay file, and the command that
repeats it is printed. Exit status: 0 nothing found, 1 a failure found, 2 bad input.`,
		Example: `  headroom explore --design percpu_tags --seconds 20
  headroom explore --design percpu_tags --mutant PI-01 --seconds 20
  headroom explore --design percpu_tags --executions 1000000 --seed 7
  headroom explore --bench`,
		Args: arguments(0),
		RunE: func(*cobra.Command, []string) error {
			if !choice.Enabled {
				return startSibling()
			}
			ctx, stop := interruptible()
			defer stop()
			if o.bench {
				return exploreBench(ctx, o)
			}
			return explore(ctx, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.design, "design", "", "design to explore; see headroom list")
	f.StringVar(&o.variant, "variant", "", "variant of the design (default the first)")
	f.StringVar(&o.mutant, "mutant", "", "switch this planted mistake on; see headroom list")
	f.IntVar(&o.executions, "executions", 0, "stop after so many executions")
	f.Float64Var(&o.seconds, "seconds", 0, "stop after so many seconds (default 10 when no budget is given)")
	f.Uint64Var(&o.seed, "seed", 1, "seed of programs and schedules; equal seeds give equal hunts")
	f.StringVar(&o.memory, "memory", "sc", "memory model of the machine: sc, tso or weak; race checks are made under sc only")
	f.BoolVar(&o.vary, "vary", false, "draw for each program what its machine does by itself: memory model, nested interrupts, migration, hot-plug, failed allocations, kills")
	f.BoolVar(&o.bare, "bare", false, "leave out the data-race checks, for speed")
	f.BoolVar(&o.bench, "bench", false, "measure the explorer's own speed on a small program, for --seconds (default 1) or --executions each")
	f.StringVar(&o.out, "out", filepath.Join("build", "findings"), "folder for replay files")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

// outcome is what headroom explore --json prints.
type outcome struct {
	Design     string         `json:"design"`
	Mutant     string         `json:"mutant"`
	Seed       uint64         `json:"seed"`
	Executions int            `json:"executions"`
	Programs   int            `json:"programs"`
	Steps      int64          `json:"steps"`
	Seconds    float64        `json:"seconds"`
	Reached    map[string]int `json:"reached"`
	Missed     []string       `json:"missed"`
	Class      string         `json:"class,omitempty"`
	Message    string         `json:"message,omitempty"`
	Replay     string         `json:"replay,omitempty"`
	Finished   bool           `json:"finished"` // false when interrupted
}

func explore(ctx context.Context, o exploreOptions) error {
	v, err := o.check()
	if err != nil {
		return err
	}
	memory, err := sim.ParseMemory(o.memory)
	if err != nil {
		return fmt.Errorf("--memory: %w", err)
	}
	if o.vary && memory != sim.SC {
		return fmt.Errorf("--memory %s --vary: --vary draws the model: give one of them", o.memory)
	}
	fuzz.SetMutant(mutant.ID(o.mutant))
	defer fuzz.SetMutant("")
	fmt.Fprintf(os.Stderr, "exploring %s, seed %d; Ctrl-C ends it\n", v.FullName(), o.seed)
	started := time.Now()
	asked, stopped := 0, false
	last := started
	hunt := &fuzz.Hunt{Variant: v, Seed: o.seed, Bare: o.bare, Executions: o.executions, Traits: fuzz.Traits{Memory: memory}, Vary: o.vary,
		Each: func(n int) {
			if now := time.Now(); now.Sub(last) >= 5*time.Second {
				last = now
				fmt.Fprintf(os.Stderr, "%d executions in %.0f s\n", n, now.Sub(started).Seconds())
			}
		},
		Stop: func() bool {
			asked++
			stopped = stopped || asked%64 == 0 && o.late(ctx, started)
			return stopped
		},
	}
	found, err := hunt.Run()
	if errors.Is(err, fuzz.ErrUnrepeatable) {
		fmt.Printf("FAILURE unrepeatable: %v\n", err)
		return status(exitFound)
	}
	if err != nil {
		return err
	}
	if o.mutant != "" && found.Failure == nil && fuzz.MutantExecuted() == 0 {
		return fmt.Errorf("mutant %s: its code never ran in %d executions of %s: nothing is shown; choose a design that uses it", o.mutant, found.Executions, v.FullName())
	}
	result := &outcome{Design: v.FullName(), Mutant: o.mutant, Seed: o.seed, Executions: found.Executions, Programs: found.Programs, Steps: found.Steps,
		Seconds: time.Since(started).Seconds(), Reached: found.Reached, Missed: found.Missed, Finished: ctx.Err() == nil}
	if found.Failure != nil {
		result.Class, result.Message = string(found.Failure.Class), found.Failure.Message
		if result.Replay, err = o.keep(found.Failure); err != nil {
			return err
		}
	}
	return result.tell(o.asJSON, found.Failure != nil)
}

func (o *exploreOptions) late(ctx context.Context, started time.Time) bool {
	return ctx.Err() != nil || o.seconds > 0 && time.Since(started).Seconds() >= o.seconds
}

// check refuses flags that cannot be used, and finds the variant.
func (o *exploreOptions) check() (designs.Variant, error) {
	if o.design == "" {
		return designs.Variant{}, fmt.Errorf("--design is missing: name one, such as percpu_tags; see headroom list")
	}
	find := func() (designs.Variant, error) { return catalog.Find(o.design, o.variant) }
	if o.variant == "" {
		find = func() (designs.Variant, error) { return catalog.Default(o.design) }
	}
	v, err := find()
	if err != nil {
		return v, err
	}
	if v.Capabilities.NativeOnly {
		return v, fmt.Errorf("%s %w", v.FullName(), fuzz.ErrNativeOnly)
	}
	if o.mutant != "" {
		if _, ok := mutant.Find(mutant.ID(o.mutant)); !ok {
			return v, fmt.Errorf("--mutant %s: there is none of that name; see headroom list", o.mutant)
		}
	}
	if !(o.seconds >= 0) || o.executions < 0 { // a NaN is not at least 0
		return v, fmt.Errorf("--seconds %g --executions %d: a budget cannot be negative", o.seconds, o.executions)
	}
	if o.seconds == 0 && o.executions == 0 {
		o.seconds = 10
	}
	return v, nil
}

// keep writes a failure's replay file and returns its path.
func (o *exploreOptions) keep(r *fuzz.Replay) (string, error) {
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return "", err
	}
	name := r.Program.Design
	for _, part := range []string{r.Program.Variant, string(r.Mutant)} {
		if part != "" {
			name += "-" + part
		}
	}
	path := filepath.Join(o.out, fmt.Sprintf("%s-%s-%016x.replay", name, r.Class, r.Hash))
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(r.String()), 0o644); err != nil {
		_ = os.Remove(fresh) // the error worth telling is the first
		return "", err
	}
	return path, os.Rename(fresh, path)
}

func (r *outcome) tell(asJSON, failed bool) error {
	if asJSON {
		if err := printJSON(os.Stdout, r); err != nil {
			return err
		}
	} else {
		r.print()
	}
	switch {
	case failed:
		return status(exitFound)
	case !r.Finished:
		return status(exitInterrupted)
	}
	return nil
}

func (r *outcome) print() {
	fmt.Printf("%s: %d executions of %d programs, %d steps, %.1f s (%.0f executions/s), seed %d\n",
		r.Design, r.Executions, r.Programs, r.Steps, r.Seconds, float64(r.Executions)/r.Seconds, r.Seed)
	var names []string
	for name := range r.Reached {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Printf("  reached %-14s %d times\n", name, r.Reached[name])
	}
	if len(r.Missed) > 0 {
		fmt.Printf("  never reached: %s: of these paths this run shows nothing\n", strings.Join(r.Missed, ", "))
	}
	if r.Class == "" {
		fmt.Println("no failure found")
		return
	}
	fmt.Printf("FAILURE %s: %s\n", r.Class, r.Message)
	fmt.Printf("written to %s; step by step:\n  bin/headroom replay %s\n", r.Replay, r.Replay)
}
