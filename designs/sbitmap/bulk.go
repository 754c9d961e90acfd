package sbitmap

import (
	"math/bits"

	"headroom/designs"
	"headroom/kernel"
)

// AllocBulk hands out len(items) tags, as many of one word at a time as it has, by one compare-and-swap. It returns how many it got; fewer than
// all come with kernel.ErrWouldBlock.
//
// With DirectReclaim it sleeps for the first tag alone (process context). A caller that slept for more while it held some would wait for others who
// wait for it. The original's batch never sleeps: its caller asks for one tag when it got none. Other contexts as for Alloc.
func (b *Bitmap) AllocBulk(t *kernel.Task, gfp kernel.GFP, items []designs.Item) (int, error) {
	if len(items) == 0 {
		return 0, nil
	}
	got := b.sweep(t, items)
	if got == 0 {
		it, err := b.allocSlow(t, gfp)
		if err != nil {
			return 0, err
		}
		items[0] = it
		got = 1 + b.sweep(t, items[1:])
	}
	if got < len(items) {
		count(t, &b.cpus[t.CPU()].failed)
		return got, kernel.ErrWouldBlock
	}
	return got, nil
}

// sweep goes once over all words, the hinted one first, and takes what it finds.
func (b *Bitmap) sweep(t *kernel.Task, items []designs.Item) int {
	c := b.cpus[t.CPU()]
	index := c.hint.LoadRelaxed() >> b.shift
	got := 0
	for range b.words {
		got += b.takeMany(t, index, items[got:])
		if got == len(items) {
			break
		}
		index++
		if int(index) == len(b.words) {
			index = 0
		}
	}
	c.hint.StoreRelaxed(index << b.shift)
	return got
}

// takeMany takes up to len(items) tags of one word.
func (b *Bitmap) takeMany(t *kernel.Task, index uint32, items []designs.Item) int {
	w := &b.words[index]
	got := 0
	for got < len(items) {
		old := w.taken.Load()
		free := ^old & b.mask(index)
		if free == 0 {
			if !b.clear(t, w, index) {
				break
			}
			continue
		}
		bitsTaken, n := old, 0
		for ; free != 0 && got+n < len(items); n++ {
			bit := uint32(bits.TrailingZeros64(free))
			free &= free - 1
			bitsTaken |= 1 << bit
			items[got+n] = designs.Item(index<<b.shift + bit)
		}
		if w.taken.CompareAndSwap(old, bitsTaken) {
			got += n
		}
	}
	return got
}
