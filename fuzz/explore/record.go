package explore

import "headroom/kernel/sim"

// Record passes the choices of another strategy through and keeps them. It begins with the first question.
type Record struct {
	From     Strategy
	Segments []Segment
	// Preemptions counts the choices against an entity that could have gone on, and the answers other than 0.
	Preemptions int
	watch       *sim.Watch
}

// Watches is how the machine shows what each entity is about to do.
func (r *Record) Watches(w *sim.Watch) {
	r.watch = w
	if s, ok := r.From.(interface{ Watches(*sim.Watch) }); ok {
		s.Watches(w)
	}
}

// Beside passes the names of the machine's own entities on.
func (r *Record) Beside(agents uint64) {
	if s, ok := r.From.(interface{ Beside(uint64) }); ok {
		s.Beside(agents)
	}
}

// Next asks the strategy recorded and notes its choice.
func (r *Record) Next(eligible uint64, current int) int {
	next := r.From.Next(eligible, current)
	if next < 0 {
		return next
	}
	if current >= 0 && next != current && eligible>>current&1 != 0 {
		r.Preemptions++
	}
	last := len(r.Segments) - 1
	if last < 0 || r.Segments[last].Entity != next {
		r.Segments = append(r.Segments, Segment{Entity: next, Print: printSeed})
		last++
	}
	s := &r.Segments[last]
	s.Steps++
	if r.watch != nil {
		s.Print = printed(s.Print, r.watch.Pending[next])
	}
	return next
}

// Choose asks the strategy recorded and notes its answer.
func (r *Record) Choose(n int) int {
	answer := r.From.Choose(n)
	if answer != 0 {
		r.Preemptions++
	}
	if last := len(r.Segments) - 1; last >= 0 {
		s := &r.Segments[last]
		s.Answers = append(s.Answers, Answer{Step: s.Steps, Choice: answer, Of: n})
	}
	return answer
}

// printSeed begins the digest of a segment; FNV-1a's constants.
const (
	printSeed  = 0x811c9dc5
	printPrime = 0x01000193
)

// printed continues the digest of a segment's accesses: what each does, and to which word. It is never Unprinted.
func printed(print uint32, a sim.Access) uint32 {
	print = (print ^ uint32(a.Kind)) * printPrime
	print = (print ^ uint32(a.Word)) * printPrime
	if print == Unprinted {
		return 1
	}
	return print
}
