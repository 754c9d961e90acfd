// Package page is the page allocator that other designs stand on: zones of pages, a buddy allocator behind each zone's lock, per-CPU lists in
// front of it, watermarks with the reserves below them, a page cache, reclaim, and an out-of-memory killer.
//
// A page is an offset into machine memory. Each node has one zone; a caller is served by its own node's zone, then by the others in order of
// distance. Blocks of 2^order pages are split and merged as Knuth's buddy system does (The Art of Computer Programming 1, 2.5). The per-CPU lists
// come in the forms of two eras:
//
//	IRQOff   2020 (Linux 5.8): order 0 only, protected by masked interrupts, emptied by their owner only
//	TryLock  2022 on (Linux 6.12): orders 0 to 3 under a lock that is only ever tried on the fast path; whoever gets the lock may empty them.
//	         How many pages a list holds and moves at a time floats with the load
//
// Invariants:
//
//	I1  a page is in one place: a free list of its zone, one per-CPU list, the cache, its zone's late blocks, or with an owner (mutants PG-02, SP-02,
//	    PG-15, PA-04, NL-05)
//	I2  a free block of an order lies on a multiple of its size, none of its pages is anywhere else, and its buddy is not free in the same order
//	    (mutant PG-01)
//	I3  the free count of a zone is never above the pages on its free lists while the zone's lock is free (mutants PA-01, PA-02)
//	I4  nobody takes a block out of a zone that leaves it below the mark of his flags, rights and era (mutants PA-01, PA-02, PA-06)
//	I5  what is below the ordinary mark goes to its taker only, never onto a list (mutant UM-01)
//	I6  a flush moves no more pages than are there, whatever happens to the limits meanwhile (mutant PA-03)
//	I7  a dead CPU keeps no pages (mutant PG-03)
//	I8  a page taken out of the cache is not dropped from it as well (mutant PG-05)
//	I9  every allocated page has one owner to start with, by whatever path it came (mutants PG-16, NL-01)
//	I10 the background reclaimer does not sleep while it is wanted (mutant PG-06)
//	I11 what is allocated to write a dirty page may use every reserve, and starts no reclaim (mutant PG-08)
//	I12 nobody waits for a write when none is under way (mutant PG-07)
//	I13 no second victim is chosen while the first lives (mutant PG-09)
//	I14 when no call is under way no list's limit is above its ceiling, however it has floated and whoever has called SetLimits meanwhile; at all
//	    times it is at most Config.MostHigh (mutants PG-10, PG-14)
//	I15 a victim does not end while it is being reaped (mutant PG-11)
//	I16 no caller in direct reclaim is refused for the sake of pages that are set aside for urgent callers (mutants PG-12, PG-13)
//	I17 a zone has a free or a clean page for each promise it has made, whoever allocates, reclaims or pins (mutants RV-01, RV-02, RV-03, RV-06)
//	I18 nobody waits for a promise beside memory enough for it, free, clean or on a list (mutants RV-04, RV-05, NL-07)
//	I19 admission by estimate admits nothing that the exact count would not (mutant RV-06)
//	I20 AllocNoLocks and FreeNoLocks never wait for a lock, but for the raw one of a queue of sleepers that they wake: with rt=on those of a lock given
//	    up, with Config.Promises those who wait for a promise (mutant NL-04)
//	I21 AllocNoLocks serves a sole caller as long as a list of his CPU has a page or, TryLock, a zone has one above its mark (mutant NL-02)
//	I22 a late block stays on its zone's stack until a holder of the zone's lock takes it in; whoever looks into a zone does (mutant NL-06)
//
// Locks, in the order they nest: the mutex of Drain, one list's lock, one zone's lock. The cache's lock nests in none and holds none; with
// Config.Promises it nests in the zone's, and zones' locks nest in one another by number. Zone and cache locks are taken with interrupts
// masked; a list's lock is not, which is why it is only tried where an interrupt may be.
//
// Orderings:
//
//	O1  put links pages, then the free count is raised; both under the zone's lock, as is the look at the count before a take. Raised first and
//	    outside the lock, it lets others pass the mark on pages that are not there yet.
//	O2  kswapd enters its queue (a full barrier), then looks at wanted; who wakes it swaps wanted to 1 (a full barrier), then looks at the queue.
//	O3  who waits for a write enters the queue (a full barrier), then looks at the counts of writes; a write's end changes the counts (full
//	    barriers), then looks at the queue.
//	O4  who waits for a promise announces it, marks memory as low under each zone's lock and drains the lists; who frees to a list, or fills one, looks
//	    at the mark, or at the announcement, with the list held. Without it a page stays on a list that nobody looks at again.
//	O5  who waits for a promise reads changes, tries, enters the queue (a full barrier) and reads changes again; who brings memory back raises changes
//	    (a full barrier), then looks at the queue.
//	O6  a late block is linked, then made the head of its zone's stack; collect swaps the head out, then follows the links.
//
// The free count is kept as a shared word and a difference for each CPU, as the kernel does, so that most changes leave the shared line alone.
// The sum of all is exact under the zone's lock; it is formed when the shared word alone cannot decide.
//
// Promises (Config.Promises) are LaHaise's of 2001: Reserve admits pages of order 0 that are countable, which is free above the mark, or clean in the
// cache, and not promised to others. Pages on lists count when they have come back. The memory stays where it is, and clean pages stay in the cache,
// until Draw. What a promise needs beside the clean pages is no longer free to anybody else, whatever his rights; reclaim leaves clean pages that back
// promises alone, since dropping them would free nothing; and such a page is pinned by moving its promise, or not at all.
//
// Cost: an alloc and a free that hit the CPU's list take one compare-and-swap each (TryLock) or none (IRQOff); a refill or a spill costs the
// zone's lock once, for a batch of pages up to 32 batches in a row of them. The exact sum, a load for each CPU, is formed only when the shared word is
// within the drift of all CPUs of what it is compared with.
//
// Contexts: any but NMI; with DirectReclaim process context with no spinning lock held. With rt=on a zone's lock sleeps: IRQOff, which takes it
// with interrupts masked, then breaks the kernel's rules, as it did in 2020; RawZone makes that lock spin. What takes no locks is in nolocks.go: of
// the TryLock form it may be called from NMI too.
//
// Differences from the originals: the mark is looked at where pages leave the zone, under its lock, and a list hit is not checked; the kernel looks
// before, without the lock, and can overshoot by one batch a CPU. The limits of the TryLock form float as in 6.12 but for four things: refills of
// orders above 0 do not raise them; one state, memory is low, stands for the kernel's two, a zone below its high mark and a zone in reclaim; a free
// of a high order that follows another never empties the list; and the count of frees in a row is capped where the list spills, not at each free. In
// the TryLock form a caller that is about to fail first empties the lists it can lock, whatever its flags; the kernel does so in direct reclaim only.
// While memory is low every free empties its list in the IRQOff form, which the kernel of 2020 did not do; lists that are idle keep their limits,
// where the kernel lowers them every few seconds. There is one migrate type and one zone a node, and pages set aside for urgent callers of high
// orders are a number, not blocks: it begins full, ends when direct reclaim is short of pages, and grows again by what such callers take. A victim is
// reaped at once by the caller who chose it, where the kernel has a thread for it that gives the victim time to end by itself.
//
// Not here: compaction.
package page

