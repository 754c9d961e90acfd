// Package mempool is a layer over any allocator that keeps a few items back for the time when that allocator has none to give.
//
// Ingo Molnar posted it in December 2001 (mempool-2.5.1-D2) and it was merged into Linux 2.5.1. Benjamin LaHaise answered on 15 December 2001 that
// calls through pointers are dear on modern processors, that nobody can know that "half full" deadlocks no driver, and that one branch in the
// allocator, a reservation, would do. A pool is made with so many elements, taken from its backing beforehand. Alloc asks the backing first; when
// that refuses, the pool has its elements; when those are out, a caller that may wait sleeps until one is freed. Free fills the pool up before it
// gives anything to the backing. So what is promised is not memory but progress: whoever may wait is served in time, if those who hold elements give
// them back in time (Morton to Heo, 27 December 2011).
//
// The order of attempts comes in the forms of two eras:
//
//	Mainline  Linux 6.12 (simplified by Piggin in 2005, commit 20a77776c248): the backing, without waiting; the pool; the backing again, with all
//	          that the caller allows; the pool; sleep, and from the backing again. A free wakes all sleepers
//	Molnar    the mail's five steps: the backing, without waiting; the pool, if at least half full; the backing, waiting; the pool, if not empty;
//	          sleep, and from the start again. Sleepers are exclusive: a free wakes the one who waits longest. The code of 2.5.1 let the backing wait
//	          at exactly half too: knob blocks. LaHaise's doubt is the knob threshold
//
// Who may use the memory reserves that his rights open is what Rientjes and Hocko disputed in July 2016. Mainline's order has four answers:
//
//	Barred       nobody: the pool's elements are his reserve, and waiting for them throttles him (Piggin 2005, commit b84a35be0285)
//	OptIn        everybody but who asks not to (Rientjes, in that thread). A writer that is reclaim itself then drains the reserves before it touches
//	             the pool, as swap-out did until 2002 (commit 49c7ca7c5b72)
//	WhenEmpty    everybody, while the pool is empty (Rientjes, Linux 4.6, commit f9054c70d28b): a victim of the out-of-memory killer that waits for
//	             elements others cannot give back gets on. Swapping to dm-crypt then drained the reserves, and it was reverted (commit 4e390b2b2f34)
//	VictimsOnly  the killer's victim, while the pool is empty (Hocko's alternative to the revert, not merged)
//
// A pool may have a worker, which fills it from a context that may do what its callers may not (Heo, December 2011: per-CPU statistics of block groups,
// wanted in the I/O path, where per-CPU memory cannot be had). A caller asks for it when a take leaves few elements, or none were there. Morton
// objected that elements of such a pool are not given back in time, and that to wait for a worker is to wait for all that it waits for; safe is only
// who does not wait and comes again. Hence two forms: one whose callers sleep, and one to be polled.
//
// The backing is a slab cache, the page allocator, a size class of kmalloc, another pool (these four are raid1's of 2001), per-CPU chunks, or
// whatever else has the methods of Backing.
//
// Invariants:
//
//	I1  the pool has at most as many elements as it keeps (mutant PO-01)
//	I2  an element is in the pool, in the backing, or with one owner (mutants PO-06, PO-18)
//	I3  a caller that may wait is never refused (mutant PO-03)
//	I4  nobody sleeps in the pool's queue while the pool has what he lacks and no free, and nobody woken, is on the way (mutants PO-02, PO-05)
//	I5  a free goes to the backing only after it has found the pool full (mutant PO-04)
//	I6  the first attempt neither waits nor starts I/O, so that the pool comes before both (mutant PO-07)
//	I7  Barred: the rights of a task open no reserve to a pool's caller (mutants MP-04, MP-05, PO-08)
//	I8  WhenEmpty, VictimsOnly: a reserve is opened only to who has found the pool empty (mutant PO-10)
//	I9  VictimsOnly: and only to the out-of-memory killer's victim (mutant PO-11)
//	I10 a pool of no elements keeps one, so that its sleepers have something to be woken by (mutant MP-02)
//	I11 an element that Resize or the worker adds wakes who sleeps (mutant PO-12)
//	I12 Resize loses no element (mutant PO-13)
//	I13 who sleeps for several elements holds none of the pool's (mutant MP-07)
//	I14 the worker looks at the pool after the last call for it (mutant PO-15)
//	I15 no caller of a pool that is to be polled waits (mutant PO-16)
//	I16 a chunk is made, and an area of it given out, only in a context that may do everything (mutant PO-17)
//	I17 who sleeps for more elements than the pool keeps by now is woken by the Resize that made it so (mutant PO-19)
//
// Why a sleeper is served: let h be the items that are with owners, less those whose free has already turned to the backing. Then h plus the pool's
// elements is at least what the pool keeps. Alloc from the backing raises h; a take from the pool and a free to it move one from side to side; a free
// turns to the backing only when it finds the pool full. So beside an empty pool there are as many items outside as it keeps, whose frees are yet to
// come, each of which finds the pool short and wakes (I5, I4). For a caller who sleeps for several, count h without sleepers: they hold nothing of
// the pool (I13), so every take since the pool was last full, less every free to it, is with somebody who goes on, and the pool becomes full again,
// which is enough for him. Where items are not given back in time, as per-CPU statistics are not, all this says nothing, and the worker promises no
// more than its memory does.
//
// The original sleeps five seconds at most and tries again. There is no such clock here, so all rests on wake-ups. What the five seconds would
// mend is an item that goes back to the backing unseen: its free found the pool full, then others emptied the pool, and a caller fell asleep before
// it arrived; or it belongs to somebody who uses the same backing without the pool. Here such a sleeper goes on sleeping until the next free, which
// the argument above says there is. The capability table calls this Oversleeps.
//
// Orderings:
//
//	O1  a take lowers the count (sequentially consistent, a full barrier on x86), then hands the element out; a free has the element, then reads the
//	    count without the lock. So the count that it sees is one from after its element was taken. With an older one it would think the pool full and
//	    go to the backing, past the sleepers. How an element gets from the one to the other is the callers' matter, and need not be ordered. x86
//	    keeps the free's two loads in order; elsewhere a read barrier belongs between them, as in the original since 2012 (Heo, commit 5b990546e334)
//	O2  mainline: who found the pool short enters the queue before he drops the lock, and a push is made under it. Molnar: first into the queue (a
//	    full barrier), then a look at the count; a push stores the count (a full barrier), then looks at the queue. Swap one of these pairs and a
//	    caller can sleep beside an element
//	O3  who calls the worker has changed the pool, or entered the queue, and then makes the worker's state called, or again if it was called; the
//	    worker makes it called, then looks at the pool, and rests only from called. Without again the call of a moment too late is lost
//
// Locks: the pool's lock, then its queue's. It is taken with interrupts masked, and never while the backing is called. A chunk's mutex holds the bits'
// lock, and the page allocator's locks while a chunk is made.
//
// Cost: as long as the backing has items, an alloc adds two tests and a call to its own, a free a look at a line that nobody writes; no lock, no
// atomic instruction. In compare-and-swaps, of 4.7 ns on the development machine, a pair takes
//
//	backing  bare   pool   of which the pool   of which the call through a pointer
//	slab     1.0    1.8    0.8                 0.3
//	page     4.4    4.8    0.4                 0.1 to 0.2
//	pool     1.8    2.5    0.7                 0.1 to 0.25
//
// by BenchmarkLayer: the last column is what the knob direct saves, by which the same pool calls its backing by type; where the code comes to lie moves
// it by 0.1. The call through a pointer goes to an adapter of the backing's signature, as mempool_alloc_slab is one, and to the backing from there; a
// pool needs none. WhenEmpty and VictimsOnly pay for one more call, and a look at the count before every attempt. When the backing has nothing, a pair
// costs the backing's whole slow path, its refusal, and two times the pool's lock: 50 for slab. Over chunks every pair is one of the pool's, since most
// callers get nothing from below: 8.5 (BenchmarkChunks). Calling the worker costs a compare-and-swap for its state and the machine's hand-over.
//
// Contexts: any but NMI; with DirectReclaim process context with no spinning lock held, likewise Resize. Nothing is allocated after New. What a dead
// CPU kept is the backing's to take back.
//
// A pool over a pool: the lower one never refuses who may wait, so he sleeps in the lower one's queue, and never gets to the upper one's. The frees
// fill the upper pool first. He sleeps beside up to Least elements of the upper pool until that is full and a free goes on to the lower
// (TestStackedCallerSleepsBelow); in the original too, where his five seconds end in the lower pool again. A Resize that makes the upper one larger is
// such a caller, and sleeps until the lower one gets an element, though frees have made the upper one full meanwhile.
//
// A pool with a worker: a caller that sleeps under a lock deadlocks if the memory for the worker can only be had by who takes that lock
// (TestWaitingForTheWorkerUnderALockItNeedsDeadlocks). That the worker waits in his place is visible to nobody who looks at the caller alone. The
// worker ends when it finds no memory, and is called again by the next caller, not by time.
//
// Differences from the originals: elements are in an array in both orders, where 2.5.1 linked them through their own memory, which asks that elements
// be memory; so what two variants differ in is the order alone. The array is made for Config.Most elements, where mempool_resize allocates a new one.
// Molnar's order wakes the next sleeper when one who slept is served by the backing, since the wake-up that he may have had stands for an element of
// the pool; by the same steps 2.5.1, which did not, leaves a caller asleep for good beside the last element (mutant PO-05, which an exploration of
// molnar-mempool finds). Growing wakes sleepers, where the original lets them sleep out their five seconds. A pool of none keeps one element in both
// orders, as Linux does since 2025 (commit a5867a218d7c); before, its sleepers were never woken. Neither order kicks write-back or runs disk queues
// before a sleep, as 2.5.1 did. Bulks are those of Hellwig's series of 2025, but that one which may not wait gets as many as there are; 2.5.1 had none.
// Heo's patches leave it to callers to ask for the worker; here the pool does, below a threshold that is a knob.
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

