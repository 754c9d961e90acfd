package fuzz

import (
	"fmt"
	"path"
	"runtime"
	"strings"

	"headroom/kernel/choice"
	"headroom/kernel/sim"
)

// Trace is a run step by step, to be listed or drawn: of a program, or of a scenario. Where it takes several executions to show something, it has them
// one behind the other.
type Trace struct {
	Title      string // what ran: one line
	Class      string // of what the run was kept for
	CPUs       int
	Tasks      []TracedTask
	Steps      []PlayedStep // and what the machine did or answered in between
	Taken      int          // steps, of the last execution
	Hash       uint64       // likewise
	Ending     string       // how the run failed, or what was found; "" where it did not, or was broken off
	Executions int          // how many there are, 0 for one

	preemptions int // of the execution that runs
}

// TracedTask is a task, or who else begins with the run, and what it is to do.
type TracedTask struct {
	Name string
	CPU  int
	Ops  string
}

// PlayedStep is a step, and where it comes from.
type PlayedStep struct {
	sim.Step
	Execution int    // from 1 where there are several, else 0
	Preempts  bool   // it was chosen against the entity that took the step before and could have gone on
	Op        string // the operation of the program
	Function  string // the function of the design
	Inner     string // the function of a lock, or of the task, that it calls; "" for none
	Line      string // file and line
}

// Next begins the next of several executions.
func (t *Trace) Next() {
	t.Executions++
	t.preemptions = 0
}

// Add adds a step. preemptions is how many there were in the execution up to this step, with it; op is what the program does in it.
func (t *Trace) Add(s sim.Step, preemptions int, op string) {
	step := PlayedStep{Step: s, Execution: t.Executions, Preempts: preemptions > t.preemptions, Op: op}
	t.preemptions = preemptions
	step.Function, step.Inner, step.Line = Place(s.PCs)
	step.PCs = nil
	t.Steps = append(t.Steps, step)
}

// executionAt is the heading of the execution that begins with a step, "" where none does.
func (t *Trace) executionAt(i int) string {
	e := t.Steps[i].Execution
	if t.Executions < 2 || i > 0 && t.Steps[i-1].Execution == e {
		return ""
	}
	return fmt.Sprintf("execution %d of %d", e, t.Executions)
}

// OnWord reports whether the step accesses a word.
func (s *PlayedStep) OnWord() bool { return s.Kind < choice.Fence }

func (s *PlayedStep) whereabouts() string {
	if s.Note != "" {
		return s.Note
	}
	return strings.TrimSpace(strings.Join([]string{s.Inner, s.Function, s.Line}, " "))
}

// Place names where in the design a step comes from: the first function above the words, the lock's or the task's below it, and the line in a file.
func Place(pcs []uintptr) (function, inner, line string) {
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		name := path.Base(f.Function)
		switch {
		case strings.HasPrefix(name, "atomic.") || strings.HasPrefix(name, "mem.") || strings.HasPrefix(name, "sim."):
		case strings.HasPrefix(name, "lock.") || strings.HasPrefix(name, "kernel."):
			inner = short(name)
		default:
			return short(name), inner, fmt.Sprintf("%s:%d", path.Base(f.File), f.Line)
		}
		if !more {
			return "", inner, ""
		}
	}
}

// short leaves the package and the decoration out of a function's name: percputags.(*Pool).take becomes Pool.take.
func short(name string) string {
	_, name, _ = strings.Cut(name, ".")
	return strings.NewReplacer("(*", "", ")", "").Replace(name)
}
