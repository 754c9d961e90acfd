// Package percputags hands out small integers, called tags, from lists that each CPU keeps for itself.
//
// It is the allocator that Kent Overstreet posted in June 2013 and that was merged as lib/percpu_ida.c in Linux 3.12 (commit 798ab48eecdf),
// in the form it had when it was removed after 4.18. Andrew Morton's question of 12 June 2013 was why an IDA with a per-CPU magazine would not
// do, and why stealing by compare-and-exchange when a spin lock costs the same; the merged code took the lock.
//
// Tags start on a shared stack. A CPU takes them in batches onto a list of its own; Alloc pops from that list and Free pushes onto the list of
// the CPU it runs on. A CPU with nothing left refills from the shared stack, and when that is empty steals another CPU's whole list. A list
// that reaches its maximum spills a batch to the shared stack. A caller that may wait sleeps until a free makes a list non-empty.
//
// The variants are positions of that debate, and differ in how an owner and a thief keep out of each other's way:
//
//	lock       each list has a lock, and a thief waits for it (Pool)
//	lock-3.12  the same with the rule for stealing of Linux 3.12 (Pool)
//	flag       each side raises a flag, and a thief that sees the owner's passes over that CPU (Flagged)
//	flag-bit   owner and thief set one bit, and a thief that finds it set passes over that CPU (Pool)
//	xchg       no lock: the owner changes the count by compare-and-swap, a thief exchanges it for a sentinel (Exchanged)
//
// Two more are layers over lock. Morton asked what a driver can do when an allocation in an interrupt fails; Overstreet answered that a reserve belongs
// in another layer, "like how mempools work on top of existing allocators". The layer composes two pools, as the block layer did with two of the
// originals (block/blk-mq-tag.c, Linux 3.13, commit 320ae51feed5): an ordinary one and a reserve. A caller with the right to the reserve asks the
// ordinary pool first, like everybody, and the reserve when that refuses (Reserved):
//
//	lock-reserve         the right comes with the flags High or Memalloc: GFP_ATOMIC has it, GFP_NOWAIT has not
//	lock-reserve-nowait  and whoever may not wait has it too
//
// Invariants:
//
//	I1  a tag is on exactly one list or with one owner (mutants AI-01, PT-06, PT-07)
//	I2  a CPU's bit in haveTags is set whenever its list is non-empty and no free is under way (mutant PT-02)
//	I3  no caller sleeps while a tag is free (mutants PI-01, PT-03, PT-05); lock-3.12 and xchg do not keep it
//	I4  a list never holds more than its maximum, and a spill moves only tags that are there (mutants PI-03, PT-04)
//	I5  reserve: a caller without the right never gets a tag of the reserve (mutant PT-08)
//	I6  reserve: a tag goes back to the pool that it is of (mutant PT-09)
//	I7  reserve: a tag of the reserve is taken only after the ordinary pool refused, so the reserve is whole while that has tags (mutant PT-10)
//	I8  reserve: a free into the reserve wakes nobody who waits for an ordinary tag (mutant PT-11)
//	I9  reserve: a caller with the right that may wait sleeps for a tag of the reserve, so only those with the right can keep it waiting (mutant PT-12)
//	I10 stealing goes round: who was robbed last comes last (mutant PI-05)
//
// From I5 to I7: while those with the right hold fewer tags of the reserve than there are, none of them is refused. What I9 gives up for that is I3 for
// such a caller: an ordinary tag that is freed meanwhile does not wake it, and it sleeps until one of the reserve is (Capabilities.Oversleeps).
//
// I11, locks, in the order they nest: the pool's lock, then one CPU's lock (mutant PT-14). Both are taken with interrupts masked. The owner may change its own list
// under the pool's lock alone: whoever else touches it, a thief, holds the pool's lock too.
//
// Orderings:
//
//	O1  Free pushes the tag, then sets the CPU's bit (a full barrier), then looks for waiters. Alloc enters the wait queue (a full barrier),
//	    then looks at lists and bits. So one of the two sees the other. Swap either pair and Alloc can sleep beside a free tag.
//	O2  a thief clears the victim's bit before it takes the list. A free that comes between sets the bit again; cleared afterwards, the bit would
//	    hide that free's tag for good.
//	O3  flag: see Flagged. O4, xchg: see Exchanged.
//
// Cost: an alloc and a free each take one uncontended lock of the own CPU: two compare-and-swaps and two interrupt maskings a pair; in flag two
// exchanges, in xchg two compare-and-swaps. A steal costs the pool's lock, the victim's lock and the transfer of its lines. Waking is wake-all, as in the original.
//
// The reserve adds to a pair of lock two calls of a function and two tests, and no atomic instruction: 0.63 compare-and-swaps to 2.94, a fifth, in one
// run of BenchmarkReserve. That the calls go through the interface costs nothing beside direct ones there. A tag of the reserve costs the ordinary
// pool's whole slow path and refusal before, since that is where it turns out to be needed.
//
// Contexts: any but NMI; with DirectReclaim process context only. No memory is allocated after New.
//
// Differences from the original: CPUDead returns a dead CPU's tags at once, where the original had no notifier and left them to be stolen; the
// original's wait ended on a signal, and there are no signals here; a steal on an empty list returns tags of the victim in the same order. The rule of 3.12, which stole
// only while (CPUs with tags) x maximum exceeded half the tags (fixed by commit d835502f3dac), is the variant lock-3.12, and in the others the
// mutant PI-01.
//
// Those of the reserve from the block layer's: there a request was for one of the two pools, named by the driver; here a caller with the right has both,
// as with a mempool. The reserve has the highest numbers, where the block layer gave it the lowest, so that an ordinary tag needs no addition. Its lists
// have room for one tag, as there, so all of it lies on its shared stack, within reach of every CPU without stealing.
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

