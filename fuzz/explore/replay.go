package explore

import (
	"fmt"

	"headroom/kernel/sim"
)

// Replay gives the choices of a recorded schedule. It is strict: when a choice cannot be followed, when the accesses of a segment are others than
// recorded, or when the schedule ends before the run does, Diverged says where, and the run is abandoned.
type Replay struct {
	Segments []Segment
	Diverged string // "" while the run follows the schedule
	At       int    // index of the segment that runs, or in which the run left the schedule
	done     int    // choices taken of the current segment
	answered int    // answers given in the current segment
	print    uint32
	watch    *sim.Watch
}

// Watches is how the machine shows what each entity is about to do.
func (r *Replay) Watches(w *sim.Watch) { r.watch = w }

// Begin starts the schedule anew.
func (r *Replay) Begin(seed uint64, length int) bool { r.Again(); return true }

// Again starts the schedule anew.
func (r *Replay) Again() { *r = Replay{Segments: r.Segments, watch: r.watch} }

// Next gives the recorded choice.
func (r *Replay) Next(eligible uint64, current int) int {
	if r.Diverged != "" {
		return -1
	}
	for r.At < len(r.Segments) && r.done == r.Segments[r.At].Steps {
		if !r.leave() {
			return -1
		}
	}
	if r.At == len(r.Segments) {
		r.diverge("the schedule of %d segments ended before the run", len(r.Segments))
		return -1
	}
	s := &r.Segments[r.At]
	if eligible>>s.Entity&1 == 0 {
		r.diverge("segment %d, choice %d: entity %d%s cannot take a step here", r.At+1, r.done+1, s.Entity, s.in())
		return -1
	}
	if r.done == 0 {
		r.print = printSeed
	}
	r.done++
	if r.watch != nil && s.Print != Unprinted {
		r.print = printed(r.print, r.watch.Pending[s.Entity])
		if r.done == s.Steps && r.print != s.Print {
			r.diverge("segment %d: the %d choices of entity %d%s make other accesses than recorded", r.At+1, s.Steps, s.Entity, s.in())
			return -1
		}
	}
	return s.Entity
}

// in is where a segment was recorded, for messages.
func (s *Segment) in() string {
	if s.Place == "" {
		return ""
	}
	return " (in " + s.Place + ")"
}

// leave goes on to the next segment, if every answer of this one was asked for.
func (r *Replay) leave() bool {
	if s := &r.Segments[r.At]; r.answered < len(s.Answers) {
		r.diverge("segment %d: it asked %d questions, recorded %d", r.At+1, r.answered, len(s.Answers))
		return false
	}
	r.At, r.done, r.answered = r.At+1, 0, 0
	return true
}

// Choose gives the recorded answer. It cannot abandon the run: that is left to the next choice.
func (r *Replay) Choose(n int) int {
	if r.Diverged != "" || r.At == len(r.Segments) {
		return 0
	}
	s := &r.Segments[r.At]
	if r.answered == len(s.Answers) || s.Answers[r.answered].Step != r.done || s.Answers[r.answered].Of != n {
		r.diverge("segment %d, choice %d: a question of %d answers that was not recorded", r.At+1, r.done, n)
		return 0
	}
	r.answered++
	return s.Answers[r.answered-1].Choice
}

func (r *Replay) diverge(format string, args ...any) {
	if r.Diverged == "" {
		r.Diverged = fmt.Sprintf(format, args...)
	}
}

// Unused reports whether choices or answers are left over.
func (r *Replay) Unused() bool {
	if r.At == len(r.Segments)-1 {
		s := &r.Segments[r.At]
		return r.done < s.Steps || r.answered < len(s.Answers)
	}
	return r.At < len(r.Segments)
}

// Tolerant gives the choices of a recorded schedule as far as they can be followed: a segment whose entity cannot go on is over, and past the last
// one the run goes on without preemptions. It serves programs and code that have changed since, by an edit or by shrinking.
type Tolerant struct {
	Segments []Segment
	at       int
	done     int
	answered int
}

// Begin starts the schedule anew.
func (t *Tolerant) Begin(seed uint64, length int) bool { t.Again(); return true }

// Again starts the schedule anew.
func (t *Tolerant) Again() { t.at, t.done, t.answered = 0, 0, 0 }

// Next gives the recorded choice, if it is possible.
func (t *Tolerant) Next(eligible uint64, current int) int {
	for t.at < len(t.Segments) {
		s := &t.Segments[t.at]
		if t.done < s.Steps && eligible>>s.Entity&1 != 0 {
			t.done++
			return s.Entity
		}
		t.at, t.done, t.answered = t.at+1, 0, 0
	}
	return onward(eligible, current)
}

// Choose gives the next recorded answer of the segment, if there is one that fits; else 0.
func (t *Tolerant) Choose(n int) int {
	if t.at == len(t.Segments) || t.answered == len(t.Segments[t.at].Answers) {
		return 0
	}
	a := t.Segments[t.at].Answers[t.answered]
	t.answered++
	if a.Choice >= n {
		return 0
	}
	return a.Choice
}
