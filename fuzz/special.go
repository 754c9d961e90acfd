package fuzz

import (
	"errors"
	"slices"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/sim"
)

// special is what the checks of particular abilities know of a run, beside the ledger.
type special struct {
	exact    bool
	forgives bool
	defers   Deferrer
	auditor  Auditor
	lister   Lister
	inside   int       // calls under way, each counted with the items it may come by or give
	pending  int       // interrupts that have not ended
	byFlag   int       // allocations begun by callers whose flags open part of a reserve
	byRight  int       // and whose task has the right to all of it
	calls    []*around // under way
	spare    []*around // of calls that have returned
	robbed   int       // the CPU that was stolen from last, -1 for none
	passed   []bool    // by CPU: it had items then, and has had some since
	words    []mem.Plain64
}

// around is what is noted at the beginning of a call.
type around struct {
	items  int   // that the call itself may come by
	most   int   // items held and calls of others under way, the most at any moment since
	listed []int // by CPU, where the call is alone
}

// mostAtOnce bounds what one call allocates or frees.
const mostAtOnce = 16

// newSpecial looks at what the allocator can do.
func (r *runner) newSpecial() (err error) {
	x := &r.special
	_, x.exact = r.allocator.(Exact)
	_, x.forgives = r.allocator.(Forgiver)
	if x.defers, _ = r.allocator.(Deferrer); x.defers != nil {
		x.defers.NewReaders(func(it designs.Item) bool {
			r.counted()
			return slices.Contains(r.ledger.reading, it)
		})
	}
	if r.program.Traits.Memory == sim.SC && r.program.Traits.Kills == 0 { // under the others no moment is the same for all CPUs; a victim has rights of its own
		x.auditor, _ = r.allocator.(Auditor)
	}
	x.lister, _ = r.allocator.(Lister)
	x.passed = make([]bool, r.program.CPUs)
	x.words, err = mem.Slice[mem.Plain64](r.machine.Memory(), 0, len(r.program.Tasks)*mostAtOnce)
	return err
}

func (x *special) reset() {
	x.inside, x.pending, x.byFlag, x.byRight = 0, 0, 0, 0
	x.spare = append(x.spare, x.calls...)
	x.calls = x.calls[:0]
	x.robbed = -1
	clear(x.passed)
}

// counted says that the running step has changed, or looked at, what these checks count: its order among others that do matters, whatever they access.
func (r *runner) counted() {
	if x := &r.special; x.exact || x.forgives || x.lister != nil || x.defers != nil {
		r.machine.Touch(^uint64(0))
	}
}

// enter notes the beginning of a call that is to allocate so many items.
func (r *runner) enter(t *kernel.Task, items int) *around {
	x := &r.special
	x.inside += items
	r.counted()
	if !x.exact && x.lister == nil {
		return nil
	}
	a := x.unused()
	*a = around{items: items, most: r.ledger.out + x.inside - items}
	for _, other := range x.calls {
		other.most = max(other.most, r.ledger.out+x.inside-other.items)
	}
	x.calls = append(x.calls, a)
	if x.lister != nil && len(r.tasks) == 1 && x.pending == 0 {
		a.listed = r.listed()
	}
	return a
}

// unused is the note of a call that has returned, or a new one.
func (x *special) unused() *around {
	n := len(x.spare)
	if n == 0 {
		return new(around)
	}
	a := x.spare[n-1]
	x.spare = x.spare[:n-1]
	return a
}

// leave notes the end of a call that was to allocate so many items.
func (r *runner) leave(t *kernel.Task, items int, a *around, err error) {
	x := &r.special
	x.inside -= items
	r.counted()
	if a == nil {
		return
	}
	for i, other := range x.calls {
		if other == a {
			x.calls = append(x.calls[:i], x.calls[i+1:]...)
			x.spare = append(x.spare, a)
			break
		}
	}
	if free := r.program.Guaranteed(r.variant) - a.most; x.exact && err != nil && free > 0 {
		r.machine.Fail(sim.Contract, "a caller was refused beside %d items that nobody held at any moment of the call: %v", free, err)
	}
	switch {
	case x.lister == nil:
	case a.listed != nil && x.pending == 0:
		r.fair(t.CPU(), a.listed)
	default: // nobody knows what was stolen
		x.robbed = -1
	}
}

