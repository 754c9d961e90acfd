package scenario

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"headroom/fuzz"
	"headroom/fuzz/explore"
	"headroom/fuzz/lockdep"
	"headroom/fuzz/shrink"
	"headroom/kernel/sim"
)

// shown is an execution in which the lock checker saw something new.
type shown struct {
	Execution
	reports int // of the checker, with those of this execution
}

// replaysOf makes a replay of each report: of the executions that showed something, those that are needed.
func (s *Search) replaysOf(r *runner, list []shown, reports []lockdep.Report) (replays []*Replay, err error) {
	for i := range reports {
		last := slices.IndexFunc(list, func(e shown) bool { return e.reports > i })
		if last < 0 {
			return nil, fmt.Errorf("%w: no execution of %s that was kept shows %s", fuzz.ErrUnrepeatable, s.File.Name, reports[i].Summary)
		}
		need, err := s.needed(r, list[:last+1], &reports[i])
		if err != nil {
			return nil, err
		}
		replay := &Replay{File: s.File, Without: s.WithoutCompletions, Strategy: s.Strategy, Seed: s.Seed,
			Class: sim.Class(string(Lockdep) + ":" + string(reports[i].Rule)), Message: reports[i].Summary, Execution: need[len(need)-1].Execution}
		for _, e := range need[:len(need)-1] {
			replay.Earlier = append(replay.Earlier, e.Execution)
		}
		replays = append(replays, replay)
	}
	return replays, nil
}

// needed leaves out of a list of executions, of which the last closes the chain of a report, those without which the report is made as well.
func (s *Search) needed(r *runner, list []shown, report *lockdep.Report) ([]shown, error) {
	again, err := r.reportsAgain(list, report)
	if err == nil && !again {
		err = fmt.Errorf("%w: the executions of %s that showed %s do not show it when repeated", fuzz.ErrUnrepeatable, s.File.Name, report.Summary)
	}
	if err != nil {
		return nil, err
	}
	return shrink.Needed(list, func(some []shown) (bool, error) { return r.reportsAgain(some, report) })
}

// reportsAgain reports whether the lock checker, which forgets all that it knows, makes a report in these executions alone.
func (r *runner) reportsAgain(list []shown, report *lockdep.Report) (bool, error) {
	r.graph.Forget()
	for i := range list {
		if err := r.run(&explore.Replay{Segments: list[i].Schedule}); err != nil {
			var f *sim.Failure
			if !errors.As(err, &f) {
				return false, err
			}
		}
	}
	return slices.ContainsFunc(r.graph.Reports(), func(made lockdep.Report) bool { return made.Rule == report.Rule && made.Summary == report.Summary }), nil
}

// toTheEnd follows a strategy until it gives the execution up, and then lets whoever runs go on: so that what was shown until then can be repeated.
type toTheEnd struct {
	explore.Strategy
	over bool
}

// Watches passes on how the machine shows what each entity is about to do.
func (e *toTheEnd) Watches(w *sim.Watch) {
	if s, ok := e.Strategy.(interface{ Watches(*sim.Watch) }); ok {
		s.Watches(w)
	}
}

// Beside passes the names of the machine's own entities on.
func (e *toTheEnd) Beside(agents uint64) {
	if s, ok := e.Strategy.(interface{ Beside(uint64) }); ok {
		s.Beside(agents)
	}
}

// Next gives the strategy's choice as long as there is one.
func (e *toTheEnd) Next(eligible uint64, current int) int {
	if !e.over {
		if next := e.Strategy.Next(eligible, current); next >= 0 {
			return next
		}
		e.over = true
	}
	if current >= 0 && eligible>>current&1 != 0 {
		return current
	}
	return bits.TrailingZeros64(eligible)
}

// Choose gives the strategy's answer, and the ordinary one once it has given up.
func (e *toTheEnd) Choose(n int) int {
	if e.over {
		return 0
	}
	return e.Strategy.Choose(n)
}
