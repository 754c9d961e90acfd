package fuzz

import (
	"errors"
	"fmt"
	"math/bits"

	"headroom/designs"
	"headroom/fuzz/lockdep"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/sim"
)

// ErrNativeOnly: the design uses Go's own primitives, which the simulator cannot see.
var ErrNativeOnly = errors.New("uses Go's own primitives, which the simulator cannot see: explore designs built on kernel words")

// runner runs one program again and again, under one schedule after another.
type runner struct {
	program   Program
	variant   designs.Variant
	machine   *sim.Machine
	allocator designs.Allocator
	ledger    ledger
	tasks     []taskState
	names     []string // of the tasks
	drainSpec machine.Spec
	again     func() bool  // ended, made once: a method value is an allocation
	onward    func() bool  // prepares the next execution, if there is one; nil for no next
	draining  bool         // the program is over, and the drain runs
	verdict   *sim.Failure // of the check at the end of the program
	steps     int          // of the program's own run, without the drain behind it
	pruned    int          // executions that the strategy abandoned
	bare      bool
	history   history
	locks     *lockdep.Graph // nil where it is left out
	special   special
}

// taskState is the harness's side of one task; it is set back at the start of each run.
type taskState struct {
	pc      int
	now     Op // the operation that runs
	held    []designs.Item
	waiting bool // inside an Alloc that may wait
	works   []completion
	raised  int
}

// completion is an interrupt of a task's own: it frees an item, or tries to get one.
type completion struct {
	machine.Work
	item designs.Item
	try  bool
}

// runnerOptions are the ways a runner can be made.
type runnerOptions struct {
	bare    bool // leave out the checks that cost time: data races
	lockdep bool // run beside the lock checker
	linear  int  // look at the history of one execution in so many; 0 for none
	hub     bool // switch coroutines as package iter documents it; see internal/coro
}

// newRunner makes the machine and the allocator of a program of variant v.
func newRunner(v designs.Variant, p Program, o runnerOptions) (*runner, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if v.Capabilities.NativeOnly {
		return nil, fmt.Errorf("%s %w", v.FullName(), ErrNativeOnly)
	}
	m, err := sim.New(p.options(v, o))
	if err != nil {
		return nil, err
	}
	r := &runner{program: p, variant: v, machine: m, bare: o.bare, history: history{every: o.linear}}
	if r.allocator, err = v.New(m, p.Config); err != nil {
		m.Close()
		return nil, err
	}
	r.ledger = newLedger(m, v, p.Config)
	if v.Capabilities.Memory {
		r.ledger.memory, _ = r.allocator.(designs.Bytes)
	}
	if err := r.newSpecial(); err != nil {
		m.Close()
		return nil, err
	}
	r.tasks = make([]taskState, len(p.Tasks))
	for i := range p.Tasks {
		r.spawn(i)
	}
	m.Mark()
	m.OnStuck(r.stuck)
	m.OnUnplug(r.cpuDead)
	r.drainSpec = machine.Spec{Name: "drain", Body: r.drain}
	r.again = r.ended
	if o.lockdep {
		r.locks = lockdep.New(m.Memory())
		r.locks.Doing = r.doing
		m.WatchLocks(r.locks)
	}
	return r, nil
}

// workerEntities is how often a design's own worker can come in a run without taking a place that it had before: often enough for programs as they
// are generated.
const workerEntities = 8

// entities is how many tasks and interrupts a run can have, each in a place of its own: with every unplugging all tasks may start anew elsewhere,
// beside the hook, and at the end comes one that drains.
func (p *Program) entities() int {
	n := 1 + p.Traits.Hotplugs
	for _, t := range p.Tasks {
		n += 1 + t.interrupts()
		for _, o := range t.Ops {
			if o.Code == Unplug {
				n += 1 + len(p.Tasks)
			}
		}
	}
	return n
}

func (t Task) interrupts() int {
	n := 0
	for _, o := range t.Ops {
		if o.Code == Complete || o.Code == IRQTry {
			n++
		}
	}
	return n
}

// Programs of few items end within ordinarySteps, whatever the schedule; with many, filling and emptying takes its steps for each item.
const (
	ordinarySteps = 20_000
	fewItems      = 17
	stepsPerItem  = 600
)

func (p *Program) stepLimit() int {
	if p.Config.Items <= fewItems {
		return ordinarySteps
	}
	return ordinarySteps + stepsPerItem*p.Config.Items*len(p.Tasks)
}

func (r *runner) close() { r.machine.Close() }

func (r *runner) spawn(i int) {
	s := &r.tasks[i]
	s.works = make([]completion, r.program.Tasks[i].interrupts())
	for k := range s.works {
		w := &s.works[k]
		w.Run = func(t *kernel.Task) { r.interrupt(t, w) }
	}
	r.names = append(r.names, fmt.Sprintf("T%d", i))
	r.machine.Spawn(nil, machine.Spec{Name: r.names[i], CPU: r.program.Tasks[i].CPU, Body: func(t *kernel.Task) { r.body(t, i) }})
}

