package gfpnolocks

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

const host = "designs/gfp_nolocks"

// The client's slow paths.
var (
	reachList   = reach.Define(host, "list")   // no page: the object is linked through itself
	reachAsked  = reach.Define(host, "asked")  // a page came without a lock
	reachFull   = reach.Define(host, "full")   // a block is full
	reachEnough = reach.Define(host, "enough") // a page more than are kept
)

var (
	kf01 = mutant.Define(mutant.Mutant{ID: "KF-01", Host: host, Breaks: "I1",
		Story: "Queue allocates by the ordinary entry under its raw lock; Linux, kvfree_rcu, fixed in 2020 by commit 56292e8609e3"})
	kf02 = mutant.Define(mutant.Mutant{ID: "KF-02", Host: host, Breaks: "I2",
		Story: "what is added to a block joins the grace period of the first; Linux, kvfree_rcu, 2021 to 2023"})
	kr01 = mutant.Define(mutant.Mutant{ID: "KR-01", Host: host, Breaks: "I2",
		Story: "a snapshot names the period that is running, which some CPUs have passed already"})
	kr02 = mutant.Define(mutant.Mutant{ID: "KR-02", Host: host, Breaks: "I3",
		Story: "a list that waits is overwritten by the next one"})
	kr03 = mutant.Define(mutant.Mutant{ID: "KR-03", Host: host, Breaks: "I4",
		Story: "a page more than are kept is forgotten"})
)

// Drain frees what all CPUs have queued and whose grace period has ended, the oldest first: blocks as a whole, by one bulk free each if Objects has
// that, then lists, object by object; no lock is held meanwhile. It returns how many objects went back. It is the worker, and runs where Free of objects and pages may be called. Several may run at once.
func (c *Client) Drain(t *kernel.Task) (objects int) {
	for _, w := range c.cpus {
		for block := c.ripe(t, w); block != 0; block = c.ripe(t, w) {
			objects += c.freeBlock(t, block)
			c.keep(t, w, block)
		}
		for at := c.ripeList(t, w); at != 0; objects++ {
			next := c.word(at, 0).Load()
			c.config.Objects.Free(t, designs.Item(at))
			at = next
		}
	}
	return objects
}

// freeBlock frees the objects of a block and returns how many there were.
func (c *Client) freeBlock(t *kernel.Task, block uint64) int {
	pointers := mem.Row[mem.Plain64](c.memory, uintptr(block+8*headerWords), int(c.word(block, blockCount).Load()))
	if c.bulk != nil {
		c.bulk.FreeBulk(t, pointers)
		return len(pointers)
	}
	for i := range pointers {
		c.config.Objects.Free(t, designs.Item(pointers[i].Load()))
	}
	return len(pointers)
}

// ripe takes the oldest block off whose period has ended, 0 for none.
func (c *Client) ripe(t *kernel.Task, w *clientWords) uint64 {
	t.IRQSave()
	defer t.IRQRestore()
	w.lock.Lock(t)
	defer w.lock.Unlock(t)
	block := w.oldest.Load()
	if block == 0 {
		block = w.current.Load()
	}
	if block == 0 || c.word(block, blockCount).Load() == 0 || !c.config.Grace.Elapsed(c.word(block, blockSnapshot).Load()) {
		return 0
	}
	if w.oldest.Load() == 0 {
		w.current.Store(0)
		return block
	}
	next := c.word(block, blockNext).Load()
	w.oldest.Store(next)
	if next == 0 {
		w.newest.Store(0)
	}
	return block
}

// ripeList takes the parked list off if its period has ended, 0 for none, and parks the one that grew meanwhile.
func (c *Client) ripeList(t *kernel.Task, w *clientWords) (first uint64) {
	t.IRQSave()
	defer t.IRQRestore()
	w.lock.Lock(t)
	defer w.lock.Unlock(t)
	if parked := w.parked.Load(); parked != 0 && c.config.Grace.Elapsed(w.parkedSnapshot.Load()) {
		first = parked
		w.parked.Store(0)
	}
	if w.parked.Load() == 0 || mutant.On(kr02) {
		w.parked.Store(w.list.Load())
		w.parkedSnapshot.Store(w.listSnapshot.Load())
		w.list.Store(0)
	}
	return first
}

// ClientStats are counts since creation, and what is there now.
type ClientStats struct {
	Queued  uint64 // objects that Queue took
	Listed  uint64 // those of them for which there was no page
	Waiting uint64 // objects that are not freed yet
	Spares  int    // spare pages
	Blocks  int    // pages that hold pointers
}

// Stats counts; only at quiescence.
func (c *Client) Stats() (s ClientStats) {
	for _, w := range c.cpus {
		s.Queued += w.queued.Load()
		s.Listed += w.listed.Load()
		s.Spares += int(w.spareCount.Load())
		for block := w.oldest.Load(); block != 0; block = c.word(block, blockNext).Load() {
			s.Blocks++
			s.Waiting += c.word(block, blockCount).Load()
		}
		if block := w.current.Load(); block != 0 {
			s.Blocks++
			s.Waiting += c.word(block, blockCount).Load()
		}
		for _, at := range []uint64{w.list.Load(), w.parked.Load()} {
			for ; at != 0; at = c.word(at, 0).Load() {
				s.Waiting++
			}
		}
	}
	return s
}

// Check reports what is wrong with the structure; only at quiescence.
func (c *Client) Check() error {
	for cpu, w := range c.cpus {
		if n := int(w.spareCount.Load()); w.lock.Held() || n > c.config.Spares {
			return fmt.Errorf("%s: CPU %d's lock is held at quiescence, or it keeps %d of at most %d spare pages (I4)", design, cpu, n, c.config.Spares)
		}
		for block := w.oldest.Load(); block != 0; block = c.word(block, blockNext).Load() {
			if n := c.word(block, blockCount).Load(); n != c.pointers {
				return fmt.Errorf("%s: CPU %d has a block of %d pointers among the full ones, of %d", design, cpu, n, c.pointers)
			}
			if next := c.word(block, blockNext).Load(); next == 0 && w.newest.Load() != block {
				return fmt.Errorf("%s: CPU %d's newest block is not its last (I3)", design, cpu)
			}
		}
	}
	return nil
}
