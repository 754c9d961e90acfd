package workload

import (
	"headroom/designs"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/latency"
	"headroom/kernel/mem"
)

// drought is what exhaust-recover needs. The first task of CPU 0 leads through the cycles, each of which is
//
//	before  all tasks allocate and free, and nobody runs out
//	halt    they stop
//	dry     the leader takes every item there is; then each task waits for one, or asks again and again where nobody can wait
//	        the leader frees all items; each task that is served frees its item and reports
//	after   as before
type drought struct {
	word    *droughtWord
	held    []designs.Item // by the leader
	gfp     kernel.GFP
	waits   bool
	release int64                // when the leader began to free all; written before phase says so to anybody who reads it
	dryNs   int64                // sum of the recoveries
	mostNs  int64                // the longest
	steady  [2]float64           // ns of the phases before and after
	last    []int64              // by CPU: when its last task was served in this cycle
	done    [][2]int64           // by CPU: operations in the phases before and after
	served  []*latency.Histogram // by CPU: from the release until a task was served; nil when single operations are not timed
	early   []int64              // by CPU: tasks that got an item although the leader had taken all it could get
	polls   []int64              // by CPU: tries in vain during the drought
}

type droughtWord struct {
	phase   atomic.Uint32 // cycle x phases + phase
	_       [124]byte
	stopped atomic.Uint32 // tasks that have come to a halt, over all cycles; likewise the others
	waiting atomic.Uint32
	served  atomic.Uint32
	_       [116]byte
}

// The phases of a cycle; the word counts on through all of them, so that each comes once.
const (
	phaseStart = iota
	phaseBefore
	phaseHalt
	phaseDry
	phaseReleased
	phaseAfter
	phases
)

const (
	// droughtCycles in a sample: of 20 ms that leaves 2.5 ms for each phase before and after, a thousand operations or more.
	droughtCycles = 4
	// mostHeld times the items an allocator was made for is all that the leader takes: some round up.
	mostHeld = 4
	// droughtSettleNs is left to the tasks to begin waiting after they said so.
	droughtSettleNs = 20_000
)

func (r *run) layDrought() error {
	n := r.spec.CPUs
	d := &drought{gfp: kernel.NoWait, waits: r.variant.Capabilities.MayWait, last: make([]int64, n), done: make([][2]int64, n),
		early: make([]int64, n), polls: make([]int64, n), held: make([]designs.Item, 0, mostHeld*r.config.Items)}
	if d.waits {
		d.gfp = kernel.NoIO
	}
	if r.spec.Latency != "" {
		d.served = newHistograms(n)
	}
	r.drought = d
	var err error
	d.word, err = mem.New[droughtWord](r.machine.Memory(), 0)
	return err
}

// dryOut is the body of exhaust-recover's tasks.
func (r *run) dryOut(t *kernel.Task, s *seat, task int) {
	if s.cpu == 0 && task == 0 {
		r.lead(t)
		return
	}
	for cycle := range uint32(droughtCycles) {
		r.steady(t, s, cycle*phases+phaseBefore, 0)
		r.drought.word.stopped.Add(1)
		r.await(t, cycle*phases+phaseDry)
		r.thirst(t, s)
		r.steady(t, s, cycle*phases+phaseAfter, 1)
	}
}

// tasks is how many tasks run dry.
func (r *run) tasks() uint32 { return uint32(r.spec.Tasks * r.spec.CPUs) }

// lead goes through the cycles.
func (r *run) lead(t *kernel.Task) {
	d := r.drought
	slice := r.spec.DurationNs / (2 * droughtCycles)
	for cycle := range uint32(droughtCycles) {
		r.rain(t, cycle*phases+phaseBefore, slice, 0)
		d.word.phase.Store(cycle*phases + phaseHalt)
		r.everybody(t, &d.word.stopped, cycle)
		for len(d.held) < cap(d.held) {
			it, err := r.allocator.Alloc(t, kernel.NoWait)
			if err != nil {
				break
			}
			d.held = append(d.held, it)
		}
		d.word.phase.Store(cycle*phases + phaseDry)
		r.everybody(t, &d.word.waiting, cycle)
		for until := r.now() + droughtSettleNs; r.now() < until; {
			t.Resched()
			d.word.phase.Load()
		}
		d.release = r.now()
		d.word.phase.Store(cycle*phases + phaseReleased)
		for _, it := range d.held {
			r.allocator.Free(t, it)
		}
		d.held = d.held[:0]
		r.everybody(t, &d.word.served, cycle)
		r.recovered()
		r.rain(t, cycle*phases+phaseAfter, slice, 1)
	}
	d.word.phase.Store(droughtCycles*phases + phaseBefore)
}

