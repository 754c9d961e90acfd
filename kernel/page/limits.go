package page

import (
	"errors"

	"headroom/kernel"
	"headroom/kernel/mutant"
)

// mostDoublings bounds how far a refill or a spill outgrows the batch: to 32 times.
const mostDoublings = 5

// bounds is where the list spills, and how many pages it moves at a time, as far as SetLimits has come.
func (w *listWords) bounds() (high, most, batch uint32) {
	most = w.most.Load()
	return min(max(w.high.LoadRelaxed(), w.least.Load()), most), most, w.batch.Load()
}

// limit changes where the list spills; list held, or called by SetLimits.
//
// I14: whoever stores a limit looks at the ceiling afterwards, and SetLimits stores the ceiling before the limit: the last to store a limit sees every
// ceiling whose own limit it has replaced.
func (w *listWords) limit(high uint32) {
	for {
		w.high.Store(high)
		most := w.most.Load()
		if high <= most || mutant.On(pg10) || mutant.On(pg14) {
			return
		}
		high = most
	}
}

// refillBlocks is how many blocks of an order one look into the zone may move, the caller's own among them; list held, and the zone has passed the
// caller's mark.
//
// TryLock, after 6.12: each refill since the last free doubles the batch, and the list may hold as much more, up to its ceiling, unless memory is low;
// but a refill leaves room for a batch of frees. Blocks of a high order come in pairs at least.
func (l *list) refillBlocks(order int) int {
	w := l.words
	high, most, batch := w.bounds()
	switch {
	case l.zone.config.Lists == IRQOff || high < batch:
		return int(max(min(batch, high)>>order, 1))
	case order > 0:
		return int(max(batch>>order, min(batch, 2)))
	}
	n := batch << w.factor.Load()
	if high < most && l.zone.hint.pressed.LoadRelaxed() == 0 {
		high = min(high+n, most)
		if mutant.On(pg10) {
			high += n
		}
		w.limit(high)
		reachRaised.Hit()
	}
	room := batch
	if have := w.pages.Load(); have+2*batch < high {
		room = high - have - batch
	}
	if factor := w.factor.Load(); n <= room && factor < mostDoublings {
		w.factor.Store(factor + 1)
	}
	return int(min(n, room))
}

// spill makes a list that is full, or in a zone under pressure, shorter; list held.
func (a *Allocator) spill(t *kernel.Task, l *list) {
	n := l.spillPages(l.zone.hint.pressed.LoadRelaxed() != 0)
	if l.zone.awaited() {
		n = l.words.pages.Load() // O4
	}
	if n == 0 {
		return
	}
	reachSpill.Hit()
	count(t, &a.cpus[t.CPU()].counts.spills)
	l.flush(t, n)
}

// spillPages is how many pages a list is to give up now: a batch (IRQOff), and everything while memory is low; or, TryLock, after 6.12, as many as
// were freed in a row, a batch at least, and not the last batch of what it may hold. That is its limit, and four batches at most while memory is low.
//
// A list that came to its limit by frees may hold more from now on, up to its ceiling; each free while memory is low lowers the limit again.
func (l *list) spillPages(pressed bool) uint32 {
	w := l.words
	high, most, batch := w.bounds()
	pages := w.pages.Load()
	if l.zone.config.Lists == IRQOff {
		if pressed {
			return pages
		}
		return batch
	}
	run := min(w.run.Load(), batch<<mostDoublings)
	w.run.Store(run)
	next := high
	switch {
	case pressed:
		next = max(high-min(high, max(run, batch)), w.least.Load())
	case high < run+batch:
		next = max(high, min(run+batch, most))
	}
	if next != w.high.LoadRelaxed() {
		w.limit(next)
	}
	if pressed {
		high = min(4*batch, next)
	}
	if pages < high {
		return 0
	}
	return max(batch, min(run, high-min(high, batch)))
}

// note counts pages freed to the list; list held.
func (w *listWords) note(pages uint32) {
	if factor := w.factor.Load(); factor != 0 {
		w.factor.Store(factor >> 1)
	}
	w.run.Store(w.run.Load() + pages)
}

// SetLimits changes how many pages each CPU keeps: at high pages a list spills batch of them, and the height floats no longer. high 0 turns the
// lists off: every free then gives a batch back. It returns an error when batch is below 1, or either is above Config.MostHigh. Any context; lists may
// be in use, and a call on them that is under way may still go by the old limits.
func (a *Allocator) SetLimits(high, batch int) error {
	if high < 0 || batch < 1 || max(high, batch) > a.config.MostHigh {
		return errLimits
	}
	for i := range a.zones {
		for cpu := range a.zones[i].lists {
			a.zones[i].lists[cpu].words.setLimits(high, high, batch)
		}
	}
	return nil
}

func (w *listWords) setLimits(least, most, batch int) {
	w.least.Store(uint32(least))
	w.most.Store(uint32(most))
	w.limit(uint32(least))
	w.batch.Store(uint32(batch))
}

var errLimits = errors.New("page: limits out of range: give 0 <= high, 1 <= batch, both at most Config.MostHigh")
