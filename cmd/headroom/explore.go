package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/fuzz"
	schedules "headroom/fuzz/explore"
	"headroom/fuzz/scenario/clients"
	"headroom/fuzz/shrink"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// exploreOptions are the flags of headroom explore.
type exploreOptions struct {
	design     string
	variant    string
	mutant     string
	strategy   string
	bound      int
	twice      bool
	shrink     bool
	programs   int
	executions int
	seconds    float64
	seed       uint64
	memory     string
	vary       bool
	bare       bool
	bench      bool
	scenario   string
	without    string
	drivers    bool
	out        string
	asJSON     bool
}

func exploreCommand() *cobra.Command {
	var o exploreOptions
	c := &cobra.Command{
		Use:   "explore",
		Short: "Run generated programs under many schedules and look for broken invariants",
		Long: `Explore runs small generated programs on the simulated machine, each under many schedules, and checks uniqueness, conservation,
waiting beside a free item, deadlock, livelock, data races, the order of locks, misuse and the contract. A failure is made as small as it goes, written
to a replay file, and the command that repeats it is printed. A failure that the variant is known for, since its original has it, is kept once, and the
search goes on beyond it.

The machine's memory is sequentially consistent and does nothing by itself, unless --memory or --vary says otherwise; both go with each strategy.

Strategies:
  swarm   draws one of the next three for each execution, and how long a task keeps going; misses least (default)
  random  whoever may go on is equally likely
  pct     random priorities that change at --preemptions places; finds bugs of few orderings
  pos     random priorities of steps, drawn anew where two steps touch the same word
  dfs     every execution of tiny programs with no preemption, then with at most 1, up to --preemptions; says whether they were exhausted

A scenario is a file that says which tasks do what, and what some schedule is expected to lead to. It is run instead of generated programs, and the
lock checker's reports are printed. Each failure and each report leaves a replay file, and a failure a smaller scenario that fails in the same way.
The file says what the machine does by itself, not --memory and --vary.

Exit status: 0 nothing found, 1 a failure found, 2 bad input. With --scenario: 0 what the file expects was found, 1 not so, or something else.`,
		Example: `  headroom explore --design percpu_tags --seconds 20
  headroom explore --design percpu_tags --mutant PI-01 --seconds 20
  headroom explore --design percpu_tags --variant xchg --strategy pct --preemptions 3 --executions 1000000 --seed 7
  headroom explore --design percpu_tags --variant lock --strategy dfs --preemptions 2
  headroom explore --design percpu_tags --strategy dfs --preemptions -1 --programs 3
  headroom explore --design sbitmap --twice --executions 10000
  headroom explore --design sbitmap --memory weak --strategy pct
  headroom explore --design percpu_tags --vary --executions 100000
  headroom explore --design clients --variant queues --mutant SB-05 --vary
  headroom explore --scenario fuzz/testdata/rientjes-abc.scn
  headroom explore --scenario fuzz/testdata/heo-refill-under-lock.scn --without completions
  headroom explore --drivers --seed 7
  headroom explore --bench`,
		Args: arguments(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return simulated(func(ctx context.Context) error {
				if err := strangers(c.Flags()); err != nil {
					return err
				}
				switch {
				case o.bench:
					return exploreBench(ctx, o)
				case o.drivers:
					return exploreDrivers(ctx, o)
				case o.scenario != "":
					return exploreScenario(ctx, o)
				}
				return explore(ctx, o)
			})
		},
	}
	o.flags(c)
	return c
}

// instead are the flags that ask for something other than a hunt in a design, and which flags go with each.
var instead = []struct {
	flag string
	uses []string
}{
	{"bench", []string{"seconds", "executions", "seed", "json"}},
	{"drivers", []string{"programs", "seconds", "seed", "out"}},
	{"scenario", []string{"strategy", "preemptions", "executions", "seconds", "seed", "without", "shrink", "json", "out"}},
}

