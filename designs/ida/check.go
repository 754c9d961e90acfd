package ida

import (
	"fmt"
	"math/bits"

	"headroom/designs"
)

// Check walks the tree and what it is made of, and reports what is wrong: an empty leaf or node, a mark or a count at odds with what is below, more
// levels than needed, a lock still held. Only at quiescence.
func (t *Tree) Check() error {
	r := t.root
	if r.lock.Held() {
		return fmt.Errorf("ida: the lock is held at quiescence")
	}
	if r.spare.count.Load() != 0 || r.spare.leaf.Load() != 0 {
		return fmt.Errorf("ida: spare memory is left at quiescence (I4)")
	}
	levels, entry := r.levels.Load(), r.entry.Load()
	if entry == 0 && levels != 0 {
		return fmt.Errorf("ida: an empty tree has %d levels (I4)", levels)
	}
	if levels > 0 && t.node(entry).used.Load() == 1 && t.node(entry).slots[0].Load() != 0 {
		return fmt.Errorf("ida: a tree of %d levels has chunks in its first slot only (I4)", levels)
	}
	if entry != 0 {
		full, err := t.checkEntry(entry, levels, 0)
		if err != nil {
			return err
		}
		if levels == 0 && full != (r.full.Load() == 1) {
			return fmt.Errorf("ida: the only chunk is full: %t, and marked: %d (I2)", full, r.full.Load())
		}
	}
	if err := t.nodes.Check(); err != nil {
		return fmt.Errorf("ida: nodes: %w", err)
	}
	if err := t.bitmaps.Check(); err != nil {
		return fmt.Errorf("ida: bitmaps: %w", err)
	}
	if err := t.pages.Check(); err != nil {
		return fmt.Errorf("ida: pages: %w", err)
	}
	return nil
}

// checkEntry walks what is below an entry whose first chunk is first, and reports whether every id there is taken.
func (t *Tree) checkEntry(entry uint64, levels, first uint32) (full bool, err error) {
	if levels == 0 {
		return t.checkChunk(entry, first)
	}
	n := t.node(entry)
	used, marks := uint32(0), uint64(0)
	for slot := range uint32(nodeSlots) {
		below := n.slots[slot].Load()
		if below == 0 {
			continue
		}
		used++
		full, err := t.checkEntry(below, levels-1, first+slot<<(slotBits*(levels-1)))
		if err != nil {
			return false, err
		}
		if full {
			marks |= 1 << slot
		}
	}
	switch {
	case used == 0:
		return false, fmt.Errorf("ida: a node for chunk %d on is empty (I4)", first)
	case used != n.used.Load():
		return false, fmt.Errorf("ida: a node for chunk %d on uses %d slots and counts %d", first, used, n.used.Load())
	case marks != n.full.Load():
		return false, fmt.Errorf("ida: a node for chunk %d on has the full slots %#x and marks %#x (I2)", first, marks, n.full.Load())
	}
	return marks == ^uint64(0), nil
}

func (t *Tree) checkChunk(entry uint64, index uint32) (full bool, err error) {
	if entry == 1 {
		return false, fmt.Errorf("ida: chunk %d is a word without an id (I4)", index)
	}
	if entry&1 != 0 {
		return false, nil
	}
	b := t.bitmap(entry)
	if b.empty() {
		return false, fmt.Errorf("ida: chunk %d is a bitmap without an id (I4)", index)
	}
	return b.full(), nil
}

// Taken is the number of taken ids. Racy unless the tree is quiet.
func (t *Tree) Taken() int { return t.takenBelow(t.root.entry.Load(), t.root.levels.Load()) }

func (t *Tree) takenBelow(entry uint64, levels uint32) (n int) {
	switch {
	case entry == 0:
	case levels > 0:
		for slot := range nodeSlots {
			n += t.takenBelow(t.node(entry).slots[slot].Load(), levels-1)
		}
	case entry&1 != 0:
		n = bits.OnesCount64(entry >> 1)
	default:
		for i := range t.bitmap(entry) {
			n += bits.OnesCount64(t.bitmap(entry)[i].Load())
		}
	}
	return n
}

// Holds reports whether an id is taken. Racy unless the tree is quiet.
func (t *Tree) Holds(it designs.Item) bool {
	slot := t.slot(uint32(it) / chunkIDs)
	if slot == nil {
		return false
	}
	switch entry, bit := slot.Load(), uint32(it)%chunkIDs; {
	case entry&1 != 0:
		return bit < inlineIDs && entry>>1>>bit&1 != 0
	case entry != 0:
		return t.bitmap(entry)[bit/64].Load()>>(bit%64)&1 != 0
	}
	return false
}

// Check walks the magazines and the tree. Only at quiescence.
func (w *Wrapped) Check() error {
	if err := w.tree.Check(); err != nil {
		return err
	}
	if w.shared.lock.Held() {
		return fmt.Errorf("ida: the depot's lock is held at quiescence")
	}
	if n := w.shared.waiting.Load(); int(n) != w.shared.waiters.Waiting() {
		return fmt.Errorf("ida: %d callers are counted as waiting and %d are in the queue", n, w.shared.waiters.Waiting())
	}
	seen := map[uint32]bool{}
	visit := func(place string, magazine, n uint32) error {
		if n > w.size {
			return fmt.Errorf("ida: %s has a magazine with %d of at most %d ids", place, n, w.size)
		}
		for i := range n {
			id := w.rounds[magazine][i].Load()
			if seen[id] || id >= w.tree.limit || !w.tree.Holds(designs.Item(id)) {
				return fmt.Errorf("ida: %s has id %d in a magazine, and it is in another too, or not taken in the tree (I1)", place, id)
			}
			seen[id] = true
		}
		return nil
	}
	kept := 0
	for i, c := range w.cpus {
		if c.lock.Held() {
			return fmt.Errorf("ida: CPU %d's lock is held at quiescence", i)
		}
		for _, m := range [][2]uint32{{c.loaded.Load(), c.count.Load()}, {c.before.Load(), c.filled.Load()}} {
			if err := visit(fmt.Sprintf("CPU %d", i), m[0], m[1]); err != nil {
				return err
			}
			kept += int(m[1])
		}
	}
	if !w.locked && 2*kept > int(w.tree.limit) {
		return fmt.Errorf("ida: private magazines keep %d of %d ids (I6)", kept, w.tree.limit)
	}
	for i := range w.shared.full.Load() {
		if err := visit("the depot", w.stock[i].Load(), w.size); err != nil {
			return err
		}
	}
	return nil
}

// ForgivesFrees says that the free of an id which is not taken changes nothing but a count.
func (t *Tree) ForgivesFrees() {}