import (
	"errors"
	"fmt"
	"math/bits"

	"headroom/kernel"
	"headroom/kernel/choice"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/percpu"
)

// MaxOrder is the largest order: blocks have 2^0 to 2^10 pages.
const MaxOrder = 10

// Page is a block of pages: the offset of its first byte in machine memory, a multiple of the page size.
type Page uint64

// Allocator is the zones of one machine. Its words live in machine memory; the fields here never change after New.
type Allocator struct {
	_      [128]byte // the nil check of &a.field must not read a line that CPUs share
	zones  []zone
	cpus   []view
	shift  uint // log2 of the page size
	irqOff bool
	listed uint // orders below this are kept on lists
	config Config
	drains *drains
	writes *writes
	killer *killer
	await  *await         // nil without Config.Promises
	short  Shortage       // nil but on machines that plant failures
	works  []machine.Work // raised to make a CPU empty its lists (IRQOff)
	raise  func(by *kernel.Task, cpu int, w *machine.Work)
}

// view is what a CPU sees of the zones.
type view struct {
	home  *list // its list of the nearest zone
	order []int // zone numbers, nearest first
	// The slow paths taken on this CPU.
	counts *counts
}

// drains serialises Drain and counts the CPUs it waits for.
type drains struct {
	lock    lock.Mutex
	waiters lock.WaitQueue
	pending mem.Plain32 // CPUs that have not answered; protected by guard
	guard   lock.RawSpin
}

