package mempool

import (
	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mutant"
)

// AllocBulk hands out len(items) elements: the backing's, and from the pool all that it lacks of them or none. With DirectReclaim, in mainline's order
// and for no more than the pool keeps, it never fails, and sleeps until the pool has that many (process context); a Resize to fewer ends that.
// Otherwise it returns how many it got; fewer than all come with kernel.ErrWouldBlock. 2.5.1 had nothing of the kind, and in its order the call never
// waits. Other contexts as for Alloc.
//
// I13: who sleeps holds no element of the pool. Two callers who took their first elements and slept for the rest would each wait for the other's, which
// is why a loop of Alloc will not do. Over another pool it does not hold: that is asked for one after the other, and sleeps in between.
func (p *Pool) AllocBulk(t *kernel.Task, gfp kernel.GFP, items []designs.Item) (got int, err error) {
	if p.config.Polls {
		gfp &^= kernel.DirectReclaim
	}
	full := gfp | p.adds
	for tried := p.first(gfp); ; {
		for got < len(items) {
			if items[got], err = p.ask(t, tried); err != nil {
				break
			}
			got++
		}
		if got == len(items) {
			return got, nil
		}
		p.enter(t)
		have := int(p.head.count.Load())
		if have >= len(items)-got || mutant.On(mp07) {
			got += p.popMany(t, items[got:])
		}
		switch {
		case got == len(items):
			p.leave(t)
			p.wantIfLow(t)
			return got, nil
		case tried != full:
			p.leave(t)
			tried = full
		case p.mustGive(gfp, len(items)):
			reachBulk.Hit()
			p.sleepMainline(t)
		default:
			got += p.popMany(t, items[got:])
			p.leave(t)
			_, err = p.refuse(t)
			return got, err
		}
	}
}

// mustGive reports whether a caller with these flags is served in any case, if he sleeps for so many; lock held.
func (p *Pool) mustGive(gfp kernel.GFP, items int) bool {
	return gfp.MayWait() && p.config.Order == Mainline && items <= int(p.head.keeps.LoadRelaxed())
}

// popMany takes as many elements as there are and fit; lock held.
func (p *Pool) popMany(t *kernel.Task, items []designs.Item) (got int) {
	for got < len(items) {
		it, ok := p.pop(t)
		if !ok {
			break
		}
		items[got] = it
		got++
	}
	return got
}
