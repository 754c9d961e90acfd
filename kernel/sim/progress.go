package sim

import (
	"fmt"
	"math/bits"
)

// progress tells a run that gets nowhere from one that a schedule holds up. Steps without progress are bounded (Options.StepLimit); when so many were made
// without any, the machine takes over from the strategy and lets everybody go on in turn (Options.Fair). A run that gets no further then is a livelock. It
// goes on in turn until its end, so what the machine chose need not be recorded: it follows from the steps before.
type progress struct {
	turns    turns
	fair     bool
	strategy Strategy // what the machine took over from
	chooser  Chooser
	idle     func() bool
}

// Progress says that the program has got on: the count of steps without progress begins anew.
func (m *Machine) Progress() {
	if m.options.Fair == 0 {
		return
	}
	m.limit = m.steps + m.options.StepLimit
	if m.progress.fair {
		m.limit = m.steps + m.options.Fair
	}
}

// OnIdle makes f be asked when nobody can go on, or nobody gets on, before that is a failure: time passes then, and a clock that somebody waits for may
// go off. f may spawn a task, and reports whether it did. It looks at no words.
func (m *Machine) OnIdle(f func() bool) { m.progress.idle = f }

// awoken reports whether a clock has gone off.
func (m *Machine) awoken() bool {
	return m.live > 0 && !m.aborting && m.progress.idle != nil && m.progress.idle()
}

// overdue is called at the limit of steps. It reports whether that is a livelock; if not, the machine has taken over.
func (m *Machine) overdue() bool {
	p := &m.progress
	if m.options.Fair == 0 || p.fair {
		return true
	}
	p.fair, p.strategy, p.chooser = true, m.strategy, m.chooser
	p.turns = turns{}
	m.strategy, m.chooser = &p.turns, nil
	m.limit = m.steps + m.options.Fair
	m.awoken()
	return false
}

// TookOver reports whether the machine took over from the strategy in the latest run: how that went on from there was not the strategy's choice.
func (m *Machine) TookOver() bool { return m.progress.fair }

// handBack gives the choice of steps back to the strategy, for a new run.
func (m *Machine) handBack() {
	m.limit = m.options.StepLimit
	if m.progress.fair {
		m.strategy, m.chooser = m.progress.strategy, m.progress.chooser
		m.progress.fair = false
	}
}

func (m *Machine) livelock() *Failure {
	if m.options.Fair > 0 {
		m.detach()                        // a look at the words now is no step of the run
		defer func() { _ = m.attach() }() // the build has a simulator, and no other machine runs
		return &Failure{Class: Livelock, Message: fmt.Sprintf("no progress in %d steps, and none in %d more with everybody in turn: %s",
			m.options.StepLimit, m.options.Fair, m.whoWaits())}
	}
	return &Failure{Class: Livelock, Message: fmt.Sprintf("no end within the limit of %d steps", m.options.StepLimit)}
}

// turns lets everybody who may go on take so many steps in turn.
type turns struct{ current, taken int }

// turnSteps is long enough for most operations to get to their end undisturbed.
const turnSteps = 64

// Next is the current one until its turn is over, then the one of the next higher number. Where only the current one may go on, its turn stays over: who
// cannot be preempted just then, and comes back to the same place as often as a turn lasts, would keep the CPU for ever.
func (s *turns) Next(eligible uint64, _ int) int {
	if s.taken++; s.taken <= turnSteps && eligible>>s.current&1 != 0 {
		return s.current
	}
	others := eligible &^ (1 << s.current)
	if others == 0 {
		return s.current
	}
	higher := others &^ (1<<(s.current+1) - 1)
	if higher == 0 {
		higher = others
	}
	s.current, s.taken = bits.TrailingZeros64(higher), 1
	return s.current
}
