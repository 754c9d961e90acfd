// Package sbitmap hands out small integers, called tags, from a bitmap that is spread over several cache lines.
//
// It is what the block layer took instead of per-CPU tag lists: Jens Axboe's and Omar Sandoval's scalable bitmap (lib/sbitmap.c, Linux 4.9,
// commit 88459642cba4), with the deferred clearing of 2018 (commit ea86ea2cdced), in the form of Linux 6.12. No CPU owns a tag. A CPU remembers
// where it last found one and looks there first, so CPUs spread over the words by themselves.
//
// Alloc sets the lowest clear bit of a word by one compare-and-swap. Free does not touch that word: it sets the tag's bit in a second word, on
// another line, of tags to be cleared. Only when a word is full does the next caller take all those bits out in one exchange and clear them. A
// caller that may wait joins one of eight queues, and every so many frees wake as many sleepers, so that a burst of frees touches the queues once.
//
// Invariants:
//
//	I1  a tag has at most one owner (mutant BM-01)
//	I2  a tag that is to be cleared is set in its word: it is free, and nobody else's (mutant BM-02)
//	I3  nobody is refused while a tag is free and no call is under way (mutant SB-07)
//	I4  when all tags are free nobody sleeps (mutants BM-03, SB-01, SB-09)
//	I5  once no free is under way, less than a batch of the frees that saw a sleeper is unanswered (mutant SB-11)
//
// A sleeper is served by the frees of those who hold tags, not at once. A caller looks for a tag once more when it is in its queue already, and may
// find one that was freed when nobody was counted as a sleeper. A wake-up that meets it there is lost on it, since it does not pass it on, and
// another caller goes on sleeping beside a free tag. Linux 6.12 does the same. Each such caller holds a tag, whose free brings the next wake-up: so no
// more than half of the tags, with what lacks to a batch, can be free beside a sleeper, and none is left when all are (I4). See Variant.Lag.
//
// Locks: a word's lock is held while its bits are cleared; a wait queue's lock nests in none of them.
//
// Orderings:
//
//	O1  Free marks the tag to be cleared (a full barrier), then looks for sleepers. Alloc counts itself as a sleeper and enters a queue (full
//	    barriers), then looks for a tag. Swap either pair and both can miss: the tag is free and the caller sleeps.
//	O2  the exchange that empties the second word comes before the bits are cleared in the first, both under the word's lock. Outside it a caller
//	    between the two finds the word full and nothing to be cleared, and gives up beside free tags.
//
// Cost: an alloc and a free take a locked instruction each, on two lines; every 64 pairs the word's lock and two more. Both lines are shared by
// the CPUs that use the same word.
//
// Contexts: any but NMI, because of the word's lock; with DirectReclaim process context only. No memory is allocated after New.
//
// Differences from the original: the bit is set by a compare-and-swap of the word, where the original sets a single bit and looks whether it was
// clear, so a neighbour's change costs a retry here; bulk allocation takes any free bits of a word, where the original takes those of one run;
// there is no resizing, no round-robin mode and no shallow depth. A hint starts at a place that depends on the CPU's number alone.
package sbitmap

import (
	"errors"
	"fmt"
	"math/bits"

	"headroom/designs"
	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/percpu"
)

const (
	wordBits = 64
	// queues and mostBatch are the original's: with eight queues a wake-up of an eighth of the tags leaves none of them out.
	queues    = 8
	mostBatch = 8
	// maxTags keeps a tag in a 31-bit signed integer, the original's limit.
	maxTags = 1 << 31
)

// Config sizes a Bitmap. A zero Shift or WakeBatch means what the original computes.
type Config struct {
	Tags      int // number of tags, 1 to 2^31
	Shift     int // a word holds 2^Shift tags, Shift 1 to 6; 0: 6, or less so that few tags still lie on four words
	WakeBatch int // frees for each wake-up of as many sleepers; at most an eighth of the tags count, but 1 always does; 0: 8
}

// Bitmap is one allocator of tags. Its words live in machine memory; the fields here never change after New.
type Bitmap struct {
	_      [128]byte // the nil check of &b.field must not read a line that CPUs share
	words  []word
	cpus   []*cpuWords
	shared *shared
	shift  uint32
	tags   uint32
	batch  uint32
}

// word is 2^shift tags: those taken, and on a line of their own those to be cleared.
type word struct {
	taken   atomic.Uint64
	_       [mem.LineBytes - 8]byte
	cleared atomic.Uint64
	lock    lock.RawSpin // held while bits move from cleared
	_       [mem.LineBytes - 12]byte
}

// cpuWords are one CPU's own, on lines of their own: the place where it looks first, and its counts of slow paths.
type cpuWords struct {
	hint                          atomic.Uint32 // relaxed: a caller that moves to another CPU writes this one's
	waits, locks, refills, failed mem.Plain64
}

// shared is what sleepers and wakers touch.
type shared struct {
	sleepers  atomic.Uint32 // callers in or about to enter a queue; read by every Free
	_         [mem.LineBytes - 4]byte
	completed atomic.Uint32 // frees that saw a sleeper
	spent     atomic.Uint32 // those of them that were answered by a wake-up
	next      atomic.Uint32 // the queue for the next sleeper
	turn      atomic.Uint32 // the queue for the next wake-up
	_         [mem.LineBytes - 16]byte
	queue     [queues]paddedQueue
}

