package mempool

import (
	"math"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// allocSlow finds an element for a caller whom the backing refused at once. What it calls it calls through the pointer: beside a lock and perhaps a
// wait that costs nothing.
func (p *Pool) allocSlow(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if p.config.Order == Molnar {
		return p.allocMolnar(t, gfp)
	}
	if p.config.Polls && !mutant.On(po16) {
		gfp &^= kernel.DirectReclaim // I15
	}
	return p.allocMainline(t, gfp)
}

// allocMainline: pool, backing with all that the caller allows, and from then on in turns backing and pool, asleep in between.
func (p *Pool) allocMainline(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	full := gfp | p.adds
	if mutant.On(mp04) {
		full &^= kernel.NoMemalloc
	}
	tried := p.first(gfp) // the flags of the latest attempt
	for round := 0; ; round++ {
		p.enter(t)
		if it, ok := p.pop(t); ok {
			p.leave(t)
			p.wantIfLow(t)
			return it, nil
		}
		switch {
		case tried != full:
			p.leave(t)
			reachRetry.Hit()
			tried = full
		case !gfp.MayWait(), round == 1 && mutant.On(po03):
			p.leave(t)
			return p.refuse(t)
		default:
			p.sleepMainline(t)
		}
		if it, err := p.ask(t, tried); err == nil {
			return it, nil
		}
	}
}

// ask asks the backing.
func (p *Pool) ask(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if backingFails.Fails() {
		return 0, kernel.ErrNoMemory
	}
	return p.backing.Alloc(t, gfp)
}

// AllocPreallocated hands out an element of the pool, and never asks the backing or waits: mempool_alloc_preallocated of Linux 6.8 (Konovalov 2023).
// It returns kernel.ErrWouldBlock when the pool has none. Any context but NMI.
func (p *Pool) AllocPreallocated(t *kernel.Task) (designs.Item, error) {
	p.enter(t)
	it, ok := p.pop(t)
	p.leave(t)
	if !ok {
		return p.refuse(t)
	}
	p.wantIfLow(t)
	return it, nil
}

// sleepMainline waits for a free. The lock is held, under which the pool was found empty; it is released.
//
// O2: the queue is entered under that lock, so a push comes before the look, which then finds the element, or after the entry, and wakes the sleeper.
func (p *Pool) sleepMainline(t *kernel.Task) {
	if mutant.On(po02) {
		p.leave(t)
		p.head.waiters.Prepare(t, false)
	} else {
		p.head.waiters.Prepare(t, false)
		p.leave(t)
	}
	p.want(t) // he is in the queue by now, so the worker's wake-up finds him
	if p.refill != nil {
		lock.Awaits(t, refilling)
	}
	p.sleep(t)
}

// sleep waits as the queue was prepared for.
func (p *Pool) sleep(t *kernel.Task) {
	reachWait.Hit()
	count(t, &p.counts[t.CPU()].waits)
	t.Schedule()
	p.head.waiters.Finish(t)
}

// Expire makes every sleeper try again, as the five seconds do after which the original's sleepers come back by themselves. Any context but NMI.
func (p *Pool) Expire(t *kernel.Task) { p.head.waiters.Wake(t, math.MaxInt) }

// refuse is the answer to who may not wait.
func (p *Pool) refuse(t *kernel.Task) (designs.Item, error) {
	reachEmpty.Hit()
	count(t, &p.counts[t.CPU()].failed)
	p.want(t)
	return 0, kernel.ErrWouldBlock
}

// pop takes the element that came last; lock held.
//
// O1: the count is lowered, in the order of all such stores, before anybody gets to see the element.
func (p *Pool) pop(t *kernel.Task) (it designs.Item, ok bool) {
	n := p.head.count.Load()
	if n == 0 {
		return 0, false
	}
	reachPool.Hit()
	slot := &p.elements[n-1]
	if mutant.On(po06) {
		p.head.count.Store(n - 1)
		p.leave(t)
		p.enter(t)
		return designs.Item(slot.Load()), true
	}
	it = designs.Item(slot.Load())
	p.head.count.Store(n - 1)
	return it, true
}

// freeSlow puts an element into the pool if that lacks one now that the lock is held, and wakes who sleeps for it; else it goes to the backing.
func (p *Pool) freeSlow(t *kernel.Task, it designs.Item) {
	if !p.backing.Holds(it) {
		misuse(it)
	}
	if p.push(t, it) {
		reachRefill.Hit()
		p.wake(t)
		return
	}
	reachSpill.Hit()
	p.backing.Free(t, it)
}

// push puts an element into the pool, unless it is full now that the lock is held.
func (p *Pool) push(t *kernel.Task, it designs.Item) bool {
	p.enter(t)
	defer p.leave(t)
	n := p.head.count.Load()
	if n >= p.head.keeps.LoadRelaxed() && !mutant.On(po01) {
		add(&p.counts[t.CPU()].spills)
		return false
	}
	p.elements[n].Store(uint64(it))
	p.head.count.Store(n + 1) // O2: a full barrier between the element and the look for sleepers
	add(&p.counts[t.CPU()].refills)
	return true
}

// wake lets sleepers know of a new element: all of mainline's, one of Molnar's.
func (p *Pool) wake(t *kernel.Task) {
	if p.head.waiters.Wake(t, 1) > 0 {
		reachWake.Hit()
	}
}

// enter takes the pool's lock, with interrupts masked where it spins.
func (p *Pool) enter(t *kernel.Task) {
	if !lock.RT {
		t.IRQSave()
	}
	p.head.lock.Lock(t)
	add(&p.counts[t.CPU()].locks)
}

func (p *Pool) leave(t *kernel.Task) {
	p.head.lock.Unlock(t)
	if !lock.RT {
		t.IRQRestore()
	}
}

// CPUDead tells the backing that a CPU went offline; the pool itself keeps nothing per CPU. t runs on another CPU, in process context.
func (p *Pool) CPUDead(t *kernel.Task, cpu int) { p.backing.CPUDead(t, cpu) }

// count adds one to a counter that only the calling CPU writes.
func count(t *kernel.Task, w *mem.Plain64) {
	t.IRQSave()
	add(w)
	t.IRQRestore()
}

func add(w *mem.Plain64) { w.Store(w.Load() + 1) }
