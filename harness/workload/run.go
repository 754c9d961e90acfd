package workload

import (
	"errors"
	"fmt"

	"headroom/designs"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/harness/trace"
	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// Outcome is what one run measured.
type Outcome struct {
	Sample   result.Sample
	Realtime error // why real-time priority was refused, nil when it was had
	Skipped  int   // trace: lifetimes of an order no design here serves
	Allocs   int64 // heap objects the process allocated during the measured interval
}

// seat is one CPU's part of a run.
type seat struct {
	cpu      int
	ops      int64
	failed   int64
	started  int64 // ns of the machine's clock, like all times here
	ended    int64
	inside   int64      // paced replay: time inside operations
	late     int64      // paced replay: time by which operations began after their recorded moment
	lingered int64      // when this CPU was last held up on purpose
	casNs    [2]float64 // before and after
	trip     [2]float64
	realtime error
	pinned   error
	running  int // tasks of this CPU that have not ended
}

// run is the state of one measurement.
type run struct {
	spec      Spec
	machine   machine.Machine
	allocator designs.Allocator
	variant   designs.Variant
	seats     []seat
	arrived   *atomic.Uint32 // barrier
	words     []casWord
	court     *measure.Court
	osCPUs    []int
	replay    *replay
	records   *designs.Records // what the workload writes behind each item; nil when it touches none
	warmed    designs.Stats    // slow paths taken before the measured interval
	loop      float64
	allocated [2]int64 // heap objects so far, before and after the measured interval
	itemShift uint // memory items are offsets: shifted down, they fit a slot's 32 bits
}

type casWord struct {
	word atomic.Uint64
	_    [120]byte
}

// Run takes one measurement on a machine made for it. osCPUs are the processors behind a native machine's CPUs, for what only such a machine has: a
// real-time priority, a compare-and-swap and a distance to measure, a pinning to check; nil on a simulated one, whose clock counts steps. recording
// is for the trace workload, nil otherwise.
func Run(m machine.Machine, osCPUs []int, v designs.Variant, s Spec, recording *trace.Recording) (*Outcome, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	depth := 0
	if recording != nil {
		depth = recording.Summary().MaxDepth
	}
	shift := uint(0)
	config := designs.Config{Items: s.Items(depth), Knobs: s.Knobs}
	if s.Workload == Trace && s.Kind == trace.Page.String() {
		config.Bytes = pageBytes
		shift = lineShift
	}
	a, err := v.New(m, config)
	if err != nil {
		return nil, err
	}
	r := &run{spec: s, machine: m, allocator: a, variant: v, seats: make([]seat, s.CPUs), osCPUs: osCPUs, itemShift: shift}
	if err := r.lay(recording, config.Items); err != nil {
		return nil, err
	}
	for cpu := range s.CPUs {
		r.seats[cpu].cpu = cpu
		r.spawn(&r.seats[cpu])
	}
	if err := m.Run(); err != nil {
		return nil, fmt.Errorf("%s on %s: %w", s.Workload, v.FullName(), err)
	}
	if err := a.Check(); err != nil {
		return nil, fmt.Errorf("%s on %s: after the run: %w", s.Workload, v.FullName(), err)
	}
	return r.outcome()
}

// pageBytes is the memory behind an item that stands for a page.
const pageBytes = 4096

// lineShift takes the bits from an offset that are zero for every item of memory: each starts on a cache line.
const lineShift = 6

// lay places the workload's own words: items records, if it touches them.
func (r *run) lay(recording *trace.Recording, items int) error {
	var failures [3]error
	r.arrived, failures[0] = mem.New[atomic.Uint32](r.machine.Memory(), 0)
	r.words, failures[1] = mem.Slice[casWord](r.machine.Memory(), 0, r.spec.CPUs)
	r.court, failures[2] = measure.NewCourt(r.machine)
	if err := errors.Join(failures[:]...); err != nil {
		return err
	}
	if r.spec.Touch > 0 {
		var err error
		switch r.variant.Capabilities.Kind {
		case designs.Page, designs.Object:
			r.records, err = designs.NewRecordsInside(r.machine, r.spec.Touch)
		default:
			r.records, err = designs.NewRecords(r.machine, items, r.spec.Touch)
		}
		if err != nil {
			return err
		}
	}
	if recording != nil {
		var err error
		r.replay, err = newReplay(r.machine, recording, r.spec)
		return err
	}
	return nil
}

func (r *run) spawn(s *seat) {
	body := r.closed
	tasks := 1
	switch r.spec.Workload {
	case TagExhaust:
		body, tasks = r.exhaust, r.spec.Tasks
	case Trace:
		body = r.replayStream
	}
	s.running = tasks
	r.machine.Spawn(nil, machine.Spec{Name: fmt.Sprintf("%s/%d", r.spec.Workload, s.cpu), CPU: s.cpu, Body: func(t *kernel.Task) {
		r.prepare(t, s)
		body(t, s)
		r.finish(t, s)
	}})
	for i := 1; i < tasks; i++ {
		r.machine.Spawn(nil, machine.Spec{Name: fmt.Sprintf("%s/%d.%d", r.spec.Workload, s.cpu, i), CPU: s.cpu, Body: func(t *kernel.Task) {
			body(t, s)
			r.finish(t, s)
		}})
	}
}

// prepare is what the first task of a CPU does before the measured interval.
func (r *run) prepare(t *kernel.Task, s *seat) {
	if r.native() {
		if s.realtime = errTooLong; !r.long() {
			s.realtime = machine.Realtime(true)
		}
	}
	r.warm(t, s)
	if r.native() {
		s.casNs[0] = measure.CAS(t, &r.words[s.cpu].word)
		if s.cpu == 0 {
			r.loop = measure.Loop(t)
		}
		s.trip[0] = r.distance(s)
	}
	r.barrier(1)
	if stats, ok := r.allocator.(designs.StatsReader); ok && s.cpu == 0 {
		r.warmed = stats.Stats() // nobody is inside the allocator between the two barriers
	}
	if s.cpu == 0 {
		r.allocated[0] = heapObjects()
	}
	r.barrier(2)
	s.started = r.now()
	s.lingered = s.started
}

// burstNs is the longest interval measured at real-time priority: it locks everything else out of the processor.
const burstNs = 400_000_000

var errTooLong = errors.New("the measured interval is longer than 0.4 s")

// long reports whether the interval is too long for real-time priority: a replay at the pace of its recording may be.
func (r *run) long() bool {
	ns := float64(r.spec.DurationNs)
	if r.spec.Pace > 0 {
		ns = max(ns, float64(r.replay.spanNs)/r.spec.Pace)
	}
	return ns > burstNs
}

// finish is what the last task of a CPU does after the measured interval.
func (r *run) finish(t *kernel.Task, s *seat) {
	s.running--
	if s.running > 0 {
		return
	}
	s.ended = r.now()
	if s.cpu == 0 {
		r.allocated[1] = heapObjects()
	}
	if !r.native() {
		return
	}
	s.casNs[1] = measure.CAS(t, &r.words[s.cpu].word)
	s.trip[1] = r.distance(s)
	if s.realtime == nil {
		s.realtime = machine.Realtime(false)
	}
	s.pinned = machine.Pinned(r.osCPUs[s.cpu])
}

// native reports whether the machine is one of real processors.
func (r *run) native() bool { return r.osCPUs != nil }

// distance measures the round trip between CPU 0 and CPU 1; the others have no part in it. 0 on one CPU.
func (r *run) distance(s *seat) float64 {
	if r.spec.CPUs < 2 || s.cpu > 1 {
		return 0
	}
	return r.court.Serve(s.cpu == 0)
}

// barrier returns when every CPU's first task has called it for the given time, counted from 1.
func (r *run) barrier(time int) {
	r.arrived.Add(1)
	var wait measure.Patience
	for r.arrived.Load() < uint32(time*r.spec.CPUs) {
		arch.Pause(1)
		wait.Turn()
	}
}

// warm takes the caches, the branch predictors and the per-CPU lists to where a steady run has them. Where tags are scarce some of it fails.
func (r *run) warm(t *kernel.Task, s *seat) {
	r.chunk(t, make([]designs.Item, r.spec.Hold), warmChunks*r.chunkOps())
}

const (
	warmChunks = 10
	// chunkTarget operations lie between two readings of the clock: 4,096 times 5 ns are 20 us, one reading 10 ns.
	chunkTarget = 4096
)

// chunkOps is the number of operations between two looks at the clock, a multiple of the items held.
func (r *run) chunkOps() int {
	if r.spec.Hold > 1 {
		return max(1, chunkTarget/r.spec.Hold) * r.spec.Hold
	}
	return chunkTarget
}

// closed is the body of fastpath and window.
func (r *run) closed(t *kernel.Task, s *seat) {
	held := make([]designs.Item, r.spec.Hold)
	ops := r.chunkOps()
	end := s.started + r.spec.DurationNs
	for now := s.started; now < end; now = r.now() {
		s.failed += int64(r.chunk(t, held, ops))
		s.ops += int64(ops)
		r.linger(s)
	}
}

// linger lengthens what this CPU did since it last lingered by SlowerPct per cent; all tasks of the CPU share that account.
func (r *run) linger(s *seat) {
	if r.spec.SlowerPct == 0 {
		return
	}
	now := r.now()
	until := now + int64(float64(now-s.lingered)*r.spec.SlowerPct/100)
	for now < until {
		arch.Pause(1)
		now = r.now()
	}
	s.lingered = now
}

// chunk runs ops operations and returns how many allocations failed.
func (r *run) chunk(t *kernel.Task, held []designs.Item, ops int) int {
	loops := r.variant.Loops
	if r.spec.Dispatch || loops == nil {
		loops = &dispatchLoops
	}
	if r.spec.Workload == Window {
		return loops.Window(r.allocator, t, kernel.NoWait, held, ops, r.records)
	}
	return loops.Pair(r.allocator, t, kernel.NoWait, ops, r.records)
}

// now is the machine's clock, in ns.
func (r *run) now() int64 { return r.machine.Now(nil) }

// exhaust is the body of each task of tag-exhaust: an item that may have to be waited for, held while the CPU's other tasks run.
func (r *run) exhaust(t *kernel.Task, s *seat) {
	looks := 16 // operations between two readings of the clock: 10 ns beside 16 times 100
	if r.spec.Ratio < float64(r.spec.Tasks) {
		looks = 1 // where tags are waited for, an operation takes microseconds
	}
	end := s.started + r.spec.DurationNs
	for {
		if r.now() >= end {
			return
		}
		for range looks {
			it, err := r.allocator.Alloc(t, kernel.NoIO)
			if err != nil {
				s.failed++
				continue
			}
			if r.records != nil {
				r.records.Touch(it)
			}
			t.Resched()
			r.allocator.Free(t, it)
			s.ops++
		}
		r.linger(s)
	}
}
