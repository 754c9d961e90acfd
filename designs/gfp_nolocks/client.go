package gfpnolocks

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

// PageSource is where a client's pages come from: the variants with an entry that takes no locks, and with an ordinary one.
type PageSource interface {
	designs.NoLockAllocator
	designs.Bytes
	// AllocOrdinary may take locks and, with kernel.DirectReclaim, wait.
	AllocOrdinary(t *kernel.Task, gfp kernel.GFP) (designs.Item, error)
	Free(t *kernel.Task, it designs.Item)
}

// ClientConfig sizes a Client.
type ClientConfig struct {
	Pages PageSource
	// Objects is where what is queued goes back, a page of pointers at a time if it is a designs.BulkFreer. Objects are memory of 8 bytes at least,
	// on multiples of 8.
	Objects designs.Allocator
	Grace   *Grace
	// PageBytes is the size of a page of Pages, 64 to 4096. A header of 40 bytes leaves room for 507 pointers in 4096 (Linux 6.12).
	PageBytes int
	// Spares is how many spare pages a CPU keeps, 0 to 5; rcu_min_cached_objs is 5 in 6.12.
	Spares int
	// Ask lets Queue ask Pages without locks when there is no spare page, as in the RFC of 2020. Mainline has spare pages only.
	Ask bool
}

// Client is kfree_rcu: it frees objects once their readers are done with them.
type Client struct {
	config   ClientConfig
	bulk     designs.BulkFreer // of Objects; nil when they go back one by one
	memory   *mem.Memory
	pointers uint64
	cpus     []*clientWords
}

const (
	headerWords = 5 // of a block: kernel's, two links, two words of snapshot and a count; here three are used
	mostSpares  = 5
)

// The header of a block, by word.
const (
	blockNext     = iota // offset of the next newer block, 0 for none
	blockSnapshot        // refreshed by every insert
	blockCount
)

// clientWords are a CPU's part of a client, behind its lock, which is taken with interrupts masked. Blocks and objects are offsets, 0 for none.
type clientWords struct {
	lock           lock.RawSpin
	wanted         atomic.Uint32 // 1: a page was missing, and Refill has work
	spareCount     mem.Plain32
	spares         [mostSpares]mem.Plain64
	current        mem.Plain64 // the block that is being filled
	oldest, newest mem.Plain64 // full ones
	list           mem.Plain64 // objects linked through their first words, the newest first
	listSnapshot   mem.Plain64
	parked         mem.Plain64 // such a list that waits for its period while the next one grows
	parkedSnapshot mem.Plain64
	queued, listed mem.Plain64 // since creation: objects, and those of them that went to the list
}

var errClient = errors.New("client out of range")

// NewClient makes a client on a machine. It returns an error when the configuration is out of range or memory is full.
func NewClient(place kernel.Place, c ClientConfig) (*Client, error) {
	if c.Pages == nil || c.Objects == nil || c.Grace == nil || c.Spares < 0 || c.Spares > mostSpares || c.PageBytes < 64 || c.PageBytes > defaultBytes {
		return nil, fmt.Errorf("%s: %w: pages of %d bytes, %d spares: give Pages, Objects, Grace, 64 to %d bytes and 0 to %d spares", design, errClient,
			c.PageBytes, c.Spares, defaultBytes, mostSpares)
	}
	cpus, err := percpu.New[clientWords](place)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", design, err)
	}
	bulk, _ := c.Objects.(designs.BulkFreer)
	return &Client{config: c, bulk: bulk, memory: place.Memory(), pointers: uint64(c.PageBytes/8 - headerWords), cpus: cpus}, nil
}

// word is a word of a block or an object.
func (c *Client) word(at uint64, index uint64) *mem.Plain64 {
	return mem.At[mem.Plain64](c.memory, uintptr(at+8*index))
}

