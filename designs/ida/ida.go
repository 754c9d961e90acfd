// Package ida hands out the lowest free integer of a range, called an id, and returns the memory that it no longer needs.
//
// It is the allocator that Andrew Morton held against per-CPU tags on 12 June 2013: "why can't we use ida_get_new_above()? A per-cpu magazine
// frontend might suit." The tree follows lib/idr.c of Linux 6.12 (Tejun Heo 2007, on the XArray since Matthew Wilcox 2018, commit f32f004cddf8).
// IDA itself never got the magazine; the shape was built for I/O virtual addresses (commit 9257b4a206fc, 2016), after Bonwick and Adams, Magazines
// and Vmem (2001).
//
// Ids come in chunks of 1,024. A chunk is nothing while all its ids are free; a word holding up to 63 ids while none above the 63rd is taken; else a
// bitmap of 128 bytes. Chunks are the leaves of a tree of nodes with 64 slots, which is no higher than its highest chunk needs. Each node marks the
// slots below which every id is taken, so the lowest free one is found in one walk down. One lock protects all of it.
//
// The variants:
//
//	tree            the above: kind id, never waits, fails exactly (Tree)
//	tags            the same behind the interface of a tag allocator: a caller may sleep until an id is free (Wrapped)
//	magazine        in front of it two magazines of ids for each CPU and a depot for all, the CPU's own its alone (Wrapped)
//	magazine-steal  the same, each CPU's magazines under a lock, and robbed by CPUs that find nothing else (Wrapped)
//
// Invariants:
//
//	I1  an id is taken in the tree exactly while it is with an owner or in a magazine, in one of them (mutants ID-01, ID-06)
//	I2  a slot is marked full exactly while every id below it is taken (mutants ID-02, ID-07)
//	I3  Tree hands out the lowest free id of the range asked for (mutant ID-03)
//	I4  the tree has no bitmap and no node without a taken id below it (mutant ID-04)
//	I5  no caller sleeps while an id is free that it can reach (mutant ID-05)
//	I6  in private magazines lie no more ids out of a caller's reach than half of all (mutant ID-08)
//	I7  an id that is freed while a caller waits does not go into a magazine, but to where that caller looks (mutant ID-09)
//
// Locks, in the order they nest: one CPU's lock (magazine-steal), the tree's, then those of kernel/slab and kernel/page. Neither of the two is raw, as
// in the original: memory is taken under them, and the page allocator's locks are none. The depot's is raw, and nothing is asked for under it. All are
// taken with interrupts masked, so rt=on, where ordinary ones sleep, is not for this package.
//
// Orderings:
//
//	O1  a caller enters the wait queue (a full barrier), then looks into magazines, depot and tree. A free puts the id into the tree under its lock,
//	    then looks for waiters; or into a magazine under the CPU's lock, and looks for waiters before it lets go of it: whoever took that lock to look
//	    before the free is seen, and who takes it afterwards sees the id. Without either, both can miss.
//
// Cost: in the tree an alloc and a free take its lock once each, and walk down as many nodes as the highest id has digits to base 64 above the
// tenth bit. A magazine serves from the CPU's own lines, without an atomic instruction, or with the CPU's own lock in magazine-steal.
//
// Contexts: any but NMI; with DirectReclaim process context only. Memory is taken under the lock by kernel.NoWait, and when that fails outside it
// with the caller's flags, whereupon the search begins again; so an interrupt may be refused with kernel.ErrNoMemory though ids are free.
//
// Differences from the original: the nodes a new id needs are gathered before the tree is changed, so a failure leaves no empty ones; who frees an id
// that is not taken changes nothing, and is counted where the original warns; there is no destroy. A dead CPU's magazines are emptied at once.
// Ids that lie in private magazines of other CPUs cannot be had: magazines are made so small that these are at most half of all.
package ida

import (
	"errors"
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/page"
	"headroom/kernel/slab"
)

const (
	chunkIDs   = 1024
	inlineIDs  = 63 // what is left of a word beside the bit that says so
	nodeSlots  = 64
	slotBits   = 6
	mostLevels = 4 // 64^4 chunks hold more than 2^31 ids
	maxIDs     = 1 << 31
)

