package workload

import (
	"headroom/designs"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/machine"
)

// crowd is what preempted-holder needs. Its CPUs are more than the processors, so the system takes a processor away from one thread for another, at any
// moment: while it holds items, and in the middle of an operation. On a simulated machine any schedule may do that, and nothing of it is counted.
type crowd struct{ cpus []crowdedCPU }

type crowdedCPU struct {
	began, ended machine.ThreadUsage
	awayMostNs   int64 // off the processor, in one chunk
	busyMostNs   int64 // on it, in one chunk
}

func (r *run) layCrowd() error {
	r.crowd = &crowd{cpus: make([]crowdedCPU, r.spec.CPUs)}
	return nil
}

// crowded is the body of preempted-holder. An operation's time is processor time of the CPU's thread: while it is away, another CPU has the processor.
func (r *run) crowded(t *kernel.Task, s *seat, _ int) {
	c := &r.crowd.cpus[s.cpu]
	held := make([]designs.Item, r.spec.Hold)
	end := s.started + r.spec.DurationNs
	c.began = r.usage()
	busy := c.began.ProcessorNs
	for now := s.started; now < end; {
		began := now
		failed := r.chunk(t, held, s.chunk, nil)
		s.failed += int64(failed)
		s.ops += int64(s.chunk - failed)
		now = r.lengthen(s, began, r.now())
		used := r.processorNs() - busy
		busy += used
		c.busyMostNs = max(c.busyMostNs, used)
		c.awayMostNs = max(c.awayMostNs, now-began-used)
	}
	c.ended = r.usage()
	s.inside = c.ended.ProcessorNs - c.began.ProcessorNs
}

// usage is what the CPU's thread has used and lost so far. On a simulated machine a CPU is never away.
func (r *run) usage() machine.ThreadUsage {
	if !r.native() {
		return machine.ThreadUsage{ProcessorNs: r.now()}
	}
	return machine.Usage()
}

func (r *run) processorNs() int64 {
	if !r.native() {
		return r.now()
	}
	return machine.ProcessorNs()
}

func (r *run) crowdFigures(o *result.Sample) error {
	var preemptions, away, busy int64
	for i := range r.crowd.cpus {
		c := &r.crowd.cpus[i]
		preemptions += c.ended.Preemptions - c.began.Preemptions
		away, busy = max(away, c.awayMostNs), max(busy, c.busyMostNs)
	}
	o.Counters[CounterPreemptions] = float64(preemptions)
	o.Counters[CounterAwayMost], o.Counters[CounterBusyMost] = float64(away), float64(busy)
	return nil
}

// undisturbed takes the measures of the machine, for which CPUs that share a processor need it to themselves.
func (r *run) undisturbed(measure func()) {
	if r.spec.Crowd > 1 && machine.Realtime(true) == nil {
		defer machine.Realtime(false)
	}
	measure()
}
