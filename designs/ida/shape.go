package ida

import (
	"headroom/kernel"
	"headroom/kernel/mutant"
	"headroom/kernel/slab"
)

// insert puts the entry of a chunk that had none into the tree; lock held. The nodes that this takes are gathered first.
func (t *Tree) insert(task *kernel.Task, index uint32, entry uint64) lack {
	if index == 0 && t.root.levels.Load() == 0 { // an empty tree, or one of this chunk alone, needs no node
		t.root.entry.Store(entry)
		return nothing
	}
	s := &t.root.spare
	for n := s.count.Load(); n < t.missing(index); n++ {
		o, err := t.nodes.Alloc(task, kernel.NoWait)
		if err != nil {
			return noNode
		}
		s.nodes[n].Store(uint64(o))
		s.count.Store(n + 1)
	}
	t.raise(index)
	at := &t.root.entry
	for level := t.root.levels.Load(); level > 0; level-- {
		if at.Load() == 0 {
			at.Store(t.fresh())
		}
		n := t.node(at.Load())
		at = &n.slots[index>>(slotBits*(level-1))%nodeSlots]
		if at.Load() == 0 {
			n.used.Store(n.used.Load() + 1)
		}
	}
	at.Store(entry)
	return nothing
}

// height is the number of levels a tree needs for a chunk.
func height(index uint32) (levels uint32) {
	for ; index > 0; index >>= slotBits {
		levels++
	}
	return levels
}

// missing is how many nodes have to be made for a chunk to have a place.
func (t *Tree) missing(index uint32) uint32 {
	levels, entry := t.root.levels.Load(), t.root.entry.Load()
	if need := height(index); need > levels {
		if entry == 0 {
			return need
		}
		return 2*need - levels - 1 // up to the new top, and down from it on another side
	}
	for ; levels > 0 && entry != 0; levels-- {
		entry = t.node(entry).slots[index>>(slotBits*(levels-1))%nodeSlots].Load()
	}
	return levels
}

// raise makes the tree high enough for a chunk.
func (t *Tree) raise(index uint32) {
	r := t.root
	need := height(index)
	if need <= r.levels.Load() {
		return
	}
	reachGrow.Hit()
	if r.entry.Load() == 0 {
		r.levels.Store(need)
		return
	}
	for levels := r.levels.Load(); levels < need; levels++ {
		full := r.full.Load() // of a chunk at the top
		if levels > 0 && t.node(r.entry.Load()).full.Load() == ^uint64(0) {
			full = 1
		}
		top := t.fresh()
		n := t.node(top)
		n.slots[0].Store(r.entry.Load())
		n.used.Store(1)
		n.full.Store(uint64(full))
		r.entry.Store(top)
		r.full.Store(0)
	}
	r.levels.Store(need)
}

// fresh is an empty node made of a spare one.
func (t *Tree) fresh() uint64 {
	s := &t.root.spare
	last := s.count.Load() - 1
	s.count.Store(last)
	o := s.nodes[last].Load()
	n := t.node(o)
	for i := range n.slots {
		n.slots[i].Store(0)
	}
	n.full.Store(0)
	n.used.Store(0)
	return o
}

// remove makes an id free; lock held, interrupts masked.
func (t *Tree) remove(task *kernel.Task, id uint32) {
	index, bit := id/chunkIDs, id%chunkIDs
	if mutant.On(id02) {
		t.unmark(index)
	}
	slot := t.slot(index)
	entry := uint64(0)
	if slot != nil {
		entry = slot.Load()
	}
	switch {
	case entry == 0 && mutant.On(id01):
		t.bitmap(entry - 1)[bit/64].Store(0) // a null pointer is nobody's memory, offset 0 is somebody's
	case entry == 0 || entry&1 != 0 && (bit >= inlineIDs || entry>>1>>bit&1 == 0):
		t.warn()
	case entry&1 != 0:
		if rest := entry &^ (2 << bit); rest != 1 {
			slot.Store(rest)
		} else {
			t.cut(task, index)
		}
	default:
		t.clear(task, index, bit, entry)
	}
}

