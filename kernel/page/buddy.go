package page

import "headroom/kernel/mutant"

// Everything here needs the zone's lock.

// link puts a block on top of its free list.
func (z *zone) link(index uint32, order int) {
	d := &z.pages[index]
	head := &z.area.heads[order]
	next, any := head.Load()
	d.previous.Clear()
	if any {
		d.next.Store(next)
		z.pages[next].previous.Store(int(index))
	} else {
		d.next.Clear()
	}
	head.Store(int(index))
	blocks := &z.area.blocks[order]
	blocks.Store(blocks.Load() + 1)
	d.state.StoreRelaxed(free(order))
}

// unlink takes a block off its free list.
func (z *zone) unlink(index uint32, order int) {
	d := &z.pages[index]
	next, hasNext := d.next.Load()
	previous, hasPrevious := d.previous.Load()
	if hasNext {
		z.pages[next].previous.SetRaw(d.previous.Raw())
	}
	if hasPrevious {
		z.pages[previous].next.SetRaw(d.next.Raw())
	} else {
		z.area.heads[order].SetRaw(d.next.Raw())
	}
	blocks := &z.area.blocks[order]
	blocks.Store(blocks.Load() - 1)
	d.state.StoreRelaxed(kindInside)
}

// take removes a block of the order from the smallest list that has one, and gives the halves it does not need back; false when none is large
// enough.
func (z *zone) take(order int) (index uint32, ok bool) {
	for from := order; from <= MaxOrder; from++ {
		head, any := z.area.heads[from].Load()
		if !any {
			continue
		}
		index = uint32(head)
		z.unlink(index, from)
		for from > order {
			from--
			z.link(index+1<<from, from) // I2: the upper half; its buddy is about to be taken
			reachSplit.Hit()
		}
		return index, true
	}
	return 0, false
}

// put links a block, merged with its buddy as often as that is free. Nobody else has the block.
//
// I2: a block at index of order o has its buddy at index with bit o turned; both lie in the zone and together on a multiple of twice the size.
func (z *zone) put(index uint32, order int) {
	for order < MaxOrder {
		buddy := index ^ 1<<order
		if int(buddy)+1<<order > len(z.pages) {
			break
		}
		state := z.pages[buddy].state.LoadRelaxed()
		if state != free(order) && !(mutant.On(pg01) && kindOf(state) == kindFree) {
			break
		}
		z.unlink(buddy, orderOf(state))
		z.pages[index].state.StoreRelaxed(kindInside)
		reachMerge.Hit()
		index &^= 1 << order
		order++
	}
	z.link(index, order)
}

// linked is the number of pages on the free lists, by the lengths of the lists.
func (z *zone) linked() int64 {
	n := int64(0)
	for order := range z.area.blocks {
		n += int64(z.area.blocks[order].Load()) << order
	}
	return n
}
