package explore

// Record passes the choices of another strategy through and keeps them.
type Record struct {
	From     interface{ Next(uint64, int) int }
	Segments []Segment
}

// Next asks the strategy recorded and notes its choice.
func (r *Record) Next(eligible uint64, current int) int {
	next := r.From.Next(eligible, current)
	if last := len(r.Segments) - 1; last >= 0 && r.Segments[last].Entity == next {
		r.Segments[last].Steps++
	} else {
		r.Segments = append(r.Segments, Segment{Entity: next, Steps: 1})
	}
	return next
}
