package workload

import (
	"fmt"
	"math"
	"runtime/metrics"

	"headroom/designs"
	"headroom/harness/result"
)

// casDrift is how far the compare-and-swap before and after an interval may differ: a clock that changed makes more, noise less.
const casDrift = 0.15

// outcome adds up what the CPUs measured.
func (r *run) outcome() (*Outcome, error) {
	o := &Outcome{Allocs: r.allocated[1] - r.allocated[0], Sample: result.Sample{Counters: map[string]float64{}, LoopNs: r.loop, RTTNs: r.seats[0].trip}}
	s := &o.Sample
	first, last := r.seats[0].started, r.seats[0].ended
	var busy, late, failed float64
	for i := range r.seats {
		seat := &r.seats[i]
		if seat.pinned != nil {
			return nil, seat.pinned
		}
		if seat.realtime != nil {
			o.Realtime = seat.realtime
		}
		s.Ops += seat.ops
		s.PerCPU = append(s.PerCPU, seat.ops)
		s.CASNs += (seat.casNs[0] + seat.casNs[1]) / 2 / float64(len(r.seats))
		if before, after := seat.casNs[0], seat.casNs[1]; math.Abs(after/before-1) > casDrift {
			s.Dropped = fmt.Sprintf("the compare-and-swap of CPU %d took %.2f ns before and %.2f ns after: its clock changed, or something ran beside", i, before, after)
		}
		failed += float64(seat.failed)
		if r.spec.Pace > 0 {
			busy += float64(seat.inside)
			late += float64(seat.late)
		} else {
			busy += float64(seat.ended - seat.started)
		}
		first, last = min(first, seat.started), max(last, seat.ended)
	}
	if s.Ops == 0 {
		return nil, fmt.Errorf("%s on %s: no operation was completed in %d ns", r.spec.Workload, r.variant.FullName(), r.spec.DurationNs)
	}
	s.WallNs = float64(last - first)
	s.NsPerOp = busy / float64(s.Ops)
	for i := range r.seats {
		seat := &r.seats[i]
		s.OpsPerSec += float64(seat.ops) / (float64(seat.ended-seat.started) / 1e9)
	}
	s.Counters["failed"] = failed
	if r.spec.Pace > 0 {
		s.Counters["late-ns-mean"] = late / float64(2*s.Ops)
	}
	if stats, ok := r.allocator.(designs.StatsReader); ok {
		now, before := stats.Stats(), r.warmed
		s.Counters["waits"], s.Counters["steals"] = float64(now.Waits-before.Waits), float64(now.Steals-before.Steals)
		s.Counters["refills"], s.Counters["spills"] = float64(now.Refills-before.Refills), float64(now.Spills-before.Spills)
	}
	if r.replay != nil {
		o.Skipped = r.replay.skipped
	}
	return o, nil
}

// heapObjects is how many objects the process has allocated on its heap so far, tiny ones included.
func heapObjects() int64 {
	list := [2]metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/tiny/allocs:objects"}}
	metrics.Read(list[:])
	return int64(list[0].Value.Uint64() + list[1].Value.Uint64())
}
