package fuzz

import (
	"errors"
	"fmt"

	"headroom/fuzz/explore"
	"headroom/kernel/sim"
)

// capture makes the latest execution of a strategy once more, to record it and to see that it fails again in the same way.
func (r *runner) capture(strategy explore.Strategy, first *sim.Failure) (*Replay, error) {
	hash := r.machine.Hash()
	r.history.every = linearFor(first.Class)
	strategy.Again()
	replay, again, err := r.record(strategy)
	if err != nil {
		return nil, err
	}
	if again == nil || *again != *first || replay.Hash != hash {
		return nil, fmt.Errorf("%w: an execution of this program failed once (%v, hash %#016x), and otherwise when repeated (%v, hash %#016x)\n%s",
			ErrUnrepeatable, first, hash, again, r.machine.Hash(), r.program.String())
	}
	return replay, nil
}

// record makes one execution and notes all that a replay file holds of it, but the names of strategy and seed. The failure is nil if there was none,
// and then there is no replay.
func (r *runner) record(strategy explore.Strategy) (*Replay, *sim.Failure, error) {
	record := &explore.Record{From: strategy}
	r.machine.Observe(func(s sim.Step) { NotePlace(record, s, r.machine.Agents()) })
	defer r.machine.Observe(nil)
	err := r.run(record)
	var f *sim.Failure
	switch {
	case err == nil || errors.Is(err, sim.ErrAbandoned):
		return nil, nil, nil
	case !errors.As(err, &f):
		return nil, nil, err
	}
	return &Replay{Program: r.program, Mutant: activeMutant(), Bare: r.bare, Class: f.Class, Message: oneLine(f.Message), Preemptions: record.Preemptions,
		Steps: r.machine.Steps(), Hash: r.machine.Hash(), Schedule: record.Segments}, f, nil
}

// NotePlace notes in a schedule that is being recorded where its latest step was. agents is the set of the machine's own entities.
func NotePlace(record *explore.Record, s sim.Step, agents uint64) {
	last := len(record.Segments) - 1
	switch {
	case last < 0:
	case len(s.PCs) > 0:
		record.Segments[last].Place, _, _ = Place(s.PCs)
	case record.Segments[last].Entity == s.Entity && agents>>s.Entity&1 != 0:
		record.Segments[last].Place = s.Note // an answer to a question of a task's is no place
	}
}

// linearFor is how often histories are looked at in runs that are to fail in a class: always where that is the class.
func linearFor(class sim.Class) int {
	if class == sim.Linearizability {
		return 1
	}
	return 0
}
