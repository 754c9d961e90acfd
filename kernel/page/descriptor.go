package page

import (
	"fmt"

	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// descriptor is what the allocator knows of a page, on a line of its own like the kernel's struct page. That of a block is its first page's.
//
// The state is written by who has the block: its owner, the holder of the list it is on, or of the zone's or the cache's lock. A merge reads
// it without having the block: it looks for kindFree only, which comes and goes under the zone's lock that the merge holds.
type descriptor struct {
	state    atomic.Uint32
	next     mem.PlainRef // links of a free list (zone's lock), of the cache (cache's lock) or of the late list (nolocks.go)
	previous mem.PlainRef
	_        mem.Plain32
	key      mem.Plain64 // what the cache knows the page by; cache's lock
	_        [mem.LineBytes - 24]byte
}

// A state is a kind in bits 0 to 3, an order in bits 4 to 7, and a number of owners from bit 8 on.
const (
	kindInside  = iota // part of a block that begins further down; also the state before the first use
	kindFree           // on a free list of the zone
	kindListed         // on a per-CPU list
	kindOwned          // allocated
	kindClean          // in the page cache
	kindDirty          // in the page cache, to be written before it can be dropped
	kindWriting        // in the page cache, being written: on no list
	kindLate           // freed, and on its zone's list of what is to be taken in
)

const (
	orderShift = 4
	ownerShift = 8
	oneOwner   = 1 << ownerShift
)

var kindNames = [...]string{"inside a block", "free", "on a CPU's list", "held", "in the cache", "in the cache and dirty", "in the cache and being written", "freed and not taken in yet"}

func owned(order int) uint32  { return kindOwned | uint32(order)<<orderShift | oneOwner }
func listed(order int) uint32 { return kindListed | uint32(order)<<orderShift }
func free(order int) uint32   { return kindFree | uint32(order)<<orderShift }
func kindOf(s uint32) uint32  { return s & 15 }
func orderOf(s uint32) int    { return int(s >> orderShift & 15) }
func ownersOf(s uint32) int   { return int(s >> ownerShift) }
func describe(s uint32) string {
	name := "broken"
	if k := int(kindOf(s)); k < len(kindNames) {
		name = kindNames[k]
	}
	return fmt.Sprintf("%s, order %d, %d owners", name, orderOf(s), ownersOf(s))
}
