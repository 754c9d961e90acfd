package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/fuzz"
)

// explorerSpeed is one line of headroom explore --bench: how fast the explorer runs a program.
type explorerSpeed struct {
	Program             string  `json:"program"`
	Tasks               int     `json:"tasks"`
	Strategy            string  `json:"strategy"`
	Checks              string  `json:"checks"` // bare, or all: with the race checks
	Executions          int     `json:"executions"`
	Seconds             float64 `json:"seconds"` // of processor time
	ExecutionsPerSecond float64 `json:"executionsPerSecond"`
	StepsPerExecution   float64 `json:"stepsPerExecution"`
	Bar                 float64 `json:"bar,omitempty"` // executions a second that it is to reach; 0 for none
}

// speedForm is what is measured: the bitmap program, or a design behind its interface.
type speedForm struct {
	design, variant string // "" for the bitmap program
	tasks           int
	strategy        string
	races           bool
	bar             float64 // executions a second
}

// speedForms lists what is measured, with the bars that the project has set itself for one processor of about 2.6 GHz.
var speedForms = []speedForm{
	{tasks: 2, strategy: "random", bar: 1.0e6},
	{tasks: 3, strategy: "random", bar: 0.6e6},
	{tasks: 2, strategy: "pct", bar: 2.0e6},
	{tasks: 3, strategy: "pct", bar: 1.5e6},
	{tasks: 2, strategy: "pos"},
	{tasks: 2, strategy: "swarm"},
	{tasks: 2, strategy: "random", races: true, bar: 0.3e6},
	{tasks: 3, strategy: "random", races: true, bar: 0.3e6},
	{design: "percpu_tags", variant: "lock", tasks: 2, strategy: "random", bar: 0.3e6},
	{design: "percpu_tags", variant: "lock", tasks: 2, strategy: "swarm"},
}

// benchChunk executions, some tenths of a second, lie between two looks at the clock; each chunk makes a machine, which costs as much as a few
// hundred executions.
const benchChunk = 100_000

// exploreBench measures the explorer, on one processor as every exploration.
func exploreBench(ctx context.Context, o exploreOptions) error {
	given := o.seconds != 0 || o.executions != 0
	if err := o.budget(); err != nil {
		return err
	}
	if !given {
		o.seconds = 1
	}
	if !o.asJSON {
		fmt.Printf("each task twice claims and frees one of two: slots of a bitmap, or tags of a design; seconds are of processor time\n%-18s %-6s %-9s %-7s %13s %10s  %-5s %16s\n",
			"PROGRAM", "TASKS", "STRATEGY", "CHECKS", "EXECUTIONS/S", "BAR", "", "STEPS/EXECUTION")
	}
	speeds := []explorerSpeed{}
	for _, form := range speedForms {
		s, err := o.speed(ctx, form)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return status(exitInterrupted)
		}
		speeds = append(speeds, s)
		if !o.asJSON {
			s.print()
		}
	}
	if o.asJSON {
		return printJSON(os.Stdout, speeds)
	}
	return nil
}

func (s *explorerSpeed) print() {
	bar, met := "-", ""
	if s.Bar > 0 {
		bar, met = fmt.Sprintf("%.0f", s.Bar), "met"
		if s.ExecutionsPerSecond < s.Bar {
			met = "below"
		}
	}
	fmt.Printf("%-18s %-6d %-9s %-7s %13.0f %10s  %-5s %16.1f\n", s.Program, s.Tasks, s.Strategy, s.Checks, s.ExecutionsPerSecond, bar, met, s.StepsPerExecution)
}

// speed runs one form for the budget.
func (o *exploreOptions) speed(ctx context.Context, form speedForm) (explorerSpeed, error) {
	s := explorerSpeed{Program: "bitmap", Tasks: form.tasks, Strategy: form.strategy, Checks: "bare", Bar: form.bar}
	if form.races {
		s.Checks = "all"
	}
	run := form.bitmap
	if form.design != "" {
		s.Program = form.design + ":" + form.variant
		run = form.through
	}
	steps := int64(0)
	seed := o.seed
	began := processorTime()
	for started := time.Now(); s.Executions == 0 || !o.late(ctx, started) && (o.executions == 0 || s.Executions < o.executions); seed++ {
		chunk := benchChunk
		if o.executions > 0 {
			chunk = min(chunk, o.executions-s.Executions)
		}
		taken, made, err := run(seed, chunk)
		if err != nil {
			return s, err
		}
		s.Executions, s.Seconds = s.Executions+made, (processorTime() - began).Seconds()
		steps += taken
	}
	s.ExecutionsPerSecond, s.StepsPerExecution = float64(s.Executions)/s.Seconds, float64(steps)/float64(s.Executions)
	return s, nil
}

// processorTime is what this process has used: explorations run on one processor, and others may want it too.
func processorTime() time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return 0 // it cannot fail for the process itself
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// bitmap runs the bitmap program.
func (form *speedForm) bitmap(seed uint64, executions int) (steps int64, made int, err error) {
	program := fuzz.Bitmap{Tasks: form.tasks, Races: form.races, Strategy: form.strategy, Seed: seed}
	return program.Run(executions)
}

// through runs the like of it on a design, through the interface of all designs.
func (form *speedForm) through(seed uint64, executions int) (steps int64, made int, err error) {
	v, err := catalog.Find(form.design, form.variant)
	if err != nil {
		return 0, 0, err
	}
	p := fuzz.Program{Design: form.design, Variant: form.variant, CPUs: form.tasks, Config: designs.Config{Items: 2}}
	for i := range form.tasks {
		p.Tasks = append(p.Tasks, fuzz.Task{CPU: i, Ops: []fuzz.Op{{Code: fuzz.Try}, {Code: fuzz.Free}, {Code: fuzz.Try}, {Code: fuzz.Free}}})
	}
	hunt := &fuzz.Hunt{Variant: v, Strategy: form.strategy, Seed: seed, Bare: !form.races, Executions: executions, Programs: []fuzz.Program{p},
		Stop: func() bool { return false }}
	found, err := hunt.Run()
	if err == nil && found.Failure != nil {
		err = errors.New(string(found.Failure.Class) + ": " + found.Failure.Message)
	}
	return found.Steps, found.Executions, err
}
