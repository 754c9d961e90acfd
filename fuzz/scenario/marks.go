package scenario

import (
	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/page"
	"headroom/kernel/sim"
)

// taken looks, whenever a page was taken out of the zone, whether its taker may go so far below the mark: by the flags of the operation that he is in and
// the rights that he has, as far as the allocator in between lets them count. It knows the eras' rules from their description, not from the zone.
func (r *runner) taken(t *kernel.Task, left int64) {
	a := r.byTask[t.Index()]
	if a == nil || a.task != t || a.pc >= len(a.spec.Ops) {
		return
	}
	op := &a.spec.Ops[a.pc]
	if op.Code != Alloc && op.Code != Fill {
		return
	}
	rights, gfp := t.Rights(), op.GFP
	if r.victim == a {
		rights |= kernel.RightVictim
	}
	if p := r.poolOf(op.Target); p.zone == nil && t.Rights()&^kernel.RightVictim == a.spec.Rights&^kernel.RightVictim { // else he is in reclaim
		if o, ok := p.allocator.(designs.ReserveOpener); !ok || !o.OpensReserves(rights) {
			gfp |= kernel.NoMemalloc
		}
		gfp &^= kernel.DirectReclaim // a pool's first attempt does not wait, whoever calls
	}
	z := r.file.Zone
	if least := leastLeft(z.Rules, int64(z.Min), gfp, rights); left < least {
		r.machine.Fail(sim.Contract, "an allocation with %v and rights %d left %d pages of the zone, and has to leave %d", gfp, rights, left, least)
	}
}

// leastLeft is how many pages a caller has to leave, at most: pages set aside for others come on top.
func leastLeft(era page.Era, mark int64, gfp kernel.GFP, rights kernel.Rights) int64 {
	barred, waits := gfp&kernel.NoMemalloc != 0, gfp.MayWait()
	victim := rights&kernel.RightVictim != 0 && !barred
	switch {
	case gfp&kernel.Memalloc != 0 && !barred, rights&kernel.RightMemalloc != 0 && !barred, victim && era != page.Rules2024:
		return 0
	case era == page.Rules2001 && !waits:
		return mark / 4
	case era == page.Rules2001:
		return mark
	}
	if gfp&kernel.High != 0 {
		mark -= mark / 2
		if !waits && !barred {
			mark -= mark / 4
		}
	}
	if victim {
		mark -= mark / 2
	}
	return mark
}
