package percputags

import (
	"errors"
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/percpu"
)

// The draft's numbers: a list twice the size of what moves at a time.
const (
	draftBatch = 32
	draftMax   = 64
)

// stealing stands in a CPU's count while a thief copies its list.
const stealing = ^uint32(0)

// Exchanged is the allocator as Kent Overstreet first posted it (drafts of 2012 and 2013): a CPU's list has no lock. Its owner changes the count of
// tags by compare-and-swap, and a thief exchanges the count for a sentinel, copies, and leaves 0. Morton's review of 12 June 2013 asked for a plain
// lock at about the same cost; the merged code took it.
//
// That the owner compares a count alone is safe because only the owner pushes, with interrupts masked, and a thief leaves nothing but 0: between the
// owner's load and its compare-and-swap the count cannot have come back to the same number.
//
// The draft's rule for stealing is kept, with its two faults. It steals only while (CPUs with tags) x Max exceeds half the tags, so a caller can sleep
// beside up to half of them (PI-01). And it looks for a victim from the CPU robbed last, that one included: having come to its own bit, which it
// passes over without clearing, it comes to it again and again, and robs nobody until another CPU steals (PI-05).
//
// Differences from the draft: a caller that may not wait does not enter the wait queue; and a batch may be as large as the list, which is then spilled
// as a whole, where the draft's fixed numbers leave a batch of two.
//
// O4: the owner reads the sentinel's end (a store of 0 by the thief), then writes its list; the thief copies the list before that store.
type Exchanged struct {
	_        [128]byte // the nil check of &p.field must not read a line that CPUs share
	cpus     []draftList
	shared   *draftShared
	tree     tagTree         // the shared tags; protected by shared.lock
	haveTags []atomic.Uint64 // a bit for each CPU whose list may hold tags
	max      uint32
	batch    uint32
	tags     uint32
}

// draftList is one CPU's tags.
type draftList struct {
	*draftWords
	stack []mem.Plain32 // written by the owner with interrupts masked; read by a thief behind the sentinel
}

// draftWords are the head of a CPU's list, on a line of their own.
type draftWords struct {
	free                                          atomic.Uint32 // tags on the list, or stealing
	waits, locks, steals, refills, spills, failed mem.Plain64   // as in words
}

type draftShared struct {
	lock       lock.RawSpin
	lastStolen mem.Plain32 // the CPU robbed last; protected by lock
	waiters    lock.WaitQueue
}

// NewExchanged lays a pool out on a machine. Zero Max means 64, zero Batch 32, or Max when that is less; Threshold is always on. It returns an error
// when the configuration is out of range or the machine's memory is full.
func NewExchanged(place kernel.Place, config Config) (*Exchanged, error) {
	if config.Max == 0 {
		config.Max = draftMax
	}
	if config.Batch == 0 {
		config.Batch = min(draftBatch, max(config.Max, 1))
	}
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	m := place.Memory()
	p := &Exchanged{max: uint32(config.Max), batch: uint32(config.Batch), tags: uint32(config.Tags), cpus: make([]draftList, place.CPUs())}
	var failures [5]error
	p.shared, failures[0] = mem.New[draftShared](m, 0)
	p.tree, failures[1] = newTagTree(m, config.Tags)
	p.haveTags, failures[2] = mem.Slice[atomic.Uint64](m, 0, (place.CPUs()+63)/64)
	heads, err := percpu.New[draftWords](place)
	failures[3] = err
	stacks, err := percpu.Rows[mem.Plain32](place, config.Max)
	failures[4] = err
	if err := errors.Join(failures[:]...); err != nil {
		return nil, fmt.Errorf("percpu_tags: %d tags: %w", config.Tags, err)
	}
	for cpu := range p.cpus {
		p.cpus[cpu] = draftList{draftWords: heads[cpu], stack: stacks[cpu]}
	}
	return p, nil
}