// strangers refuses flags that would be given in vain.
func strangers(f *pflag.FlagSet) error {
	for _, mode := range instead {
		if value := f.Lookup(mode.flag).Value.String(); value == "" || value == "false" {
			continue
		}
		var list []string
		f.Visit(func(given *pflag.Flag) {
			if given.Name != mode.flag && !slices.Contains(mode.uses, given.Name) {
				list = append(list, "--"+given.Name)
			}
		})
		if len(list) > 0 {
			return fmt.Errorf("--%s: leave %s out: what goes with it is --%s", mode.flag, strings.Join(list, ", "), strings.Join(mode.uses, ", --"))
		}
		return nil
	}
	return nil
}

// flags declares the flags of headroom explore.
func (o *exploreOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.design, "design", "", "design to explore, see headroom list; or clients, whose variants are small users of allocators (fuzz/scenario/clients)")
	f.StringVar(&o.variant, "variant", "", "variant of the design (default the first)")
	f.StringVar(&o.mutant, "mutant", "", "switch this planted mistake on; see headroom list")
	f.StringVar(&o.strategy, "strategy", schedules.Names[0], "who takes the next step: "+strings.Join(schedules.Names, ", "))
	f.IntVar(&o.bound, "preemptions", 2, "dfs: most preemptions of an execution, -1 for any number; pct: how often a priority changes, 1 to 8")
	f.BoolVar(&o.twice, "twice", false, "make every execution two times, and fail where the second differs")
	f.BoolVar(&o.shrink, "shrink", true, "make a failure as small as it goes")
	f.IntVar(&o.programs, "programs", 0, "stop after so many programs (default 20 for dfs when no budget is given)")
	f.IntVar(&o.executions, "executions", 0, "stop after so many executions")
	f.Float64Var(&o.seconds, "seconds", 0, "stop after so many seconds (default 10 when no budget is given, for dfs 60)")
	f.Uint64Var(&o.seed, "seed", 1, "seed of programs and schedules; equal seeds give equal hunts")
	f.StringVar(&o.memory, "memory", "sc", "memory model of the machine: sc, tso or weak; race checks are made under sc only")
	f.BoolVar(&o.vary, "vary", false, "draw for each program what its machine does by itself: memory model, nested interrupts, migration, hot-plug, failed allocations, kills")
	f.BoolVar(&o.bare, "bare", false, "leave out the checks for data races, for lock order and of histories, for speed")
	f.BoolVar(&o.bench, "bench", false, "measure the explorer's own speed on a small program, for --seconds (default 1) or --executions each")
	f.StringVar(&o.scenario, "scenario", "", "run this scenario file instead of generated programs; see docs/METHOD.md")
	f.StringVar(&o.without, "without", "", "leave out: lockdep, for speed; with --scenario completions, what the lock checker makes of waiting for workers and events")
	f.BoolVar(&o.drivers, "drivers", false, "run generated drivers, --programs of them, and see whether the lock checker warns of those that deadlock")
	f.StringVar(&o.out, "out", filepath.Join("build", "findings"), "folder for replay files")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
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
	fmt.Fprintf(os.Stderr, "exploring %s, strategy %s, seed %d; Ctrl-C ends it\n", v.FullName(), o.strategy, o.seed)
	started := time.Now()
	made := 0
	hunt := o.hunt(ctx, v, started, &made)
	hunt.Traits = fuzz.Traits{Memory: memory}
	found, known, err := o.beyond(ctx, v, hunt, &made)
	if errors.Is(err, fuzz.ErrUnrepeatable) {
		fmt.Printf("FAILURE unrepeatable: %v\n", err)
		return status(exitFound)
	}
	if err != nil {
		return err
	}
	if o.mutant != "" && found.Failure == nil && len(found.Reports) == 0 && fuzz.MutantExecuted() == 0 {
		return fmt.Errorf("mutant %s: its code never ran in %d executions of %s: nothing is shown; choose a design that uses it", o.mutant, found.Executions, v.FullName())
	}
	result := &outcome{Design: v.FullName(), Mutant: o.mutant, Strategy: o.strategy, Seed: o.seed, Executions: found.Executions, Programs: found.Programs,
		Steps: found.Steps, Seconds: time.Since(started).Seconds(), Reached: found.Reached, Missed: found.Missed, Known: known, Finished: ctx.Err() == nil}
	result.search(found.Search, o.bound)
	if found.Failure != nil {
		if err := o.finding(ctx, v, found.Failure, result); err != nil {
			return err
		}
	}
	if err := o.locks(hunt, v, found, result); err != nil {
		return err
	}
	return result.tell(o.asJSON, found.Failure != nil || len(known)+len(found.Reports) > 0)
}

