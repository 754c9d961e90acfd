package percputags

import (
	"math/bits"

	"headroom/designs"
	"headroom/kernel"
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
	reachDead   = reach.Define(host, "cpu-dead") // a dead CPU's tags came back
)

var (
	pi01 = mutant.Define(mutant.Mutant{ID: "PI-01", Host: host, Breaks: "I3",
		Story: "stealing stops when (CPUs with tags) x maximum is not above half the tags; Linux 3.12, fixed by commit d835502f3dac"})
	ai01 = mutant.Define(mutant.Mutant{ID: "AI-01", Host: host, Breaks: "I1",
		Story: "the per-CPU count is loaded and stored in two masked stretches, and an interrupt's free in between is overwritten; fs/aio.c, 2014"})
	pt02 = mutant.Define(mutant.Mutant{ID: "PT-02", Host: host, Breaks: "I2",
		Story: "the thief clears the victim's bit after it took the list, over the bit of a free that came between"})
	pt03 = mutant.Define(mutant.Mutant{ID: "PT-03", Host: host, Breaks: "I3",
		Story: "lost wake-up: a caller looks for tags first and enters the wait queue afterwards"})
	pt04 = mutant.Define(mutant.Mutant{ID: "PT-04", Host: host, Breaks: "I4",
		Story: "the spill trusts the count read before it took the pool's lock, and a thief was there in between"})
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
			p.haveTags[t.CPU()/64].Or(1 << (t.CPU() % 64))
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
// interrupts masked. It looks at no more CPUs than have their bit set now.
func (p *Pool) steal(t *kernel.Task, l *list) uint32 {
	left := 0
	for i := range p.haveTags {
		left += bits.OnesCount64(p.haveTags[i].Load())
	}
	victim := int(p.shared.lastStolen.Load())
	for ; left > 0; left-- {
		if mutant.On(pi01) && left*int(p.max) <= int(p.tags)/2 {
			return 0
		}
		victim = p.nextWithTags(victim)
		if victim < 0 {
			return 0
		}
		p.shared.lastStolen.Store(uint32(victim))
		if victim == t.CPU() {
			p.clearBit(victim)
			continue
		}
		if !mutant.On(pt02) {
			p.clearBit(victim) // O2: before the list is taken
		}
		v := &p.cpus[victim]
		v.lock.Lock(t)
		count(&l.locks)
		n := v.free.Load()
		for i := range n {
			l.stack[i].Store(v.stack[i].Load())
		}
		v.free.Store(0)
		v.lock.Unlock(t)
		if mutant.On(pt02) {
			p.clearBit(victim)
		}
		if n != 0 {
			l.free.Store(n)
			reachSteal.Hit()
			count(&l.steals)
			return n
		}
	}
	return 0
}

func (p *Pool) clearBit(cpu int) { p.haveTags[cpu/64].And(^(uint64(1) << (cpu % 64))) }

// nextWithTags is the next CPU after the given one, going round, whose bit is set; -1 when there is none.
func (p *Pool) nextWithTags(after int) int {
	n := len(p.cpus)
	for step := 1; step <= n; {
		cpu := (after + step) % n
		word := p.haveTags[cpu/64].Load() >> (cpu % 64)
		if word != 0 {
			if found := cpu + bits.TrailingZeros64(word); found < n {
				return found
			}
		}
		step += min(64-cpu%64, n-cpu) // to the next word, or round to the first
	}
	return -1
}

// freeSlow follows a free that made the list n long: n is 1 or the maximum. Interrupts masked.
func (p *Pool) freeSlow(t *kernel.Task, cpu int, n uint32) {
	if n == 1 {
		p.haveTags[cpu/64].Or(1 << (cpu % 64)) // O1: the tag and its bit, then the look for waiters
		p.wake(t)
	}
	if n == p.max {
		p.spill(t, &p.cpus[cpu], n)
	}
}

// spill moves a batch from the top of a full list to the shared stack; interrupts masked.
func (p *Pool) spill(t *kernel.Task, l *list, n uint32) {
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
	l.lock.Lock(t)
	have, n := p.shared.free.Load(), l.free.Load()
	for i := range n {
		p.stack[have+i].Store(l.stack[i].Load())
	}
	l.free.Store(0)
	l.lock.Unlock(t)
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
