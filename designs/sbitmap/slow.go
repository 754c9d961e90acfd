package sbitmap

import (
	"math/bits"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

const host = "designs/sbitmap"

// The slow paths an exploration must have taken.
var (
	reachClear  = reach.Define(host, "clear")        // freed tags were cleared in a full word
	reachOthers = reach.Define(host, "others-clear") // another caller had cleared them in the meantime
	reachNext   = reach.Define(host, "next-word")
	reachEmpty  = reach.Define(host, "empty") // a caller that may not wait was refused
	reachWait   = reach.Define(host, "wait")
	reachWake   = reach.Define(host, "wake")
	reachLate   = reach.Define(host, "late-tag") // a caller found a tag when it was in the queue already
)

var (
	bm01 = mutant.Define(mutant.Mutant{ID: "BM-01", Host: host, Breaks: "I1",
		Story: "the bit is set by a load and a store, and who sets another bit in between is forgotten"})
	bm02 = mutant.Define(mutant.Mutant{ID: "BM-02", Host: host, Breaks: "I2",
		Story: "the tags to be cleared are read and set to none in two steps, and a free in between is forgotten"})
	bm03 = mutant.Define(mutant.Mutant{ID: "BM-03", Host: host, Breaks: "I4",
		Story: "the free looks for sleepers first and marks the tag afterwards"})
	sb01 = mutant.Define(mutant.Mutant{ID: "SB-01", Host: host, Breaks: "I4",
		Story: "the mark is a store without a fence, which the look for sleepers may pass; block/blk-mq-tag.c 2014, commit c38d185d4af1"})
	sb07 = mutant.Define(mutant.Mutant{ID: "SB-07", Host: host, Breaks: "I3",
		Story: "tags are cleared without the word's lock, and a caller who finds none to clear gives up; fixed by commits 72d04bdcf3f7 and 661d4f55a794"})
	sb09 = mutant.Define(mutant.Mutant{ID: "SB-09", Host: host, Breaks: "I4",
		Story: "a wake-up is spent on the queue whose turn it is, even when nobody is in it; fixed by commit 040b83fcecfb"})
	sb11 = mutant.Define(mutant.Mutant{ID: "SB-11", Host: host, Breaks: "I5",
		Story: "a free compares the count that its own addition gave with the batches answered since, and leaves a batch to nobody"})
)

// allocSlow follows a look at the hinted word that found nothing: every word, then the queue.
func (b *Bitmap) allocSlow(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if tag, ok := b.find(t); ok {
		return designs.Item(tag), nil
	}
	if !gfp.MayWait() {
		reachEmpty.Hit()
		count(t, &b.cpus[t.CPU()].failed)
		return 0, kernel.ErrWouldBlock
	}
	for {
		if tag, ok := b.sleep(t); ok {
			return designs.Item(tag), nil
		}
	}
}

// sleep joins a queue until it is woken, and looks for a tag before and after.
func (b *Bitmap) sleep(t *kernel.Task) (tag uint32, ok bool) {
	q := &b.shared.queue[b.shared.next.Add(1)%queues]
	b.shared.sleepers.Add(1)
	q.Prepare(t, true) // O1: counted and in the queue, then the look
	tag, ok = b.find(t)
	if ok {
		reachLate.Hit()
	} else {
		reachWait.Hit()
		count(t, &b.cpus[t.CPU()].waits)
		t.Schedule()
	}
	q.Finish(t)
	b.shared.sleepers.Add(^uint32(0))
	if ok {
		return tag, true
	}
	return b.find(t)
}

// find takes a tag of any word, the CPU's hinted one first.
func (b *Bitmap) find(t *kernel.Task) (tag uint32, ok bool) {
	c := b.cpus[t.CPU()]
	hint := c.hint.LoadRelaxed()
	index := hint >> b.shift
	for range b.words {
		if tag, ok := b.take(t, index); ok {
			if tag == hint {
				b.advance(c, tag)
			}
			return tag, true
		}
		reachNext.Hit()
		index++
		if int(index) == len(b.words) {
			index = 0
		}
	}
	c.hint.StoreRelaxed(0)
	return 0, false
}

// take takes a tag of one word, after clearing those that were freed if need be.
func (b *Bitmap) take(t *kernel.Task, index uint32) (tag uint32, ok bool) {
	w := &b.words[index]
	for {
		old := w.taken.Load()
		free := ^old & b.mask(index)
		if free == 0 {
			if !b.clear(t, w, index) {
				return 0, false
			}
			continue
		}
		bit := uint32(bits.TrailingZeros64(free))
		if mutant.On(bm01) {
			w.taken.Store(old | 1<<bit)
			return index<<b.shift + bit, true
		}
		if w.taken.CompareAndSwap(old, old|1<<bit) {
			return index<<b.shift + bit, true
		}
	}
}

// mask has a bit for each tag of a word: the last may have fewer.
func (b *Bitmap) mask(index uint32) uint64 {
	if have := b.tags - index<<b.shift; have < 1<<b.shift {
		return 1<<have - 1
	}
	return 1<<(1<<b.shift) - 1 // a shift by 64 gives 0
}

// clear makes the freed tags of a full word ready to be taken, and reports whether the word has a free one.
//
// O2: under the lock, so that nobody sees the time between the two steps; and who finds nothing to clear looks at the word once more, since
// another caller may have cleared it a moment ago.
func (b *Bitmap) clear(t *kernel.Task, w *word, index uint32) bool {
	if mutant.On(sb07) {
		freed := w.cleared.Swap(0)
		if freed != 0 {
			w.taken.And(^freed)
		}
		return freed != 0
	}
	t.IRQSave()
	w.lock.Lock(t)
	c := b.cpus[t.CPU()]
	c.locks.Store(c.locks.Load() + 1)
	ok := true
	if w.cleared.Load() == 0 {
		ok = ^w.taken.Load()&b.mask(index) != 0
		if ok {
			reachOthers.Hit()
		}
	} else {
		freed := b.emptied(w)
		w.taken.And(^freed)
		reachClear.Hit()
		c.refills.Store(c.refills.Load() + 1)
	}
	w.lock.Unlock(t)
	t.IRQRestore()
	return ok
}

// emptied takes the bits of the tags to be cleared; word's lock held.
func (b *Bitmap) emptied(w *word) uint64 {
	if mutant.On(bm02) {
		freed := w.cleared.Load()
		w.cleared.Store(0)
		return freed
	}
	return w.cleared.Swap(0)
}

// wake counts a freed tag, and answers every batch of them by waking as many sleepers.
//
// A free that sees no sleeper is not counted: a caller that counts itself afterwards finds that free's tag (O1), or sleeps while all tags are
// taken, and then at least eight batches of frees are still to come.
//
// I5: the count is read anew each time, after the batches that were answered. A free that others overtook between its addition and this look would
// with the old count take a batch of theirs for its own, and give up while its own batch is open.
func (b *Bitmap) wake(t *kernel.Task) {
	s := b.shared
	added := s.completed.Add(1)
	for {
		spent := s.spent.Load()
		completed := added
		if !mutant.On(sb11) {
			completed = s.completed.Load()
		}
		if int32(completed-spent) < int32(b.batch) {
			return
		}
		if s.spent.CompareAndSwap(spent, spent+b.batch) {
			break
		}
	}
	left := int(b.batch)
	turn := s.turn.Load()
	for range queues {
		q := &s.queue[turn%queues]
		turn++ // even if this queue is not emptied: the next wake-up begins with the one after it
		woken := q.Wake(t, left)
		if woken > 0 {
			reachWake.Hit()
		}
		left -= woken
		if left <= 0 || mutant.On(sb09) {
			break
		}
	}
	s.turn.Store(turn)
}

// count adds one to a counter of the caller's CPU; masked, as an interrupt may count there too.
func count(t *kernel.Task, w *mem.Plain64) {
	t.IRQSave()
	w.Store(w.Load() + 1)
	t.IRQRestore()
}
