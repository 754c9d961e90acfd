package workload

import (
	"errors"
	"fmt"
	"slices"

	"headroom/designs"
	distribution "headroom/harness/latency"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/harness/trace"
	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/latency"
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
	inside   int64      // time inside operations, where a load counts that
	owed     int64      // ns by which operations are to be lengthened yet
	lingered int64      // when this CPU was last held up on purpose
	chunk    int        // operations between two readings of the clock, where a load works in chunks
	casNs    [2]float64 // before and after
	trip     [2]float64
	realtime error
	pinned   error
	prepared bool   // its first task has prepared it
	running  int    // tasks of this CPU that have not ended
	barriers uint32 // that this CPU has come to
	late     lateness
	timing   timing
}

// lateness is by how much operations with a time of their own began after it.
type lateness struct{ sum, most, count int64 }

func (l *lateness) add(ns int64) {
	l.sum += ns
	l.most = max(l.most, ns)
	l.count++
}

// run is the state of one measurement.
type run struct {
	spec      Spec
	load      load
	machine   machine.Machine
	allocator designs.Allocator
	variant   designs.Variant
	config    designs.Config
	seats     []seat
	arrived   *atomic.Uint32 // barrier
	words     []casWord
	court     *measure.Court
	osCPUs    []int
	records   *designs.Records // what the workload writes behind each item; nil when it touches none
	laid      uintptr          // bytes of machine memory that the allocator was made of
	warmed    designs.Stats    // slow paths taken before the measured interval
	loop      float64
	allocated [2]int64 // heap objects so far, before and after the measured interval

	// One of these, for the workloads that need more.
	replay   *replay
	keepers  []keeper
	ring     *ring
	storm    *storm
	drought  *drought
	flight   *flight
	writers  []irqWriter
	outages  *outages
	shift    *shift
	crowd    *crowd
	sharing  *sharing
	stack    *stack
	squeeze  *squeeze
	promises []promised
	flood    *flood
	resizing *resizing
	first    *firstIO
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
	if s.Latency != "" && osCPUs == nil {
		return nil, fmt.Errorf("%s on %s: %w", s.Workload, v.FullName(), errNotTimed)
	}
	r := &run{spec: s, load: loadOf(s.Workload), machine: m, variant: v, seats: make([]seat, s.CPUs), osCPUs: osCPUs}
	if err := r.lay(recording); err != nil {
		return nil, err
	}
	for cpu := range s.CPUs {
		r.seats[cpu].cpu = cpu
		r.spawn(&r.seats[cpu])
	}
	if err := m.Run(); err != nil {
		return nil, fmt.Errorf("%s on %s: %w", s.Workload, v.FullName(), err)
	}
	err := r.allocator.Check()
	if err == nil && r.load.check != nil {
		err = r.load.check(r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s on %s: after the run: %w", s.Workload, v.FullName(), err)
	}
	return r.outcome()
}

// pageBytes is the memory behind an item that stands for a page.
const pageBytes = 4096

// lineShift takes the bits from an offset that are zero for every item of memory: each starts on a cache line.
const lineShift = 6

// lay makes the allocator and places the workload's own words: items records, if it touches them.
func (r *run) lay(recording *trace.Recording) error {
	depth := 0
	if recording != nil {
		depth = recording.Summary().MaxDepth
	}
	r.config = designs.Config{Items: r.spec.Items(depth), Room: r.spec.situationRoom(), Knobs: r.spec.Knobs}
	switch {
	case r.spec.Workload == Trace && r.spec.Kind == trace.Page.String(), r.spec.Workload == RCUFlood:
		r.config.Bytes = pageBytes
	case r.spec.Workload == FalseShare && inMemory(r.variant):
		r.config.Bytes = r.spec.Bytes
	}
	var err error
	if r.load.ground != nil {
		if err = r.load.ground(r); err != nil {
			return err
		}
	}
	before := r.machine.Memory().Used()
	if r.allocator, err = r.variant.New(r.machine, r.config); err != nil {
		return err
	}
	r.laid = r.machine.Memory().Used() - before
	var failures [3]error
	r.arrived, failures[0] = mem.New[atomic.Uint32](r.machine.Memory(), 0)
	r.words, failures[1] = mem.Slice[casWord](r.machine.Memory(), 0, r.spec.CPUs)
	r.court, failures[2] = measure.NewCourt(r.machine)
	if err := errors.Join(failures[:]...); err != nil {
		return err
	}
	if r.spec.Touch > 0 {
		switch r.variant.Capabilities.Kind {
		case designs.Page, designs.Object:
			r.records, err = designs.NewRecordsInside(r.machine, r.spec.Touch)
		default:
			r.records, err = designs.NewRecords(r.machine, r.config.Items, r.spec.Touch)
		}
		if err != nil {
			return err
		}
	}
	if recording != nil {
		r.replay, err = newReplay(r.machine, recording, r.spec)
		return err
	}
	if r.load.lay != nil {
		return r.load.lay(r)
	}
	return nil
}

func (r *run) spawn(s *seat) {
	s.running = r.spec.tasksOn(s.cpu)
	for i := range s.running {
		name := fmt.Sprintf("%s/%d", r.spec.Workload, s.cpu)
		if i > 0 {
			name = fmt.Sprintf("%s.%d", name, i)
		}
		r.machine.Spawn(nil, machine.Spec{Name: name, CPU: s.cpu, Body: func(t *kernel.Task) {
			if i == 0 && !s.prepared { // a task whose CPU went offline comes here again
				s.prepared = true
				r.prepare(t, s)
			}
			r.load.body(r, t, s, i)
			if !t.Left() && t.CPU() == s.cpu {
				r.finish(t, s)
			}
		}})
	}
}

// prepare is what the first task of a CPU does before the measured interval.
func (r *run) prepare(t *kernel.Task, s *seat) {
	if r.native() {
		s.realtime = r.unfit()
		if s.realtime == nil {
			s.realtime = machine.Realtime(true)
		}
	}
	r.barrier(s) // chunks are sized by what operations cost with all CPUs at work
	r.load.warm(r, t, s)
	if r.native() {
		r.undisturbed(func() {
			s.casNs[0] = measure.CAS(t, &r.words[s.cpu].word)
			if s.cpu == 0 {
				r.loop = measure.Loop(t)
			}
			s.trip[0] = r.distance(s)
		})
	}
	r.beginTiming(s)
	r.barrier(s)
	if stats, ok := r.allocator.(designs.StatsReader); ok && s.cpu == 0 {
		r.warmed = stats.Stats() // nobody is inside the allocator between the two barriers
	}
	if s.cpu == 0 {
		r.allocated[0] = heapObjects()
	}
	s.failed = 0 // of the warm-up
	r.barrier(s)
	s.started = r.now()
	s.lingered = s.started
}

// burstNs is the longest interval measured at real-time priority: it locks everything else out of the processor.
const burstNs = 400_000_000

var (
	errTooLong       = errors.New("the measured interval is longer than 0.4 s")
	errGoScheduler   = errors.New("the design waits in Go's own scheduler, whose other threads would queue behind this one")
	errToBePreempted = errors.New("the workload is about threads that the system preempts")
)

// unfit says why the run may not have real-time priority, nil when it may. A replay at the pace of its recording may take too long for it, and so may
// a queue in front of a slow device. A design on Go's primitives hands its waiters to threads of ordinary priority, which the spinning CPUs
// would lock out: what came out would be the priority's cost, not the design's.
func (r *run) unfit() error {
	ns := float64(r.spec.DurationNs)
	switch {
	case r.spec.Pace > 0:
		ns = max(ns, float64(r.replay.spanNs)/r.spec.Pace)
	case r.spec.Workload == BioInflight:
		ns = r.spec.Flight.lastsNs(r.spec.DurationNs)
	}
	switch {
	case ns > burstNs:
		return errTooLong
	case r.variant.Capabilities.NativeOnly && r.spec.CPUs > 1:
		return errGoScheduler
	case r.spec.Workload == Preempted:
		return errToBePreempted
	}
	return nil
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
	if r.load.after != nil {
		r.load.after(r, t, s)
	}
	if !r.native() {
		return
	}
	r.endTiming(s)
	r.undisturbed(func() {
		s.casNs[1] = measure.CAS(t, &r.words[s.cpu].word)
		s.trip[1] = r.distance(s)
	})
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

// barrier returns when every CPU has come to it as often as this one.
func (r *run) barrier(s *seat) {
	s.barriers++
	r.arrived.Add(1)
	var wait measure.Patience
	for r.arrived.Load() < s.barriers*uint32(r.spec.CPUs) {
		if r.spec.Crowd > 1 {
			arch.Yield() // to those who share the processor: they may have to come here first
			continue
		}
		arch.Pause(1)
		wait.Turn()
	}
}

// warm takes the caches, the branch predictors and the per-CPU lists to where a steady run has them. Where tags are scarce some of it fails.
func (r *run) warm(t *kernel.Task, s *seat) {
	r.chunk(t, make([]designs.Item, r.spec.Hold), warmChunks*roundTo(mostChunk, r.unit()), nil)
}

const (
	warmChunks = 10
	// chunkNs is how long the operations between two readings of the clock take together, about: 3,000 times the reading, and little beside a sample
	// of milliseconds, in whose last chunk a CPU may be alone. They are leastChunk at least, beside which a reading is 0.2 ns, and mostChunk at most.
	chunkNs    = 30_000
	leastChunk = 64
	mostChunk  = 4096
)

// unit is what a chunk's operations are a multiple of: the loops that time them do so in blocks, and a window is filled and emptied whole.
func (r *run) unit() int {
	if r.spec.Hold > 1 {
		return r.spec.Hold
	}
	return latency.BlockOps
}

// roundTo is the multiple of unit next below ops, at least unit.
func roundTo(ops, unit int) int { return max(1, ops/unit) * unit }

// warmUp warms up, and sizes the chunks.
func (r *run) warmUp(t *kernel.Task, s *seat) {
	held := make([]designs.Item, r.spec.Hold)
	s.chunk = r.sized(r.unit(), func(ops int) { r.chunk(t, held, ops, nil) })
}

// sized runs warmChunks of the largest chunks and returns how many operations take about chunkNs, a multiple of unit: by the median of those chunks,
// so that neither an interruption counts nor what a CPU does before and after the others.
func (r *run) sized(unit int, work func(ops int)) int {
	largest := roundTo(mostChunk, unit)
	took := make([]int64, warmChunks)
	for i := range took {
		began := r.now()
		work(largest)
		took[i] = max(1, r.now()-began)
	}
	slices.Sort(took)
	ops := chunkNs * int64(largest) / took[warmChunks/2]
	return roundTo(int(min(max(ops, leastChunk), mostChunk)), unit)
}

// closed is the body of fastpath and window.
func (r *run) closed(t *kernel.Task, s *seat, _ int) {
	held := make([]designs.Item, r.spec.Hold)
	ops := s.chunk
	end := s.started + r.spec.DurationNs
	for now := s.started; now < end; now = r.now() {
		s.failed += int64(r.chunk(t, held, ops, s.timing.recorder))
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
	s.lingered = r.waitUntil(now + int64(float64(now-s.lingered)*r.spec.SlowerPct/100))
}

// lengthen lengthens one operation, from began to now, by SlowerPct per cent, and returns when it ended. What is too little to wait for is owed, and
// added to a later operation.
func (r *run) lengthen(s *seat, began, now int64) int64 {
	const payable = 500 // ns: a wait is exact to some tens
	s.owed += int64(float64(now-began) * r.spec.SlowerPct / 100)
	if s.owed < payable {
		return now
	}
	ended := r.waitUntil(now + s.owed)
	s.owed -= ended - now
	return ended
}

// waitUntil spins until the given time and returns when that was. Each look reads a word that nobody writes by now: the simulated clock counts
// accesses.
func (r *run) waitUntil(due int64) int64 {
	for {
		now := r.now()
		if now >= due {
			return now
		}
		arch.Pause(1)
		r.arrived.Load()
	}
}

// chunk runs ops operations and returns how many allocations failed; timed ones are recorded by recorder, if there is one.
func (r *run) chunk(t *kernel.Task, held []designs.Item, ops int, recorder *latency.Recorder) int {
	loops := r.variant.Loops
	if r.spec.Dispatch || loops == nil {
		loops = distribution.Interface()
	}
	if recorder == nil {
		if r.windows() {
			return loops.Window(r.allocator, t, kernel.NoWait, held, ops, r.records)
		}
		return loops.Pair(r.allocator, t, kernel.NoWait, ops, r.records)
	}
	if loops.Every.Pair == nil {
		loops = distribution.Interface() // loops written by hand may have none that time
	}
	timed := &loops.Every
	if r.spec.Latency == result.Sampled {
		timed = &loops.Sampled
	}
	if r.windows() {
		return timed.Window(r.allocator, t, kernel.NoWait, held, ops, r.records, recorder)
	}
	return timed.Pair(r.allocator, t, kernel.NoWait, ops, r.records, recorder)
}

// windows reports whether chunks are made of windows, not of pairs.
func (r *run) windows() bool {
	switch r.spec.Workload {
	case Window, Hotplug, PhaseShift, Preempted:
		return true
	}
	return false
}

// now is the machine's clock, in ns.
func (r *run) now() int64 { return r.machine.Now(nil) }