// Queue gives an object up, which is freed by a Drain after the next grace period. The object's first word may be written at once. It never fails and
// takes one raw spin lock. Any context but NMI, as far as the pages' entry goes.
func (c *Client) Queue(t *kernel.Task, object designs.Item) {
	t.IRQSave()
	w := c.cpus[t.CPU()]
	w.lock.Lock(t)
	snapshot := c.config.Grace.Snapshot()
	w.queued.Store(w.queued.Load() + 1)
	if block := c.blockFor(t, w); block != 0 {
		n := c.word(block, blockCount).Load()
		c.word(block, headerWords+n).Store(uint64(object))
		c.word(block, blockCount).Store(n + 1)
		if n == 0 || !mutant.On(kf02) {
			c.word(block, blockSnapshot).Store(snapshot) // I2
		}
	} else {
		reachList.Hit()
		c.word(uint64(object), 0).Store(w.list.Load())
		w.list.Store(uint64(object))
		w.listSnapshot.Store(snapshot)
		w.listed.Store(w.listed.Load() + 1)
	}
	w.lock.Unlock(t)
	t.IRQRestore()
}

// blockFor is a block with room, 0 for none; lock held.
func (c *Client) blockFor(t *kernel.Task, w *clientWords) uint64 {
	block := w.current.Load()
	if block != 0 && c.word(block, blockCount).Load() < c.pointers {
		return block
	}
	if block != 0 {
		c.append(w, block)
		w.current.Store(0)
	}
	if n := w.spareCount.Load(); n != 0 {
		block = w.spares[n-1].Load()
		w.spareCount.Store(n - 1)
	} else if block = c.ask(t); block == 0 {
		w.wanted.Store(1) // the worker is woken by who looks, since a wake-up here could come under any lock
		return 0
	}
	c.word(block, blockNext).Store(0)
	c.word(block, blockCount).Store(0)
	w.current.Store(block)
	return block
}

// ask is the page that the entry gives without a lock, 0 for none.
func (c *Client) ask(t *kernel.Task) uint64 {
	if !c.config.Ask {
		return 0
	}
	if mutant.On(kf01) {
		it, _ := c.config.Pages.AllocOrdinary(t, kernel.NoWait)
		return uint64(it)
	}
	it, err := c.config.Pages.AllocNoLocks(t)
	if err != nil {
		return 0
	}
	reachAsked.Hit()
	return uint64(it)
}

// append puts a full block behind the others; lock held.
func (c *Client) append(w *clientWords, block uint64) {
	reachFull.Hit()
	if newest := w.newest.Load(); newest != 0 {
		c.word(newest, blockNext).Store(block)
	} else {
		w.oldest.Store(block)
	}
	w.newest.Store(block)
}

// Refill gets spare pages for every CPU that missed one, by the ordinary entry with gfp, and returns how many. It is the worker: where gfp holds
// kernel.DirectReclaim process context with no spinning lock held, else where the ordinary entry may be called.
func (c *Client) Refill(t *kernel.Task, gfp kernel.GFP) (got int) {
	for _, w := range c.cpus {
		if w.wanted.Load() == 0 {
			continue
		}
		w.wanted.Store(0) // first: who misses a page from now on wants another
		for range c.config.Spares {
			it, err := c.config.Pages.AllocOrdinary(t, gfp|kernel.NoRetry|kernel.NoMemalloc|kernel.NoWarn)
			if err != nil {
				return got
			}
			if !c.keep(t, w, uint64(it)) {
				break
			}
			got++
		}
	}
	return got
}

// keep makes a page a spare one, or gives it back and reports false when there are enough.
func (c *Client) keep(t *kernel.Task, w *clientWords, page uint64) bool {
	t.IRQSave()
	w.lock.Lock(t)
	n := w.spareCount.Load()
	room := int(n) < c.config.Spares
	if room {
		w.spares[n].Store(page)
		w.spareCount.Store(n + 1)
	}
	w.lock.Unlock(t)
	t.IRQRestore()
	if !room && !mutant.On(kr03) {
		reachEnough.Hit()
		c.config.Pages.Free(t, designs.Item(page)) // I4
	}
	return room
}

// Shrink gives all spare pages back and returns how many: memory is short. Where Free of the pages may be called.
func (c *Client) Shrink(t *kernel.Task) (pages int) {
	for _, w := range c.cpus {
		for {
			page := uint64(0)
			t.IRQSave()
			w.lock.Lock(t)
			if n := w.spareCount.Load(); n != 0 {
				page = w.spares[n-1].Load()
				w.spareCount.Store(n - 1)
			}
			w.lock.Unlock(t)
			t.IRQRestore()
			if page == 0 {
				break
			}
			c.config.Pages.Free(t, designs.Item(page))
			pages++
		}
	}
	return pages
}
