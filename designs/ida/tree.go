package ida

import (
	"math/bits"

	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

const host = "designs/ida"

// The slow paths an exploration must have taken.
var (
	reachAgain   = reach.Define(host, "again")   // memory was short under the lock, and the search began again
	reachBitmap  = reach.Define(host, "bitmap")  // a word of ids became a bitmap
	reachGrow    = reach.Define(host, "grow")    // the tree became higher
	reachShrink  = reach.Define(host, "shrink")  // the tree became lower
	reachFull    = reach.Define(host, "full")    // all ids of a chunk were taken
	reachUntaken = reach.Define(host, "untaken") // an id was freed that was not taken
)

// lack is what keeps an id from being placed.
type lack uint8

const (
	nothing lack = iota
	noID
	noNode
	noBitmap
)

// spare is memory that was taken for the tree and is not in it yet; all of it protected by the tree's lock. While the lock is free there is some only
// as long as a caller that was short of it is on its way back.
type spare struct {
	nodes  [2 * mostLevels]mem.Plain64 // up to a new top, and down on another side
	count  mem.Plain32                 // of nodes
	leaf   mem.Plain32                 // 1 when there is a bitmap
	bitmap mem.Plain64
}

// place takes the lowest free id from low to high; lock held, interrupts masked.
func (t *Tree) place(task *kernel.Task, low, high uint32) (id uint32, short lack) {
	index, bit := low/chunkIDs, low%chunkIDs
	for {
		next := t.nextFree(index)
		if next != index {
			index, bit = next, 0
		}
		if uint64(index)*chunkIDs+uint64(bit) > uint64(high) {
			return 0, noID
		}
		at, short := t.placeIn(task, index, bit, high)
		switch {
		case short != nothing:
			return 0, short
		case at < chunkIDs:
			return index*chunkIDs + at, nothing
		}
		index, bit = index+1, 0 // the chunk has free ids, all below the bit
	}
}

// placeIn takes the lowest free id of a chunk from bit on, and returns its place in the chunk, or chunkIDs when there is none.
func (t *Tree) placeIn(task *kernel.Task, index, bit, high uint32) (at uint32, short lack) {
	slot := t.slot(index)
	entry := uint64(0)
	if slot != nil {
		entry = slot.Load()
	}
	if entry&1 != 0 || entry == 0 {
		taken := entry >> 1
		at = bit + uint32(bits.TrailingZeros64(^(taken >> bit)))
		if index*chunkIDs+at > high {
			return 0, noID
		}
		if at < inlineIDs {
			return at, t.storeInline(task, slot, index, (taken|1<<at)<<1|1)
		}
		if entry, short = t.spread(task, slot, index, taken); short != nothing {
			return 0, short
		}
	}
	b := t.bitmap(entry)
	at = b.lowest(bit)
	switch {
	case at == chunkIDs:
		return at, nothing
	case index*chunkIDs+at > high:
		return 0, noID
	}
	word := &b[at/64]
	word.Store(word.Load() | 1<<(at%64))
	if word.Load() == ^uint64(0) && b.full() && !mutant.On(id07) {
		reachFull.Hit()
		t.mark(index)
	}
	return at, nothing
}

// storeInline puts the entry of a chunk without a bitmap into the tree.
func (t *Tree) storeInline(task *kernel.Task, slot *mem.Plain64, index uint32, entry uint64) lack {
	if slot != nil && slot.Load() != 0 {
		slot.Store(entry)
		return nothing
	}
	return t.insert(task, index, entry)
}

// spread makes a bitmap of a chunk's word of taken ids.
func (t *Tree) spread(task *kernel.Task, slot *mem.Plain64, index uint32, taken uint64) (entry uint64, short lack) {
	s := &t.root.spare
	if s.leaf.Load() == 0 {
		o, err := t.bitmaps.Alloc(task, kernel.NoWait)
		if err != nil {
			return 0, noBitmap
		}
		s.bitmap.Store(uint64(o))
		s.leaf.Store(1)
	}
	entry = s.bitmap.Load()
	b := t.bitmap(entry)
	b[0].Store(taken)
	for i := 1; i < len(b); i++ {
		b[i].Store(0)
	}
	if slot != nil && slot.Load() != 0 {
		slot.Store(entry)
	} else if short := t.insert(task, index, entry); short != nothing {
		return 0, short
	}
	s.leaf.Store(0)
	reachBitmap.Hit()
	return entry, nothing
}

// nextFree is the lowest chunk from index on that has a free id.
func (t *Tree) nextFree(index uint32) uint32 {
	levels := t.root.levels.Load()
	if index>>(slotBits*levels) != 0 {
		return index // beyond the tree nothing is taken
	}
	if levels == 0 {
		return t.root.full.Load()
	}
	if at, ok := t.seek(t.root.entry.Load(), levels, index); ok {
		return at
	}
	return 1 << (slotBits * levels)
}

// seek is nextFree below an entry with so many levels of nodes; from and the answer count from its first chunk.
func (t *Tree) seek(entry uint64, levels, from uint32) (at uint32, ok bool) {
	if entry == 0 || levels == 0 {
		return from, true
	}
	n := t.node(entry)
	shift := slotBits * (levels - 1)
	first := from >> shift
	for open := ^n.full.Load() &^ (1<<first - 1); open != 0; open &= open - 1 {
		slot := uint32(bits.TrailingZeros64(open))
		if slot != first {
			from = slot << shift
		}
		if below, ok := t.seek(n.slots[slot].Load(), levels-1, from&(1<<shift-1)); ok {
			return slot<<shift | below, true
		}
	}
	return 0, false
}

// slot is where the entry of a chunk is, nil when the tree has no place for it.
func (t *Tree) slot(index uint32) *mem.Plain64 {
	levels := t.root.levels.Load()
	if index>>(slotBits*levels) != 0 {
		return nil
	}
	at := &t.root.entry
	for ; levels > 0; levels-- {
		entry := at.Load()
		if entry == 0 {
			return nil
		}
		at = &t.node(entry).slots[index>>(slotBits*(levels-1))%nodeSlots]
	}
	return at
}

// mark says that all ids of a chunk are taken.
func (t *Tree) mark(index uint32) {
	levels := t.root.levels.Load()
	if levels == 0 {
		t.root.full.Store(1)
		return
	}
	path, n := t.path(index)
	for level := range uint32(n) {
		slot := index >> (slotBits * level) % nodeSlots
		full := path[level].full.Load() | 1<<slot
		path[level].full.Store(full)
		if full != ^uint64(0) {
			return
		}
	}
}

// unmark says that a chunk has a free id.
func (t *Tree) unmark(index uint32) {
	if t.root.levels.Load() == 0 {
		t.root.full.Store(0)
		return
	}
	path, n := t.path(index)
	for level := range uint32(n) {
		slot := index >> (slotBits * level) % nodeSlots
		path[level].full.Store(path[level].full.Load() &^ (1 << slot))
	}
}

// path is the nodes above a chunk that are there, the lowest level first; n is the number of levels.
func (t *Tree) path(index uint32) (path [mostLevels + 1]*node, n int) {
	levels := t.root.levels.Load()
	entry := t.root.entry.Load()
	for level := levels; level > 0 && entry != 0; level-- {
		path[level-1] = t.node(entry)
		entry = path[level-1].slots[index>>(slotBits*(level-1))%nodeSlots].Load()
	}
	return path, int(levels)
}

func (t *Tree) node(entry uint64) *node     { return mem.At[node](t.memory, uintptr(entry)) }
func (t *Tree) bitmap(entry uint64) *bitmap { return mem.At[bitmap](t.memory, uintptr(entry)) }

// lowest is the lowest clear bit from one on, or chunkIDs.
func (b *bitmap) lowest(from uint32) uint32 {
	word := from / 64
	taken := b[word].Load()
	if !mutant.On(id03) {
		taken |= 1<<(from%64) - 1
	}
	for {
		if taken != ^uint64(0) {
			return word*64 + uint32(bits.TrailingZeros64(^taken))
		}
		word++
		if int(word) == len(b) {
			return chunkIDs
		}
		taken = b[word].Load()
	}
}

func (b *bitmap) full() bool {
	for i := range b {
		if b[i].Load() != ^uint64(0) {
			return false
		}
	}
	return true
}

func (b *bitmap) empty() bool {
	for i := range b {
		if b[i].Load() != 0 {
			return false
		}
	}
	return true
}