func (r *runner) listed() []int {
	list := make([]int, r.program.CPUs)
	r.machine.Aside(func() {
		for cpu := range list {
			list[cpu] = r.special.lister.Listed(cpu)
		}
	})
	return list
}

// fair: a sole caller stole from another CPU, if one has nothing now that had something before. The same one is not stolen from twice in a row while
// yet another has items all the time.
func (r *runner) fair(own int, before []int) {
	x, robbed := &r.special, -1
	for cpu, n := range r.listed() {
		if cpu != own && n == 0 && before[cpu] != 0 {
			robbed = cpu
		}
	}
	for cpu, n := range before {
		if n == 0 || cpu == own {
			x.passed[cpu] = false
		} else if robbed >= 0 && cpu != robbed {
			if x.passed[cpu] && robbed == x.robbed {
				r.machine.Fail(sim.Contract, "items were stolen from CPU %d twice in a row, and CPU %d has had some all the time", robbed, cpu)
			}
			x.passed[cpu] = true
		}
	}
	if robbed >= 0 {
		x.robbed, x.passed[robbed] = robbed, false
	}
}

// audit asks for what holds at any moment.
func (r *runner) audit() {
	if r.special.auditor == nil {
		return
	}
	var err error
	r.machine.Aside(func() { err = r.special.auditor.Audit(r.special.byFlag, r.special.byRight) })
	if err != nil {
		r.machine.Fail(sim.Contract, "%v", err)
	}
}

// operateSpecial does what only some allocators can.
func (r *runner) operateSpecial(t *kernel.Task, s *taskState, op Op) {
	switch op.Code {
	case All:
		for it, err := r.allocOne(t, kernel.NoWait); err == nil; it, err = r.allocOne(t, kernel.NoWait) {
			s.held = append(s.held, it)
		}
	case FreeAll:
		r.freeAll(t, s)
	case Bulk:
		r.bulk(t, s, op.N)
	case Urgent:
		r.special.byFlag++
		r.alloc(t, s, kernel.Atomic)
	case Entitled:
		r.special.byRight++
		old := t.Rights()
		t.SetRights(old | kernel.RightMemalloc)
		r.alloc(t, s, kernel.NoWait)
		t.SetRights(old)
	case NoLocks:
		r.withoutLocks(t, s)
	case Resize:
		if a, ok := r.allocator.(designs.Resizer); ok {
			_ = a.Resize(t, op.N) // a size out of range is refused
		}
	case Tune:
		if a, ok := r.allocator.(Tuner); ok {
			a.Tune(t, op.N)
		}
	case Drain:
		if a, ok := r.allocator.(Drainer); ok {
			a.Drain(t)
		}
	case Bogus:
		r.bogus(t, op.N)
	case Read:
		r.read(t, s)
	}
}

func (r *runner) freeAll(t *kernel.Task, s *taskState) {
	bulk, ok := r.allocator.(designs.BulkFreer)
	if !ok || len(s.held) > mostAtOnce {
		for len(s.held) > 0 {
			r.operate(t, s, Op{Code: Free})
		}
		return
	}
	at := slices.IndexFunc(r.names, func(name string) bool { return name == t.Name() })
	words := r.special.words[at*mostAtOnce:][:len(s.held)]
	r.machine.Aside(func() {
		for i, it := range s.held {
			words[i].Store(uint64(it))
		}
	})
	for _, it := range s.held {
		r.ledger.give(it)
	}
	given, n, began, b := s.held, len(s.held), r.history.now(), before(t)
	s.held = s.held[:0]
	r.special.inside += n
	bulk.FreeBulk(t, words)
	r.kept(t, b, true)
	r.special.inside -= n
	r.counted()
	for _, it := range given {
		r.history.add(t.Index(), call{it, true}, began)
	}
}

