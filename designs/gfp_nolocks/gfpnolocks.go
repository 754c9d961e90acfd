// Package gfpnolocks is a way to pages for callers that may wait for no lock at all, since the lock sleeps with rt=on and they hold one that spins,
// or since the lock may be held by the very task that they interrupted.
//
// The debate: kfree_rcu wants a page now and then, to keep pointers in, and is called under raw spin locks. Paul McKenney and Uladzislau Rezki proposed
// a flag, __GFP_NO_LOCKS (RFC of 9 August 2020), by which the page allocator answers from what its CPU keeps at hand or not at all; McKenney: those
// caches "are almost never empty", and kfree_rcu has its list to fall back on. Thomas Gleixner (mail of 11 August 2020) feared for realtime's line
// of defence against allocations from atomic context, and asked where to draw the line: why not slab, and how many pages, of what order? Michal
// Hocko objected to the flag, Peter Zijlstra wrote the same walk as a function, Mel Gorman preferred a pool of the caller's own. Mainline took
// that: kfree_rcu keeps spare pages for each CPU, refilled from a timer and a worker (commit 56292e8609e3, 2020). Five years later an entry of
// that kind came all the same, for BPF: try_alloc_pages (commit 97769a53f117, 2025), later alloc_pages_nolock, and kmalloc_nolock after it.
//
// The variants:
//
//	null     2020: what is on the lists of the caller's CPU, in all zones, with interrupts masked; no refill, no mark, order 0
//	trylock  2025: list and zone if their locks can be had at once, one pass, down to the ordinary mark; frees that can have neither are put aside
//	         on a stack of the zone and taken in by the next holder of its lock
//	rawzone  what else was weighed in 2020: the zone's lock spins with rt=on too, so the ordinary entry may be called under raw spin locks
//	slab     kmalloc_nolock: an object of the CPU's list, of its node's slabs if their lock can be had at once, or of pages got as in trylock
//
// The entries: designs.NoLockAllocator is the function; kernel.NoLocks among Alloc's flags is the flag. In null and slab an Alloc without the flag
// goes on to the ordinary path when the entry has nothing, so both kinds of callers share an allocator; rawzone has that path alone. In trylock Alloc
// and Free are the function, whatever the flags, and AllocOrdinary is the ordinary path. The measuring loops call Alloc, so a tight pair measures the
// entry: an item freed is the next to be had.
//
// Caps, as Gleixner asked for: knob cap of null is the share of a full list that such callers may take; knob order of trylock is the order of an item,
// up to 3 as in 2025. null knows order 0 only, as in 2020.
//
// The client is kfree_rcu (client.go, grace.go): objects are queued until readers are done with them. Pointers go into pages, 507 each (4 KiB less a
// header of 40 bytes, over 8, as of 6.12; the patches of 2020 had other headers); without a page objects are linked through themselves. A page whose
// grace period has ended goes back by one bulk free (designs.BulkFreer), the pointers read where they lie, and becomes a spare page of its CPU, or
// goes back too. What misses a page asks for more: Refill gets them by the ordinary entry, in a context where that is safe.
//
// Invariants, beside those of kernel/page and kernel/slab, which hold the mechanisms (there I1, I9, I20 to I22):
//
//	I1  Queue asks for no lock but its CPU's raw one (mutant KF-01)
//	I2  an object is freed after a grace period that began when it, or one queued after it in its batch, was queued (mutants KF-02, KR-01)
//	I3  every object queued is freed, once, whether or not pages were to be had (mutant KR-02)
//	I4  a CPU keeps no more spare pages than Spares, and every other page goes back (mutant KR-03)
//
// Ordering, O1: Quiesce stores which grace period its CPU has passed, then looks at all CPUs, then ends the period; whoever sees the period ended sees
// what each CPU did before its Quiesce.
//
// Cost, of a pair that hits the list: null and slab no atomic instruction and two maskings of interrupts; trylock two compare-and-swaps, those of the
// list's lock; rawzone as null. BenchmarkPair measures them beside each other, harness/cost null against its bar of 3.6 compare-and-swaps. Queue costs
// its CPU's lock, and a page in 507 calls; BenchmarkQueue has pages freed as a whole, pages freed object by object, and the list.
//
// Contexts: null, rawzone and slab any but NMI, which masked interrupts do not keep off the lists; of null and slab, with rt=on, in hard interrupts
// the entry alone. trylock any; with rt=on its entry answers ErrNoMemory at once in hard interrupts and NMI. Queue where its page entry may be called,
// NMI left out.
//
// Promises: none of success. A sole caller at quiescence gets what the table says; beside others ErrNoMemory means "not without waiting", and says
// nothing about how much memory is free.
//
// Differences from the originals: whoever looks into a zone takes its late pages in, where the kernel leaves that to the next ordinary free, so a page
// put aside is never out of reach. A list that is full takes a page without locks only if the zone can be had to make it shorter; the kernel lets
// it grow. There is one migrate type. kfree_rcu's timers and work queue are functions that the caller runs (Drain, Refill), without back-off.
package gfpnolocks

