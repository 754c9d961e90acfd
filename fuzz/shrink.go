package fuzz

import (
	"regexp"
	"strings"

	"headroom/designs"
	"headroom/fuzz/explore"
	"headroom/fuzz/shrink"
	"headroom/kernel/sim"
)

// Shrinker makes a failing run of a program small; see package shrink. No program is made smaller so that its waits cannot all be served, if they can now.
type Shrinker struct {
	Variant    designs.Variant
	Stop       func() bool // asked between executions; once true, always true
	Executions int         // end after so many; 0 for no limit
}

// Run shrinks a failing run of the variant. The error is for what could not be run.
func (s *Shrinker) Run(r *Replay) (*Replay, *shrink.Shrunk, error) {
	c := &shrinkable{variant: s.Variant, options: runnerOptions{bare: r.Bare, linear: linearFor(r.Class)}, program: r.Program,
		lean: r.Program.servesItsWaits(s.Variant)}
	shrinker := &shrink.Shrinker{Stop: s.Stop, Executions: s.Executions, Same: alike}
	small, shrunk, err := shrinker.Run(c.failing(r))
	replay := *small.Whole.(*Replay)
	replay.Strategy, replay.Seed, replay.Minimal = r.Strategy, r.Seed, small.Minimal
	return &replay, shrunk, err
}

// alike reports whether two failures of a class, where messages name the rule that was broken, broke the same rule.
func alike(smaller, best *shrink.Run) bool {
	a, b := smaller.Whole.(*Replay), best.Whole.(*Replay)
	return rule(a.Class, a.Message) == rule(b.Class, b.Message)
}

// digits are what differs in the messages of equal failures.
var digits = regexp.MustCompile("[0-9]+")

// rule is the part of a failure's message that says what was broken; "" in the classes whose messages say who was where.
func rule(class sim.Class, message string) string {
	switch class {
	case sim.Panic, sim.Contract:
		return digits.ReplaceAllString(message, "#")
	case sim.Misuse: // behind the task that did it
		_, message, _ = strings.Cut(message, ": ")
		return digits.ReplaceAllString(message, "#")
	}
	return ""
}

// shrinkable is a program that is being made smaller.
type shrinkable struct {
	variant designs.Variant
	options runnerOptions
	program Program
	lean    bool // programs keep to the rule of Generate: their waits can all be served
}

func (c *shrinkable) failing(r *Replay) *shrink.Run {
	return &shrink.Run{Of: c, Class: r.Class, Preemptions: r.Preemptions, Steps: r.Steps, Schedule: r.Schedule, Whole: r}
}

// Open makes a runner of the program.
func (c *shrinkable) Open() (shrink.Runner, error) {
	r, err := newRunner(c.variant, c.program, c.options)
	if err != nil {
		return nil, err
	}
	return &shrinking{r, c}, nil
}

// Smaller lists the programs with a part less.
func (c *shrinkable) Smaller() (list []shrink.Smaller) {
	for _, less := range reductions(c.program, c.variant) {
		p := &less.program
		if p.check() != nil || p.Config.Validate(c.variant.Knobs) != nil || c.lean && !p.servesItsWaits(c.variant) {
			continue
		}
		smaller := *c
		smaller.program = *p
		list = append(list, shrink.Smaller{Case: &smaller, Fit: func(schedule []explore.Segment) []explore.Segment {
			return shrink.Refit(schedule, less.gone, c.program.options(c.variant, c.options), smaller.program.options(c.variant, c.options))
		}})
	}
	return list
}

// Extent is the size of the program.
func (c *shrinkable) Extent() shrink.Extent {
	p := &c.program
	return shrink.Extent{Tasks: len(p.Tasks), Ops: p.ops(), Items: p.Config.Items, CPUs: p.CPUs, Acts: p.Traits.Acts()}
}

// String is the program as lines of a file.
func (c *shrinkable) String() string { return c.program.String() }

// shrinking is a runner for the shrinker.
type shrinking struct {
	*runner
	of *shrinkable
}

// Run makes one execution.
func (r *shrinking) Run(s explore.Strategy) error { return r.run(s) }

// Record makes one execution and notes it; nil if it does not fail.
func (r *shrinking) Record(s explore.Strategy) (*shrink.Run, error) {
	replay, failure, err := r.record(s)
	if err != nil || failure == nil {
		return nil, err
	}
	return r.of.failing(replay), nil
}

// Close ends it.
func (r *shrinking) Close() { r.close() }
