package scenario

import (
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/page"
	"headroom/kernel/sim"
)

// actor is a task, an interrupt or work in a run. The fields from task on are set back at the start of each.
type actor struct {
	runner   *runner
	spec     *Actor
	killable bool
	owes     []string       // events that it signals: whoever waits for one waits for it
	hands    []machine.Work // one for each hand
	queues   []machine.Work // one for each queue, in turn

	task    *kernel.Task
	pc      int // of the operation that runs
	doing   string
	held    []heldItem
	handed  int
	queued  int
	skip    string // the lock that a try did not get: up to its unlock all is left out
	skipped int
	has     []string // locks that it holds
	masked  int
	refused []string // allocators whose latest promise was refused: there is nothing to draw or to cancel
	begun   bool
	ended   bool
	sleeps  *pool // where it waits for an item; nil for nowhere
}

// heldItem is an item, and where it is from.
type heldItem struct {
	pool *pool
	item designs.Item
}

// prepare makes what the operations need.
func (a *actor) prepare() {
	r := a.runner
	for _, o := range a.spec.Ops {
		switch o.Code {
		case Signal:
			a.owes = append(a.owes, o.Target)
		case Hand:
			a.hands = append(a.hands, machine.Work{})
		case Queue:
			w := r.works[o.Target]
			a.queues = append(a.queues, machine.Work{Scope: w.scope, Run: w.run})
		}
	}
	if z := r.file.Zone; z != nil {
		for _, name := range z.Kill {
			a.killable = a.killable || name == a.spec.Name
		}
	}
}

func (a *actor) reset() {
	a.task, a.pc, a.doing, a.held, a.handed, a.queued, a.skip, a.has, a.masked, a.sleeps = nil, 0, "", a.held[:0], 0, 0, "", a.has[:0], 0, nil
	a.begun, a.ended, a.refused = false, false, a.refused[:0]
}

// body is the life of a task, from where it left it.
func (a *actor) body(t *kernel.Task) {
	r := a.runner
	r.byTask[t.Index()] = a
	if !a.begun {
		a.begun = true
		t.SetRights(t.Rights() | a.spec.Rights) // it may have been killed already
		for _, name := range a.owes {
			lock.Enters(t, r.events[name].scope)
		}
	}
	a.task = t
	for a.pc < len(a.spec.Ops) {
		if r.machine.Leaving(t) && len(a.has) == 0 && a.masked == 0 {
			t.Leave()
			return
		}
		op := &a.spec.Ops[a.pc]
		a.doing = op.String()
		if a.wanted(t, op) {
			a.operate(t, op)
		}
		a.pc++
		r.rounds++
		r.machine.Progress()
	}
	a.doing = "end"
	a.freeAll(t)
	if a.killable {
		r.zone.Exit(t)
	}
	a.ended = true
	r.machine.Progress()
}

// wanted reports whether an operation is to be done: not behind a try that failed, and for a victim only what brings it to its end.
func (a *actor) wanted(t *kernel.Task, op *Op) bool {
	if a.skip != "" {
		switch {
		case op.Code == Release && op.Target == a.skip && a.skipped == 0:
			a.skip = ""
		case op.Code == Release && op.Target == a.skip:
			a.skipped--
		case (op.Code == Take || op.Code == TryTake) && op.Target == a.skip:
			a.skipped++
		}
		return false
	}
	if (op.Code == Draw || op.Code == Cancel) && slices.Contains(a.refused, op.Target) {
		return false
	}
	switch op.Code {
	case Release:
		return a.holds(op.Target)
	case IRQOn:
		return a.masked > 0
	case Free, Signal, Cancel, Hand:
		return true
	}
	return !a.killed(t)
}

// killed reports whether the task was chosen as a victim, by the page allocator's killer or by the machine.
func (a *actor) killed(t *kernel.Task) bool {
	return a.killable && a.runner.zone.Victim(t) || t.Rights()&^a.spec.Rights&kernel.RightVictim != 0
}

func (a *actor) holds(name string) bool {
	for _, h := range a.has {
		if h == name {
			return true
		}
	}
	return false
}