// Reserves says who among a mainline pool's callers may use what lies below the ordinary mark of the memory it stands on, if his rights allow it.
type Reserves uint8

// The policies.
const (
	Barred      Reserves = iota // nobody: every attempt has NoMemalloc (Linux 2.6.12 to today, but for 4.6)
	OptIn                       // everybody who has not asked for NoMemalloc himself
	WhenEmpty                   // everybody, while the pool has no element (Linux 4.6)
	VictimsOnly                 // the out-of-memory killer's victim, while the pool has no element
)

// Config is how a pool behaves.
type Config struct {
	Least     int      // elements it guarantees and never has more of; one is kept even for none
	Most      int      // the largest number that Resize may ask for; 0 means Least
	Order     Order    // of the attempts
	Reserves  Reserves // Mainline: who may use them
	Threshold int      // Molnar: tenths of Least from which on the pool is asked before a backing that may wait, 0 to 10
	Blocks    bool     // Molnar: a pool at exactly the threshold counts as below it, as in the code of 2.5.1; the mail says otherwise
	Direct    bool     // the fast path calls a Pages, a Slab or a Pool by its type instead of through a pointer
	Refill    int      // Mainline: tenths of Least below which a worker is asked to fill the pool up, 1 to 10; 0 for no worker
	Polls     bool     // with a worker: no caller waits, whatever his flags; he is to come again
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
	target   target
	adds     kernel.GFP    // flags that every call of the backing gets
	elements []mem.Plain64 // elements[:head.count]; protected by head.lock
	config   Config
	counts   []*counts // by CPU
	refill   *refill   // nil without a worker
}