func (t *Tree) warn() {
	reachUntaken.Hit()
	t.root.warned.Store(t.root.warned.Load() + 1)
}

// clear makes an id of a chunk with a bitmap free.
func (t *Tree) clear(task *kernel.Task, index, bit uint32, entry uint64) {
	b := t.bitmap(entry)
	word := &b[bit/64]
	old := word.Load()
	if old>>(bit%64)&1 == 0 {
		t.warn()
		return
	}
	if old == ^uint64(0) && b.full() {
		t.unmark(index)
	}
	word.Store(old &^ (1 << (bit % 64)))
	if word.Load() == 0 && b.empty() && !mutant.On(id04) {
		t.cut(task, index)
		t.bitmaps.Free(task, slab.Object(entry))
	}
}

// cut takes the entry of a chunk out of the tree, and the nodes that are empty without it.
func (t *Tree) cut(task *kernel.Task, index uint32) {
	r := t.root
	if r.levels.Load() == 0 {
		r.entry.Store(0)
		return
	}
	path, levels := t.path(index)
	for level := range uint32(levels) {
		n := path[level]
		n.slots[index>>(slotBits*level)%nodeSlots].Store(0)
		n.used.Store(n.used.Load() - 1)
		if n.used.Load() > 0 {
			t.lower(task)
			return
		}
		entry := r.entry.Load()
		if level+1 < uint32(levels) {
			entry = path[level+1].slots[index>>(slotBits*(level+1))%nodeSlots].Load()
		}
		t.nodes.Free(task, slab.Object(entry))
	}
	r.entry.Store(0)
	r.levels.Store(0)
}

// lower takes nodes off the top of the tree that have nothing but their first slot.
func (t *Tree) lower(task *kernel.Task) {
	r := t.root
	for r.levels.Load() > 0 {
		top := r.entry.Load()
		n := t.node(top)
		if n.used.Load() != 1 || n.slots[0].Load() == 0 {
			return
		}
		reachShrink.Hit()
		r.entry.Store(n.slots[0].Load())
		r.levels.Store(r.levels.Load() - 1)
		if r.levels.Load() == 0 {
			r.full.Store(uint32(n.full.Load() & 1))
		}
		t.nodes.Free(task, slab.Object(top))
	}
}

// supply takes the memory that was short under the lock, with the caller's flags; lock not held.
func (t *Tree) supply(task *kernel.Task, gfp kernel.GFP, short lack) error {
	cache := t.nodes
	if short == noBitmap {
		cache = t.bitmaps
	}
	o, err := cache.Alloc(task, gfp)
	if err != nil {
		return err
	}
	t.enter(task)
	s := &t.root.spare
	n := s.count.Load()
	switch {
	case short == noBitmap && s.leaf.Load() == 0:
		s.bitmap.Store(uint64(o))
		s.leaf.Store(1)
	case short == noNode && int(n) < len(s.nodes):
		s.nodes[n].Store(uint64(o))
		s.count.Store(n + 1)
	default:
		cache.Free(task, o) // others were short too, and came back first
	}
	t.leave(task)
	return nil
}

// discard gives back what the tree did not need; lock held.
func (t *Tree) discard(task *kernel.Task) {
	s := &t.root.spare
	for n := s.count.Load(); n > 0; n-- {
		t.nodes.Free(task, slab.Object(s.nodes[n-1].Load()))
		s.count.Store(n - 1)
	}
	if s.leaf.Load() != 0 {
		s.leaf.Store(0)
		t.bitmaps.Free(task, slab.Object(s.bitmap.Load()))
	}
}

// enter takes the lock, and counts that.
func (t *Tree) enter(task *kernel.Task) {
	task.IRQSave()
	t.root.lock.Lock(task)
	t.root.locks.Store(t.root.locks.Load() + 1)
}

func (t *Tree) leave(task *kernel.Task) {
	t.root.lock.Unlock(task)
	task.IRQRestore()
}