// operate does one operation.
func (a *actor) operate(t *kernel.Task, op *Op) {
	r := a.runner
	switch op.Code {
	case Alloc, Fill, NoLocks, Draw:
		a.allocate(t, op)
	case Free, Dirty, Hand:
		a.giveUp(t, op)
	case Reserve, Cancel:
		a.promise(t, op)
	case Take:
		r.locks[op.Target].Lock(t)
		a.has = append(a.has, op.Target)
	case TryTake:
		if !r.locks[op.Target].TryLock(t) {
			a.skip, a.skipped = op.Target, 0
			return
		}
		a.has = append(a.has, op.Target)
	case Release:
		r.locks[op.Target].Unlock(t)
		for i := len(a.has) - 1; i >= 0; i-- {
			if a.has[i] == op.Target {
				a.has = append(a.has[:i], a.has[i+1:]...)
				break
			}
		}
	case IRQOff:
		a.masked++
		t.IRQSave()
	case IRQOn:
		a.masked--
		t.IRQRestore()
	case Wait:
		r.events[op.Target].wait(t)
	case Signal:
		e := r.events[op.Target]
		lock.Leaves(t, e.scope)
		e.words.signals.Add(1)
		e.words.waiters.Wake(t, 1)
	case Queue:
		if w := r.works[op.Target]; w.words.left.CompareAndSwap(0, 1) {
			r.machine.Queue(t, w.actor.spec.CPU, &a.queues[a.queued])
		}
		a.queued++
	case Flush:
		r.works[op.Target].flush(t)
	case Yield:
		t.Resched()
	case Unplug:
		_ = r.machine.Unplug(t, op.CPU, func(t *kernel.Task) { r.cpuDead(t, op.CPU) }) // the last CPU stays: that is not an error of the program
	case Plug:
		_ = r.machine.Plug(t, op.CPU) // so does one that is online
	}
}

// allocate does an operation that asks for items.
func (a *actor) allocate(t *kernel.Task, op *Op) {
	p := a.runner.poolOf(op.Target)
	for n := 0; op.Code == Fill || n < op.Count; n++ {
		it, err := a.ask(t, p, op)
		if err != nil {
			return
		}
		a.runner.take(p, it)
		a.held = append(a.held, heldItem{p, it})
		a.runner.graph.TakeElement(t, p.name, uint64(it))
		if op.Code == Fill {
			a.runner.machine.Progress()
		}
	}
}

// able returns an error that names the line when an operation asks what its allocator cannot do.
func (a *actor) able() error {
	r := a.runner
	for _, o := range a.spec.Ops {
		switch p := r.poolOf(o.Target); o.Code {
		case NoLocks:
			if _, ok := p.allocator.(designs.NoLockAllocator); !ok && p.zone == nil {
				return fmt.Errorf("%s:%d: %v: %s has no entry that takes no locks; the zone and gfp_nolocks have", r.file.Name, o.Line, o, p.name)
			}
		case Reserve, Draw, Cancel:
			if _, ok := p.allocator.(designs.Reserver); !ok {
				return fmt.Errorf("%s:%d: %v: %s makes no promises; reservation:page does", r.file.Name, o.Line, o, p.name)
			}
		}
	}
	return nil
}

// ask asks for one item, and looks whether what was promised of the call was kept.
func (a *actor) ask(t *kernel.Task, p *pool, op *Op) (designs.Item, error) {
	r, before := a.runner, promised(t)
	switch op.Code {
	case NoLocks:
		it, err := p.allocNoLocks(t)
		r.kept(t, p, before, 0, true)
		return it, err
	case Draw:
		it, err := p.allocator.(designs.Reserver).AllocReserved(t)
		if err != nil {
			r.machine.Fail(sim.Contract, "a draw on a promise of %s was refused: %v (C10)", p.name, err)
		}
		r.kept(t, p, before, 0, false)
		return it, err
	}
	waits := p.waits(op.GFP)
	if waits {
		r.graph.AskElement(t, p.name, p.barred(a.spec.Rights))
		a.sleeps = p
	}
	it, err := p.alloc(t, op.GFP)
	a.sleeps = nil
	if err != nil && waits {
		r.machine.Fail(sim.Contract, "a caller of %s that may wait was refused: %v (C5)", p.name, err)
	}
	r.kept(t, p, before, op.GFP, false)
	return it, err
}

