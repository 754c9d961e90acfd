package mempool

import (
	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mutant"
)

// policed is the backing of a pool whose policy depends on how full it is: so that other pools pay nothing for the look.
type policed struct {
	Backing
	pool *Pool
}

// Alloc is an attempt with these flags, and with what the policy makes of them now.
func (b *policed) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	return b.Backing.Alloc(t, b.pool.allowed(t, gfp))
}

// allowed sets or takes away what bars the reserves, where that depends on how full the pool is. It looks without the lock, before every attempt, as
// both patches do: an element that comes or goes meanwhile is seen by the next.
//
//	WhenEmpty    commit f9054c70d28b: barred while the pool has an element
//	VictimsOnly  Hocko's alternative to the revert of that: barred, but for a victim while the pool has none; a caller's own bar goes with it
func (p *Pool) allowed(t *kernel.Task, gfp kernel.GFP) kernel.GFP {
	switch p.config.Reserves {
	case WhenEmpty:
		if !p.seemsEmpty() {
			gfp |= kernel.NoMemalloc
		}
	case VictimsOnly:
		if p.seemsEmpty() && p.Victim(t) {
			reachVictim.Hit()
			gfp &^= kernel.NoMemalloc
		}
	}
	return gfp
}

// seemsEmpty is the look that opens the reserves (I8).
func (p *Pool) seemsEmpty() bool { return p.head.count.Load() == 0 || mutant.On(po10) }

// Victim reports whether t is the out-of-memory killer's victim: by its rights, or chosen by the killer of the memory below (I9). Any context.
func (p *Pool) Victim(t *kernel.Task) bool {
	if mutant.On(po11) {
		return t.Rights() != 0
	}
	return t.Rights()&kernel.RightVictim != 0 || p.backing.Victim(t)
}

// OpensReserves reports whether a caller with these rights may draw on the reserves of the memory below, once the pool is empty. Any context.
func (p *Pool) OpensReserves(rights kernel.Rights) bool {
	switch {
	case p.config.Order == Molnar, p.config.Reserves == OptIn, p.config.Reserves == WhenEmpty:
		return rights != 0
	case p.config.Reserves == VictimsOnly:
		return rights&kernel.RightVictim != 0
	}
	return false
}