// locks adds the reports of the lock checker to the outcome, each with a replay file if it comes again.
func (o *exploreOptions) locks(hunt *fuzz.Hunt, v designs.Variant, found *fuzz.Found, result *outcome) error {
	replays, err := hunt.ReplayReports(found)
	if err != nil {
		return err
	}
	for i, r := range found.Reports {
		l := lockOutcome{Rule: string(r.Rule), Summary: r.Summary, Text: r.Text, Repeat: fmt.Sprintf("%s --executions %d", o.command(v), found.Executions)}
		if replays[i] != nil {
			if l.Replay, err = o.keep(replays[i]); err != nil {
				return err
			}
		}
		result.Locks = append(result.Locks, l)
	}
	return nil
}

// hunt is what the flags ask for; it tells now and then how far it is, after the executions made before it.
func (o *exploreOptions) hunt(ctx context.Context, v designs.Variant, started time.Time, made *int) *fuzz.Hunt {
	asked, stopped := 0, false
	last := started
	return &fuzz.Hunt{Variant: v, Strategy: o.strategy, Bound: o.bound, Twice: o.twice, Seed: o.seed, Bare: o.bare, Executions: o.executions, MaxPrograms: o.programs,
		Vary: o.vary, NoLockdep: o.without == "lockdep",
		Each: func(n int) {
			if now := time.Now(); now.Sub(last) >= 5*time.Second {
				last = now
				fmt.Fprintf(os.Stderr, "%d executions in %.0f s\n", *made+n, now.Sub(started).Seconds())
			}
		},
		Stop: func() bool {
			asked++
			stopped = stopped || asked%64 == 0 && o.late(ctx, started)
			return stopped
		},
	}
}

// command is what makes the same hunt again, but for its budget.
func (o *exploreOptions) command(v designs.Variant) string {
	words := []string{"bin/headroom explore --design", v.Design}
	if v.Name != "" {
		words = append(words, "--variant", v.Name)
	}
	if o.mutant != "" {
		words = append(words, "--mutant", o.mutant)
	}
	if o.twice { // which makes half as many of each program
		words = append(words, "--twice")
	}
	words = append(words, "--strategy", o.strategy, "--preemptions", fmt.Sprint(o.bound), "--seed", fmt.Sprint(o.seed))
	if o.memory != "sc" {
		words = append(words, "--memory", o.memory)
	}
	if o.vary {
		words = append(words, "--vary")
	}
	return strings.Join(words, " ")
}

// shrinkExecutions bounds the making small of a failure: some tens of seconds at most.
const shrinkExecutions = 1_000_000

