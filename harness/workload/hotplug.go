package workload

import (
	"fmt"

	"headroom/designs"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// outages is what hotplug needs. CPU 0 stays online and is the operator; the others go offline in turn. An outage is
//
//	offline   the CPU's task leaves it between two chunks and works on, on CPU 0; when it has left, the design's CPUDead runs there
//	back      the task ends there and goes on with the same items on its own CPU, which is online again
//
// Before the last outage all stand still, and what can be had is counted before CPUDead and after it.
//
// What has no atomic word is touched on CPU 0 alone, or handed over with the task.
type outages struct {
	word       *outageWord
	held       [][]designs.Item // by CPU: of its task, wherever that is
	calledBack []bool           // by CPU: its task shall end on CPU 0
	ended      int              // tasks that have, so far
	buried     int              // CPUs whose death has been dealt with, so far
	reach      reach
	err        error
	deadNs     int64 // in CPUDead, over the outages but the last
	deadMostNs int64
	firstNs    []int64 // by CPU: its first allocations after it came back
	stranded   int     // items that came back by CPUDead
	unreached  int     // items that could not be had after it
}

type outageWord struct {
	over     atomic.Uint32 // 1: the sample ends
	halt     atomic.Uint32 // 1: stand still
	_        [120]byte
	standing atomic.Uint32 // tasks that do
	_        [124]byte
}

const (
	// hotplugOutages in a sample: of 20 ms each leaves 2.2 ms offline and as much before it.
	hotplugOutages = 4
	// tasksPerOutage: the one that works on elsewhere, the one that calls CPUDead, and the one that goes on when the CPU is back.
	tasksPerOutage = 3
)

func (r *run) layOutages() error {
	n := r.spec.CPUs
	o := &outages{calledBack: make([]bool, n), firstNs: make([]int64, n), reach: r.newReach()}
	for range n {
		o.held = append(o.held, make([]designs.Item, r.spec.Hold))
	}
	r.outages = o
	var err error
	o.word, err = mem.New[outageWord](r.machine.Memory(), 0)
	return err
}

func (r *run) warmOutages(t *kernel.Task, s *seat) {
	if s.cpu == 0 {
		r.outages.reach.begin(r, t)
	}
	r.barrier(s)
	r.warmUp(t, s)
}

// hotplug is the body of hotplug's tasks.
func (r *run) hotplug(t *kernel.Task, s *seat, _ int) {
	switch {
	case t.CPU() != s.cpu:
		r.workAway(t, s)
	case s.cpu == 0:
		r.operate(t, s)
	default:
		r.workAtHome(t, s)
	}
}

// workAtHome works until the sample ends or the CPU goes offline.
func (r *run) workAtHome(t *kernel.Task, s *seat) {
	o := r.outages
	for o.word.over.Load() == 0 {
		if r.machine.Leaving(t) {
			t.Leave()
			return
		}
		if o.word.halt.Load() != 0 {
			r.standStill(t)
			continue
		}
		r.plugged(t, s)
	}
}

// standStill waits for the end of the halt, or of the CPU.
func (r *run) standStill(t *kernel.Task) {
	o := r.outages
	o.word.standing.Add(1)
	var wait measure.Patience
	for o.word.halt.Load() != 0 && !r.machine.Leaving(t) {
		arch.Pause(1)
		wait.Turn()
	}
}

// workAway works on CPU 0, turn about with that CPU's own task, until it is called back.
func (r *run) workAway(t *kernel.Task, s *seat) {
	o := r.outages
	for !o.calledBack[s.cpu] {
		if o.word.halt.Load() == 0 {
			r.plugged(t, s)
		}
		t.Resched()
	}
	o.calledBack[s.cpu] = false
	o.ended++
}

// comeBack is the body of the task that goes on when its CPU is online again.
func (r *run) comeBack(t *kernel.Task, s *seat) {
	began := r.now()
	it, err := r.allocator.Alloc(t, kernel.NoWait)
	r.outages.firstNs[s.cpu] += r.now() - began
	if err != nil {
		s.failed++
	} else {
		r.allocator.Free(t, it)
	}
	r.hotplug(t, s, 0)
	if !t.Left() && t.CPU() == s.cpu {
		r.finish(t, s)
	}
}

// plugged works for one chunk.
func (r *run) plugged(t *kernel.Task, s *seat) {
	began := r.now()
	failed := r.chunk(t, r.outages.held[s.cpu], s.chunk, nil)
	s.failed += int64(failed)
	s.ops += int64(s.chunk - failed)
	s.inside += r.lengthen(s, began, r.now()) - began
}

// labour is the operator's own work, for so many ns; tasks that are away have their turns.
func (r *run) labour(t *kernel.Task, s *seat, ns int64) {
	for end := r.now() + ns; r.now() < end; {
		r.plugged(t, s)
		t.Resched()
	}
}

// until lets the other tasks of CPU 0 run until the condition holds.
func (r *run) until(t *kernel.Task, condition func() bool) {
	var wait measure.Patience
	for !condition() {
		r.outages.word.over.Load() // a step: the simulated clock counts accesses
		t.Resched()
		wait.Round()
	}
}

// operate takes one CPU after the other offline and back.
func (r *run) operate(t *kernel.Task, s *seat) {
	o := r.outages
	slice := r.spec.DurationNs / (2*hotplugOutages + 1)
	for outage := range hotplugOutages {
		r.labour(t, s, slice)
		cpu := 1 + outage%(r.spec.CPUs-1)
		counted := outage == hotplugOutages-1
		if counted {
			o.word.halt.Store(1)
			r.until(t, func() bool { return o.word.standing.Load() == uint32(r.spec.CPUs-1) })
		}
		if o.err = r.machine.Unplug(t, cpu, func(t *kernel.Task) { r.bury(t, cpu, counted) }); o.err != nil {
			break
		}
		if counted {
			r.until(t, func() bool { return o.buried > outage })
			o.word.halt.Store(0)
		}
		r.labour(t, s, slice)
		o.calledBack[cpu] = true
		r.until(t, func() bool { return o.buried > outage && o.ended > outage })
		r.until(t, func() bool { return r.machine.Plug(t, cpu) == nil })
		back := &r.seats[cpu]
		r.machine.Spawn(t, machine.Spec{Name: fmt.Sprintf("%s/%d", Hotplug, cpu), CPU: cpu, Body: func(t *kernel.Task) { r.comeBack(t, back) }})
	}
	r.labour(t, s, slice)
	o.word.halt.Store(0)
	o.word.over.Store(1)
}

// bury is run on CPU 0 when another is dead.
func (r *run) bury(t *kernel.Task, cpu int, counted bool) {
	o := r.outages
	before := 0
	if counted {
		before = o.reach.count(r, t)
	}
	if dead, ok := r.allocator.(designs.CPUDead); ok {
		began := r.now()
		dead.CPUDead(t, cpu)
		if took := r.now() - began; !counted {
			o.deadNs += took
			o.deadMostNs = max(o.deadMostNs, took)
		}
	}
	if counted {
		after := o.reach.count(r, t)
		o.stranded, o.unreached = after-before, o.reach.whole-after
	}
	o.buried++
}

func (r *run) checkOutages() error { return r.outages.err }

func (r *run) outageFigures(s *result.Sample) error {
	o := r.outages
	first := int64(0)
	for _, ns := range o.firstNs {
		first += ns
	}
	s.Counters[CounterFirstAlloc] = float64(first) / hotplugOutages
	if _, ok := r.allocator.(designs.CPUDead); ok {
		s.Counters[CounterCPUDead], s.Counters[CounterCPUDeadMost] = float64(o.deadNs)/(hotplugOutages-1), float64(o.deadMostNs)
	}
	if o.reach.whole != unlimited {
		s.Counters[CounterStranded], s.Counters[CounterUnreached] = float64(o.stranded), float64(o.unreached)
	}
	return nil
}