// bulk allocates several items by one call. That it gets fewer than all is no failure: the contract leaves that to the design.
func (r *runner) bulk(t *kernel.Task, s *taskState, n int) {
	a, ok := r.allocator.(designs.BulkAllocator)
	if !ok {
		return
	}
	n = min(max(1, n), mostAtOnce)
	s.waiting = r.variant.Capabilities.MayWait
	items := make([]designs.Item, n)
	around, began, b := r.enter(t, n), r.history.now(), before(t)
	got, err := a.AllocBulk(t, kernel.NoIO, items)
	r.kept(t, b, true)
	for _, it := range items[:got] {
		r.history.add(t.Index(), call{it, false}, began)
		r.ledger.take(it)
	}
	r.leave(t, n, around, nil)
	s.waiting = false
	s.held = append(s.held, items[:got]...)
	if err != nil && got == n {
		r.machine.Fail(sim.Contract, "all of %d items were given, with the error %v", n, err)
	}
}

func (r *runner) withoutLocks(t *kernel.Task, s *taskState) {
	a, ok := r.allocator.(designs.NoLockAllocator)
	if !ok {
		return
	}
	before := t.LocksAsked()
	around, began := r.enter(t, 1), r.history.now()
	it, err := a.AllocNoLocks(t)
	if n := t.LocksAsked() - before; n != 0 {
		r.machine.Fail(sim.Contract, "the entry that takes no locks asked for %d", n)
	}
	if err == nil {
		r.history.add(t.Index(), call{it, false}, began)
		r.ledger.take(it)
		s.held = append(s.held, it)
	}
	r.leave(t, 1, around, nil)
}

// bogus frees the item of those that nobody holds which is the n-th from above. A sole caller only: what is on its way belongs to somebody.
func (r *runner) bogus(t *kernel.Task, n int) {
	r.counted()
	if !r.special.forgives || len(r.tasks) > 1 || r.special.pending != 0 || !r.ledger.bounded {
		return
	}
	if idle := len(r.ledger.held) - r.ledger.out; idle > 0 {
		n %= idle
	}
	for it := len(r.ledger.held) - 1; it >= 0; it-- {
		if r.ledger.held[it] {
			continue
		}
		if n == 0 {
			r.allocator.Free(t, designs.Item(it))
			if err := r.quiet(); err != nil {
				r.machine.Fail(sim.Conservation, "after the free of item %d, which nobody held: %v", it, err)
			}
			return
		}
		n--
	}
}

// quiet asks the allocator for its own view in the middle of a run, where its only caller is the one that asks.
func (r *runner) quiet() (err error) {
	r.machine.Aside(func() {
		if f := r.check(); f != nil {
			err = errors.New(f.Message)
		}
	})
	return err
}

// readSteps is how long a reader uses an item: about as long as a free, the end of the period, and a new allocation take.
const readSteps = 60

// read uses an item that another task holds, without giving the CPU away meanwhile; that one may free it in the middle, and nobody may get it.
func (r *runner) read(t *kernel.Task, s *taskState) {
	if r.special.defers == nil {
		return
	}
	t.IRQSave()
	defer t.IRQRestore()
	r.counted()
	for i := range r.tasks {
		if other := &r.tasks[i]; other != s && len(other.held) > 0 {
			it := other.held[0]
			r.ledger.reading = append(r.ledger.reading, it)
			for range readSteps {
				t.Resched()
			}
			r.ledger.reading = remove(r.ledger.reading, it)
			r.counted()
			return
		}
	}
}

// remove takes one of the items out of a list.
func remove(list []designs.Item, it designs.Item) []designs.Item {
	for i := range list {
		if list[i] == it {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}
