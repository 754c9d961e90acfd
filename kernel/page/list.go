package page

import (
	"math/bits"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/percpu"
)

// list is the pages of one zone that one CPU keeps at hand.
type list struct {
	words *listWords
	rings []ring // by order
	zone  *zone
}

// listWords are the head of a list, on lines of their own: what every call uses in front, what others read or write behind.
//
// pages, run, factor and the rings are written with the lock held (TryLock), or by the CPU itself with interrupts masked (IRQOff), or after its death.
type listWords struct {
	lock   lock.Spin
	pages  mem.Plain32   // on all rings together
	high   atomic.Uint32 // at so many pages the list spills; it floats between least and most
	run    mem.Plain32   // pages freed in a row; every alloc halves it (TryLock)
	factor mem.Plain32   // so often the batch is doubled at the next refill; every free halves it (TryLock)
	rings  [tryLockOrders]ringWords
	least  atomic.Uint32 // SetLimits changes these and high at any time, one after the other (PA-03)
	most   atomic.Uint32
	batch  atomic.Uint32
	drift  atomic.Uint32 // this CPU's share of the zone's free count, a signed number; written under the zone's lock
}

// ring is the blocks of one order, the newest on top: Alloc takes there, a spill takes the oldest from the bottom.
type ring struct {
	words *ringWords
	slots []mem.Plain32
	mask  uint32
}

type ringWords struct{ bottom, length mem.Plain32 }

// newLists makes the lists of a zone, one for each CPU, on the CPU's node.
func newLists(z *zone, place kernel.Place, orders int) error {
	heads, err := percpu.New[listWords](place)
	if err != nil {
		return err
	}
	z.lists = make([]list, place.CPUs())
	for cpu, words := range heads {
		words.setLimits(z.config.High, z.config.HighMax, z.config.Batch)
		z.lists[cpu] = list{words: words, rings: make([]ring, orders), zone: z}
	}
	for order := range orders {
		// A list short of high takes a refill of a batch, or one more block; a ring never holds more of the zone than there is.
		most := min(z.config.Pages, 2*z.config.MostHigh)>>order + 2
		size := 1 << bits.Len(uint(most))
		rows, err := percpu.Rows[mem.Plain32](place, size)
		if err != nil {
			return err
		}
		for cpu, slots := range rows {
			z.lists[cpu].rings[order] = ring{words: &heads[cpu].rings[order], slots: slots, mask: uint32(size - 1)}
		}
	}
	return nil
}

// enter gets hold of the list of the caller's CPU: by its lock, if that is free, or by masking interrupts.
func (a *Allocator) enter(t *kernel.Task, l *list) bool {
	if a.irqOff {
		t.IRQSave()
		return true
	}
	if !l.words.lock.TryLock(t) {
		if !mutant.On(pa04) {
			return false
		}
		t.SpinEnter()
	}
	return true
}

func (a *Allocator) leave(t *kernel.Task, l *list) {
	if a.irqOff {
		t.IRQRestore()
	} else {
		l.words.lock.Unlock(t)
	}
}

// push puts a block on top; list held.
func (l *list) push(index uint32, order int) {
	l.zone.pages[index].state.StoreRelaxed(listed(order))
	r := &l.rings[order]
	n := r.words.length.Load()
	r.slots[(r.words.bottom.Load()+n)&r.mask].Store(index)
	r.words.length.Store(n + 1)
	l.words.pages.Store(l.words.pages.Load() + 1<<order)
}

// flush moves pages, the oldest first, order by order in turn, until at least want have gone back to the zone; list held.
//
// I6: want was worked out from limits that may have changed since; the list's length has not.
func (l *list) flush(t *kernel.Task, want uint32) {
	have := l.words.pages.Load()
	if !mutant.On(pa03) {
		want = min(want, have)
	}
	z := l.zone
	if mutant.On(pa02) {
		z.enter(t)
		z.account(t, int64(want))
		z.leave(t)
	}
	z.enter(t)
	freed := l.pour(want)
	if mutant.On(pa02) {
		freed -= want
	}
	z.account(t, int64(freed)) // O1: after the blocks are linked
	z.collect(t)
	z.relax()
	z.leave(t)
	z.tell(t)
}

// pour links blocks of the list, the oldest first, order by order in turn, in its zone, want pages at least, and returns how many pages; list and
// zone's lock held.
func (l *list) pour(want uint32) (freed uint32) {
	order := 0
	for freed < want {
		for l.rings[order].words.length.Load() == 0 {
			order = (order + 1) % len(l.rings)
		}
		l.zone.put(l.rings[order].popBottom(), order)
		freed += 1 << order
		order = (order + 1) % len(l.rings)
	}
	l.words.pages.Store(l.words.pages.Load() - freed)
	return freed
}

func (r *ring) popBottom() uint32 {
	bottom := r.words.bottom.Load()
	index := r.slots[bottom&r.mask].Load()
	r.words.bottom.Store(bottom + 1)
	r.words.length.Store(r.words.length.Load() - 1)
	return index
}
