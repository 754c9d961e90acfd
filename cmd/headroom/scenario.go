package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
	if err := findMutant(f.Place("mutant")+": mutant", f.Mutant); err != nil {
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
	if err := o.shrinkScenario(ctx, found); err != nil {
		return err
	}
	return o.tellScenario(ctx, search, found)
}

// scenarioShrinkExecutions bounds the making small of each failure: ten seconds or so.
const scenarioShrinkExecutions = 100_000

// shrinkScenario makes each failure small.
func (o *exploreOptions) shrinkScenario(ctx context.Context, found *scenario.Found) error {
	if !o.shrink {
		return nil
	}
	for _, r := range found.Failures {
		fmt.Fprintf(os.Stderr, "found %s after %d executions; making it small\n", r.Class, found.Executions)
		shrinker := &scenario.Shrinker{Executions: scenarioShrinkExecutions, Stop: func() bool { return ctx.Err() != nil }}
		small, err := shrinker.Run(r, o.findingPath(r, "-small.scn"))
		if err != nil {
			return err
		}
		found.Small = append(found.Small, small)
	}
	return nil
}

// findingPath is where a file about a finding goes.
func (o *exploreOptions) findingPath(r *scenario.Replay, end string) string {
	name := strings.TrimSuffix(filepath.Base(r.File.Name), filepath.Ext(r.File.Name))
	return filepath.Join(o.out, name+"-"+strings.ReplaceAll(string(r.Class), ":", "-")+end)
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
	paths, err := o.keepScenario(found)
	if err != nil {
		return err
	}
	again := fmt.Sprintf("bin/headroom explore --scenario %s --strategy %s --preemptions %d --seed %d", found.File.Name, s.Strategy, s.Bound, s.Seed)
	if s.WithoutCompletions {
		again += " --without " + completions
	}
	if o.asJSON {
		if err := printJSON(os.Stdout, scenarioOutcomeOf(s, found, paths, ctx.Err() == nil)); err != nil {
			return err
		}
	} else {
		repeat := func(r *scenario.Replay) string { return repeatCommand(paths[r]) }
		var text bytes.Buffer
		if err := found.Print(&text, s.Strategy, s.Seed, repeat, again); err != nil {
			return err
		}
		if _, err := os.Stdout.Write(text.Bytes()); err != nil {
			return err
		}
	}
	switch {
	case ctx.Err() != nil:
		return status(exitInterrupted)
	case !found.Met():
		return status(exitFound)
	}
	return nil
}

func repeatCommand(path string) string { return "bin/headroom replay " + path }

// keepScenario writes a replay file of each finding, and the scenarios that were made small, and returns their paths.
func (o *exploreOptions) keepScenario(found *scenario.Found) (map[*scenario.Replay]string, error) {
	paths := map[*scenario.Replay]string{}
	for _, r := range slices.Concat(found.Failures, found.Chains) {
		paths[r] = o.findingPath(r, fmt.Sprintf("-%016x.replay", r.ID()))
	}
	for _, s := range found.Small {
		if s.Shrunk.After == s.Shrunk.Before {
			continue
		}
		paths[s.Replay] = strings.TrimSuffix(s.Replay.File.Name, ".scn") + ".replay"
		if err := replaceFile(s.Replay.File.Name, []byte(s.Replay.File.Source)); err != nil {
			return nil, err
		}
	}
	for r, path := range paths {
		if err := replaceFile(path, []byte(r.String())); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// replayScenario makes a run of a scenario again, or the executions of a report.
func replayScenario(path string, o replayOptions) error {
	r, err := scenario.ReadReplay(path)
	if err != nil {
		return err
	}
	if _, ok := mutant.Find(r.File.Mutant); r.File.Mutant != "" && !ok {
		return fmt.Errorf("%s: mutant %s is not in this build; see headroom list", path, r.File.Mutant)
	}
	play := r.Play
	if o.tolerant {
		play = r.PlayTolerant
	}
	played, differs := play()
	if played == nil {
		return differs
	}
	if err := o.show(&played.Trace, replayedScenarioOf(played, differs), played.Print); err != nil {
		return err
	}
	if differs != nil {
		fmt.Fprintf(os.Stderr, "headroom: %s: %v\n", path, differs)
		return status(exitFound)
	}
	return nil
}
