package latency

import (
	"fmt"

	"headroom/harness/result"
)

// Floor is what the machine itself takes away from its CPUs: interrupts, other threads, the host of a virtual machine. It is known from a loop that
// does nothing but read the clock. A turn of it that takes longer than usual is a gap.
type Floor struct {
	turns  []Bar
	usual  float64 // median turn: one reading of the clock, ns
	spunNs float64
}

// NewFloor adds up the floors of the CPUs of one sample, or of several. It returns an error when one is damaged; of none at all it is a floor that
// explains nothing.
func NewFloor(stored []result.Floor) (*Floor, error) {
	f := &Floor{}
	all := Distribution{histogram: newScale(1).histogram}
	for _, s := range stored {
		h, err := decode(s.Histogram)
		if err != nil {
			return nil, fmt.Errorf("floor of CPU %d: %w", s.CPU, err)
		}
		if dropped := all.histogram.Merge(h); dropped > 0 || !(s.SpunNs > 0) {
			return nil, fmt.Errorf("floor of CPU %d: %d turns in %g ns cannot be; %s", s.CPU, h.TotalCount(), s.SpunNs, remedy)
		}
		f.spunNs += s.SpunNs
	}
	const half = 50
	f.usual = float64(all.histogram.ValueAtPercentile(half)) * result.LatencyUnitNs
	f.turns = all.Bars()
	return f, nil
}

// ReadingNs is the usual turn of the loop: the cost of the one reading of the clock that every duration contains.
func (f *Floor) ReadingNs() float64 { return f.usual }

// explained is the share of the operations above a percentile from which on the machine is held responsible for it.
const explained = 0.5

// Explains reports whether the machine alone accounts for a percentile p (0 to 100) of d, which was recorded beside the floor: whether its gaps
// would lift half or more of the operations above the percentile to where they are. Then the figure is to be read as "floor".
//
// Be v the percentile's value and m the median. A usual operation takes m, so one of v or more needs a gap of v - m, and (100 - p) % of the
// operations took v or more. The loop was held up for at least v - m in those turns that took that much longer than its usual turn. Their number,
// divided by the time it spun and multiplied by the time the operations took together, is how many such gaps hit operations: a gap that falls into
// an operation lengthens that one, and no other. What is less than one usual turn is no gap, but the reading of the clock, and explains nothing.
//
// An operation of an open loop that is timed from the moment it was due is late by what is left of a gap when it comes due. So it is hit not by the
// number of gaps but by their length: of all moments, the share at which at least v - m of a gap lie ahead. So is a task that waits for the release of
// items with others: their times overlap, and the sum of them is not time that passed.
func (f *Floor) Explains(d *Distribution, p float64) bool {
	const half, whole = 50, 100
	gap := d.Percentile(p) - d.Percentile(half)
	if gap < f.usual || f.spunNs == 0 || d.Count() == 0 {
		return false
	}
	above := max(1, (1-p/whole)*float64(d.Count()))
	hit, mean := 0.0, d.MeanNs()
	for _, turn := range f.turns {
		ahead := (turn.LowNs+turn.HighNs)/2 - f.usual - gap
		switch {
		case ahead < 0:
		case d.Timed == result.TimedIntended, d.Timed == result.TimedServed:
			hit += float64(turn.Count) * ahead / f.spunNs * float64(d.Count())
		default:
			hit += float64(turn.Count) / f.spunNs * mean * float64(d.Count())
		}
	}
	return hit > 0 && hit >= explained*above
}