// New lays zones out on a machine. It returns an error when the configuration is out of range or a node's memory is full.
func New(place kernel.Place, config Config) (*Allocator, error) {
	config, err := config.complete(place)
	if err != nil {
		return nil, err
	}
	a := &Allocator{
		config: config,
		shift:  uint(bits.TrailingZeros(uint(config.PageBytes))),
		irqOff: config.Lists == IRQOff,
		listed: tryLockOrders,
		zones:  make([]zone, place.Memory().Nodes()),
		cpus:   make([]view, place.CPUs()),
	}
	if a.irqOff {
		a.listed = 1
	}
	if a.writes, err = mem.New[writes](place.Memory(), 0); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	if a.killer, err = mem.New[killer](place.Memory(), 0); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	if err := newAwait(a, place); err != nil {
		return nil, err
	}
	for node := range a.zones {
		if err := newZone(&a.zones[node], a, place, node); err != nil {
			return nil, fmt.Errorf("page: zone of node %d, %d pages of %d bytes: %w", node, config.Pages, config.PageBytes, err)
		}
	}
	tallies, err := percpu.New[counts](place)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	for cpu := range a.cpus {
		v := &a.cpus[cpu]
		v.order = config.zonelist(place.Node(cpu), len(a.zones))
		v.home = &a.zones[v.order[0]].lists[cpu]
		v.counts = tallies[cpu]
	}
	if a.drains, err = mem.New[drains](place.Memory(), 0); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	newInterrupts(a, place)
	a.short, _ = place.(Shortage)
	return a, nil
}

