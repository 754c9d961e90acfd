package workload

import (
	"errors"
	"fmt"
	"strings"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// The ways of stacked-pools.
const (
	OwnPools   = "own"    // each level has an allocator of its own, of the same variant
	SharedPool = "shared" // all levels share one allocator, of as many items as theirs together
	Raid1      = "raid1"  // own, of the variants that stand for raid1's four backings, or for the same stack on slab and pages only
)

// stackLevels are a request's items, in the order in which it takes them: raid1's own structure, a page to copy through, the upper bio, and the bio of
// the driver below.
const stackLevels = 4

// Raid1Stack names the variants that a raid1 stack is made of where the given one stands for it: kmalloc, page, slab and another pool for the pools of
// each era, and slab and pages, with promises in the place of pools, for the rewrite. false: the variant stands for none.
func Raid1Stack(design, variant string) (levels [stackLevels]string, ok bool) {
	switch design + ":" + variant {
	case "mempool:mainline", "mempool:molnar":
		return [stackLevels]string{variant + "-kmalloc", variant + "-page", variant, variant + "-mempool"}, true
	case "reservation:slab":
		return [stackLevels]string{"slab", "page", "slab", "slab"}, true
	}
	return levels, false
}

// stack is what stacked-pools needs.
//
// A design that promises is asked for all that a request needs before the request holds anything, which is what promises are for. Of one that waits the
// request takes level after level, and waits for each holding what it has; of one that may fail it gives all back when it is refused, and begins again.
//
// Before the interval the watcher, a task of CPU 0, takes every item that it can get and gives back exactly what the tasks shall have, so that it does
// not matter how far a design rounds up. When every task sleeps, and none has got or given anything since the last look, nobody will ever wake: a
// deadlock. The watcher counts it and lends one of the items that it holds, as nobody does in a kernel. It has enough for every task but one to hold
// all but one of its items, so each deadlock can be ended. Only of a pool over a pool does it take nothing: who sleeps in the lower one is woken once the
// upper one is full, which it never is if somebody keeps what is taken out of it.
//
// Ordering, O3: a task stores the count of what it did (release), then parks (a full barrier); the watcher sees it parked, then reads the count.
type stack struct {
	levels    [stackLevels]level
	tasks     []stackTask
	spare     [stackLevels][]designs.Item // of the watcher
	lent      [stackLevels]int
	deadlocks int64
	seen      uint32 // sum of the tasks' counts at the watcher's last look
}

type level struct {
	allocator designs.Allocator
	reserver  designs.Reserver // nil where the design makes no promises
	gfp       kernel.GFP
	whole     bool // a pool over a pool: nothing is taken out of it beforehand
	warmed    designs.Stats
}

// stackTask is what the watcher sees of a task, on a line of its own.
type stackTask struct {
	index  atomic.Uint32 // 1 + its index in the machine, 0 before it began
	events atomic.Uint32 // items that it got and gave back
	ended  atomic.Uint32
	_      [52]byte
}

// stackItems is how many items there are for the tasks of one allocator.
func (s *Spec) stackItems() int {
	if s.Way == SharedPool {
		return stackLevels * s.usable()
	}
	return s.usable()
}

// stackSpares is how many items more end every deadlock: each task can hold all but one of what it needs of an allocator, and of all that is free a
// design that wakes in batches may leave every second one, and a batch, beside its sleepers.
func (s *Spec) stackSpares() int {
	const batch = 8
	holds := 1
	if s.Way == SharedPool {
		holds = stackLevels - 1
	}
	return max(1, 2*(s.Tasks*s.CPUs*holds+1+batch)-s.stackItems())
}

// twoPools reports whether a variant is a pool over a pool of the same design.
func twoPools(v designs.Variant) bool { return strings.HasPrefix(v.Capabilities.Over, v.Design+":") }

func (r *run) layStack() error {
	st := &stack{}
	r.stack = st
	names, raid1 := Raid1Stack(r.spec.Design, r.spec.Variant)
	for i := range st.levels {
		l, v := &st.levels[i], r.variant
		var err error
		switch {
		case i == 0 && r.spec.Way != Raid1 || r.spec.Way == SharedPool:
			l.allocator = r.allocator
		case r.spec.Way == Raid1:
			if !raid1 {
				return fmt.Errorf("stacked-pools: %s stands for no stack of raid1: give the way %s or %s", v.FullName(), OwnPools, SharedPool)
			}
			if v, err = catalog.Find(r.spec.Design, names[i]); err == nil {
				l.allocator, err = v.New(r.machine, r.config)
			}
		default:
			l.allocator, err = v.New(r.machine, r.config)
		}
		if err != nil {
			return err
		}
		l.whole = twoPools(v)
		l.reserver, _ = l.allocator.(designs.Reserver)
		if l.gfp = kernel.NoWait; v.Capabilities.MayWait || v.Capabilities.ReserveWaits {
			l.gfp = kernel.NoIO
		}
	}
	var err error
	st.tasks, err = mem.Slice[stackTask](r.machine.Memory(), 0, r.spec.Tasks*r.spec.CPUs)
	return err
}

// warmStack warms all levels up; then CPU 0 leaves the tasks exactly their items.
func (r *run) warmStack(t *kernel.Task, s *seat) {
	const pairs = 1000
	for range pairs {
		for i := range r.stack.levels {
			if it, err := r.stack.levels[i].allocator.Alloc(t, kernel.NoWait); err == nil {
				r.stack.levels[i].allocator.Free(t, it)
			}
		}
	}
	r.barrier(s)
	if s.cpu == 0 {
		for i := range r.stack.levels[:r.stackAllocators()] {
			if l := &r.stack.levels[i]; !l.whole {
				r.drain(t, i)
			}
			if stats, ok := r.stack.levels[i].allocator.(designs.StatsReader); ok {
				r.stack.levels[i].warmed = stats.Stats() // the other CPUs wait at the barrier
			}
		}
	}
	r.barrier(s)
}

// stackAllocators is how many of the levels have an allocator of their own.
func (r *run) stackAllocators() int {
	if r.spec.Way == SharedPool {
		return 1
	}
	return stackLevels
}

// drain takes every item of a level that can be had and gives back as many as the tasks shall have.
func (r *run) drain(t *kernel.Task, i int) {
	st, l := r.stack, &r.stack.levels[i]
	for range mostHeld * (r.config.Items + roundedUp*r.spec.CPUs) {
		it, err := l.allocator.Alloc(t, kernel.NoWait)
		if err != nil {
			break
		}
		st.spare[i] = append(st.spare[i], it)
	}
	for range min(r.spec.stackItems(), len(st.spare[i])) {
		r.giveSpare(t, i)
	}
}

// roundedUp is how many objects more than asked for there may be for each CPU: what its list holds, and the rest of a slab.
const roundedUp = 256

func (r *run) giveSpare(t *kernel.Task, i int) {
	last := len(r.stack.spare[i]) - 1
	r.stack.levels[i].allocator.Free(t, r.stack.spare[i][last])
	r.stack.spare[i] = r.stack.spare[i][:last]
}

// pileUp is the body of stacked-pools: of the tasks, and of the watcher, which is CPU 0's last.
func (r *run) pileUp(t *kernel.Task, s *seat, task int) {
	if task == r.spec.Tasks {
		r.watch(t)
		return
	}
	me := &r.stack.tasks[s.cpu*r.spec.Tasks+task]
	me.index.Store(uint32(t.Index()) + 1)
	end := s.started + r.spec.DurationNs
	var held [stackLevels]designs.Item
	for r.now() < end {
		if r.climb(t, s, me, &held) {
			t.Resched() // the request is in flight
			r.descend(t, me, held[:])
			s.ops++
		}
		r.linger(s)
	}
	me.ended.Store(1)
}

// climb takes an item of each level, or none.
func (r *run) climb(t *kernel.Task, s *seat, me *stackTask, held *[stackLevels]designs.Item) bool {
	if r.stack.levels[0].reserver != nil && !r.promised(t, s) {
		t.Resched()
		return false
	}
	for i := range r.stack.levels {
		l := &r.stack.levels[i]
		var err error
		if l.reserver != nil {
			held[i], err = l.reserver.AllocReserved(t)
		} else {
			held[i], err = l.allocator.Alloc(t, l.gfp)
		}
		if err != nil {
			s.failed++
			r.descend(t, me, held[:i])
			t.Resched()
			return false
		}
		if r.records != nil {
			r.records.Touch(held[i])
		}
		me.events.StoreRelease(me.events.LoadRelaxed() + 1) // O3
		if i < stackLevels-1 {
			t.Resched() // on its way to the next level
		}
	}
	return true
}

// promised reserves what a request needs of each allocator, one after the other in the order of levels, or nothing.
func (r *run) promised(t *kernel.Task, s *seat) bool {
	n := r.stackAllocators()
	for i := range r.stack.levels[:n] {
		l := &r.stack.levels[i]
		if err := l.reserver.Reserve(t, l.gfp, stackLevels/n); err != nil {
			s.failed++
			for k := range i {
				r.stack.levels[k].reserver.Cancel(t, stackLevels/n)
			}
			return false
		}
	}
	return true
}

// descend gives items back, those of the lowest level first.
func (r *run) descend(t *kernel.Task, me *stackTask, held []designs.Item) {
	for i := len(held) - 1; i >= 0; i-- {
		r.stack.levels[i].allocator.Free(t, held[i])
		me.events.StoreRelease(me.events.LoadRelaxed() + 1) // O3
	}
}

// watch ends deadlocks until all tasks have ended. A deadlock that all it holds does not end ends the run: it returns, and the machine sees that nobody
// can go on.
func (r *run) watch(t *kernel.Task) {
	st := r.stack
	var wait measure.Patience
	for looks := 0; !r.allEnded(); {
		t.Resched()
		wait.Round()
		if !r.stuck(t) {
			looks = 0
			r.takeBack(t)
			continue
		}
		if looks++; looks < stuckLooks {
			continue
		}
		looks = 0
		st.deadlocks++
		if !r.lend(t) {
			return
		}
	}
	for i := range st.spare[:r.stackAllocators()] {
		for len(st.spare[i]) > 0 {
			r.giveSpare(t, i)
		}
	}
}

// stuckLooks is how often in a row the watcher finds everybody asleep before it calls that a deadlock: a design's own worker may be at work meanwhile.
const stuckLooks = 64

func (r *run) allEnded() bool {
	for i := range r.stack.tasks {
		if r.stack.tasks[i].ended.Load() == 0 {
			return false
		}
	}
	return true
}

// stuck reports whether every task that has not ended sleeps, and none has done anything since the last look.
func (r *run) stuck(t *kernel.Task) bool {
	asleep, sum := true, uint32(0)
	for i := range r.stack.tasks {
		w := &r.stack.tasks[i]
		index := w.index.Load()
		asleep = asleep && index != 0 && (w.ended.Load() != 0 || t.Peer(int(index)-1).Parked())
		sum += w.events.LoadAcquire() // O3
	}
	still := sum == r.stack.seen
	r.stack.seen = sum
	return asleep && still && !r.allEnded()
}

// lend gives a spare item to each allocator, and reports whether there was one.
func (r *run) lend(t *kernel.Task) (lent bool) {
	st := r.stack
	for i := range st.spare[:r.stackAllocators()] {
		if len(st.spare[i]) > 0 {
			r.giveSpare(t, i)
			st.lent[i]++
			lent = true
		}
	}
	return lent
}

// takeBack takes what was lent as it comes free.
func (r *run) takeBack(t *kernel.Task) {
	st := r.stack
	for i := range st.spare[:r.stackAllocators()] {
		if st.lent[i] == 0 {
			continue
		}
		if it, err := st.levels[i].allocator.Alloc(t, kernel.NoWait); err == nil {
			st.spare[i] = append(st.spare[i], it)
			st.lent[i]--
		}
	}
}

func (r *run) checkStack() error {
	var faults []error
	for i := range r.stack.levels[:r.stackAllocators()] {
		if err := r.stack.levels[i].allocator.Check(); err != nil {
			faults = append(faults, fmt.Errorf("level %d: %w", i, err))
		}
	}
	return errors.Join(faults...)
}

// stackFigures: slow paths are those of all levels.
func (r *run) stackFigures(o *result.Sample) error {
	for i := range r.stack.levels[:r.stackAllocators()] {
		l := &r.stack.levels[i]
		if stats, ok := l.allocator.(designs.StatsReader); ok {
			if i == 0 {
				clearSlow(o)
			}
			addSlow(o, stats.Stats(), l.warmed)
		}
	}
	o.Counters[CounterDeadlocks] = float64(r.stack.deadlocks)
	return nil
}