type paddedQueue struct {
	lock.WaitQueue
	_ [mem.LineBytes]byte // queues side by side would share a line
}

// New lays a bitmap out on a machine. It returns an error when the configuration is out of range or the machine's memory is full.
func New(place kernel.Place, config Config) (*Bitmap, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	b := &Bitmap{shift: uint32(config.Shift), tags: uint32(config.Tags), batch: uint32(config.WakeBatch)}
	m := place.Memory()
	count := (config.Tags + 1<<config.Shift - 1) >> config.Shift
	var failures [3]error
	b.words, failures[0] = mem.Slice[word](m, 0, count)
	b.shared, failures[1] = mem.New[shared](m, 0)
	b.cpus, failures[2] = percpu.New[cpuWords](place)
	if err := errors.Join(failures[:]...); err != nil {
		return nil, fmt.Errorf("sbitmap: %d tags: %w", config.Tags, err)
	}
	for cpu := range b.cpus {
		b.cpus[cpu].hint.StoreRelaxed(uint32(rng.Mix(uint64(cpu)) % uint64(config.Tags)))
	}
	return b, nil
}

// complete fills in what is computed and refuses what is out of range.
func (c Config) complete() (Config, error) {
	if c.Tags < 1 || c.Tags > maxTags {
		return c, fmt.Errorf("sbitmap: %d tags: give 1 to 2^31", c.Tags)
	}
	if c.Shift == 0 {
		c.Shift = bits.Len(wordBits) - 1
		for c.Tags >= 4 && 4<<c.Shift > c.Tags && c.Shift > 1 {
			c.Shift--
		}
	}
	if c.Shift < 1 || c.Shift > bits.Len(wordBits)-1 {
		return c, fmt.Errorf("sbitmap: words of 2^%d tags: give a shift of 1 to %d", c.Shift, bits.Len(wordBits)-1)
	}
	if c.WakeBatch < 0 {
		return c, fmt.Errorf("sbitmap: a wake-up for every %d frees: give at least 1, or 0 for %d", c.WakeBatch, mostBatch)
	}
	if c.WakeBatch == 0 {
		c.WakeBatch = mostBatch
	}
	c.WakeBatch = min(c.WakeBatch, max(1, c.Tags/queues)) // I4: of all tags in use, eight batches come back
	return c, nil
}

// Alloc hands out a tag. With DirectReclaim it sleeps until one is free (process context); without it the answer is kernel.ErrWouldBlock when
// all are taken. Any context but NMI.
func (b *Bitmap) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	c := b.cpus[t.CPU()]
	hint := c.hint.LoadRelaxed()
	w := &b.words[hint>>b.shift]
	old := w.taken.LoadRelaxed()
	bit := uint32(bits.TrailingZeros64(^old))
	tag := hint&^(1<<b.shift-1) + bit
	if bit>>b.shift == 0 && tag < b.tags && w.taken.CompareAndSwap(old, old|1<<bit) {
		if tag == hint {
			b.advance(c, tag)
		}
		return designs.Item(tag), nil
	}
	return b.allocSlow(t, gfp)
}

// advance moves the hint behind a tag that was found at it.
func (b *Bitmap) advance(c *cpuWords, tag uint32) {
	next := tag + 1
	if next+1 >= b.tags {
		next = 0
	}
	c.hint.StoreRelaxed(next)
}

// Free marks a tag to be cleared, wakes sleepers when enough tags came back, and remembers the tag as the CPU's hint. It panics on a tag out of
// range. Any context but NMI.
func (b *Bitmap) Free(t *kernel.Task, it designs.Item) {
	if it >= designs.Item(b.tags) {
		misuse(it, b.tags)
	}
	tag := uint32(it)
	unseen := mutant.On(bm03) && b.shared.sleepers.Load() == 0
	b.mark(tag)
	if !unseen && b.shared.sleepers.Load() != 0 { // O1: the mark, a full barrier, then the look
		b.wake(t)
	}
	b.cpus[t.CPU()].hint.StoreRelaxed(tag)
}

func (b *Bitmap) mark(tag uint32) {
	if b.tags == 1 && mutant.On(sb01) { // with more tags a store would lose the mark of another
		b.words[0].cleared.StoreRelease(1)
		return
	}
	b.words[tag>>b.shift].cleared.Or(1 << (tag & (1<<b.shift - 1)))
}

//go:noinline
func misuse(it designs.Item, tags uint32) {
	panic(fmt.Sprintf("sbitmap: free of tag %d of a bitmap of %d", it, tags))
}

// Stats sums the counts of slow paths of all CPUs; only at quiescence. A refill is a word whose freed tags were cleared.
func (b *Bitmap) Stats() designs.Stats {
	var s designs.Stats
	for _, c := range b.cpus {
		s.Waits += c.waits.Load()
		s.Locks += c.locks.Load()
		s.Refills += c.refills.Load()
		s.Failed += c.failed.Load()
	}
	return s
}
