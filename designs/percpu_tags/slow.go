package percputags

import (
	"math/bits"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

const host = "designs/percpu_tags"

// The slow paths an exploration must have taken.
var (
	reachRefill = reach.Define(host, "refill")
	reachSteal  = reach.Define(host, "steal")
	reachSpill  = reach.Define(host, "spill")
	reachWait   = reach.Define(host, "wait")
	reachWake   = reach.Define(host, "wake")
	reachEmpty  = reach.Define(host, "empty")    // a caller that may not wait was refused
	reachRobbed = reach.Define(host, "robbed")   // a spill found its list emptied by a thief
	reachPassed = reach.Define(host, "passed")   // a thief found nothing but busy CPUs
	reachTaken  = reach.Define(host, "taken")    // flag, xchg: a CPU found a thief at its own list
	reachDead   = reach.Define(host, "cpu-dead") // a dead CPU's tags came back
)

var (
	pi01 = mutant.Define(mutant.Mutant{ID: "PI-01", Host: host, Breaks: "I3",
		Story: "stealing stops when (CPUs with tags) x maximum is not above half the tags; Linux 3.12, fixed by commit d835502f3dac"})
	ai01 = mutant.Define(mutant.Mutant{ID: "AI-01", Host: host, Breaks: "I1",
		Story: "the per-CPU count is loaded and stored in two masked stretches, and an interrupt's free in between is overwritten; fs/aio.c, 2014"})
	pi03 = mutant.Define(mutant.Mutant{ID: "PI-03", Host: host, Breaks: "I4",
		Story: "nobody looks whether a batch fits into a list; lib/percpu_ida.c, 2014"})
	pi05 = mutant.Define(mutant.Mutant{ID: "PI-05", Host: host, Breaks: "I10",
		Story: "the thief begins with the CPU robbed last, and robs it again while others have tags; draft of 2013, before commit 798ab48eecdf"})
	pt02 = mutant.Define(mutant.Mutant{ID: "PT-02", Host: host, Breaks: "I2",
		Story: "the thief clears the victim's bit after it took the list, over the bit of a free that came between"})
	pt03 = mutant.Define(mutant.Mutant{ID: "PT-03", Host: host, Breaks: "I3",
		Story: "lost wake-up: a caller looks for tags first and enters the wait queue afterwards"})
	pt04 = mutant.Define(mutant.Mutant{ID: "PT-04", Host: host, Breaks: "I4",
		Story: "the spill trusts the count read before it took the pool's lock, and a thief was there in between"})
	pt05 = mutant.Define(mutant.Mutant{ID: "PT-05", Host: host, Breaks: "I3",
		Story: "a thief that passed over a busy CPU and found nothing elsewhere gives up, and sleeps beside what that CPU leaves on its list"})
	pt06 = mutant.Define(mutant.Mutant{ID: "PT-06", Host: host, Breaks: "I1",
		Story: "the thief raises its flag without a look at the owner's"})
	pt07 = mutant.Define(mutant.Mutant{ID: "PT-07", Host: host, Breaks: "I1",
		Story: "the thief takes the list without leaving the sentinel, and the owner pops and pushes while it copies"})
	pt14 = mutant.Define(mutant.Mutant{ID: "PT-14", Host: host, Breaks: "I11",
		Story: "the spill holds the lock of its own CPU when it asks for the pool's, and a thief holds the latter when it asks for the former"})
)

// allocSlow finds a tag for a CPU whose own list is empty: from the shared stack, from another CPU, or by waiting.
func (p *Pool) allocSlow(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	wait := gfp.MayWait()
	for {
		if wait && !mutant.On(pt03) {
			p.shared.waiters.Prepare(t, false) // O1: first into the queue, then the look
		}
		tag, ok := p.take(t, wait)
		if ok || !wait {
			if wait {
				p.shared.waiters.Finish(t)
			}
			if !ok {
				reachEmpty.Hit()
				return 0, kernel.ErrWouldBlock
			}
			return designs.Item(tag), nil
		}
		if mutant.On(pt03) {
			p.shared.waiters.Prepare(t, false)
		}
		reachWait.Hit()
		t.Schedule()
		p.shared.waiters.Finish(t)
	}
}

// take gets one tag under the pool's lock, and leaves what else it found on the own list.
func (p *Pool) take(t *kernel.Task, wait bool) (tag uint32, ok bool) {
	t.IRQSave() // an interrupt on this CPU would free to the list that is being changed
	p.shared.lock.Lock(t)
	l := &p.cpus[t.CPU()]
	count(&l.locks)
	n := l.free.Load() // an interrupt may have freed here since the look
	if n == 0 {
		n = p.refill(l)
	}
	if n == 0 {
		n = p.steal(t, l)
	}
	switch {
	case n != 0:
		tag, ok = l.stack[n-1].Load(), true
		l.free.Store(n - 1)
		if n > 1 {
			p.setBit(t.CPU())
		}
	case wait:
		count(&l.waits)
	default:
		count(&l.failed)
	}
	p.shared.lock.Unlock(t)
	t.IRQRestore()
	return tag, ok
}

// window opens the mutant AI-01's gap: between its load and its store of the count, Alloc lets interrupts and thieves in.
func (l *list) window(t *kernel.Task) {
	l.lock.Unlock(t)
	t.IRQRestore()
	t.IRQSave()
	l.lock.Lock(t)
}

// refill moves up to a batch from the shared stack to the empty list l and returns the new length; pool's lock held, interrupts masked.
func (p *Pool) refill(l *list) uint32 {
	have := p.shared.free.Load()
	n := min(have, p.batch)
	if n == 0 {
		return 0
	}
	reachRefill.Hit()
	count(&l.refills)
	for i := range n {
		l.stack[i].Store(p.stack[have-n+i].Load())
	}
	p.shared.free.Store(have - n)
	l.free.Store(n)
	return n
}

// steal takes the whole list of the next CPU that has tags, starting behind the one robbed last, and returns how many it got; pool's lock held,
// interrupts masked. It looks at no more CPUs than have their bit set now. When it got nothing and passed over a busy CPU, it waits for that one and
// looks again: what the owner leaves there, nobody would be woken for. That has no bound: an owner who is at his list at each look keeps the thief, and
// with him the pool's lock, for as long.
func (p *Pool) steal(t *kernel.Task, l *list) uint32 {
	for {
		n, passed := p.stealOnce(t, l)
		if n != 0 || passed < 0 || mutant.On(pt05) {
			return n
		}
		reachPassed.Hit()
		p.awaitOwner(passed)
	}
}

// stealOnce goes round once; passed is a busy CPU that it passed over, or -1.
func (p *Pool) stealOnce(t *kernel.Task, l *list) (n uint32, passed int) {
	left := countBits(p.haveTags)
	passed = -1
	victim := int(p.shared.lastStolen.Load())
	for ; left > 0; left-- {
		if (p.threshold || mutant.On(pi01)) && left*int(p.max) <= int(p.tags)/2 {
			return 0, passed
		}
		if mutant.On(pi05) {
			victim += len(p.cpus) - 1
		}
		victim = p.nextWithTags(victim)
		if victim < 0 {
			return 0, passed
		}
		p.shared.lastStolen.Store(uint32(victim))
		if victim == t.CPU() {
			p.clearBit(victim)
			continue
		}
		n, ok := p.rob(t, l, victim)
		if !ok {
			passed = victim
			continue
		}
		if n != 0 {
			l.free.Store(n)
			reachSteal.Hit()
			count(&l.steals)
			return n, -1
		}
	}
	return 0, passed
}

// rob moves the victim's whole list to l; ok is false when the victim is busy and the guard says to pass over it.
func (p *Pool) rob(t *kernel.Task, l *list, victim int) (n uint32, ok bool) {
	if !mutant.On(pt02) {
		p.clearBit(victim) // O2: before the list is taken
	}
	v := &p.cpus[victim]
	if !p.seize(t, v) {
		p.setBit(victim)
		return 0, false
	}
	count(&l.locks)
	n = v.free.Load()
	for i := range n {
		l.stack[i].Store(v.stack[i].Load())
	}
	v.free.Store(0)
	p.release(t, v)
	if mutant.On(pt02) {
		p.clearBit(victim)
	}
	return n, true
}

// seize gets hold of another CPU's list, or reports that its owner is at it; pool's lock held, interrupts masked.
func (p *Pool) seize(t *kernel.Task, v *list) bool {
	switch p.guard {
	case skipGuard:
		return v.lock.TryLock(t)
	case flagGuard:
		v.thief.Swap(1) // O3
		if v.busy.Load() != 0 && !mutant.On(pt06) {
			v.thief.StoreRelease(0)
			return false
		}
		return true
	}
	v.lock.Lock(t)
	return true
}

// release undoes seize.
func (p *Pool) release(t *kernel.Task, v *list) {
	if p.guard == flagGuard {
		v.thief.StoreRelease(0)
		return
	}
	v.lock.Unlock(t)
}

// awaitOwner waits until a CPU that was passed over has left its list: a few instructions, with interrupts masked there.
func (p *Pool) awaitOwner(cpu int) {
	v := &p.cpus[cpu]
	if p.guard == flagGuard {
		v.busy.AwaitNot(1)
		return
	}
	v.lock.AwaitRelease()
}

func (p *Pool) setBit(cpu int) { p.haveTags[cpu/64].Or(1 << (cpu % 64)) }

func (p *Pool) clearBit(cpu int) { p.haveTags[cpu/64].And(^(uint64(1) << (cpu % 64))) }

// nextWithTags is the next CPU after the given one, going round, whose bit is set; -1 when there is none.
func (p *Pool) nextWithTags(after int) int {
	return nextBit(p.haveTags, (after+1)%len(p.cpus), len(p.cpus))
}

// nextBit is the first bit that is set among n, from the given one on and going round; -1 when there is none.
func nextBit(words []atomic.Uint64, from, n int) int {
	for step := 0; step < n; {
		bit := (from + step) % n
		word := words[bit/64].Load() >> (bit % 64)
		if word != 0 {
			if found := bit + bits.TrailingZeros64(word); found < n {
				return found
			}
		}
		step += min(64-bit%64, n-bit) // to the next word, or round to the first
	}
	return -1
}

// countBits is how many bits are set.
func countBits(words []atomic.Uint64) (n int) {
	for i := range words {
		n += bits.OnesCount64(words[i].Load())
	}
	return n
}

// freeSlow follows a free that made the list n long: n is 1 or the maximum. Interrupts masked.
func (p *Pool) freeSlow(t *kernel.Task, cpu int, n uint32) {
	if n == 1 {
		p.setBit(cpu) // O1: the tag and its bit, then the look for waiters
		p.wake(t)
	}
	if n == p.max {
		p.spill(t, &p.cpus[cpu], n)
	}
}

// spill moves a batch from the top of a full list to the shared stack; interrupts masked.
func (p *Pool) spill(t *kernel.Task, l *list, n uint32) {
	if mutant.On(pt14) {
		l.lock.Lock(t)
		defer l.lock.Unlock(t)
	}
	p.shared.lock.Lock(t)
	count(&l.locks)
	if !mutant.On(pt04) {
		n = l.free.Load() // a thief may have been here
	}
	if n != p.max {
		reachRobbed.Hit()
		p.shared.lock.Unlock(t)
		return
	}
	have := p.shared.free.Load()
	for i := range p.batch {
		p.stack[have+i].Store(l.stack[n-p.batch+i].Load())
	}
	p.shared.free.Store(have + p.batch)
	l.free.Store(n - p.batch)
	reachSpill.Hit()
	count(&l.spills)
	p.wake(t) // the waiters look under the pool's lock, which is held: no fence is needed
	p.shared.lock.Unlock(t)
}

func (p *Pool) wake(t *kernel.Task) {
	if p.shared.waiters.Wake(t, 0) > 0 {
		reachWake.Hit()
	}
}

// CPUDead moves the tags of a CPU that went offline to the shared stack. t runs on another CPU, in process context.
func (p *Pool) CPUDead(t *kernel.Task, cpu int) {
	t.IRQSave()
	p.shared.lock.Lock(t)
	p.clearBit(cpu) // O2
	l := &p.cpus[cpu]
	have, n := p.shared.free.Load(), l.free.Load() // nobody is at a dead CPU's list, and thieves need the pool's lock
	for i := range n {
		p.stack[have+i].Store(l.stack[i].Load())
	}
	l.free.Store(0)
	p.shared.free.Store(have + n)
	if n != 0 {
		reachDead.Hit()
		p.wake(t)
	}
	p.shared.lock.Unlock(t)
	t.IRQRestore()
}

// count adds one to a counter that only the calling CPU writes.
func count(w *mem.Plain64) { w.Store(w.Load() + 1) }
