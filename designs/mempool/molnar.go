package mempool

import (
	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mutant"
)

// allocMolnar takes the steps of the mail from the second on; the first, the backing without waiting, has failed.
//
//	2  the pool, if it is at least half full
//	3  the backing, waiting if need be
//	4  the pool, if it has any
//	5  a sleep until an element is freed, and again from step 1
//
// Steps 2 and 4 are one: a pool that is well filled only leaves out step 3, as in the code of 2.5.1.
func (p *Pool) allocMolnar(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	for slept := false; ; slept = true {
		if gfp.MayWait() {
			if p.wellFilled() {
				reachFilled.Hit()
			} else {
				reachBlocking.Hit()
				if it, err := p.ask(t, gfp); err == nil {
					p.passOn(t, slept)
					return it, nil
				}
			}
		}
		p.enter(t)
		it, ok := p.pop(t)
		p.leave(t)
		switch {
		case ok:
			return it, nil
		case !gfp.MayWait(), slept && mutant.On(po03):
			return p.refuse(t)
		}
		p.sleepMolnar(t)
		if it, err := p.ask(t, p.first(gfp)); err == nil {
			p.passOn(t, true)
			return it, nil
		}
	}
}

// wellFilled reports whether the pool is to be asked before a backing that may wait. It looks without the lock, as the original did.
func (p *Pool) wellFilled() bool {
	have, want := uint64(p.head.count.Load())*10, uint64(p.config.Threshold)*uint64(p.head.keeps.LoadRelaxed())
	return have > want || have == want && !p.config.Blocks
}

// sleepMolnar waits for a free, unless one came before the sleep.
//
// O2: first into the queue, a full barrier, then the look at the pool; a push does the reverse. Swap either pair and both can miss: the caller then
// sleeps beside the element.
func (p *Pool) sleepMolnar(t *kernel.Task) {
	late := mutant.On(po02)
	if late && p.head.count.Load() != 0 {
		return
	}
	p.head.waiters.Prepare(t, true)
	if !late && p.head.count.Load() != 0 {
		reachEarly.Hit()
		p.head.waiters.Finish(t)
		return
	}
	p.sleep(t)
}

// passOn wakes the next sleeper in the place of a caller who was in the queue, may have been woken for an element of the pool, and leaves with one
// of the backing's (I4). 2.5.1 did not: see mutant PO-05.
func (p *Pool) passOn(t *kernel.Task, slept bool) {
	if !slept || mutant.On(po05) || p.head.count.Load() == 0 {
		return
	}
	reachPassOn.Hit()
	p.head.waiters.Wake(t, 1)
}
