package explore

import (
	"fmt"

	"headroom/kernel/sim"
)

// Twice makes every execution of another strategy two times and compares them, question by question: a run that depends on anything besides its
// input asks otherwise the second time. The second run gives the answers of the first, so no strategy need be repeatable to be checked.
type Twice struct {
	Of       Strategy
	Diverged string // where a second run first differed from its first; "" for nowhere

	asked  []question
	at     int
	second bool
	watch  *sim.Watch
}

// question is what the machine asked, and was answered.
type question struct {
	options uint64 // the eligible entities, or the number of answers
	current int16  // choosing stands for another question
	answer  int16
	access  sim.Access // what the chosen one was about to do
}

const choosing = -2

// Watches is how the machine shows what each entity is about to do.
func (t *Twice) Watches(w *sim.Watch) {
	t.watch = w
	if s, ok := t.Of.(interface{ Watches(*sim.Watch) }); ok && !t.second {
		s.Watches(w)
	}
}

// Beside passes the names of the machine's own entities on.
func (t *Twice) Beside(agents uint64) {
	if s, ok := t.Of.(interface{ Beside(uint64) }); ok {
		s.Beside(agents)
	}
}

// Second reports whether the execution repeats the one before.
func (t *Twice) Second() bool { return t.second }

// Begin starts the next execution of the other strategy, or repeats the one that was made.
func (t *Twice) Begin(seed uint64, length int) bool {
	if t.second = !t.second && t.asked != nil; t.second {
		t.at = 0
		return true
	}
	t.asked = t.asked[:0]
	t.at = 0
	return t.Of.Begin(seed, length)
}

// Again starts the latest execution anew.
func (t *Twice) Again() { t.at = 0; t.second = true }

// Next asks the other strategy the first time, and compares the second time.
func (t *Twice) Next(eligible uint64, current int) int {
	if !t.second {
		answer := t.Of.Next(eligible, current)
		t.note(eligible, current, answer)
		return answer
	}
	return t.compare(eligible, current)
}

// Choose asks the other strategy the first time, and compares the second time.
func (t *Twice) Choose(n int) int {
	if !t.second {
		answer := t.Of.Choose(n)
		t.note(uint64(n), choosing, answer)
		return answer
	}
	return max(0, t.compare(uint64(n), choosing))
}

func (t *Twice) note(options uint64, current, answer int) {
	q := question{options: options, current: int16(current), answer: int16(answer)}
	if current != choosing && answer >= 0 {
		q.access = t.watch.Pending[answer]
	}
	t.asked = append(t.asked, q)
}

// compare gives the answer of the first run, or abandons the second one where it asks otherwise.
func (t *Twice) compare(options uint64, current int) int {
	if t.at == len(t.asked) {
		t.diverge("question %d was not asked the first time", t.at+1)
		return -1
	}
	q := &t.asked[t.at]
	t.at++
	switch {
	case q.options != options || int(q.current) != current:
		t.diverge("question %d: %#x may go on after entity %d, the first time %#x after %d", t.at, options, current, q.options, q.current)
		return -1
	case current != choosing && q.answer >= 0 && q.access != t.watch.Pending[q.answer]:
		t.diverge("question %d: entity %d is about to do another access than the first time", t.at, q.answer)
		return -1
	}
	return int(q.answer)
}

func (t *Twice) diverge(format string, args ...any) {
	if t.Diverged == "" {
		t.Diverged = fmt.Sprintf(format, args...)
	}
}
