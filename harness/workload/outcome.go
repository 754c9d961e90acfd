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

// Counters of a sample: counts over the measured interval, or what the name's unit says.
const (
	CounterFailed         = "failed"             // allocations that were refused
	CounterWaits          = "waits"              // times a task was put to sleep
	CounterLocks          = "locks"              // shared locks taken
	CounterSteals         = "steals"             // times another CPU's items were taken
	CounterRefills        = "refills"            // times a CPU's list was filled
	CounterSpills         = "spills"             // times a CPU's list gave items away
	CounterBytes          = "bytes-per-item"     // machine memory that making the allocator took, over the items it, or the memory below it, has room for
	CounterLate           = "late-ns-mean"       // open loop: by how much operations began after their time
	CounterLateMost       = "late-ns-max"        // the same, the worst
	CounterHandover       = "handover-ns"        // cross-cpu: the hand-over of a number alone, on both CPUs together
	CounterFirstAlloc     = "first-alloc-ns"     // start-storm, hotplug: a CPU's first allocation from a fresh allocator, or after it came back, the mean
	CounterFirstWindow    = "first-window-ns"    // phase-shift: an operation of the first window after the load came to a CPU
	CounterStranded       = "stranded"           // hotplug: items that only CPUDead brought back; phase-shift: those kept by quiet CPUs, out of reach
	CounterUnreached      = "unreached"          // hotplug: items that could not be had even then
	CounterCPUDead        = "cpu-dead-ns"        // hotplug: the design's CPUDead, the mean of the outages but the last
	CounterCPUDeadMost    = "cpu-dead-ns-max"    // the same, the longest
	CounterPreemptions    = "preemptions"        // preempted-holder: times a CPU's thread lost its processor, or gave it up while it waited
	CounterAwayMost       = "away-ns-max"        // preempted-holder: the longest a CPU was off its processor in one chunk, with what it held
	CounterBusyMost       = "busy-ns-max"        // preempted-holder: the most processor time that one chunk took
	CounterPairs          = "shared-pairs"       // false-share: pairs of items of different CPUs on one line, the mean of the rounds
	CounterLines          = "shared-lines"       // the same: lines with items of different CPUs
	CounterInFlight       = "in-flight-max"      // bio-inflight: the most requests that a CPU's device had at once; swap-squeeze: the sum over the CPUs
	CounterRecovery       = "recovery-ns"        // exhaust-recover: from the release to the last task served, the mean of the cycles
	CounterRecoveryMost   = "recovery-ns-max"    // the same, the longest
	CounterBefore         = "before-ops-per-sec" // exhaust-recover: throughput before the drought
	CounterAfter          = "after-ops-per-sec"  // the same, after it
	CounterPolls          = "polls"              // exhaust-recover, blkcg-first-io: tries in vain where nobody waits
	CounterEarly          = "early"              // exhaust-recover: tasks that got an item although one task had taken all it could get
	CounterDeadlocks      = "deadlocks"          // stacked-pools: times when every task slept for an item that another of them held
	CounterFreeLeast      = "free-pages-least"   // swap-squeeze: the fewest free pages of the memory
	CounterReserve        = "reserve-refused"    // swap-squeeze: pages that completions asked of the reserve and did not get
	CounterUnsaved        = "unsaved"            // swap-squeeze: writes that could not begin
	CounterBroken         = "broken-promises"    // reserve-cancel: draws that failed; the promise said none would
	CounterOthers         = "others-refused"     // reserve-cancel: allocations without a promise that were refused
	CounterListed         = "listed"             // rcu-flood: objects for whose pointer there was no page
	CounterBacklog        = "backlog-max"        // rcu-flood: the most objects that waited to be freed
	CounterThrottled      = "throttled"          // rcu-flood: turns that callers waited since too many objects did
	CounterResizes        = "resizes"            // resize-waiters: changes of the size
	CounterResizesRefused = "resizes-refused"    // resize-waiters: those that ended with an error
	CounterResize         = "resize-ns"          // resize-waiters: time inside a change, the mean
	CounterResizeMost     = "resize-ns-max"      // the same, the longest
	CounterFallbacks      = "fallbacks"          // blkcg-first-io: I/Os that were accounted to the parent group
	CounterFirstIO        = "first-io-ns"        // blkcg-first-io: what a group's first I/O was held up, the mean
	CounterFirstIOMost    = "first-io-ns-max"    // the same, the longest
)