// finding makes a failure small, writes it to a file and adds it to the outcome.
func (o *exploreOptions) finding(ctx context.Context, v designs.Variant, r *fuzz.Replay, result *outcome) (err error) {
	if o.shrink {
		fmt.Fprintf(os.Stderr, "found %s after %d executions; making it small\n", r.Class, result.Executions)
		shrinker := &fuzz.Shrinker{Variant: v, Executions: shrinkExecutions, Stop: func() bool { return ctx.Err() != nil }}
		var shrunk *shrink.Shrunk
		if r, shrunk, err = shrinker.Run(r); err != nil {
			return err
		}
		result.Shrunk = &shrunkOutcome{Executions: shrunk.Executions, Finished: shrunk.Finished, Minimal: r.Minimal, Before: shrunk.Before, After: shrunk.After}
	}
	result.Class, result.Message = string(r.Class), r.Message
	if result.Replay, err = o.keep(r); err != nil {
		return fmt.Errorf("FAILURE %s: %s; its replay file cannot be written: %w", r.Class, r.Message, err)
	}
	return nil
}

func (o *exploreOptions) late(ctx context.Context, started time.Time) bool {
	return ctx.Err() != nil || o.seconds > 0 && time.Since(started).Seconds() >= o.seconds
}

// check refuses flags that cannot be used, and finds the variant.
func (o *exploreOptions) check() (designs.Variant, error) {
	if o.design == "" {
		return designs.Variant{}, fmt.Errorf("--design is missing: name one, such as percpu_tags; see headroom list")
	}
	v, err := o.find()
	if err != nil {
		return v, err
	}
	if v.Capabilities.NativeOnly {
		return v, fmt.Errorf("%s %w", v.FullName(), fuzz.ErrNativeOnly)
	}
	if o.without != "" && o.without != "lockdep" {
		return v, fmt.Errorf("--without %s: what can be left out is lockdep, and with --scenario %s", o.without, completions)
	}
	if err := findMutant("--mutant", mutant.ID(o.mutant)); err != nil {
		return v, err
	}
	if err := o.checkStrategy(); err != nil {
		return v, err
	}
	if err := checkFolder(o.out); err != nil {
		return v, err
	}
	return v, o.budget()
}

// checkStrategy refuses a strategy that there is not, and a number that it has no use for.
func (o *exploreOptions) checkStrategy() error {
	if _, err := schedules.New(o.strategy, o.bound); err != nil {
		return fmt.Errorf("--strategy: %w", err)
	}
	if o.strategy == "pct" && o.bound < 1 {
		return fmt.Errorf("--strategy: pct with %d changes of priority: give 1 to %d as --preemptions", o.bound, schedules.MaxChanges)
	}
	return nil
}

// find is the variant of a design, or a client: small allocators and users of allocators, which are there for mistakes whose own place is no design.
func (o *exploreOptions) find() (designs.Variant, error) {
	switch {
	case o.design == clients.Design:
		v, err := clients.Named(o.variant)
		if err != nil {
			err = fmt.Errorf("--variant: %w", err)
		}
		return v, err
	case o.variant == "":
		return catalog.Default(o.design)
	}
	return catalog.Find(o.design, o.variant)
}

// budget refuses a budget that cannot be, and gives one where there is none.
func (o *exploreOptions) budget() error {
	if !(o.seconds >= 0) || o.executions < 0 || o.programs < 0 { // a NaN is not at least 0
		return fmt.Errorf("--seconds %g --executions %d --programs %d: a budget cannot be negative", o.seconds, o.executions, o.programs)
	}
	if o.seconds != 0 || o.executions != 0 || o.programs != 0 {
		return nil
	}
	o.seconds = 10
	if o.strategy == "dfs" {
		o.seconds, o.programs = 60, 20
	}
	return nil
}

// keep writes a failure's replay file and returns its path.
func (o *exploreOptions) keep(r *fuzz.Replay) (string, error) {
	name := r.Program.Design
	for _, part := range []string{r.Program.Variant, string(r.Mutant)} {
		if part != "" {
			name += "-" + part
		}
	}
	path := filepath.Join(o.out, fmt.Sprintf("%s-%s-%016x.replay", name, strings.ReplaceAll(string(r.Class), ":", "-"), r.ID()))
	return path, replaceFile(path, []byte(r.String()))
}
