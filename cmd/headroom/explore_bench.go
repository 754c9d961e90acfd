package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"headroom/fuzz"
)

// explorerSpeed is one line of headroom explore --bench: how fast the explorer runs the bitmap program.
type explorerSpeed struct {
	Tasks               int     `json:"tasks"`
	Checks              string  `json:"checks"` // bare, or all: with the race checks
	Executions          int     `json:"executions"`
	Seconds             float64 `json:"seconds"`
	ExecutionsPerSecond float64 `json:"executionsPerSecond"`
	StepsPerExecution   float64 `json:"stepsPerExecution"`
}

// benchChunk executions, some tenths of a second, lie between two looks at the clock; each chunk makes a machine, which costs as much as a few
// hundred executions.
const benchChunk = 100_000

// exploreBench measures the explorer on the bitmap program, on one processor as every exploration.
func exploreBench(ctx context.Context, o exploreOptions) error {
	switch {
	case o.design != "" || o.variant != "" || o.mutant != "" || o.bare:
		return fmt.Errorf("--bench runs a program of its own, with all checks and bare: leave --design, --variant, --mutant and --bare away")
	case !(o.seconds >= 0) || o.executions < 0: // a NaN is not at least 0
		return fmt.Errorf("--seconds %g --executions %d: a budget cannot be negative", o.seconds, o.executions)
	case o.seconds == 0 && o.executions == 0:
		o.seconds = 1
	}
	if !o.asJSON {
		fmt.Printf("the bitmap program: each task twice claims and frees one of two slots\n%-6s %-7s %13s %16s\n", "TASKS", "CHECKS", "EXECUTIONS/S", "STEPS/EXECUTION")
	}
	var speeds []explorerSpeed
	for _, races := range []bool{false, true} {
		for tasks := 2; tasks <= 3; tasks++ {
			s, err := o.speed(ctx, fuzz.Bitmap{Tasks: tasks, Races: races, Seed: o.seed})
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return status(exitInterrupted)
			}
			speeds = append(speeds, s)
			if !o.asJSON {
				fmt.Printf("%-6d %-7s %13.0f %16.1f\n", s.Tasks, s.Checks, s.ExecutionsPerSecond, s.StepsPerExecution)
			}
		}
	}
	if o.asJSON {
		return printJSON(os.Stdout, speeds)
	}
	return nil
}

// speed runs one form of the program for the budget.
func (o *exploreOptions) speed(ctx context.Context, program fuzz.Bitmap) (explorerSpeed, error) {
	s := explorerSpeed{Tasks: program.Tasks, Checks: "bare"}
	if program.Races {
		s.Checks = "all"
	}
	steps := int64(0)
	for started := time.Now(); s.Executions == 0 || !o.late(ctx, started) && (o.executions == 0 || s.Executions < o.executions); program.Seed++ {
		chunk := benchChunk
		if o.executions > 0 {
			chunk = min(chunk, o.executions-s.Executions)
		}
		taken, made, err := program.Run(chunk)
		if err != nil {
			return s, err
		}
		s.Executions, s.Seconds = s.Executions+made, time.Since(started).Seconds()
		steps += taken
	}
	s.ExecutionsPerSecond, s.StepsPerExecution = float64(s.Executions)/s.Seconds, float64(steps)/float64(s.Executions)
	return s, nil
}
