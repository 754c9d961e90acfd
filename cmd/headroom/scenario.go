package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"headroom/fuzz"
	"headroom/fuzz/scenario"
	"headroom/kernel/mutant"
)

// scenarioExecutions is the budget of a scenario where none is given.
const scenarioExecutions = 5000

// completions is the one thing that --without leaves out.
const completions = "completions"

// exploreScenario runs a scenario file and says whether what it expects is so.
func exploreScenario(ctx context.Context, o exploreOptions) error {
	if err := checkFolder(o.out); err != nil {
		return err
	}
	data, err := os.ReadFile(o.scenario)
	if err != nil {
		return fmt.Errorf("%w: give the path of a scenario, such as fuzz/testdata/rientjes-abc.scn", err)
	}
	f, err := scenario.Read(o.scenario, data)
	if err != nil {
		return err
	}
	if err := findMutant(o.scenario+": mutant", f.Mutant); err != nil {
		return err
	}
	search, err := o.scenarioSearch(ctx, f)
	if err != nil {
		return err
	}
	found, err := search.Run()
	if errors.Is(err, fuzz.ErrUnrepeatable) {
		fmt.Printf("FAILURE unrepeatable: %v\n", err)
		return status(exitFound)
	}
	if err != nil {
		return err
	}
	return o.tellScenario(ctx, search, found)
}

// scenarioSearch is the search that the flags ask for.
func (o *exploreOptions) scenarioSearch(ctx context.Context, f *scenario.File) (*scenario.Search, error) {
	if o.without != "" && o.without != completions {
		return nil, fmt.Errorf("--without %s: what can be left out is %s", o.without, completions)
	}
	if err := o.checkStrategy(); err != nil {
		return nil, err
	}
	if o.seconds == 0 && o.executions == 0 {
		o.executions = scenarioExecutions
	}
	if err := o.budget(); err != nil {
		return nil, err
	}
	started := time.Now()
	asked, stopped := 0, false
	return &scenario.Search{File: f, Strategy: o.strategy, Bound: o.bound, Seed: o.seed, Executions: o.executions, WithoutCompletions: o.without == completions,
		Stop: func() bool {
			asked++
			stopped = stopped || asked%16 == 0 && o.late(ctx, started)
			return stopped
		}}, nil
}

// tellScenario writes replay files, prints the report, and sets the exit status.
func (o *exploreOptions) tellScenario(ctx context.Context, s *scenario.Search, found *scenario.Found) error {
	name := strings.TrimSuffix(filepath.Base(found.File.Name), filepath.Ext(found.File.Name))
	var failure error
	repeat := func(r *scenario.Replay) string {
		path := filepath.Join(o.out, fmt.Sprintf("%s-%s-%016x.replay", name, r.Class, r.Hash))
		failure = errors.Join(failure, replaceFile(path, []byte(r.String())))
		return "bin/headroom replay " + path
	}
	again := fmt.Sprintf("bin/headroom explore --scenario %s --strategy %s --preemptions %d --seed %d", found.File.Name, s.Strategy, s.Bound, s.Seed)
	if s.WithoutCompletions {
		again += " --without " + completions
	}
	var text bytes.Buffer
	if err := cmp.Or(found.Print(&text, s.Strategy, s.Seed, repeat, again), failure); err != nil {
		return err
	}
	if _, err := os.Stdout.Write(text.Bytes()); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return status(exitInterrupted)
	case !found.Met():
		return status(exitFound)
	}
	return nil
}

// replayScenario makes a run of a scenario again.
func replayScenario(path string, o replayOptions) error {
	if o.svg != "" || o.tolerant || o.asJSON {
		return fmt.Errorf("%s: a replay of a scenario is printed as text, and followed to the step: leave --svg, --tolerant and --json out", path)
	}
	r, err := scenario.ReadReplay(path)
	if err != nil {
		return err
	}
	if _, ok := mutant.Find(r.File.Mutant); r.File.Mutant != "" && !ok {
		return fmt.Errorf("%s: mutant %s is not in this build; see headroom list", path, r.File.Mutant)
	}
	played, differs := r.Play()
	if played == nil {
		return differs
	}
	var text bytes.Buffer
	if err := played.Print(&text); err != nil {
		return err
	}
	if _, err := os.Stdout.Write(text.Bytes()); err != nil {
		return err
	}
	if differs != nil {
		fmt.Fprintf(os.Stderr, "headroom: %s: %v\n", path, differs)
		return status(exitFound)
	}
	return nil
}
