package page

import (
	"errors"
	"math/bits"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// zone is the pages of one node.
type zone struct {
	_      [128]byte // the nil check of &z.field must not read a line that CPUs share
	config *Config
	shift  uint
	first  uint64 // offset of the first page
	bytes  uint64
	pages  []descriptor
	area   *area
	hint   *hint
	lists  []list // by CPU
	cache  *cache
	writes *writes // the allocator's
	late   *late
	pledge *pledge // nil without Config.Promises, like the next
	await  *await  // the allocator's
}

// area is the free lists, behind the zone's lock.
type area struct {
	lock   lock.Spin
	raw    lock.RawSpin  // taken in the place of lock when the configuration says RawZone
	free   atomic.Uint64 // the shared part of the free count, a signed number; changed under lock, read without
	heads  [MaxOrder + 1]mem.PlainRef
	blocks [MaxOrder + 1]mem.Plain32 // lengths of the lists
	locks  mem.Plain64               // how often the lock was taken
}

// hint is read by every free and seldom written.
type hint struct {
	pressed atomic.Uint32 // 1 from a fall to the low mark until the high mark is reached: lists keep little, or nothing
	aside   atomic.Uint32 // pages that only callers with a reserve flag may count on, at most Config.HighAtomic; zone's lock
}

func newZone(z *zone, a *Allocator, place kernel.Place, node int) error {
	m, c := place.Memory(), &a.config
	bytes := uintptr(c.Pages) * uintptr(c.PageBytes)
	z.config, z.shift, z.bytes, z.writes = c, a.shift, uint64(bytes), a.writes
	var failures [6]error
	z.area, failures[0] = mem.New[area](m, node)
	z.hint, failures[1] = mem.New[hint](m, node)
	z.cache, failures[2] = mem.New[cache](m, node)
	z.late, failures[5] = mem.New[late](m, node)
	z.pages, failures[3] = mem.Slice[descriptor](m, node, c.Pages)
	start, err := m.Alloc(node, bytes, uintptr(c.PageBytes))
	failures[4] = err
	if err := errors.Join(failures[:]...); err != nil {
		return err
	}
	first, _ := m.Offset(start)
	z.first = uint64(first)
	if err := newLists(z, place, int(a.listed)); err != nil {
		return err
	}
	if err := newPledge(z, a, m, node); err != nil {
		return err
	}
	for index := c.Pages; index > 0; { // from the end, so that the first block is on top
		order := min(MaxOrder, bits.TrailingZeros(uint(index)))
		index -= 1 << order
		z.link(uint32(index), order)
	}
	z.area.free.Store(uint64(c.Pages))
	z.hint.aside.StoreRelaxed(uint32(c.HighAtomic))
	return nil
}

func (z *zone) page(index uint32) Page { return Page(z.first + uint64(index)<<z.shift) }

// enter takes the zone's lock, with interrupts masked where it spins.
func (z *zone) enter(t *kernel.Task) {
	if !lock.RT || z.config.RawZone {
		t.IRQSave()
	}
	if z.config.RawZone {
		z.area.raw.Lock(t)
	} else {
		z.area.lock.Lock(t)
	}
	z.area.locks.Store(z.area.locks.Load() + 1)
}

func (z *zone) leave(t *kernel.Task) {
	if z.config.RawZone {
		z.area.raw.Unlock(t)
	} else {
		z.area.lock.Unlock(t)
	}
	if !lock.RT || z.config.RawZone {
		t.IRQRestore()
	}
}

// freePages is the free count: exact with the zone's lock held, or at quiescence.
func (z *zone) freePages() int64 {
	n := int64(z.area.free.Load())
	for cpu := range z.lists {
		n += int64(int32(z.lists[cpu].words.drift.LoadRelaxed()))
	}
	return n
}

// freeNear is the free count if it may be at most limit, else something above that; lock held.
//
// I4: the shared word is off by at most the drift of all CPUs, so only a word that far above the limit can stand for the count.
func (z *zone) freeNear(limit int64) int64 {
	shared := int64(z.area.free.Load())
	if shared > limit+int64(len(z.lists)*z.config.Drift) || mutant.On(pa01) {
		return shared
	}
	reachExact.Hit()
	return z.freePages()
}

// account adds pages to the free count, or takes them away, in the share of the caller's CPU; lock held.
func (z *zone) account(t *kernel.Task, pages int64) {
	w := z.lists[t.CPU()].words
	share := int64(int32(w.drift.LoadRelaxed())) + pages
	if limit := int64(z.config.Drift); share > limit || share < -limit {
		z.area.free.Store(z.area.free.Load() + uint64(share))
		share = 0
	}
	w.drift.StoreRelaxed(uint32(share))
}

// giveBack returns one block to the zone. Its caller has it.
func (z *zone) giveBack(t *kernel.Task, index uint32, order int) {
	z.enter(t)
	z.put(index, order)
	z.account(t, 1<<order) // O1: after the block is linked
	z.collect(t)
	z.relax()
	z.leave(t)
	z.tell(t)
}

// relax ends the time of pressure when the zone has recovered; lock held.
func (z *zone) relax() {
	high := int64(z.config.Marks.High)
	if z.hint.pressed.LoadRelaxed() != 0 && !z.awaited() && z.freeNear(high) > high { // O4
		z.hint.pressed.StoreRelaxed(0)
	}
}