// run is one execution. The result is nil or a *sim.Failure.
func (r *runner) run(s sim.Strategy) error {
	r.prepare(s)
	r.onward = nil
	return r.perform()
}

// prepare sets everything back for an execution under a strategy.
func (r *runner) prepare(s sim.Strategy) {
	r.machine.Rewind()
	r.ledger.reset()
	r.special.reset()
	for i := range r.tasks {
		s := &r.tasks[i]
		s.pc, s.held, s.waiting, s.raised = 0, s.held[:0], false, 0
	}
	r.machine.SetStrategy(s)
	r.draining, r.verdict = false, nil
	r.history.begin()
	if r.locks != nil {
		r.locks.Begin()
	}
}

// perform makes the execution that was prepared, and those that onward prepares then. It returns when that says no, or with the first failure.
func (r *runner) perform() error {
	err := r.machine.Repeat(r.again)
	if !r.draining {
		r.steps = r.machine.Steps()
	}
	r.machine.Mute(false)
	if err == nil && r.verdict != nil {
		err = r.verdict
	}
	return err
}

// ended follows the end of the program with the drain, and that with the next execution. The one who ended last calls it: see sim.Machine.Repeat.
func (r *runner) ended() bool {
	if r.draining {
		r.machine.Mute(false)
		return r.onward != nil && r.onward()
	}
	r.steps = r.machine.Steps()
	if r.verdict = r.check(); r.verdict == nil {
		r.verdict = r.history.check()
	}
	if r.verdict != nil {
		return false
	}
	r.drainAfter()
	return true
}

// check asks the allocator for its own view. A structure that is broken enough makes the walk itself panic.
func (r *runner) check() (f *sim.Failure) {
	defer func() {
		if p := recover(); p != nil {
			f = &sim.Failure{Class: sim.Panic, Message: fmt.Sprintf("Check: %v", p)}
		}
	}()
	if err := r.allocator.Check(); err != nil {
		return &sim.Failure{Class: sim.Conservation, Message: err.Error()}
	}
	return nil
}

// drainAfter asks, with all items back, whether a sole caller gets what is guaranteed.
func (r *runner) drainAfter() {
	spec := r.drainSpec
	for m := r.machine; spec.CPU < m.CPUs()-1 && m.Offline(spec.CPU); {
		spec.CPU++
	}
	r.draining = true
	r.machine.Mute(true) // what the drain passes through is not what the program reached
	r.machine.SetStrategy(lowest{})
	r.machine.Spawn(nil, spec)
}

func (r *runner) drain(t *kernel.Task) {
	want := r.program.Guaranteed(r.variant)
	for got := range want {
		it, err := r.allocator.Alloc(t, kernel.NoWait)
		if err != nil {
			r.machine.Fail(sim.Conservation, "with everything free a sole caller got %d of %d guaranteed items, then: %v", got, want, err)
		}
		r.ledger.take(it)
		r.machine.Progress()
	}
}

// body runs the operations of task i, from where it left them.
func (r *runner) body(t *kernel.Task, i int) {
	s, ops := &r.tasks[i], r.program.Tasks[i].Ops
	for s.pc < len(ops) && t.Rights()&kernel.RightVictim == 0 {
		if r.machine.Leaving(t) {
			t.Leave()
			return
		}
		op := ops[s.pc]
		s.pc++
		r.operate(t, s, op)
		r.audit()
	}
	for len(s.held) > 0 {
		r.operate(t, s, Op{Code: Free})
	}
}

func (r *runner) operate(t *kernel.Task, s *taskState, op Op) {
	s.now = op
	switch op.Code {
	case Try:
		r.alloc(t, s, kernel.NoWait)
	case Wait:
		r.alloc(t, s, kernel.NoIO)
	case Free, FreeLast, Complete:
		if len(s.held) > 0 {
			r.release(t, s, op)
		}
	case IRQTry:
		r.raise(t, s, op.CPU, 0, true)
	case Yield:
		t.Resched()
		if r.special.defers != nil {
			r.special.defers.Quiesce(t)
		}
	case Unplug:
		_ = r.machine.Unplug(t, op.CPU, func(t *kernel.Task) { r.cpuDead(t, op.CPU) }) // the last CPU stays: that is not an error of the program
	case Plug:
		_ = r.machine.Plug(t, op.CPU) // so does one that is online
		if a, ok := r.allocator.(Onliner); ok {
			a.CPUOnline(t, op.CPU)
		}
	default:
		r.operateSpecial(t, s, op)
	}
	r.machine.Progress()
}