// head is what all CPUs read at every free, on a line of its own that changes only when the pool's elements do.
type head struct {
	count   atomic.Uint32 // elements in the pool; written under lock, read without it too
	keeps   atomic.Uint32 // at how many it is full; likewise
	lock    lock.Spin
	waiters lock.WaitQueue
}

// counts are the slow paths taken on a CPU; its tasks and interrupts write them with interrupts masked.
type counts struct{ waits, locks, refills, spills, failed mem.Plain64 }

// New makes a pool over a backing of the same machine, and fills it. It returns an error when the configuration is out of range, the backing cannot
// give Least elements without waiting, the machine has no workers and the pool wants one, or its memory is full. Construction only: no task may run.
func New(place kernel.Place, backing Backing, c Config) (*Pool, error) {
	if c.Most == 0 {
		c.Most = max(1, c.Least)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	p := &Pool{backing: backing, config: c}
	if c.Order == Mainline {
		p.adds = kernel.NoRetry | kernel.NoWarn
		if (c.Reserves == Barred || c.Reserves == VictimsOnly) && !mutant.On(po08) { // I7
			p.adds |= kernel.NoMemalloc
		}
	}
	if c.Reserves == WhenEmpty || c.Reserves == VictimsOnly {
		p.backing = &policed{Backing: backing, pool: p}
	}
	if c.Direct && !p.newTarget(backing) {
		return nil, fmt.Errorf("mempool: a %T cannot be called by its type: leave Direct out", backing)
	}
	var failures [4]error
	p.head, failures[0] = mem.New[head](place.Memory(), 0)
	p.elements, failures[1] = mem.Slice[mem.Plain64](place.Memory(), 0, c.Most)
	p.counts, failures[2] = percpu.New[counts](place)
	if c.Refill > 0 {
		p.refill, failures[3] = newRefill(place, p)
	}
	if err := errors.Join(failures[:]...); err != nil {
		return nil, fmt.Errorf("mempool: %d elements: %w", c.Most, err)
	}
	if err := p.newElements(keptFor(c.Least)); err != nil {
		return nil, err
	}
	return p, nil
}

// newElements takes the first elements from the backing.
func (p *Pool) newElements(keeps int) error {
	boot := kernel.NewBoot(0)
	for i := range keeps {
		it, err := p.Backing().Alloc(boot, newFlags(p.backing))
		if err != nil {
			return fmt.Errorf("mempool: the backing gives %d of %d elements: %w; give it more room", i, keeps, err)
		}
		p.elements[i].Store(uint64(it))
	}
	p.head.count.Store(uint32(keeps))
	p.head.keeps.Store(uint32(keeps))
	return nil
}

// newFlags are those with which a pool is filled before anybody runs: nobody could end a wait. Chunks are made by who may do everything.
func newFlags(backing Backing) kernel.GFP {
	if _, ok := backing.(*Chunks); ok {
		return kernel.Kernel | kernel.NoWarn
	}
	return kernel.NoWarn
}

// keptFor is how many elements a pool of least keeps: one at least, since the free that fills it is what wakes its sleepers (I10).
func keptFor(least int) int {
	if mutant.On(mp02) {
		return least
	}
	return max(1, least)
}

// check returns an error when a number is out of range, or a choice belongs to another order.
func (c *Config) check() error {
	switch {
	case c.Least < 0 || c.Most > mostElements || c.Least > c.Most || c.Order > Molnar || c.Threshold < 0 || c.Threshold > 10:
		return fmt.Errorf("mempool: %d elements of at most %d, order %d, threshold %d: give 0 to 2^31 elements, a known order, and 0 to 10 tenths",
			c.Least, c.Most, c.Order, c.Threshold)
	case c.Reserves > VictimsOnly || c.Refill < 0 || c.Refill > 10 || c.Polls && c.Refill == 0:
		return fmt.Errorf("mempool: policy %d for reserves, a worker below %d tenths, polls %v: give a known policy, 0 to 10 tenths, and a worker to who polls",
			c.Reserves, c.Refill, c.Polls)
	case c.Order == Molnar && (c.Reserves != Barred || c.Refill != 0):
		return fmt.Errorf("mempool: policy %d for reserves, a worker below %d tenths: leave both out, the order of 2001 has neither", c.Reserves, c.Refill)
	case c.Direct && (c.Reserves == WhenEmpty || c.Reserves == VictimsOnly):
		return fmt.Errorf("mempool: policy %d for reserves looks at the pool before every call: leave Direct out", c.Reserves)
	}
	return nil
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
	if backingFails.Fails() {
		return p.allocSlow(t, gfp)
	}
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
	h := p.head
	n, keeps := h.count.Load(), h.keeps.LoadRelaxed()
	if mutant.On(po04) && t.CPU() != 0 {
		n = keeps
	}
	if n < keeps {
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
	if mutant.On(po07) {
		return gfp | p.adds
	}
	if mutant.On(mp05) {
		return (gfp | p.adds) &^ (kernel.DirectReclaim | kernel.IO | kernel.NoMemalloc)
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
