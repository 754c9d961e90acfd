package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"headroom/fuzz"
	"headroom/fuzz/explore"
	"headroom/fuzz/lockdep"
	"headroom/kernel/sim"
)

// Played is what was recorded, made again from a replay file.
type Played struct {
	fuzz.Trace
	Replay  *Replay
	Again   []*Execution     // as they went now, each up to where it left its schedule
	Failure *sim.Failure     // of the last; nil when it did not fail
	Reports []lockdep.Report // of the lock checker, in these executions alone
}

// Play makes the run again under its schedule, or the executions of a report under theirs. The error beside a result says that it took another way: the
// code has changed since, or the file has. Without a result it is for what cannot be run.
func (r *Replay) Play() (*Played, error) { return r.play(false) }

// PlayTolerant makes the run again, and follows the schedule as far as it fits: for code, or a file, that was edited. The error beside a result says that
// it fails otherwise, or no more.
func (r *Replay) PlayTolerant() (*Played, error) { return r.play(true) }

const remedy = "the code, or the file, has changed since it was recorded; see headroom replay --tolerant, or find it again with headroom explore --scenario"

func (r *Replay) play(tolerant bool) (*Played, error) {
	fuzz.SetMutant(r.File.Mutant)
	defer fuzz.SetMutant("")
	run, err := newRunner(r.File, r.Without)
	if err != nil {
		return nil, err
	}
	defer run.close()
	played := &Played{Replay: r, Trace: run.trace(r)}
	var differs error
	for i, e := range r.executions() {
		strict := &explore.Replay{Segments: e.Schedule}
		strategy := explore.Strategy(strict)
		if tolerant {
			strategy = &explore.Tolerant{Segments: e.Schedule}
		}
		if len(r.Earlier) > 0 {
			played.Next()
		}
		again, failure, err := run.record(strategy, &played.Trace)
		if err != nil {
			return nil, err
		}
		played.Again, played.Failure, played.Taken, played.Hash = append(played.Again, again), failure, again.Steps, again.Hash
		if differs == nil && !tolerant {
			differs = again.compare(e, strict, i+1)
		}
	}
	played.Reports = slices.Clone(run.graph.Reports())
	if differs == nil {
		differs = r.compare(played)
	}
	played.Ending = played.ending()
	return played, differs
}

// compare says how an execution, the number-th, differs from the recorded one.
func (e *Execution) compare(recorded *Execution, strategy *explore.Replay, number int) error {
	switch {
	case strategy.Diverged != "":
		return fmt.Errorf("execution %d left the recorded schedule: %s: %s", number, strategy.Diverged, remedy)
	case e.Hash != recorded.Hash || strategy.Unused():
		return fmt.Errorf("execution %d takes other steps (hash %#016x, recorded %#016x): %s", number, e.Hash, recorded.Hash, remedy)
	}
	return nil
}

// compare says how the end differs from the recorded one.
func (r *Replay) compare(p *Played) error {
	switch {
	case r.rule() != "" && p.report() == nil:
		return fmt.Errorf("the lock checker does not report %s any more: %s: %s", r.Class, r.Message, remedy)
	case r.rule() != "":
		return nil
	case p.Failure == nil:
		return fmt.Errorf("the run did not fail; recorded was %s: %s: %s", r.Class, r.Message, remedy)
	case p.Failure.Class != r.Class:
		return fmt.Errorf("the run failed otherwise (%v); recorded was %s: %s", p.Failure, r.Class, r.Message)
	}
	return nil
}

// report is the recorded report, made again; nil if it is not.
func (p *Played) report() *lockdep.Report {
	for i := range p.Reports {
		if r := &p.Reports[i]; r.Rule == p.Replay.rule() && r.Summary == p.Replay.Message {
			return r
		}
	}
	return nil
}

// ending is what it came to, in words.
func (p *Played) ending() string {
	switch {
	case p.Replay.rule() != "" && p.report() != nil:
		return string(p.Replay.Class) + ": " + p.Replay.Message
	case p.Replay.rule() == "" && p.Failure != nil:
		return p.Failure.Error()
	}
	return ""
}

// trace is the head of a drawing of a replay.
func (r *runner) trace(replay *Replay) fuzz.Trace {
	f := r.file
	t := fuzz.Trace{Title: f.Name + ": " + cmp.Or(f.Title, "no title"), Class: string(replay.Class), CPUs: f.CPUs}
	for i := range f.Actors {
		a := &f.Actors[i]
		var words []string
		for _, o := range a.Ops {
			words = append(words, o.String())
		}
		t.Tasks = append(t.Tasks, fuzz.TracedTask{Name: a.Name, CPU: a.CPU, Ops: strings.Join(words, ", ")})
	}
	return t
}

// Print writes a replay that was made again: the end, the schedule in short, and what the lock checker says of these executions alone.
func (p *Played) Print(w io.Writer) error {
	out := &printer{w: w}
	out.line("%s: %s", p.Replay.File.Name, cmp.Or(p.Replay.File.Title, "no title"))
	if p.Failure != nil && p.Replay.rule() == "" {
		p.Again[len(p.Again)-1].print(out, p.Failure)
	}
	if p.Replay.rule() != "" {
		for i, e := range p.Again {
			out.line("")
			e.printShort(out, fmt.Sprintf("Execution %d of %d", i+1, len(p.Again)))
		}
	}
	out.line("%d steps, hash %#016x", p.Taken, p.Hash)
	for _, r := range p.Reports {
		out.line("")
		out.text(r.Text)
	}
	return out.err
}

// record makes one execution and notes all that a replay file holds of it, and its steps in trace, unless that is nil. The failure is nil if there is
// none, or if the strategy gave the execution up.
func (r *runner) record(strategy explore.Strategy, trace *fuzz.Trace) (*Execution, *sim.Failure, error) {
	record, e := &explore.Record{From: strategy}, &Execution{}
	r.machine.Observe(func(s sim.Step) {
		fuzz.NotePlace(record, s, r.machine.Agents())
		op := r.operation(s)
		e.note(s.Name, op)
		if trace != nil {
			trace.Add(s, record.Preemptions, cmp.Or(op, s.Name))
		}
	})
	defer r.machine.Observe(nil)
	err := r.run(record)
	var f *sim.Failure
	if err != nil && !errors.As(err, &f) && !errors.Is(err, sim.ErrAbandoned) {
		return nil, nil, err
	}
	e.Preemptions, e.Steps, e.Hash, e.Schedule = record.Preemptions, r.machine.Steps(), r.machine.Hash(), record.Segments
	if f != nil {
		e.Situation = r.situation()
	}
	return e, f, nil
}

// operation is what the scenario does in a step, with its place in the file; "" for what is not the scenario's.
func (r *runner) operation(s sim.Step) string {
	for _, a := range r.actors {
		if a.task != nil && a.task.Index() == s.Entity && a.task.Name() == s.Name {
			return a.where()
		}
	}
	return ""
}