// release frees the first of the task's items, or the last, or has an interrupt do it.
func (r *runner) release(t *kernel.Task, s *taskState, op Op) {
	at := 0
	if op.Code == FreeLast {
		at = len(s.held) - 1
	}
	it := s.held[at]
	s.held = append(s.held[:at], s.held[at+1:]...)
	if op.Code == Complete {
		r.raise(t, s, op.CPU, it, false)
	} else {
		r.free(t, it)
	}
}

// cpuDead tells the design that a CPU is gone; t runs on another.
func (r *runner) cpuDead(t *kernel.Task, cpu int) {
	if d, ok := r.allocator.(designs.CPUDead); ok {
		d.CPUDead(t, cpu)
	}
}

// doing names what a task does, for the lock checker's reports.
func (r *runner) doing(t *kernel.Task) string {
	for i := range r.tasks {
		if r.names[i] == t.Name() {
			return fmt.Sprintf("operation %d of %s: %v", r.tasks[i].pc, t.Name(), r.tasks[i].now)
		}
	}
	return ""
}

// reports are what the lock checker has found so far.
func (r *runner) reports() []lockdep.Report {
	if r.locks == nil {
		return nil
	}
	return r.locks.Reports()
}

// promises is what a task had done before a call.
type promises struct{ locks, waits int }

func before(t *kernel.Task) promises { return promises{t.LocksAsked(), t.WaitsMade()} }

// kept looks whether a call, of Alloc or Free, in whatever context, has waited, or asked for a lock, against what its flags and the variant's table promise.
func (r *runner) kept(t *kernel.Task, b promises, mayWait bool) {
	locks, waits := t.LocksAsked()-b.locks, t.WaitsMade()-b.waits
	switch {
	case locks > 0 && !r.variant.Capabilities.TakesLocks:
		r.machine.Fail(sim.Contract, "a call asked for %d locks, of an allocator that takes none by its table", locks)
	case waits > 0 && !mayWait:
		r.machine.Fail(sim.Contract, "a caller that may not wait was put to sleep (C6)")
	}
}

func (r *runner) alloc(t *kernel.Task, s *taskState, gfp kernel.GFP) {
	s.waiting = gfp.MayWait() && r.variant.Capabilities.MayWait
	it, err := r.allocOne(t, gfp)
	if err != nil {
		if s.waiting {
			r.machine.Fail(sim.Contract, "a caller that may wait was refused: %v (C5)", err)
		}
		return
	}
	s.waiting = false
	s.held = append(s.held, it)
}

// allocOne makes one call of Alloc and notes what came of it.
func (r *runner) allocOne(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	around, began, b := r.enter(t, 1), r.history.now(), before(t)
	it, err := r.allocator.Alloc(t, gfp)
	r.kept(t, b, gfp.MayWait())
	if err == nil {
		r.history.add(t.Index(), call{it, false}, began)
		r.ledger.take(it)
	}
	r.leave(t, 1, around, err)
	return it, err
}

// free gives an item back. Whether a call of Free may sleep is its context's to say: kernel.Task asks.
func (r *runner) free(t *kernel.Task, it designs.Item) {
	r.ledger.give(it)
	r.special.inside++
	began, b := r.history.now(), before(t)
	r.allocator.Free(t, it)
	r.kept(t, b, true)
	r.history.add(t.Index(), call{it, true}, began)
	r.special.inside--
	r.counted()
}

// priorities are those of a task's interrupts in turn: they count where the machine nests them.
const priorities = 3

func (r *runner) raise(t *kernel.Task, s *taskState, cpu int, it designs.Item, try bool) {
	w := &s.works[s.raised]
	w.Priority = s.raised % priorities
	s.raised++
	w.item, w.try = it, try
	r.special.pending++
	r.counted()
	r.machine.Interrupt(t, cpu, &w.Work)
}

func (r *runner) interrupt(t *kernel.Task, w *completion) {
	defer func() { r.special.pending--; r.counted() }()
	it := w.item
	if w.try {
		var err error
		if it, err = r.allocOne(t, kernel.NoWait); err != nil {
			return
		}
	}
	r.free(t, it)
}

// stuck says whether a run in which nobody can go on is a broken promise.
func (r *runner) stuck() *sim.Failure {
	free := r.program.Guaranteed(r.variant) - r.ledger.out
	for i := range r.tasks {
		if r.tasks[i].waiting && free > r.variant.FreeBeside(r.program.Config) && r.asleep(i) {
			return &sim.Failure{Class: sim.Waiting, Message: fmt.Sprintf("T%d sleeps in Alloc beside %d free items, and nothing is left that could wake it", i, free)}
		}
	}
	return nil
}

func (r *runner) asleep(i int) bool {
	for _, t := range r.machine.Sleepers() {
		if t.Name() == r.names[i] {
			return true
		}
	}
	return false
}

// lowest is the strategy of a machine with one task.
type lowest struct{}

func (lowest) Next(eligible uint64, _ int) int { return bits.TrailingZeros64(eligible) }
