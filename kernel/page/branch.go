package page

import "headroom/kernel"

// AllocOrDraw is Alloc with the branch for reservations: a caller whose flags hold kernel.Promised draws on a promise of his, which cannot fail, and
// any other is served as by Alloc. It is the whole of Alloc's fast path once more, so that what the branch costs can be measured. A draw is of order 0.
// It panics on an order out of range, or a draw without a promise. Any context but NMI.
func (a *Allocator) AllocOrDraw(t *kernel.Task, gfp kernel.GFP, order int) (Page, error) {
	if gfp&kernel.Promised != 0 {
		return a.Draw(t), nil
	}
	if uint(order) < a.listed {
		if a.irqOff {
			t.IRQSave()
		}
		l := a.cpus[t.CPU()].home
		if a.irqOff || l.words.lock.TryLock(t) {
			r := &l.rings[order]
			if n := r.words.length.Load(); n != 0 {
				index := r.slots[(r.words.bottom.Load()+n-1)&r.mask].Load()
				r.words.length.Store(n - 1)
				l.words.pages.Store(l.words.pages.Load() - 1<<order)
				if a.irqOff {
					t.IRQRestore()
				} else {
					if run := l.words.run.Load(); run != 0 {
						l.words.run.Store(run >> 1)
					}
					l.words.lock.Unlock(t)
				}
				z := l.zone
				z.pages[index].state.StoreRelaxed(owned(order))
				return z.page(index), nil
			}
			if !a.irqOff {
				l.words.lock.Unlock(t)
			}
		}
		if a.irqOff {
			t.IRQRestore()
		}
	}
	return a.allocSlow(t, gfp, order)
}
