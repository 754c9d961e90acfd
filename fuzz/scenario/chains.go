package scenario

import (
	"errors"
	"fmt"
	"slices"

	"headroom/fuzz"
	"headroom/fuzz/explore"
	"headroom/fuzz/lockdep"
	"headroom/fuzz/shrink"
	"headroom/kernel/sim"
)

// shown is an execution in which the lock checker saw something new. What a search gives up in the middle orders the steps of another otherwise, and shows
// nothing new.
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
			Class: lockdep.ClassOf(reports[i].Rule), Message: reports[i].Summary, Execution: need[len(need)-1].Execution}
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
	return slices.ContainsFunc(r.graph.Reports(), report.Equal), nil
}