// The original's defaults: a list of one and a half batches leaves room for a refill beside what a burst of frees brings.
const (
	defaultBatch = 32
	defaultMax   = defaultBatch * 3 / 2
	// maxTags keeps a tag in a 31-bit signed integer, the original's limit.
	maxTags = 1 << 31
)

// Config sizes a Pool. Zero Max means 48, zero Batch 32, or Max when that is less. A list that can never reach Max, since there are fewer tags,
// never spills, as in the original.
type Config struct {
	Tags      int  // number of tags, 1 to 2^31
	Max       int  // most tags on one CPU's list, at least 1
	Batch     int  // tags moved at a time between a list and the shared stack, 1 to Max
	Threshold bool // steal only while (CPUs with tags) x Max exceeds half the tags, as Linux 3.12 did
	Skip      bool // a thief passes over a CPU that is busy with its own list, instead of waiting for it
}

// Pool is one allocator of tags. Its words live in machine memory; the fields here never change after New.
type Pool struct {
	_        [128]byte // the nil check of &p.field must not read a line that CPUs share
	cpus     []list
	shared   *shared
	stack    []mem.Plain32   // the shared stack; protected by shared.lock
	haveTags []atomic.Uint64 // a bit for each CPU whose list may hold tags
	max      uint32
	batch    uint32
	tags     uint32

	threshold bool
	guard     guard
}

// guard is how a thief gets hold of another CPU's list.
type guard uint8

const (
	lockGuard guard = iota // waits for the list's lock
	skipGuard              // tries the list's lock, and passes over the CPU when it is held
	flagGuard              // raises a flag, and passes over the CPU when that has raised its own
)

// list is one CPU's tags: the words, and the stack behind them.
type list struct {
	*words
	stack []mem.Plain32 // stack[:free] are the tags; protected like words.free
}

// words are the head of a CPU's list, on a line of their own.
//
// free is written by the owner with interrupts masked, under lock or under the pool's lock, and by a thief under both.
type words struct {
	lock  lock.RawSpin
	busy  atomic.Uint32 // flag: the owner is at its list
	thief atomic.Uint32 // flag: a thief is; written under the pool's lock
	free  mem.Plain32
	// Counts of slow paths taken by this CPU; the owner writes them with interrupts masked.
	waits, locks, steals, refills, spills, failed mem.Plain64
}

// shared is what all CPUs touch, on lines of its own.
type shared struct {
	lock       lock.RawSpin
	free       mem.Plain32 // tags on the shared stack; protected by lock
	lastStolen mem.Plain32 // the CPU robbed last; protected by lock
	waiters    lock.WaitQueue
}

