package fuzz

import (
	"errors"
	"fmt"

	"headroom/fuzz/explore"
	"headroom/fuzz/lockdep"
	"headroom/kernel/sim"
)

// Playback is a run made from a replay file.
type Playback struct {
	Trace
	Replay  *Replay
	Failure *sim.Failure     // nil when the run did not fail, and for a report of the lock checker
	Reports []lockdep.Report // of the lock checker, for a replay of a report
}

const playRemedy = "the code, or the file, has changed since it was recorded; see headroom replay --tolerant, or find the failure again with headroom explore"

// Play makes the run again under its schedule. With the playback comes an error when the run took another way: the code has changed since, or the
// file has; the steps end where it did. Without one the error is for what could not be run.
func (r *Replay) Play() (*Playback, error) {
	if r.rule() != "" {
		return r.playReport(false)
	}
	replay := &explore.Replay{Segments: r.Schedule}
	p, err := r.play(replay)
	if err != nil {
		return nil, err
	}
	return p, r.compare(replay, p)
}

// PlayTolerant makes the run again under its schedule, as far as that can be followed: for code, or a file, that was edited. The error beside a
// playback says that it fails otherwise, or no more.
func (r *Replay) PlayTolerant() (*Playback, error) {
	if r.rule() != "" {
		return r.playReport(true)
	}
	p, err := r.play(&explore.Tolerant{Segments: r.Schedule})
	if err != nil {
		return nil, err
	}
	switch {
	case p.Failure == nil:
		return p, fmt.Errorf("the run does not fail; recorded was %s: %s", r.Class, r.Message)
	case p.Failure.Class != r.Class:
		return p, fmt.Errorf("the run fails otherwise (%v); recorded was %s: %s", p.Failure, r.Class, r.Message)
	}
	return p, nil
}

// play makes a run and keeps its steps.
func (r *Replay) play(strategy explore.Strategy) (*Playback, error) {
	v, err := r.Program.Find()
	if err != nil {
		return nil, err
	}
	runner, err := newRunner(v, r.Program, runnerOptions{bare: r.Bare, linear: linearFor(r.Class)})
	if err != nil {
		return nil, err
	}
	defer runner.close()
	p := &Playback{Replay: r, Trace: r.trace()}
	record := &explore.Record{From: strategy}
	runner.machine.Observe(func(s sim.Step) { p.Add(s, record.Preemptions, runner.operation(s)) })
	err = runner.run(record)
	if err != nil && !errors.As(err, &p.Failure) && !errors.Is(err, sim.ErrAbandoned) {
		return nil, err
	}
	p.Taken, p.Hash = runner.machine.Steps(), runner.machine.Hash()
	if p.Failure != nil {
		p.Ending = p.Failure.Error()
	}
	return p, nil
}

// operation names what the program does in a step.
func (r *runner) operation(s sim.Step) string {
	if s.IRQ {
		return "interrupt"
	}
	for i := range r.tasks {
		if r.names[i] == s.Name {
			return r.tasks[i].now.String()
		}
	}
	return s.Name
}

// compare checks that a repeated run is the recorded one.
func (r *Replay) compare(replay *explore.Replay, p *Playback) error {
	f := p.Failure
	switch {
	case replay.Diverged != "":
		followed := "step 0"
		if last := len(p.Steps) - 1; last >= 0 {
			s := &p.Steps[last]
			followed = fmt.Sprintf("step %d (%s, %s)", s.Number, s.Name, s.whereabouts())
		}
		return fmt.Errorf("the run left the recorded schedule after %s: %s: %s", followed, replay.Diverged, playRemedy)
	case f == nil:
		return fmt.Errorf("the run did not fail; recorded was %s: %s: %s", r.Class, r.Message, playRemedy)
	case f.Class != r.Class:
		return fmt.Errorf("the run failed otherwise (%v); recorded was %s: %s", f, r.Class, playRemedy)
	case p.Hash != r.Hash || p.Taken != r.Steps || replay.Unused():
		return fmt.Errorf("the run fails as recorded, but by other steps (hash %#016x, recorded %#016x; %d of them, recorded %d): %s", p.Hash, r.Hash, p.Taken, r.Steps, playRemedy)
	}
	return nil
}