// Alloc hands out a tag of the CPU's own list, or goes looking for one. With DirectReclaim it sleeps until it finds one (process context); without
// it the answer is kernel.ErrWouldBlock when it finds none. Any context but NMI.
func (p *Exchanged) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	t.IRQSave()
	l := &p.cpus[t.CPU()]
	for {
		n := l.free.Load()
		if n == 0 || n == stealing {
			break
		}
		tag := l.stack[n-1].Load()
		if l.free.CompareAndSwap(n, n-1) {
			t.IRQRestore()
			return designs.Item(tag), nil
		}
	}
	t.IRQRestore()
	return p.allocSlow(t, gfp)
}

// Free puts a tag on the list of the CPU it runs on, once no thief is at it, and wakes the sleepers when that list was empty. It panics on a tag
// out of range. Any context but NMI.
func (p *Exchanged) Free(t *kernel.Task, it designs.Item) {
	if it >= designs.Item(p.tags) {
		misuse(it, p.tags)
	}
	t.IRQSave()
	cpu := t.CPU()
	l := &p.cpus[cpu]
	n := l.free.Load()
	for {
		if n == stealing {
			reachTaken.Hit()
			l.free.AwaitNot(stealing) // O4
			n = l.free.Load()
			continue
		}
		l.stack[n].Store(uint32(it))
		if l.free.CompareAndSwap(n, n+1) {
			break
		}
		n = l.free.Load() // a thief was here: it is stealing, or 0
	}
	n++
	if n == 1 || n == p.max {
		p.freeSlow(t, cpu, n)
	}
	t.IRQRestore()
}

