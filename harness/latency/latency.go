// Package latency evaluates what was recorded of single operations: it puts together what samples and blocks show (weigh.go), keeps distributions in
// the HdrHistogram form (stored.go), and says which percentiles are the machine's and not the operation's (floor.go).
//
// Durations are in ticks of the time-stamp counter until they are stored, in ns after that.
package latency

import (
	"headroom/harness/result"
	"headroom/kernel/latency"
)

// Of is the stored distribution of what recorders, one for each CPU, hold of a kind. method is result.EveryOperation or result.Sampled, as the loops
// were; ticksPerNs is the rate of the clock they read.
func Of(recorders []*latency.Recorder, kind latency.Kind, method string, ticksPerNs float64) (result.Latency, error) {
	s := newScale(ticksPerNs)
	for _, r := range recorders {
		// Each CPU by itself: what is a long block on one may be a usual one on another.
		s.add(weigh(r.Series(kind)))
	}
	return s.stored(timedNames[kind], method)
}

// timedNames are the stored names of the recorders' kinds.
var timedNames = [latency.Kinds]string{
	latency.Operation: result.TimedOperation,
	latency.Alloc:     result.TimedAlloc,
	latency.Free:      result.TimedFree,
}

// OfHistograms is the stored distribution of operations that were all recorded, into histograms of ticks, one for each CPU: those of an open loop.
func OfHistograms(histograms []*latency.Histogram, timed string, ticksPerNs float64) (result.Latency, error) {
	s := newScale(ticksPerNs)
	for _, h := range histograms {
		s.add(all(h))
	}
	return s.stored(timed, result.EveryOperation)
}

// FloorOf is the stored form of the turns that measure.Gaps recorded on a CPU in spunNs.
func FloorOf(cpu int, spunNs float64, turns *latency.Histogram, ticksPerNs float64) (result.Floor, error) {
	s := newScale(ticksPerNs)
	s.add(all(turns))
	text, err := s.text()
	return result.Floor{CPU: cpu, SpunNs: spunNs, Histogram: text}, err
}