// rain lets everybody work for a while.
func (r *run) rain(t *kernel.Task, phase uint32, ns int64, which int) {
	began := r.now()
	r.drought.word.phase.Store(phase)
	for r.now()-began < ns {
		t.Resched()
		r.drought.word.phase.Load()
	}
	r.drought.steady[which] += float64(r.now() - began)
}

// everybody waits until all tasks have raised the count in this cycle.
func (r *run) everybody(t *kernel.Task, count *atomic.Uint32, cycle uint32) {
	var wait measure.Patience
	for count.Load() < (cycle+1)*r.tasks() {
		t.Resched()
		wait.Round()
	}
}

// recovered notes how long the recovery took: until the last task was served.
func (r *run) recovered() {
	d, last := r.drought, r.drought.release
	for _, at := range d.last {
		last = max(last, at)
	}
	d.dryNs += last - d.release
	d.mostNs = max(d.mostNs, last-d.release)
}

// await lets others run until the phase has come.
func (r *run) await(t *kernel.Task, phase uint32) {
	var wait measure.Patience
	for r.drought.word.phase.LoadAcquire() < phase {
		t.Resched()
		wait.Round()
	}
}

// steady allocates and frees while the phase lasts; which is 0 before the drought, 1 after it.
func (r *run) steady(t *kernel.Task, s *seat, phase uint32, which int) {
	d := r.drought
	r.await(t, phase)
	s.lingered = r.now()
	var wait measure.Patience
	for d.word.phase.LoadAcquire() == phase {
		wait.Turn() // for the leader, who ends the phase
		it, err := r.allocator.Alloc(t, d.gfp)
		if err != nil {
			s.failed++
			t.Resched()
			continue
		}
		t.Resched()
		r.allocator.Free(t, it)
		d.done[s.cpu][which]++
		r.linger(s)
	}
}

// thirst gets one item after the release, gives it back, and reports. A task that got its item before it has no part in the recovery.
func (r *run) thirst(t *kernel.Task, s *seat) {
	d := r.drought
	d.word.waiting.Add(1)
	it, err := r.allocator.Alloc(t, d.gfp)
	var wait measure.Patience
	for err != nil {
		d.polls[s.cpu]++
		t.Resched()
		wait.Round()
		it, err = r.allocator.Alloc(t, d.gfp)
	}
	if word := d.word.phase.LoadAcquire(); word%phases < phaseReleased {
		d.early[s.cpu]++
		r.await(t, word/phases*phases+phaseReleased) // and holds on to it, so that the rest still runs dry
	} else {
		s.lingered = max(s.lingered, d.release)
		r.linger(s)
		d.last[s.cpu] = r.now()
		s.ops++
		if d.served != nil {
			r.record(d.served[s.cpu], d.last[s.cpu]-d.release)
		}
	}
	r.allocator.Free(t, it)
	d.word.served.Add(1)
}

// droughtFigures: an operation is a task served, and its time the CPUs' time from the release to the last.
func (r *run) droughtFigures(o *result.Sample) error {
	d := r.drought
	wall := float64(max(d.dryNs, 1))
	o.NsPerOp = wall * float64(r.spec.CPUs) / float64(o.Ops)
	o.OpsPerSec = float64(o.Ops) / (wall / 1e9)
	o.Counters[CounterRecovery], o.Counters[CounterRecoveryMost] = wall/droughtCycles, float64(d.mostNs)
	var done [2]float64
	var polls, early int64
	for cpu := range d.done {
		done[0] += float64(d.done[cpu][0])
		done[1] += float64(d.done[cpu][1])
		polls += d.polls[cpu]
		early += d.early[cpu]
	}
	o.Counters[CounterBefore], o.Counters[CounterAfter] = done[0]/(d.steady[0]/1e9), done[1]/(d.steady[1]/1e9)
	o.Counters[CounterPolls], o.Counters[CounterEarly] = float64(polls), float64(early)
	if d.served == nil {
		return nil
	}
	return r.describe(o, d.served, result.TimedServed)
}
