package slab

import (
	"errors"
	"fmt"
	"math/bits"

	"headroom/kernel/page"
)

// Config sizes a Cache. Zero values other than ObjectBytes are computed.
type Config struct {
	ObjectBytes int // bytes of an object, 8 to a page; rounded up to a multiple of 8
	Batch       int // objects moved at a time between a CPU's list and the slabs, 1 to High; 0 means half of High
	High        int // objects on a CPU's list at which it spills, at least 1; 0 means 32 KiB worth, from 8 to 120
	Order       int // a slab is 2^Order pages, up to page.MaxOrder; -1 means one page; 0 is computed: the least of 0 to 3 that wastes little
	MinPartial  int // slabs without an owned object that a node keeps; -1 means none; 0 means 5 to 10, and no more than an eighth of the zone
}

const (
	leastBytes   = 8
	leastObjects = 8  // a computed order has so many objects in a slab, if it can
	leastSlabs   = 16 // and so many slabs in a zone
	largestOrder = 3  // computed; what the page allocator keeps on lists
	listBytes    = 32 << 10
	mostSlabs    = 1<<32 - 2 // numbers are 32 bits, one value of which is "none"
)

// complete fills in what is computed and refuses what is out of range.
func (c Config) complete(pages *page.Allocator, nodes int) (Config, error) {
	c, err := Plan(c, pages.PageBytes(), pages.ZonePages())
	if err != nil {
		return c, err
	}
	if slabs := pages.ZonePages() >> max(0, c.Order); slabs == 0 || uint64(slabs)*uint64(nodes) > mostSlabs {
		return c, fmt.Errorf("%w: slabs of order %d from %d zones of %d pages: give an order that makes 1 to 2^32-2 slabs", errLayout, c.Order, nodes,
			pages.ZonePages())
	}
	return c, nil
}

// Plan is the configuration that New makes of c over zones of so many pages of so many bytes: every number is what it means, except that Order -1
// stays for one page and MinPartial -1 for none. It returns an error when c is out of range.
func Plan(c Config, pageBytes, zonePages int) (Config, error) {
	if c.ObjectBytes < leastBytes || c.ObjectBytes > pageBytes {
		return c, fmt.Errorf("%w: objects of %d bytes: give 8 to %d, one page", errLayout, c.ObjectBytes, pageBytes)
	}
	c.ObjectBytes = (c.ObjectBytes + leastBytes - 1) &^ (leastBytes - 1)
	if c.High == 0 {
		c.High = max(min(listBytes/c.ObjectBytes, 120), 8, c.Batch)
	}
	if c.Batch == 0 {
		c.Batch = (c.High + 1) / 2
	}
	if c.Order == 0 {
		c.Order = computeOrder(c.ObjectBytes, pageBytes, zonePages)
	}
	if c.MinPartial == 0 {
		c.MinPartial = min(max(5, min(10, bits.Len(uint(c.ObjectBytes))/2)), zonePages>>max(0, c.Order)/8)
		if c.MinPartial == 0 {
			c.MinPartial = -1
		}
	}
	if c.Batch < 1 || c.High < c.Batch || c.High > 1<<20 || c.Order < -1 || c.Order > page.MaxOrder || c.MinPartial < -1 {
		return c, fmt.Errorf("%w: batch %d, high %d, order %d, min partial %d: give 1 <= Batch <= High <= 2^20, Order from -1 to %d, MinPartial from -1",
			errLayout, c.Batch, c.High, c.Order, c.MinPartial, page.MaxOrder)
	}
	return c, nil
}

// PerSlab is the number of objects in a slab of a configuration that Plan made.
func (c Config) PerSlab(pageBytes int) int { return pageBytes << max(0, c.Order) / c.ObjectBytes }

// computeOrder is the least order of which a sixteenth at most is wasted and which holds some objects, after SLUB; small zones get lower ones. -1
// stands for 0, which means "computed".
func computeOrder(objectBytes, pageBytes, zonePages int) int {
	order := 0
	for ; order < largestOrder; order++ {
		size := pageBytes << order
		if size/objectBytes >= leastObjects && size%objectBytes <= size/16 {
			break
		}
	}
	for order > 0 && zonePages>>order < leastSlabs {
		order--
	}
	if order == 0 {
		return -1
	}
	return order
}

// layout is how slabs are cut.
type layout struct {
	slabShift uint   // log2 of a slab's bytes
	slabMask  uint64 // a slab's bytes, less 1
	inverse   uint64 // 2^40 over an object's bytes, rounded up
	perSlab   uint64 // objects in a slab
	rowWords  uint64 // words of bits for a slab
	order     int
}

func newLayout(c Config, pages *page.Allocator) layout {
	order := max(0, c.Order)
	size := uint64(pages.PageBytes()) << order
	per := uint64(c.PerSlab(pages.PageBytes()))
	return layout{
		slabShift: uint(bits.TrailingZeros64(size)),
		slabMask:  size - 1,
		inverse:   (1<<40 + uint64(c.ObjectBytes) - 1) / uint64(c.ObjectBytes),
		perSlab:   per,
		rowWords:  (per + 63) / 64,
		order:     order,
	}
}

// index is within/bytes, without a division. The inverse is too large by less than 1, which makes the quotient too large by less than within/2^40;
// within is below 2^22 and bytes at most 2^12, so that is less than 1/bytes, the least by which a quotient misses the next whole number.
func (l *layout) index(within uint64) uint64 { return within * l.inverse >> 40 }

var errLayout = errors.New("slab: configuration out of range")