// giveUp does an operation on items that are held, those held longest first.
func (a *actor) giveUp(t *kernel.Task, op *Op) {
	p := a.runner.poolOf(op.Target)
	for n := 0; op.Count == All || n < op.Count; n++ {
		at := -1
		for i, h := range a.held {
			if h.pool == p {
				at = i
				break
			}
		}
		if at < 0 {
			break
		}
		it := a.held[at].item
		a.held = append(a.held[:at], a.held[at+1:]...)
		switch op.Code {
		case Free:
			a.free(t, p, it)
		case Dirty:
			a.runner.give(p, it)
			a.runner.graph.FreeElement(p.name, uint64(it))
			a.runner.zone.CacheAddDirty(t, page.Page(it), uint64(it))
		case Hand:
			w := &a.hands[a.handed]
			a.handed++
			a.runner.graph.FreeElement(p.name, uint64(it)) // an interrupt waits for nothing before it frees it
			w.Run = func(t *kernel.Task) { a.free(t, p, it) }
			w.Priority = a.runner.priority()
			a.runner.machine.Interrupt(t, op.CPU, w)
		}
	}
}

// free gives an item back; t is the actor's task, or an interrupt of it.
func (a *actor) free(t *kernel.Task, p *pool, it designs.Item) {
	a.runner.give(p, it)
	before := promised(t)
	p.free(t, it)
	a.runner.graph.FreeElement(p.name, uint64(it))
	if p.zone == nil && !p.variant.Capabilities.TakesLocks {
		a.runner.kept(t, p, before, kernel.DirectReclaim, false)
	}
}

func (a *actor) freeAll(t *kernel.Task) {
	for len(a.held) > 0 {
		h := a.held[0]
		a.held = a.held[1:]
		a.free(t, h.pool, h.item)
	}
	a.held = nil
}

// promise does an operation on promises.
func (a *actor) promise(t *kernel.Task, op *Op) {
	p := a.runner.poolOf(op.Target)
	d := p.allocator.(designs.Reserver)
	if op.Code == Cancel {
		d.Cancel(t, op.Count)
		return
	}
	a.refused = slices.DeleteFunc(a.refused, func(name string) bool { return name == op.Target })
	if err := d.Reserve(t, op.GFP, op.Count); err != nil {
		a.refused = append(a.refused, op.Target)
	}
}

// wait sleeps until there is a signal, and takes it.
func (e *event) wait(t *kernel.Task) {
	lock.Awaits(t, e.scope)
	for w := e.words; ; {
		w.waiters.Prepare(t, true)
		if n := w.signals.Load(); n != 0 && w.signals.CompareAndSwap(n, n-1) {
			w.waiters.Finish(t)
			return
		}
		t.Schedule()
		w.waiters.Finish(t)
	}
}

// run does the work, as a worker.
func (w *work) run(t *kernel.Task) {
	a := w.actor
	a.reset()
	a.body(t)
	w.words.left.Swap(0)
	w.words.waiters.Wake(t, 0)
}

// flush sleeps until no queued work is left.
func (w *work) flush(t *kernel.Task) {
	lock.Awaits(t, w.scope)
	for {
		w.words.waiters.Prepare(t, false)
		if w.words.left.Load() == 0 {
			w.words.waiters.Finish(t)
			return
		}
		t.Schedule()
		w.words.waiters.Finish(t)
	}
}

// where names the operation that an actor is in, with its place in the file.
func (a *actor) where() string {
	if a.pc < len(a.spec.Ops) {
		if line := a.spec.Ops[a.pc].Line; line > 0 {
			return fmt.Sprintf("%s:%d %s", a.runner.file.Name, line, a.doing)
		}
	}
	return a.doing
}
