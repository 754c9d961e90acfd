package workload

import (
	"fmt"

	"headroom/designs"
	"headroom/harness/result"
	"headroom/kernel/machine"
)

// outcome adds up what the CPUs measured.
func (r *run) outcome() (*Outcome, error) {
	o := &Outcome{Sample: result.Sample{Counters: map[string]float64{}, LoopNs: r.loop, RTTNs: r.seats[0].trip}}
	s := &o.Sample
	first, last := r.seats[0].started, r.seats[0].ended
	var busy, failed float64
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
		s.CASNs += seat.casNs / float64(len(r.seats))
		failed += float64(seat.failed)
		busy += float64(seat.ended - seat.started - seat.waited)
		first, last = min(first, seat.started), max(last, seat.ended)
	}
	if s.Ops == 0 {
		return nil, fmt.Errorf("%s on %s: no operation was completed in %d ns", r.spec.Workload, r.variant.FullName(), r.spec.DurationNs)
	}
	s.WallNs = float64(last-first) / machine.TicksPerNs()
	s.NsPerOp = busy / machine.TicksPerNs() / float64(s.Ops)
	for i := range r.seats {
		seat := &r.seats[i]
		s.OpsPerSec += float64(seat.ops) / (float64(seat.ended-seat.started) / machine.TicksPerNs() / 1e9)
	}
	s.Counters["failed"] = failed
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