// Alloc hands out a block of 2^order pages whose one owner is the caller. Without DirectReclaim it never waits. It returns
// kernel.ErrNoMemory when no zone may give a block to a caller of these flags and rights and, with DirectReclaim, reclaim finds nothing more.
// With NoFail it goes on until it has one. With NoLocks it is AllocNoLocks once the nearest list had nothing. It panics on an order out of range. Any
// context but NMI.
func (a *Allocator) Alloc(t *kernel.Task, gfp kernel.GFP, order int) (Page, error) {
	if choice.Enabled {
		mayBlock(t, gfp)
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

// mayBlock tells the lock checker what an allocation with these flags may come to wait for, whether it does this time or not. Who is in reclaim does not
// start another.
func mayBlock(t *kernel.Task, gfp kernel.GFP) {
	if !gfp.MayWait() || t.Rights()&kernel.RightMemalloc != 0 {
		return
	}
	if gfp&kernel.IO != 0 {
		lock.Awaits(t, lock.Reclaim)
	}
	if gfp&kernel.NoRetry == 0 {
		lock.Awaits(t, lock.Memory)
	}
}

// Free gives a block back; the caller is its last owner. It panics, before it changes anything, on a block that is not held with that order.
// Any context but NMI.
func (a *Allocator) Free(t *kernel.Task, p Page, order int) {
	cpu := t.CPU()
	l := a.cpus[cpu].home
	z := l.zone
	offset := uint64(p) - z.first
	if offset >= z.bytes {
		z = a.zoneOf(p)
		offset = uint64(p) - z.first
		l = &z.lists[cpu]
	}
	index := uint32(offset >> a.shift)
	d := &z.pages[index]
	if uint(order) > MaxOrder || d.state.LoadRelaxed() != owned(order) || offset&(1<<a.shift-1) != 0 {
		misuse(p, order, d.state.LoadRelaxed())
	}
	if uint(order) >= a.listed {
		z.giveBack(t, index, order)
		return
	}
	if !a.enter(t, l) {
		reachBusy.Hit()
		z.giveBack(t, index, order)
		return
	}
	if a.irqOff && t.CPU() != cpu && !mutant.On(pg15) {
		l = &z.lists[t.CPU()] // until interrupts were masked the caller could move; a list with a lock may be any CPU's
	}
	d.state.StoreRelaxed(listed(order))
	r := &l.rings[order]
	n := r.words.length.Load()
	r.slots[(r.words.bottom.Load()+n)&r.mask].Store(index)
	r.words.length.Store(n + 1)
	pages := l.words.pages.Load() + 1<<order
	l.words.pages.Store(pages)
	if !a.irqOff {
		l.words.note(1 << order)
	}
	if pages >= l.words.high.LoadRelaxed() || z.hint.pressed.LoadRelaxed() != 0 {
		a.spill(t, l)
	}
	a.leave(t, l)
}

// Get adds an owner to a block that the caller owns. It panics on a block that nobody owns. Any context.
func (a *Allocator) Get(p Page) {
	_, d := a.descriptor(p)
	for {
		old := d.state.Load()
		if kindOf(old) != kindOwned || ownersOf(old) < 1 {
			panic(fmt.Sprintf("page: one owner more for block %d: it is %s", p, describe(old)))
		}
		if d.state.CompareAndSwap(old, old+oneOwner) {
			return
		}
	}
}

// Put takes an owner away, and frees the block when it was the last. Any context but NMI.
func (a *Allocator) Put(t *kernel.Task, p Page, order int) {
	_, d := a.descriptor(p)
	for {
		old := d.state.Load()
		if old == owned(order) {
			a.Free(t, p, order) // the last owner: nobody else may change the word
			return
		}
		if kindOf(old) != kindOwned || ownersOf(old) < 2 {
			misuse(p, order, old)
		}
		if d.state.CompareAndSwap(old, old-oneOwner) {
			return
		}
	}
}

// Owners is the number of owners of a block, 0 for one that is not held.
func (a *Allocator) Owners(p Page) int {
	_, d := a.descriptor(p)
	return ownersOf(d.state.Load())
}

// zoneOf is the zone of a page that is not of the nearest one; it panics when there is none.
func (a *Allocator) zoneOf(p Page) *zone {
	for i := range a.zones {
		if z := &a.zones[i]; uint64(p)-z.first < z.bytes {
			return z
		}
	}
	panic(fmt.Sprintf("page: block %d lies in no zone", p))
}

func (a *Allocator) descriptor(p Page) (*zone, *descriptor) {
	z := a.zoneOf(p)
	return z, &z.pages[(uint64(p)-z.first)>>a.shift]
}

//go:noinline
func misuse(p Page, order int, state uint32) {
	panic(fmt.Sprintf("page: free of block %d in order %d: it is %s", p, order, describe(state)))
}

// newInterrupts prepares the interrupts by which Drain reaches other CPUs, on machines that have any.
func newInterrupts(a *Allocator, place kernel.Place) {
	m, ok := place.(interface {
		Interrupt(by *kernel.Task, cpu int, w *machine.Work)
	})
	if !ok || !a.irqOff {
		return
	}
	a.raise = m.Interrupt
	a.works = make([]machine.Work, len(a.cpus))
	for cpu := range a.works {
		a.works[cpu].Run = a.answer
	}
}

var errLayout = errors.New("page: configuration out of range")
