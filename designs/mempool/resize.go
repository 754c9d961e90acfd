package mempool

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/mutant"
)

// Resize changes how many elements the pool guarantees, to 0 up to Config.Most; an error says that it is none of these. Shrinking gives what is too
// much to the backing. Growing takes elements from it with all flags, and may end with fewer than asked for when it has no more, without an error, as
// mempool_resize does: frees fill the pool up later, and until then a caller of AllocBulk may sleep for elements that nobody holds. Process context
// with no spinning lock held; it may wait. Any number may run at once: the last to be done decides.
func (p *Pool) Resize(t *kernel.Task, items int) error {
	if items < 0 || items > p.config.Most {
		return fmt.Errorf("mempool: a pool of %d elements: give 0 to %d, for which it was made", items, p.config.Most)
	}
	keeps := uint32(keptFor(items))
	p.enter(t)
	p.giveSurplus(t, keeps)
	grows := keeps > p.head.keeps.LoadRelaxed() // than what another Resize may have made of it meanwhile
	p.head.keeps.Store(keeps)
	p.leave(t)
	if grows {
		reachGrow.Hit()
		p.fill(t)
		return nil
	}
	if !mutant.On(po19) {
		p.wake(t) // I17
	}
	return nil
}

// giveSurplus gives elements back one by one, before what the pool keeps is lowered: so a free that comes in between is not refused, but part of the
// surplus (I12). Lock held; it is released in between.
func (p *Pool) giveSurplus(t *kernel.Task, keeps uint32) {
	for p.head.count.Load() > keeps {
		it, _ := p.pop(t)
		p.leave(t)
		reachShrink.Hit()
		if !mutant.On(po13) {
			p.backing.Free(t, it)
		}
		p.enter(t)
	}
}

// fill takes elements from the backing until the pool is full or the backing has none; the lock is not held while the backing is called, so a free may
// come first: then the element goes back.
//
// I11: each element wakes. The original's resize wakes nobody, so who sleeps beside the elements it adds sleeps out his five seconds.
func (p *Pool) fill(t *kernel.Task) {
	for p.head.count.Load() < p.head.keeps.LoadRelaxed() {
		it, err := p.Backing().Alloc(t, kernel.Kernel)
		if err != nil {
			return
		}
		if !p.push(t, it) {
			reachRaced.Hit()
			p.backing.Free(t, it)
			return
		}
		reachFill.Hit()
		if !mutant.On(po12) {
			p.wake(t)
		}
	}
}
