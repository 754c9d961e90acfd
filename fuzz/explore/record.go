package explore

// Record passes the choices of another strategy through and keeps them.
type Record struct {
	From     interface{ Next(uint64, int) int }
	Segments []Segment
}

// Beside passes the machine's own entities on.
func (r *Record) Beside(agents uint64) {
	if b, ok := r.From.(interface{ Beside(uint64) }); ok {
		b.Beside(agents)
	}
}

// Next asks the strategy recorded and notes its choice.
func (r *Record) Next(eligible uint64, current int) int {
	next := r.From.Next(eligible, current)
	r.note(next)
	return next
}

// Choose asks the strategy recorded and notes its answer; one that answers no questions says 0, as the machine has it then.
func (r *Record) Choose(n int) int {
	answer := 0
	if c, ok := r.From.(interface{ Choose(int) int }); ok {
		answer = c.Choose(n)
	}
	r.note(Answer(answer))
	return answer
}

func (r *Record) note(entity int) {
	if last := len(r.Segments) - 1; last >= 0 && r.Segments[last].Entity == entity {
		r.Segments[last].Steps++
	} else {
		r.Segments = append(r.Segments, Segment{Entity: entity, Steps: 1})
	}
}
