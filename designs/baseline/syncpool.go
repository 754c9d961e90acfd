package baseline

import (
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"weak"

	"headroom/designs"
	"headroom/kernel"
)

const syncPoolName = "syncpool"

// SyncPool is a sync.Pool of boxes, each with the number of an item.
//
// A sync.Pool forgets boxes when the collector runs, and under the race detector at random. The number of a forgotten box may be given out
// again, so the pool knows each box by a weak pointer too: nil means forgotten. Held boxes have a strong pointer in their entry.
//
// Growth: a number that is asked for while none can be had extends the table. Objects cannot be extended: there the collector is run, up to
// three times, which frees the boxes in other processors' caches too; then the answer is kernel.ErrNoMemory.
type SyncPool struct {
	slots  // of the first chunk; numbers may go beyond
	pool   sync.Pool
	chunks [maxChunks][]entry // chunk 0 has count entries, chunk k count<<(k-1)

	grow sync.Mutex
	made []weak.Pointer[box] // by number; protected by grow
	room uint64              // numbers the chunks have entries for; protected by grow
}

// box is what the pool holds. Two words, since the runtime packs smaller objects together, and a weak pointer then lives as long as its
// neighbour.
type box struct {
	number uint64
	_      uint64
}

// entry has a cache line of its own: its word is written at every Alloc and Free.
type entry struct {
	held *box // nil while nobody holds the item; written by its holder
	_    [56]byte
}

const (
	// maxChunks: each chunk doubles the room, and 2^40 entries exceed any memory.
	maxChunks = 41
	// spareItems is the least room beyond the items asked for: boxes that the pool forgot and the collector has not found yet.
	spareItems = 64
	// collections that surely free a forgotten box: two for a pool's main and victim caches.
	collections = 3
)

// NewSyncPool makes an empty pool. It returns an error when the item count is below 1 or memory is full.
func NewSyncPool(place kernel.Place, config designs.Config) (*SyncPool, error) {
	if err := config.Validate(nil); err != nil {
		return nil, fmt.Errorf("%s: %w", syncPoolName, err)
	}
	s, err := newSlots(place, config.Items+max(spareItems, config.Items/4), config.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", syncPoolName, err)
	}
	p := &SyncPool{slots: s, room: s.count}
	p.chunks[0] = make([]entry, s.count)
	return p, nil
}

// Alloc gets a box from the pool, or makes one. It answers kernel.ErrNoMemory when items are objects and more are held than were asked for.
// Any context but NMI.
func (p *SyncPool) Alloc(*kernel.Task, kernel.GFP) (designs.Item, error) {
	v := p.pool.Get()
	if v == nil {
		return p.allocSlow()
	}
	b := v.(*box)
	p.entry(b.number).held = b
	return p.item(b.number), nil
}

// allocSlow makes a box for a number without one.
func (p *SyncPool) allocSlow() (designs.Item, error) {
	p.grow.Lock()
	defer p.grow.Unlock()
	for tries := 0; ; tries++ {
		number, ok := p.unboxed()
		if ok {
			b := &box{number: number}
			p.made[number] = weak.Make(b)
			p.entry(number).held = b
			return p.item(number), nil
		}
		switch {
		case p.base == nil:
			k := bits.Len64(p.room / p.count)
			p.chunks[k] = make([]entry, p.room)
			p.room *= 2
		case tries < collections:
			runtime.GC()
		default:
			return 0, kernel.ErrNoMemory
		}
	}
}

// unboxed finds a number that no box has: a fresh one, or one whose box was forgotten; grow held.
func (p *SyncPool) unboxed() (number uint64, ok bool) {
	if n := uint64(len(p.made)); n < p.room {
		p.made = append(p.made, weak.Pointer[box]{})
		return n, true
	}
	for i, w := range p.made {
		if w.Value() == nil {
			return uint64(i), true
		}
	}
	return 0, false
}

// entry is the entry of a number, nil when no chunk has one.
func (p *SyncPool) entry(number uint64) *entry {
	if number < p.count {
		return &p.chunks[0][number]
	}
	k := bits.Len64(number / p.count)
	if k >= maxChunks {
		return nil
	}
	i := number - p.count<<(k-1)
	if i >= uint64(len(p.chunks[k])) {
		return nil
	}
	return &p.chunks[k][i]
}

// Free puts the item's box back. It panics on an item that the pool never made, or that nobody holds. Any context but NMI.
func (p *SyncPool) Free(_ *kernel.Task, it designs.Item) {
	number, ok := p.index(it)
	if !ok && p.base != nil {
		misuse(syncPoolName, it, outOfRange)
	}
	e := p.entry(number)
	if e == nil {
		misuse(syncPoolName, it, outOfRange)
	}
	b := e.held
	if b == nil {
		misuse(syncPoolName, it, idle)
	}
	e.held = nil
	p.pool.Put(b)
}

// Check looks at the boxes that are held. Only at quiescence. What is in the pool cannot be seen.
func (p *SyncPool) Check() error {
	for number := range p.room {
		b := p.entry(number).held
		switch {
		case b == nil:
		case b.number != number:
			return fmt.Errorf("%s: entry %d has the box of item %d (I1)", syncPoolName, number, b.number)
		case p.made[number].Value() != b:
			return fmt.Errorf("%s: item %d is held in a box that another took the place of (I1)", syncPoolName, number)
		}
	}
	return nil
}
