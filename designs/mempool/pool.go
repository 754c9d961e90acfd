package mempool

import (
	"errors"
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/page"
	"headroom/kernel/percpu"
	"headroom/kernel/slab"
)

// Order is the order in which a pool tries the ways to an element.
type Order uint8

// The orders.
const (
	Mainline Order = iota // as Linux 6.12: backing without waiting, pool, backing in full, wait
	Molnar                // as Molnar's mail of 15 December 2001: the pool comes before a backing that waits only while it is well filled
)

// Config is how a pool behaves.
type Config struct {
	Least     int   // elements it guarantees and never has more of, at least 1
	Order     Order // of the attempts
	Threshold int   // Molnar: tenths of Least from which on the pool is asked before a backing that may wait, 0 to 10
	Blocks    bool  // Molnar: a pool at exactly the threshold counts as below it, as in the code of 2.5.1; the mail says otherwise
	Direct    bool  // the fast path calls a Pages, a Slab or a Pool by its type instead of through a pointer
}

// target is whom the fast path calls.
type target uint8

const (
	byPointer target = iota
	toPages
	toSlab
	toPool
)

// Pool keeps elements of a backing for the time when that has none to give. Its words live in machine memory; the fields here never change after
// New.
type Pool struct {
	_        [128]byte // the nil check of &p.field must not read a line that CPUs share
	backing  Backing
	pages    *page.Allocator // the backing itself, where it is called by its type
	slab     *slab.Cache
	pool     *Pool
	head     *head
	elements []mem.Plain64 // elements[:head.count]; protected by head.lock
	least    uint32
	target   target
	adds     kernel.GFP // flags that every call of the backing gets
	config   Config
	counts   []*counts // by CPU
}

// head is what all CPUs read at every free, on a line of its own that changes only when the pool's elements do.
type head struct {
	count   atomic.Uint32 // elements in the pool; written under lock, read without it too
	lock    lock.Spin
	waiters lock.WaitQueue
}

// counts are the slow paths taken on a CPU; its tasks and interrupts write them with interrupts masked.
type counts struct{ waits, locks, refills, spills, failed mem.Plain64 }

// New makes a pool over a backing of the same machine, and fills it. It returns an error when the configuration is out of range, the backing cannot
// give Least elements without waiting, or the machine's memory is full. Construction only: no task may run.
func New(place kernel.Place, backing Backing, c Config) (*Pool, error) {
	if c.Least < 1 || c.Least > mostElements || c.Order > Molnar || c.Threshold < 0 || c.Threshold > 10 {
		return nil, fmt.Errorf("mempool: %d elements, order %d, threshold %d: give 1 to 2^31 elements, a known order, and 0 to 10 tenths",
			c.Least, c.Order, c.Threshold)
	}
	p := &Pool{backing: backing, least: uint32(c.Least), config: c}
	if c.Order == Mainline { // I7
		p.adds = kernel.NoMemalloc | kernel.NoRetry | kernel.NoWarn
		if mutant.On(mp08) {
			p.adds &^= kernel.NoMemalloc
		}
	}
	if c.Direct && !p.newTarget(backing) {
		return nil, fmt.Errorf("mempool: a %T cannot be called by its type: leave Direct out", backing)
	}
	var failures [3]error
	p.head, failures[0] = mem.New[head](place.Memory(), 0)
	p.elements, failures[1] = mem.Slice[mem.Plain64](place.Memory(), 0, c.Least)
	p.counts, failures[2] = percpu.New[counts](place)
	if err := errors.Join(failures[:]...); err != nil {
		return nil, fmt.Errorf("mempool: %d elements: %w", c.Least, err)
	}
	boot := kernel.NewBoot(0)
	for i := range p.elements {
		it, err := backing.Alloc(boot, kernel.NoWarn)
		if err != nil {
			return nil, fmt.Errorf("mempool: the backing gives %d of %d elements: %w; give it more room", i, c.Least, err)
		}
		p.elements[i].Store(uint64(it))
	}
	p.head.count.Store(p.least)
	return p, nil
}

// mostElements keeps the count of elements in 32 bits.
const mostElements = 1 << 31

// newTarget makes the fast path call the backing by its type; false when it is none of those that it knows.
func (p *Pool) newTarget(backing Backing) bool {
	switch b := backing.(type) {
	case *Pages:
		p.target, p.pages = toPages, b.pages
	case *Slab:
		p.target, p.slab = toSlab, b.cache
	case *Pool:
		p.target, p.pool = toPool, b
	default:
		return false
	}
	return true
}

// Alloc hands out an element: the backing's, if that has one at once, else as the pool's order has it. With DirectReclaim it never fails, and sleeps
// until there is one (process context); without, the answer is kernel.ErrWouldBlock when neither backing nor pool has any. Any context but NMI.
func (p *Pool) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	first := p.first(gfp)
	var it designs.Item
	var err error
	switch p.target {
	case byPointer:
		it, err = p.backing.Alloc(t, first)
	case toPages:
		var at page.Page
		at, err = p.pages.Alloc(t, first, 0)
		it = designs.Item(at)
	case toSlab:
		var o slab.Object
		o, err = p.slab.Alloc(t, first)
		it = designs.Item(o)
	case toPool:
		it, err = p.pool.Alloc(t, first)
	}
	if err == nil {
		return it, nil
	}
	return p.allocSlow(t, gfp)
}

// Free gives an element back: to the pool while that lacks any, else to the backing. It panics, before it changes anything, on what is no element.
// Any context but NMI.
//
// O1: this look comes after the take of the element that is freed now, whoever took it. With an older look a pool that lacks the element would count
// as full, and its sleepers would not be served.
func (p *Pool) Free(t *kernel.Task, it designs.Item) {
	n := p.head.count.LoadAcquire()
	if mutant.On(mp04) && t.CPU() != 0 {
		n = p.least
	}
	if n < p.least {
		p.freeSlow(t, it)
		return
	}
	switch p.target {
	case byPointer:
		p.backing.Free(t, it)
	case toPages:
		p.pages.Free(t, page.Page(it), 0)
	case toSlab:
		p.slab.Free(t, slab.Object(it))
	case toPool:
		p.pool.Free(t, it)
	}
}

// first is the flags of an attempt that neither waits nor starts I/O (I6).
func (p *Pool) first(gfp kernel.GFP) kernel.GFP {
	if mutant.On(mp07) {
		return gfp | p.adds
	}
	return (gfp | p.adds) &^ (kernel.DirectReclaim | kernel.IO)
}

//go:noinline
func misuse(it designs.Item) {
	panic(fmt.Sprintf("mempool: free of item %d, which the backing has not given", it))
}

// Stats sums the counts of slow paths of all CPUs; only at quiescence. A refill is a free that went to the pool, a spill one that meant to and found
// the pool full again; locks are those of the pool, none of the backing's.
func (p *Pool) Stats() designs.Stats {
	var s designs.Stats
	for _, c := range p.counts {
		s.Waits += c.waits.Load()
		s.Locks += c.locks.Load()
		s.Refills += c.refills.Load()
		s.Spills += c.spills.Load()
		s.Failed += c.failed.Load()
	}
	return s
}
