package scenario

import (
	"errors"
	"slices"
	"strings"

	"headroom/fuzz"
	"headroom/fuzz/explore"
	"headroom/fuzz/shrink"
	"headroom/kernel/sim"
)

// Shrinker makes a failing run of a scenario small, as programs are made small (package shrink).
//
// A scenario is its author's, and so is what goes wrong in it if an allocator is right. Whoever leaves out a release, or the signal that somebody waits for,
// gets a deadlock that is none of the scenario's. So nothing is made smaller in a way that takes from the rest what it needs: see unfair, and parts. And
// of a run that comes to a stop those who are stuck in the end have to be stuck where they were, in the same operation.
type Shrinker struct {
	Stop       func() bool // asked between executions; once true, always true
	Executions int         // end after so many; 0 for no limit
}

// Small is a failing run that was made small.
type Small struct {
	Replay *Replay // of a smaller scenario, which expects the failure, and what the lock checker says of it
	Shrunk *shrink.Shrunk
}

// Run shrinks a failing run; name is what the smaller scenario is called. The error is for what could not be run.
func (s *Shrinker) Run(r *Replay, name string) (*Small, error) {
	fuzz.SetMutant(r.File.Mutant)
	defer fuzz.SetMutant("")
	f := r.File.clone()
	f.Name, f.Source, f.Expect, f.Reach = name, "", []Class{Class(r.Class)}, nil
	f.Title = strings.TrimPrefix(strings.TrimSuffix(f.Title, madeSmall)+madeSmall, ", ")
	c := &shrinkable{file: f, unfair: f.unfair()}
	first := &shrink.Run{Of: c, Class: r.Class, Preemptions: r.Preemptions, Steps: r.Steps, Schedule: r.Schedule}
	standing, err := c.standing(first)
	if err != nil {
		return nil, err
	}
	first.Whole = standing
	shrinker := &shrink.Shrinker{Stop: s.Stop, Executions: s.Executions, Same: same}
	small, shrunk, err := shrinker.Run(first)
	if err != nil {
		return nil, err
	}
	replay, err := small.Of.(*shrinkable).replay(small)
	if err != nil {
		return nil, err
	}
	replay.Strategy, replay.Seed, replay.Minimal = r.Strategy, r.Seed, small.Minimal
	return &Small{replay, shrunk}, replay.File.expectReports()
}

// madeSmall ends the title of what is left.
const madeSmall = ", made small"

// fewExecutions are enough for the lock checker to say what it has to say of most small scenarios.
const fewExecutions = 300

// expectReports adds what the lock checker reports to what is expected.
func (f *File) expectReports() error {
	executions := 0
	search := &Search{File: f, Seed: 1, Stop: func() bool {
		executions++
		return executions > fewExecutions
	}}
	found, err := search.Run()
	if err != nil {
		return err
	}
	for _, r := range found.Reports {
		if c := Class(string(Lockdep) + ":" + string(r.Rule)); !slices.Contains(f.Expect, c) {
			f.Expect = append(f.Expect, c)
		}
	}
	slices.Sort(f.Expect)
	f.Source = f.String()
	return nil
}

// shrinkable is a scenario that is being made smaller. Its operations keep the lines that they have in the one it comes from.
type shrinkable struct {
	file   *File
	unfair []string // what the first one asks of itself that cannot be
}

// place is where somebody stands at the end of a run: in which operation of the first scenario.
type place struct {
	actor string
	line  int
}

// same reports whether a run comes to a stop in the same places.
func same(smaller, best *shrink.Run) bool {
	switch smaller.Class {
	case sim.Deadlock, sim.Livelock, sim.Waiting:
		for _, p := range smaller.Whole.([]place) {
			if !slices.Contains(best.Whole.([]place), p) {
				return false
			}
		}
	}
	return true
}

// standing makes a run again, and returns where everybody stands at its end.
func (c *shrinkable) standing(run *shrink.Run) ([]place, error) {
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	again, err := r.Record(&explore.Replay{Segments: run.Schedule})
	if err != nil {
		return nil, err
	}
	if again == nil || again.Class != run.Class {
		return nil, fuzz.ErrUnrepeatable
	}
	return again.Whole.([]place), nil
}

// replay makes the replay of a run that is left over: with the lines of the scenario that is left over.
func (c *shrinkable) replay(run *shrink.Run) (*Replay, error) {
	f, err := Read(c.file.Name, []byte(c.file.String()))
	if err != nil {
		return nil, err
	}
	r, err := newRunner(f, false)
	if err != nil {
		return nil, err
	}
	defer r.close()
	e, failure, err := r.record(&explore.Replay{Segments: run.Schedule}, nil)
	if err != nil {
		return nil, err
	}
	if failure == nil || failure.Class != run.Class {
		return nil, fuzz.ErrUnrepeatable
	}
	return &Replay{File: f, Class: failure.Class, Message: oneLine(failure.Message), Execution: *e}, nil
}

// Open makes a runner of the scenario, without the lock checker.
func (c *shrinkable) Open() (shrink.Runner, error) {
	r, err := newRunner(c.file, true)
	if err != nil {
		return nil, err
	}
	r.blind, r.graph.Sites = true, false
	r.machine.WatchLocks(nil)
	return &shrinking{r, c}, nil
}

// Smaller lists the scenarios with a part less that ask nothing of themselves which cannot be, unless the first did.
func (c *shrinkable) Smaller() (list []shrink.Smaller) {
	for _, less := range c.file.parts() {
		f := less.file
		if slices.ContainsFunc(f.unfair(), func(what string) bool { return !slices.Contains(c.unfair, what) }) {
			continue
		}
		if _, err := Read(f.Name, []byte(f.String())); err != nil {
			continue
		}
		list = append(list, shrink.Smaller{Case: &shrinkable{file: f, unfair: c.unfair}, Fit: func(schedule []explore.Segment) []explore.Segment {
			return shrink.Refit(schedule, less.gone, c.file.options(), f.options())
		}})
	}
	return list
}

// Extent is the size of the scenario.
func (c *shrinkable) Extent() shrink.Extent {
	f := c.file
	e := shrink.Extent{Tasks: len(f.Actors), CPUs: f.CPUs, Acts: f.Traits.Acts()}
	for i := range f.Actors {
		e.Ops += len(f.Actors[i].Ops)
	}
	for i := range f.Allocators {
		e.Items += f.Allocators[i].Items
	}
	return e
}

// String is the scenario as a file.
func (c *shrinkable) String() string { return c.file.String() }

// shrinking is a runner for the shrinker.
type shrinking struct {
	*runner
	of *shrinkable
}

// Run makes one execution.
func (r *shrinking) Run(s explore.Strategy) error { return r.run(s) }

// Record makes one execution and notes it; nil if it does not fail.
func (r *shrinking) Record(s explore.Strategy) (*shrink.Run, error) {
	record := &explore.Record{From: s}
	var failure *sim.Failure
	if err := r.run(record); err == nil || errors.Is(err, sim.ErrAbandoned) {
		return nil, nil
	} else if !errors.As(err, &failure) {
		return nil, err
	}
	var stand []place
	for _, a := range r.actors {
		if a.task != nil && !a.ended {
			p := place{actor: a.spec.Name}
			if a.pc < len(a.spec.Ops) {
				p.line = a.spec.Ops[a.pc].Line
			}
			stand = append(stand, p)
		}
	}
	return &shrink.Run{Of: r.of, Class: failure.Class, Preemptions: record.Preemptions, Steps: r.machine.Steps(), Schedule: record.Segments, Whole: stand}, nil
}

// Close ends it.
func (r *shrinking) Close() { r.close() }