// allocSlow finds a tag for a CPU whose own list is empty. A caller that may wait is in the wait queue before it looks (O1).
func (p *Exchanged) allocSlow(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	wait := gfp.MayWait()
	for {
		if wait {
			p.shared.waiters.Prepare(t, false) // O1
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
		reachWait.Hit()
		t.Schedule()
		p.shared.waiters.Finish(t)
	}
}

// take gets one tag under the pool's lock, which keeps thieves out: the own list is changed without compare-and-swap.
func (p *Exchanged) take(t *kernel.Task, wait bool) (tag uint32, ok bool) {
	t.IRQSave()
	p.shared.lock.Lock(t)
	l := &p.cpus[t.CPU()]
	count(&l.locks)
	n := l.free.Load()
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

// refill moves up to a batch from the tree to the empty list l and returns the new length; pool's lock held, interrupts masked.
func (p *Exchanged) refill(l *draftList) uint32 {
	n := uint32(0)
	for ; n < p.batch; n++ {
		tag, ok := p.tree.take()
		if !ok {
			break
		}
		l.stack[n].Store(tag)
	}
	if n != 0 {
		reachRefill.Hit()
		count(&l.refills)
		l.free.Store(n)
	}
	return n
}

// steal takes the whole list of the first CPU with tags, from the one robbed last on, and returns how many it got; pool's lock held, interrupts
// masked.
func (p *Exchanged) steal(t *kernel.Task, l *draftList) uint32 {
	left := countBits(p.haveTags)
	for ; left*int(p.max) > int(p.tags)/2; left-- {
		victim := nextBit(p.haveTags, int(p.shared.lastStolen.Load()), len(p.cpus))
		if victim < 0 {
			return 0
		}
		p.shared.lastStolen.Store(uint32(victim))
		if victim == t.CPU() {
			continue // the draft does not clear the bit, and finds it again (PI-05)
		}
		p.clearBit(victim)
		v := &p.cpus[victim]
		var n uint32
		if mutant.On(pt07) {
			n = v.free.Load()
		} else {
			n = v.free.Swap(stealing)
		}
		for i := range n {
			l.stack[i].Store(v.stack[i].Load())
		}
		v.free.Store(0) // O4: after the copy
		if n != 0 {
			l.free.Store(n)
			reachSteal.Hit()
			count(&l.steals)
			return n
		}
	}
	return 0
}

// freeSlow follows a free that made the list n long: n is 1 or the maximum. Interrupts masked.
func (p *Exchanged) freeSlow(t *kernel.Task, cpu int, n uint32) {
	if n == 1 {
		p.setBit(cpu) // O1
		p.wake(t)
	}
	if n == p.max {
		p.spill(t, &p.cpus[cpu])
	}
}

// spill moves what is beyond a batch from the top of a full list to the tree, or all when the list holds no more than that; interrupts masked.
func (p *Exchanged) spill(t *kernel.Task, l *draftList) {
	p.shared.lock.Lock(t)
	count(&l.locks)
	n := l.free.Load()
	if n != p.max {
		reachRobbed.Hit()
		p.shared.lock.Unlock(t)
		return
	}
	keep := p.batch
	if keep == n {
		keep = 0 // the next free needs room (I4)
	}
	for i := keep; i < n; i++ {
		p.tree.put(l.stack[i].Load())
	}
	l.free.Store(keep)
	reachSpill.Hit()
	count(&l.spills)
	p.wake(t)
	p.shared.lock.Unlock(t)
}

func (p *Exchanged) setBit(cpu int)   { p.haveTags[cpu/64].Or(1 << (cpu % 64)) }
func (p *Exchanged) clearBit(cpu int) { p.haveTags[cpu/64].And(^(uint64(1) << (cpu % 64))) }

func (p *Exchanged) wake(t *kernel.Task) {
	if p.shared.waiters.Wake(t, 0) > 0 {
		reachWake.Hit()
	}
}

// CPUDead moves the tags of a CPU that went offline to the tree; the draft left them to be stolen. t runs on another CPU, in process context.
func (p *Exchanged) CPUDead(t *kernel.Task, cpu int) {
	t.IRQSave()
	p.shared.lock.Lock(t)
	p.clearBit(cpu)
	l := &p.cpus[cpu]
	n := l.free.Load()
	for i := range n {
		p.tree.put(l.stack[i].Load())
	}
	l.free.Store(0)
	if n != 0 {
		reachDead.Hit()
		p.wake(t)
	}
	p.shared.lock.Unlock(t)
	t.IRQRestore()
}

// Stats sums the counts of slow paths of all CPUs; only at quiescence.
func (p *Exchanged) Stats() designs.Stats {
	var s designs.Stats
	for i := range p.cpus {
		l := &p.cpus[i]
		s.Waits += l.waits.Load()
		s.Locks += l.locks.Load()
		s.Steals += l.steals.Load()
		s.Refills += l.refills.Load()
		s.Spills += l.spills.Load()
		s.Failed += l.failed.Load()
	}
	return s
}

// Check walks every list and reports what is wrong, as Pool.Check does. Only at quiescence.
func (p *Exchanged) Check() error {
	seen := newSeen(p.tags)
	if p.shared.lock.Held() {
		return fmt.Errorf("percpu_tags: the pool's lock is held at quiescence")
	}
	if err := p.tree.check(func(tag uint32) error { return seen.visit(sharedTree, tag) }); err != nil {
		return err
	}
	for cpu := range p.cpus {
		l := &p.cpus[cpu]
		n := l.free.Load()
		switch {
		case n == stealing:
			return fmt.Errorf("percpu_tags: CPU %d's list is being stolen at quiescence", cpu)
		case n > p.max:
			return fmt.Errorf("percpu_tags: CPU %d's list holds %d of at most %d (I4)", cpu, n, p.max)
		case n > 0 && p.haveTags[cpu/64].Load()>>(cpu%64)&1 == 0:
			return fmt.Errorf("percpu_tags: CPU %d's list holds %d tags and its bit is clear (I2)", cpu, n)
		}
		for i := range n {
			if err := seen.visit(cpu, l.stack[i].Load()); err != nil {
				return err
			}
		}
	}
	return nil
}