import (
	"errors"
	"fmt"
	"math/bits"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
	"headroom/kernel/page"
	"headroom/kernel/percpu"
)

// store is the pages of a variant.
type store struct {
	_       [128]byte // the nil check of &s.field must not read a line that CPUs share
	pages   *page.Allocator
	memory  *mem.Memory
	bytes   int // usable, of an item
	tallies []*tally
}

// tally counts on lines of each CPU's own. An NMI may come in the middle of a count, so its words are atomic.
type tally struct {
	refused atomic.Uint64 // calls of the entry that takes no locks
}

const (
	defaultBytes = 4096
	mostBatch    = 31 // as for zones of a GiB in 2020
	highBatches  = 6  // a list spills at so many batches, as in 2020
)

var errPage = errors.New("items of more than a page")

// newStore makes zones, one for each node, with room above the mark for c.Items blocks of 2^order pages, whatever the CPUs but one keep on their lists.
// A block is the next power of two of c.Bytes, 0 meaning 4096. share is how much of a full list the entry may take, in hundredths.
func newStore(place kernel.Place, c designs.Config, config page.Config, order, share int) (*store, error) {
	if c.Bytes == 0 {
		c.Bytes = defaultBytes
	}
	if c.Bytes > defaultBytes {
		return nil, fmt.Errorf("%w: %d bytes: give 0 to %d", errPage, c.Bytes, defaultBytes)
	}
	config.PageBytes = max(mem.LineBytes, 1<<bits.Len(uint(c.Bytes-1))>>order)
	config.Batch = min(max(c.Items/32, 1), mostBatch)
	config.High = highBatches * config.Batch
	config.Batch = max(config.Batch, 2) // so that a list is ever refilled
	config.Leave = config.High * (100 - share) / 100
	nodes := place.Memory().Nodes()
	aside := (place.CPUs() - 1) * (config.High + 2<<order)
	each := (max(c.Items, c.Room)<<order+aside+nodes-1)/nodes + 1<<order // one block more: the mark is compared without all pages of a block but one
	marks := page.ComputeMarks(each, nodes, config.PageBytes)
	config.Pages, config.Marks = (each+marks.Min+1<<order-1)&^(1<<order-1), &marks
	pages, err := page.New(place, config)
	if err != nil {
		return nil, err
	}
	s := &store{pages: pages, memory: place.Memory(), bytes: c.Bytes}
	if s.tallies, err = percpu.New[tally](place); err != nil {
		return nil, err
	}
	return s, nil
}

// refuse counts a call of the entry that had nothing.
func (s *store) refuse(t *kernel.Task, err error) (designs.Item, error) {
	s.tallies[t.CPU()].refused.Add(1)
	return 0, err
}

func (s *store) refused() (n uint64) {
	for _, w := range s.tallies {
		n += w.refused.Load()
	}
	return n
}

// Check walks every list and descriptor. Only at quiescence.
func (s *store) Check() error { return s.pages.Check() }

// CPUDead gives back the pages that a dead CPU kept. t runs on another CPU, in process context with no spinning lock held.
func (s *store) CPUDead(t *kernel.Task, cpu int) { s.pages.CPUDead(t, cpu) }

// Bytes is the memory behind an item.
func (s *store) Bytes(it designs.Item) []byte { return s.memory.Span(uintptr(it), s.bytes) }

// Stats are the counts of slow paths, the locks those of zones, tried ones that were had among them; only at quiescence. Refills and spills are those
// of ordinary callers.
func (s *store) Stats() designs.Stats {
	p := s.pages.Stats()
	return designs.Stats{Locks: p.Locks, Steals: p.Drains, Refills: p.Refills, Spills: p.Spills, Failed: p.Failed + s.refused()}
}