// Tree is the set of taken ids. Its words live in machine memory; the fields here never change after New.
type Tree struct {
	_       [128]byte // the nil check of &t.field must not read a line that CPUs share
	root    *root
	memory  *mem.Memory
	pages   *page.Allocator
	nodes   *slab.Cache
	bitmaps *slab.Cache
	limit   uint32 // ids are below it
}

// root is the top of the tree, on a line of its own; all but lock is protected by lock.
//
// An entry is 0 for nothing, an odd number for the 63 bits above its lowest, or the offset of a node or a bitmap.
type root struct {
	lock   lock.Spin   // no raw one: memory is taken under it, and the page allocator's lock is none either
	levels mem.Plain32 // of nodes above the chunks
	entry  mem.Plain64
	full   mem.Plain32 // 1 when the entry is a chunk all of whose ids are taken
	_      mem.Plain32
	locks  mem.Plain64 // acquisitions of lock
	failed mem.Plain64 // refused calls of AllocRange
	warned mem.Plain64 // frees of ids that were not taken
	spare  spare
}

// node is an inner node of the tree.
type node struct {
	slots [nodeSlots]mem.Plain64
	full  mem.Plain64 // a bit for each slot below which every id is taken
	used  mem.Plain32 // slots that are not 0
}

// bitmap is the taken ids of a chunk.
type bitmap [chunkIDs / 64]mem.Plain64

const (
	nodeBytes   = nodeSlots*8 + 16
	bitmapBytes = chunkIDs / 8
	pageBytes   = 4096
	// The caches keep little at hand: a walk needs a node or two at a time.
	cacheHigh  = 8
	cacheBatch = 4
)

// NewTree lays a tree out on a machine, for ids from 0 to ids-1, over zones with pages pages in all; 0 means enough for every id to be taken. It
// returns an error when a number is out of range or the machine's memory is full. Construction only: no task may run.
func NewTree(place kernel.Place, ids, pages int) (*Tree, error) {
	if ids < 1 || ids > maxIDs || pages < 0 {
		return nil, fmt.Errorf("ida: %d ids over %d pages: give 1 to 2^31 ids, and 0 pages for enough, or more", ids, pages)
	}
	if pages == 0 {
		pages = enoughPages(place.CPUs(), ids)
	}
	m := place.Memory()
	t := &Tree{memory: m, limit: uint32(ids)}
	each := (pages + m.Nodes() - 1) / m.Nodes()
	marks := page.ComputeMarks(each, m.Nodes(), pageBytes)
	var failures [4]error
	t.root, failures[0] = mem.New[root](m, 0)
	t.pages, failures[1] = page.New(place, page.Config{Pages: each + marks.Min, Marks: &marks, High: 1, Batch: 1})
	if failures[1] == nil {
		t.nodes, failures[2] = slab.New(place, t.pages, slab.Config{ObjectBytes: nodeBytes, High: cacheHigh, Batch: cacheBatch})
		t.bitmaps, failures[3] = slab.New(place, t.pages, slab.Config{ObjectBytes: bitmapBytes, High: cacheHigh, Batch: cacheBatch})
	}
	if err := errors.Join(failures[:]...); err != nil {
		return nil, fmt.Errorf("ida: %d ids: %w", ids, err)
	}
	return t, nil
}

// enoughPages is what a tree of so many ids can need, with what each CPU's lists of pages and objects may keep from the others.
func enoughPages(cpus, ids int) int {
	chunks := (ids + chunkIDs - 1) / chunkIDs
	nodes := 0
	for n := chunks; n > 1; n = (n + nodeSlots - 1) / nodeSlots {
		nodes += (n + nodeSlots - 1) / nodeSlots
	}
	kept := cpus * (cacheHigh + cacheBatch)
	pagesOf := func(objects, bytes int) int { return objects/(pageBytes/bytes) + 1 }
	return pagesOf(chunks+kept, bitmapBytes) + pagesOf(nodes+kept, nodeBytes) + 8*cpus
}

// Alloc hands out the lowest free id. It answers kernel.ErrNoSpace when all are taken, kernel.ErrNoMemory when the tree cannot grow; it sleeps, with
// DirectReclaim, only for memory. Any context but NMI.
func (t *Tree) Alloc(task *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	return t.AllocRange(task, gfp, 0, designs.Item(t.limit-1))
}

