package explore

import (
	"fmt"
	"math/bits"
)

// Replay gives the choices of a recorded schedule. It is strict: when a choice cannot be followed, or the schedule ends before the run does,
// Diverged says where, and the rest of the run takes the lowest eligible entity, so that it ends.
type Replay struct {
	Segments []Segment
	Diverged string // "" while the run follows the schedule
	segment  int
	done     int // choices taken of the current segment
}

// Next gives the recorded choice.
func (r *Replay) Next(eligible uint64, current int) int {
	if r.Diverged == "" {
		switch {
		case !r.advance():
		case r.Segments[r.segment].Entity < 0:
			r.Diverged = fmt.Sprintf("segment %d, choice %d: an answer, where a step is to be taken", r.segment+1, r.done+1)
		case eligible>>r.Segments[r.segment].Entity&1 == 0:
			r.Diverged = fmt.Sprintf("segment %d, choice %d: entity %d cannot take a step here", r.segment+1, r.done+1, r.Segments[r.segment].Entity)
		default:
			r.done++
			return r.Segments[r.segment].Entity
		}
	}
	return bits.TrailingZeros64(eligible)
}

// Choose gives the recorded answer.
func (r *Replay) Choose(n int) int {
	if r.Diverged == "" && r.advance() {
		if answer := Answer(r.Segments[r.segment].Entity); answer >= 0 && answer < n {
			r.done++
			return answer
		}
		r.Diverged = fmt.Sprintf("segment %d, choice %d: no answer to a question with %d answers", r.segment+1, r.done+1, n)
	}
	return 0
}

// advance goes on to the segment of the next choice and reports whether there is one.
func (r *Replay) advance() bool {
	for r.segment < len(r.Segments) && r.done == r.Segments[r.segment].Steps {
		r.segment, r.done = r.segment+1, 0
	}
	if r.segment == len(r.Segments) {
		r.Diverged = fmt.Sprintf("the schedule of %d segments ended before the run", len(r.Segments))
		return false
	}
	return true
}

// Unused reports whether choices are left over.
func (r *Replay) Unused() bool {
	return r.segment < len(r.Segments)-1 || r.segment == len(r.Segments)-1 && r.done < r.Segments[r.segment].Steps
}
