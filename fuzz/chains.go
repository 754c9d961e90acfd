package fuzz

import (
	"errors"
	"fmt"
	"slices"

	"headroom/fuzz/explore"
	"headroom/fuzz/lockdep"
	"headroom/fuzz/shrink"
	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// Execution is one execution of a program.
type Execution struct {
	Preemptions int // choices against an entity that could have gone on, and answers other than 0
	Steps       int
	Hash        uint64
	Schedule    []explore.Segment
}

// rule is the rule of a report, "" for a failure.
func (r *Replay) rule() lockdep.Rule {
	rule, _ := lockdep.RuleOf(r.Class) // what cannot be was refused when it was read
	return rule
}

// ID tells one replay from others; see lockdep.ReplayID.
func (r *Replay) ID() uint64 { return lockdep.ReplayID(r.Class, r.Message, r.Hash) }

// executions lists all of them in their order.
func (r *Replay) executions() []Execution {
	return append(slices.Clone(r.Earlier), Execution{r.Preemptions, r.Steps, r.Hash, r.Schedule})
}

// shown is an execution in which the lock checker saw something new.
type shown struct {
	Execution
	reports int // of the checker, with those of this execution
}

// chainExecutions bounds the search for executions that show a report again: in most programs a handful does.
const chainExecutions = 20_000

// ReplayReports makes a replay of each report of what was found: it looks for executions of the program that make the report again, by random strategies
// whatever the hunt's, and leaves out those without which it is made as well. A report that does not come again within the bound, or until Stop says so,
// has nil.
func (h *Hunt) ReplayReports(found *Found) ([]*Replay, error) {
	replays := make([]*Replay, len(found.Reports))
	if len(replays) == 0 {
		return nil, nil
	}
	r, err := newRunner(h.Variant, found.Program, runnerOptions{lockdep: true})
	if err != nil {
		return nil, err
	}
	defer r.close()
	list, err := h.showing(r, found.Reports)
	if err != nil {
		return nil, err
	}
	made := slices.Clone(r.reports())
	for i := range replays {
		report := &found.Reports[i]
		at := slices.IndexFunc(made, report.Equal)
		if at < 0 {
			continue
		}
		last := slices.IndexFunc(list, func(e shown) bool { return e.reports > at })
		need, err := shrink.Needed(list[:last+1], func(some []shown) (bool, error) { return r.showsAgain(some, report) })
		if err != nil {
			return nil, err
		}
		end := need[len(need)-1]
		replays[i] = &Replay{Program: found.Program, Mutant: activeMutant(), Strategy: explore.Names[0], Seed: h.Seed,
			Class: lockdep.ClassOf(report.Rule), Message: report.Summary,
			Preemptions: end.Preemptions, Steps: end.Steps, Hash: end.Hash, Schedule: end.Schedule}
		for _, e := range need[:len(need)-1] {
			replays[i].Earlier = append(replays[i].Earlier, e.Execution)
		}
	}
	return replays, nil
}

// showing makes executions until all reports are made, and returns those in which the lock checker saw something new.
func (h *Hunt) showing(r *runner, reports []lockdep.Report) (list []shown, err error) {
	swarm, stream, length := &explore.Swarm{}, rng.New(h.Seed), 0
	missing := func() bool {
		return slices.ContainsFunc(reports, func(wanted lockdep.Report) bool { return !slices.ContainsFunc(r.reports(), wanted.Equal) })
	}
	for n := 0; n < chainExecutions && !h.Stop() && missing(); n++ {
		swarm.Begin(stream.Uint64(), length)
		facts := r.locks.Facts()
		if err := r.run(swarm); err != nil && !isFailure(err) {
			return nil, err
		}
		length = max(length, r.steps)
		if r.locks.Facts() == facts {
			continue
		}
		swarm.Again()
		e, err := r.note(swarm)
		if err != nil {
			return nil, err
		}
		list = append(list, shown{e, len(r.reports())})
	}
	return list, nil
}

func isFailure(err error) bool {
	var f *sim.Failure
	return errors.As(err, &f)
}

// note makes one execution, whether it fails or not, and notes it.
func (r *runner) note(strategy explore.Strategy) (Execution, error) {
	record := &explore.Record{From: strategy}
	r.machine.Observe(func(s sim.Step) { NotePlace(record, s, r.machine.Agents()) })
	defer r.machine.Observe(nil)
	if err := r.run(record); err != nil && !isFailure(err) {
		return Execution{}, err
	}
	return Execution{record.Preemptions, r.machine.Steps(), r.machine.Hash(), record.Segments}, nil
}

// showsAgain reports whether the lock checker, which forgets all that it knows, makes a report in these executions alone.
func (r *runner) showsAgain(list []shown, report *lockdep.Report) (bool, error) {
	r.locks.Forget()
	for i := range list {
		if err := r.run(&explore.Replay{Segments: list[i].Schedule}); err != nil && !isFailure(err) {
			return false, err
		}
	}
	return slices.ContainsFunc(r.reports(), report.Equal), nil
}

// playReport makes the executions of a report again.
func (r *Replay) playReport(tolerant bool) (*Playback, error) {
	v, err := r.Program.Find()
	if err != nil {
		return nil, err
	}
	runner, err := newRunner(v, r.Program, runnerOptions{lockdep: true})
	if err != nil {
		return nil, err
	}
	defer runner.close()
	p := &Playback{Replay: r, Trace: r.trace()}
	var differs error
	for i, e := range r.executions() {
		strict := &explore.Replay{Segments: e.Schedule}
		record := &explore.Record{From: strict}
		if tolerant {
			record.From = &explore.Tolerant{Segments: e.Schedule}
		}
		if len(r.Earlier) > 0 {
			p.Next()
		}
		runner.machine.Observe(func(s sim.Step) { p.Add(s, record.Preemptions, runner.operation(s)) })
		if err := runner.run(record); err != nil && !isFailure(err) && !errors.Is(err, sim.ErrAbandoned) {
			return nil, err
		}
		p.Taken, p.Hash = runner.machine.Steps(), runner.machine.Hash()
		if differs == nil && !tolerant {
			differs = e.compare(strict, i+1, p)
		}
	}
	p.Reports = slices.Clone(runner.reports())
	wanted := &lockdep.Report{Rule: r.rule(), Summary: r.Message}
	if slices.ContainsFunc(p.Reports, wanted.Equal) {
		p.Ending = string(r.Class) + ": " + r.Message
	} else if differs == nil {
		differs = fmt.Errorf("the lock checker does not report %s: %s any more: %s", r.Class, r.Message, playRemedy)
	}
	return p, differs
}

// compare says how an execution, the number-th, went otherwise than recorded.
func (e *Execution) compare(strategy *explore.Replay, number int, p *Playback) error {
	switch {
	case strategy.Diverged != "":
		return fmt.Errorf("execution %d left the recorded schedule: %s: %s", number, strategy.Diverged, playRemedy)
	case p.Hash != e.Hash || p.Taken != e.Steps || strategy.Unused():
		return fmt.Errorf("execution %d takes other steps (hash %#016x, recorded %#016x): %s", number, p.Hash, e.Hash, playRemedy)
	}
	return nil
}

// nextExecution begins another of several executions in a file.
func (r *Replay) nextExecution(value string, seen map[string]bool) error {
	n, err := number("execution", value, maxExecutions)
	first := len(r.Schedule) == 0 && len(r.Earlier) == 0
	switch {
	case err != nil:
		return err
	case first && n != 1, !first && (n != len(r.Earlier)+2 || len(r.Schedule) == 0):
		return fmt.Errorf("execution %d: want them counted from 1, each with its schedule", n)
	case first:
		return nil
	}
	r.Earlier = append(r.Earlier, Execution{r.Preemptions, r.Steps, r.Hash, r.Schedule})
	r.Preemptions, r.Steps, r.Hash, r.Schedule = 0, 0, 0, nil
	for _, key := range []string{"preemptions", "steps", "hash", "schedule"} {
		delete(seen, key)
	}
	return nil
}

// maxExecutions bounds how many executions a file holds.
const maxExecutions = 64