// AllocRange hands out the lowest free id from low to high. Errors and contexts as for Alloc.
func (t *Tree) AllocRange(task *kernel.Task, gfp kernel.GFP, low, high designs.Item) (designs.Item, error) {
	high = min(high, designs.Item(t.limit-1))
	if low > high {
		return 0, t.refuse(task, kernel.ErrNoSpace)
	}
	for {
		t.enter(task)
		id, short := t.place(task, uint32(low), uint32(high))
		if short == nothing {
			t.discard(task)
			t.leave(task)
			return designs.Item(id), nil
		}
		t.leave(task)
		if short == noID {
			return 0, t.refuse(task, kernel.ErrNoSpace)
		}
		reachAgain.Hit()
		if err := t.supply(task, gfp, short); err != nil {
			return 0, t.refuse(task, kernel.ErrNoMemory)
		}
	}
}

// refuse counts a call that ends with an error, and gives back what was gathered for it.
func (t *Tree) refuse(task *kernel.Task, err error) error {
	t.enter(task)
	t.discard(task)
	t.root.failed.Store(t.root.failed.Load() + 1)
	t.leave(task)
	return err
}

// Free gives an id back. It panics on one out of range, before it changes anything; one in range that is not taken changes nothing. Any context but
// NMI.
func (t *Tree) Free(task *kernel.Task, it designs.Item) {
	if it >= designs.Item(t.limit) {
		misuse(it, t.limit)
	}
	t.enter(task)
	t.remove(task, uint32(it))
	t.leave(task)
}

//go:noinline
func misuse(it designs.Item, limit uint32) {
	panic(fmt.Sprintf("ida: free of id %d of %d", it, limit))
}

// CPUDead gives back what a dead CPU keeps of nodes, bitmaps and pages. t runs on another CPU, in process context.
func (t *Tree) CPUDead(task *kernel.Task, cpu int) {
	t.nodes.CPUDead(task, cpu)
	t.bitmaps.CPUDead(task, cpu)
	t.pages.CPUDead(task, cpu)
}

// Warned is how many ids were freed that were not taken. Only at quiescence.
func (t *Tree) Warned() int { return int(t.root.warned.Load()) }

// Stats are the counts since creation; only at quiescence. Every call takes the one lock, so all of them are counted.
func (t *Tree) Stats() designs.Stats {
	return designs.Stats{Locks: t.root.locks.Load(), Failed: t.root.failed.Load()}
}

var (
	id01 = mutant.Define(mutant.Mutant{ID: "ID-01", Host: host, Breaks: "I1",
		Story: "a free does not look whether the chunk is there at all (commit af73483f4e8b, and again in 2023)"})
	id02 = mutant.Define(mutant.Mutant{ID: "ID-02", Host: host, Breaks: "I2",
		Story: "the free of an id that is not taken takes the marks of full slots away before it finds that out (2013)"})
	id03 = mutant.Define(mutant.Mutant{ID: "ID-03", Host: host, Breaks: "I3",
		Story: "a chunk is searched from the start of a word that has a free id, though the range begins behind it"})
	id04 = mutant.Define(mutant.Mutant{ID: "ID-04", Host: host, Breaks: "I4",
		Story: "a bitmap whose last id is freed stays in the tree"})
	id05 = mutant.Define(mutant.Mutant{ID: "ID-05", Host: host, Breaks: "I5",
		Story: "lost wake-up: a caller looks for ids first and enters the wait queue afterwards"})
	id06 = mutant.Define(mutant.Mutant{ID: "ID-06", Host: host, Breaks: "I1",
		Story: "the count of a magazine is loaded and stored in two masked stretches, and an interrupt's free in between is overwritten"})
	id07 = mutant.Define(mutant.Mutant{ID: "ID-07", Host: host, Breaks: "I2",
		Story: "the slot of a chunk that becomes full is not marked"})
	id08 = mutant.Define(mutant.Mutant{ID: "ID-08", Host: host, Breaks: "I6",
		Story: "private magazines have the size asked for, however few ids there are"})
	id09 = mutant.Define(mutant.Mutant{ID: "ID-09", Host: host, Breaks: "I7",
		Story: "a woken caller is not counted as waiting while it looks again, and an id freed meanwhile goes into a private magazine"})
)