// outcome adds up what the CPUs measured.
func (r *run) outcome() (*Outcome, error) {
	o := &Outcome{Allocs: r.allocated[1] - r.allocated[0], Sample: result.Sample{Counters: map[string]float64{}, LoopNs: r.loop, RTTNs: r.seats[0].trip}}
	s := &o.Sample
	var busy, failed float64
	var late lateness
	for i := range r.seats {
		seat := &r.seats[i]
		if seat.pinned != nil {
			return nil, seat.pinned
		}
		if seat.realtime != nil {
			o.Realtime = seat.realtime
		}
		s.Ops += seat.ops
		if !r.load.uneven {
			s.PerCPU = append(s.PerCPU, seat.ops)
		}
		s.CASNs += (seat.casNs[0] + seat.casNs[1]) / 2 / float64(len(r.seats))
		if before, after := seat.casNs[0], seat.casNs[1]; math.Abs(after/before-1) > casDrift {
			s.Dropped = fmt.Sprintf("the compare-and-swap of CPU %d took %.2f ns before and %.2f ns after: its clock changed, or something ran beside", i, before, after)
		}
		failed += float64(seat.failed)
		late = lateness{late.sum + seat.late.sum, max(late.most, seat.late.most), late.count + seat.late.count}
		if r.load.inside || r.spec.Pace > 0 {
			busy += float64(seat.inside)
		} else {
			busy += float64(seat.ended - seat.started)
		}
	}
	if s.Ops == 0 {
		return nil, fmt.Errorf("%s on %s: no operation was completed in %d ns", r.spec.Workload, r.variant.FullName(), r.spec.DurationNs)
	}
	s.NsPerOp = busy / float64(s.Ops)
	r.rates(s)
	if s.Dropped == "" {
		s.Dropped = r.overran(s)
	}
	s.Counters[CounterFailed] = failed
	if late.count > 0 {
		s.Counters[CounterLate], s.Counters[CounterLateMost] = float64(late.sum)/float64(late.count), float64(late.most)
	}
	if stats, ok := r.allocator.(designs.StatsReader); ok {
		addSlow(s, stats.Stats(), r.warmed)
	}
	if !r.variant.Capabilities.NativeOnly { // the others keep their words in the heap of Go
		s.Counters[CounterBytes] = float64(r.laid) / float64(max(r.config.Items, r.config.Room))
	}
	if r.load.figures != nil {
		if err := r.load.figures(r, s); err != nil {
			return nil, err
		}
	}
	if err := r.distributions(s); err != nil {
		return nil, err
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

// rates gives the interval's length, from the first CPU's start to the last one's end, and the throughput over all of it.
func (r *run) rates(s *result.Sample) {
	first, last := r.seats[0].started, r.seats[0].ended
	for i := range r.seats {
		seat := &r.seats[i]
		first, last = min(first, seat.started), max(last, seat.ended)
	}
	s.WallNs = float64(last - first)
	s.OpsPerSec = float64(s.Ops) / (s.WallNs / 1e9)
}

// longest is how many times its length a sample of a closed workload may take.
const longest = 1.5

// overran says why a sample does not count whose last CPU ended long after its time was up, "" for one that does: then something held a CPU up, and
// the others ran alone. A CPU ends with the chunk in which its time ran out, so as much is allowed for. Workloads that end by their own measure, not
// the clock's, cannot overrun.
func (r *run) overran(s *result.Sample) string {
	if !r.native() || !r.load.clocked {
		return ""
	}
	chunk := 0
	for i := range r.seats {
		chunk = max(chunk, r.seats[i].chunk)
	}
	planned := float64(r.spec.DurationNs)
	if s.WallNs <= longest*planned+float64(chunk)*s.NsPerOp {
		return ""
	}
	return fmt.Sprintf("the sample of %.3g ms took %.3g: a CPU was held up, and the others ran without it", planned/1e6, s.WallNs/1e6)
}

// addSlow counts the slow paths taken since before.
func addSlow(s *result.Sample, now, before designs.Stats) {
	s.Counters[CounterWaits] += float64(now.Waits - before.Waits)
	s.Counters[CounterLocks] += float64(now.Locks - before.Locks)
	s.Counters[CounterSteals] += float64(now.Steals - before.Steals)
	s.Counters[CounterRefills] += float64(now.Refills - before.Refills)
	s.Counters[CounterSpills] += float64(now.Spills - before.Spills)
}

// clearSlow takes the counts of slow paths back.
func clearSlow(s *result.Sample) {
	for _, key := range []string{CounterWaits, CounterLocks, CounterSteals, CounterRefills, CounterSpills} {
		s.Counters[key] = 0
	}
}
