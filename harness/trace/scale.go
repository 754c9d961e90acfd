package trace

import (
	"cmp"
	"math"
	"slices"
)

// MaxCPUs is how many CPUs a recording can name: 0 to 4095.
const MaxCPUs = maxCPU + 1

// shiftShare is the part of the span over which the starts of the copies are spread (S4): one of so many.
const shiftShare = 16

// Scaled is the recording laid out for a machine of cpus CPUs, numbered from 0: folded onto fewer (S1, S2), or copied onto
// more (S3, S4). What comes out is a recording like any other, with k times the lifetimes, unmatched, lost and other events
// of k copies, and a span longer by at most 1/16. Where k copies would have more than 8388608 lifetimes, fewer are made and
// the remaining CPUs idle; so do CPUs beyond MaxCPUs. It panics if cpus is not positive.
func (r *Recording) Scaled(cpus int) *Recording {
	if cpus < 1 {
		panic("trace: a recording scaled to no CPU")
	}
	ranks, used := r.cpuRanks()
	if used == 0 {
		return r
	}
	cpus = min(cpus, MaxCPUs)
	copies := copyCount(cpus, used, len(r.Lifetimes))
	scaled := *r
	scaled.CPUs = min(cpus, copies*used)
	scaled.Events, scaled.Lost = multiply(r.Events, copies), multiply(r.Lost, copies)
	for kind, u := range r.Unmatched {
		scaled.Unmatched[kind] = Unmatched{multiply(u.Starts, copies), multiply(u.Ends, copies)}
	}
	scaled.SpanNs = r.SpanNs + r.delay(copies-1, copies)
	scaled.Lifetimes = make([]Lifetime, 0, copies*len(r.Lifetimes))
	place := make([]uint32, copies*len(r.Lifetimes)) // in scaled.Lifetimes, by copy, then lifetime of r
	for sequence, s := range r.copySteps(copies) {
		l := &r.Lifetimes[s.step.lifetime()]
		index := s.copy*len(r.Lifetimes) + int(s.step.lifetime())
		if s.step.isFree() {
			scaled.Lifetimes[place[index]].FreeSequence = uint32(sequence)
			continue
		}
		place[index] = uint32(len(scaled.Lifetimes))
		own := *l
		first := s.copy * used
		width := min(used, cpus-first)
		own.AllocCPU, own.FreeCPU = uint16(first+ranks[l.AllocCPU]%width), uint16(first+ranks[l.FreeCPU]%width)
		own.AllocNs, own.FreeNs = l.AllocNs+r.delay(s.copy, copies), l.FreeNs+r.delay(s.copy, copies)
		own.AllocSequence = uint32(sequence)
		scaled.Lifetimes = append(scaled.Lifetimes, own)
	}
	return &scaled
}

// copyCount is how many copies of a recording of used CPUs a machine of cpus runs: S3, within the largest size.
func copyCount(cpus, used, lifetimes int) int {
	return min((cpus+used-1)/used, max(1, maxLifetimes/lifetimes))
}

// multiply is count times copies, saturating: a count of losses is text of a file and may be anything.
func multiply(count, copies int) int {
	if count > math.MaxInt/copies {
		return math.MaxInt
	}
	return count * copies
}

// delay is how much later than the first copy the given one of copies starts, ns. A span near the largest number has no
// room for a delay, and no recording of 292 years needs one.
func (r *Recording) delay(copy, copies int) int64 {
	if r.SpanNs > math.MaxInt64/2 {
		return 0
	}
	return int64(float64(r.SpanNs) * float64(copy) / float64(shiftShare*copies))
}

// copyStep is a step of one of the copies.
type copyStep struct {
	atNs int64
	copy int
	step step
}

// copySteps lists the steps of all copies in the order they happen; at equal times the earlier copy is first, and a copy's
// own steps keep their order.
func (r *Recording) copySteps(copies int) []copyStep {
	steps := r.steps()
	all := make([]copyStep, 0, copies*len(steps))
	for i := range copies {
		for _, s := range steps {
			all = append(all, copyStep{r.at(s) + r.delay(i, copies), i, s})
		}
	}
	if copies > 1 {
		slices.SortStableFunc(all, func(a, b copyStep) int { return cmp.Or(cmp.Compare(a.atNs, b.atNs), cmp.Compare(a.copy, b.copy)) })
	}
	return all
}