// New lays a pool out on a machine. It returns an error when the configuration is out of range or the machine's memory is full.
func New(place kernel.Place, config Config) (*Pool, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	m := place.Memory()
	p := &Pool{max: uint32(config.Max), batch: uint32(config.Batch), tags: uint32(config.Tags), cpus: make([]list, place.CPUs()), threshold: config.Threshold}
	if config.Skip {
		p.guard = skipGuard
	}
	var failures [5]error
	p.shared, failures[0] = mem.New[shared](m, 0)
	p.stack, failures[1] = mem.Slice[mem.Plain32](m, 0, config.Tags)
	p.haveTags, failures[2] = mem.Slice[atomic.Uint64](m, 0, (place.CPUs()+63)/64)
	heads, err := percpu.New[words](place)
	failures[3] = err
	stacks, err := percpu.Rows[mem.Plain32](place, config.Max)
	failures[4] = err
	if err := errors.Join(failures[:]...); err != nil {
		return nil, fmt.Errorf("percpu_tags: %d tags: %w", config.Tags, err)
	}
	for cpu := range p.cpus {
		p.cpus[cpu] = list{words: heads[cpu], stack: stacks[cpu]}
	}
	for i := range p.stack {
		p.stack[i].Store(uint32(i)) // so the first tag handed out is the last
	}
	p.shared.free.Store(uint32(config.Tags))
	return p, nil
}

// complete fills in the defaults and refuses what would break I4.
func (c Config) complete() (Config, error) {
	if c.Tags < 1 || c.Tags > maxTags {
		return c, fmt.Errorf("percpu_tags: %d tags: give 1 to 2^31", c.Tags)
	}
	if c.Max == 0 {
		c.Max = defaultMax
	}
	if c.Batch == 0 {
		c.Batch = min(defaultBatch, c.Max)
	}
	if (c.Max < 1 || c.Batch < 1 || c.Batch > c.Max) && !mutant.On(pi03) {
		return c, fmt.Errorf("percpu_tags: max %d, batch %d: the batch must be at least 1 and at most max", c.Max, c.Batch)
	}
	return c, nil
}

// Alloc hands out a tag of the CPU's own list, or goes looking for one. With DirectReclaim it sleeps until a tag is free (process context);
// without it the answer is kernel.ErrWouldBlock when no CPU has a free tag. Any context but NMI.
func (p *Pool) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	t.IRQSave()
	l := &p.cpus[t.CPU()]
	l.lock.Lock(t)
	n := l.free.Load()
	if n != 0 {
		tag := l.stack[n-1].Load()
		if mutant.On(ai01) {
			l.window(t)
		}
		l.free.Store(n - 1)
		l.lock.Unlock(t)
		t.IRQRestore()
		return designs.Item(tag), nil
	}
	l.lock.Unlock(t)
	t.IRQRestore()
	return p.allocSlow(t, gfp)
}

// Free puts a tag on the list of the CPU it runs on, and wakes the sleepers when that list was empty. It panics on a tag out of range.
// Any context but NMI.
func (p *Pool) Free(t *kernel.Task, it designs.Item) {
	if it >= designs.Item(p.tags) {
		misuse(it, p.tags)
	}
	t.IRQSave()
	cpu := t.CPU()
	l := &p.cpus[cpu]
	l.lock.Lock(t)
	n := l.free.Load()
	l.stack[n].Store(uint32(it))
	n++
	l.free.Store(n)
	l.lock.Unlock(t)
	if n == 1 || n == p.max {
		p.freeSlow(t, cpu, n)
	}
	t.IRQRestore()
}

// misuse refuses a tag that cannot exist. It is a call of its own, never inlined, so that the check in front of it costs a comparison and a
// branch that is not taken.
//
//go:noinline
func misuse(it designs.Item, tags uint32) {
	panic(fmt.Sprintf("percpu_tags: free of tag %d of a pool of %d", it, tags))
}

// Stats sums the counts of slow paths of all CPUs; only at quiescence.
func (p *Pool) Stats() designs.Stats {
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
