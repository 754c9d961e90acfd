package workload

import (
	"errors"

	"headroom/designs"
	distribution "headroom/harness/latency"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/latency"
	"headroom/kernel/machine"
)

// timing is what one CPU records of single operations, and of what the machine does to any code that runs there.
type timing struct {
	recorder *latency.Recorder  // by the measuring loops; nil when they have no clock in the operation
	allocs   *latency.Histogram // by timedAlloc; nil when it does not time
	gaps     *latency.Histogram // nil when nothing is timed
	spunNs   float64            // time in which the gaps were seen
}

// errNotTimed: Spec.Latency needs the loops that read the time-stamp counter.
var errNotTimed = errors.New("single operations are timed on native machines only: leave the latency out")

// newHistograms makes a histogram for each CPU. What they hold is touched: no page is missing when a value comes.
func newHistograms(cpus int) []*latency.Histogram {
	list := make([]*latency.Histogram, cpus)
	for i := range list {
		list[i] = &latency.Histogram{}
		list[i].Reset()
	}
	return list
}

// recorderSeed makes the choice of sampled operations repeatable; any value would do.
const recorderSeed = 0x68656164

// beginTiming makes what the CPU needs to time operations, if any are to be, and looks how often the machine holds it up.
func (r *run) beginTiming(s *seat) {
	if r.spec.Latency != "" {
		switch r.spec.Workload {
		case Fastpath, Window:
			s.timing.recorder = latency.NewRecorder(recorderSeed + uint64(s.cpu))
		case TagExhaust:
			s.timing.allocs = newHistograms(1)[0]
		}
	}
	if r.native() && (r.spec.Latency != "" || r.load.timed) {
		s.timing.gaps = newHistograms(1)[0]
		s.timing.spunNs = measure.Gaps(r.gapNs(), s.timing.gaps)
	}
}

// endTiming looks again.
func (r *run) endTiming(s *seat) {
	if s.timing.gaps != nil {
		s.timing.spunNs += measure.Gaps(r.gapNs(), s.timing.gaps)
	}
}

// gapNs is how long each of the two looks takes: long enough to meet a few interruptions, short beside the interval.
func (r *run) gapNs() int64 {
	const most, share = 20_000_000, 4
	return min(max(r.spec.DurationNs/share, leastGapsNs), most)
}

// leastGapsNs is how long a look takes at least. Tests that ask for no floor of theirs look for less.
var leastGapsNs int64 = 5_000_000

// tick is the clock by which single operations are timed: the time-stamp counter natively, the virtual clock on a simulated machine.
func (r *run) tick() uint64 {
	if r.native() {
		return arch.TSC()
	}
	return uint64(r.now())
}

// ticksPerNs is the rate of tick.
func (r *run) ticksPerNs() float64 {
	if r.native() {
		return machine.TicksPerNs()
	}
	return 1
}

// record adds a time in ns to a histogram of ticks.
func (r *run) record(h *latency.Histogram, ns int64) { h.Record(uint64(float64(ns) * r.ticksPerNs())) }

// timedAlloc allocates an item, and records how long that took if the CPU times its allocations.
func (r *run) timedAlloc(t *kernel.Task, s *seat, gfp kernel.GFP) (designs.Item, error) {
	if s.timing.allocs == nil {
		return r.allocator.Alloc(t, gfp)
	}
	began := r.tick()
	it, err := r.allocator.Alloc(t, gfp)
	if err == nil {
		s.timing.allocs.Record(r.tick() - began)
	}
	return it, err
}

// distributions adds what the CPUs recorded to a sample.
func (r *run) distributions(o *result.Sample) error {
	var recorders []*latency.Recorder
	var allocs []*latency.Histogram
	for i := range r.seats {
		t := &r.seats[i].timing
		if t.recorder != nil {
			recorders = append(recorders, t.recorder)
		}
		if t.allocs != nil {
			allocs = append(allocs, t.allocs)
		}
		if t.gaps != nil {
			floor, err := distribution.FloorOf(i, t.spunNs, t.gaps, r.ticksPerNs())
			if err != nil {
				return err
			}
			o.Floors = append(o.Floors, floor)
		}
	}
	if recorders != nil {
		kinds := []latency.Kind{latency.Operation}
		if r.spec.Workload == Window {
			kinds = []latency.Kind{latency.Alloc, latency.Free}
		}
		for _, kind := range kinds {
			l, err := distribution.Of(recorders, kind, r.spec.Latency, r.ticksPerNs())
			if err != nil {
				return err
			}
			o.Latency = append(o.Latency, l)
		}
	}
	if allocs == nil {
		return nil
	}
	return r.describe(o, allocs, result.TimedAlloc)
}

// describe adds the distribution that histograms of all CPUs hold together to a sample.
func (r *run) describe(o *result.Sample, histograms []*latency.Histogram, timed string) error {
	l, err := distribution.OfHistograms(histograms, timed, r.ticksPerNs())
	if err == nil {
		o.Latency = append(o.Latency, l)
	}
	return err
}
