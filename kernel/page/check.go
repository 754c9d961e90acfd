package page

import "fmt"

// FreePages is the number of pages on the zones' free lists, what the marks are compared with. Exact at quiescence only.
func (a *Allocator) FreePages() int {
	n := 0
	for i := range a.zones {
		n += int(a.zones[i].freePages())
	}
	return n
}

// ListedPages is the number of pages on per-CPU lists. Only at quiescence.
func (a *Allocator) ListedPages() int {
	n := 0
	for i := range a.zones {
		for cpu := range a.zones[i].lists {
			n += int(a.zones[i].lists[cpu].words.pages.Load())
		}
	}
	return n
}

// LatePages is the number of pages that FreeNoLocks has put aside and no holder of their zone's lock has taken in yet. Only at quiescence.
func (a *Allocator) LatePages() int {
	n := 0
	for i := range a.zones {
		a.zones[i].eachLate(func(_ uint32, order int) { n += 1 << order })
	}
	return n
}

// PageBytes is the size of one page.
func (a *Allocator) PageBytes() int { return 1 << a.shift }

// ZonePages is the number of pages of each node's zone.
func (a *Allocator) ZonePages() int { return a.config.Pages }

// Zone is a node's zone: its first page, and the number of its pages, which lie behind it in a row. A block of order o lies a multiple of 2^o pages
// behind the first.
func (a *Allocator) Zone(node int) (first Page, pages int) {
	return Page(a.zones[node].first), a.config.Pages
}

// Holds reports whether the offset p is one of a page of this allocator.
func (a *Allocator) Holds(p Page) bool {
	for i := range a.zones {
		if z := &a.zones[i]; uint64(p)-z.first < z.bytes {
			return (uint64(p)-z.first)&(1<<z.shift-1) == 0
		}
	}
	return false
}

// Check walks every free list, every CPU's list, the cache and every descriptor, and reports what is wrong: a page in two places or in none, a
// block off its place, buddies that should have merged, a count that is not true. Only at quiescence; pages with owners are found as such.
func (a *Allocator) Check() error {
	for node := range a.zones {
		w := walk{zone: &a.zones[node], seen: make([]bool, a.config.Pages)}
		for _, part := range []func() error{w.locks, w.freeLists, w.tardy, w.lists, w.cached, w.rest, w.kept} {
			if err := part(); err != nil {
				return fmt.Errorf("page: zone %d: %w", node, err)
			}
		}
	}
	return nil
}

// walk is one look over a zone.
type walk struct {
	*zone
	seen []bool
}

// block marks the pages of a block as found in a place, in which the descriptor must have the given state.
func (w *walk) block(place string, index uint32, order int, state uint32) error {
	if int(index)+1<<order > len(w.seen) || index&(1<<order-1) != 0 {
		return fmt.Errorf("%s has page %d in order %d: not in the zone of %d, or off its place (I2)", place, index, order, len(w.seen))
	}
	if got := w.pages[index].state.Load(); got != state {
		return fmt.Errorf("%s has page %d, whose descriptor says it is %s", place, index, describe(got))
	}
	for i := range uint32(1) << order {
		if w.seen[index+i] {
			return fmt.Errorf("%s has page %d, which is somewhere else too (I1)", place, index+i)
		}
		if got := w.pages[index+i].state.Load(); i > 0 && got != kindInside {
			return fmt.Errorf("%s has pages %d to %d, and page %d of them is %s (I2)", place, index, index+1<<order-1, index+i, describe(got))
		}
		w.seen[index+i] = true
	}
	return nil
}

func (w *walk) locks() error {
	if !w.area.lock.Held() && !w.area.raw.Held() && !w.cache.lock.Held() {
		for cpu := range w.zone.lists {
			if w.zone.lists[cpu].words.lock.Held() {
				return fmt.Errorf("the lock of CPU %d's list is held at quiescence", cpu)
			}
		}
		return nil
	}
	return fmt.Errorf("the zone's or the cache's lock is held at quiescence")
}

func (w *walk) freeLists() error {
	pages := int64(0)
	for order := range w.area.heads {
		length := uint32(0)
		for index, any := w.area.heads[order].Load(); any; index, any = w.pages[index].next.Load() {
			if err := w.block("a free list", uint32(index), order, free(order)); err != nil {
				return err
			}
			buddy := uint32(index) ^ 1<<order
			if order < MaxOrder && int(buddy)+1<<order <= len(w.pages) && w.pages[buddy].state.Load() == free(order) {
				return fmt.Errorf("pages %d and %d are free buddies of order %d (I2)", index, buddy, order)
			}
			length++
		}
		if got := w.area.blocks[order].Load(); got != length {
			return fmt.Errorf("%d blocks of order %d are free, and %d are counted", length, order, got)
		}
		pages += int64(length) << order
	}
	if got := w.freePages(); got != pages {
		return fmt.Errorf("%d pages are free, and %d are counted (I3)", pages, got)
	}
	return nil
}

func (w *walk) tardy() (err error) {
	w.eachLate(func(index uint32, order int) {
		if err == nil {
			err = w.block("the list of late blocks", index, order, tardy(order))
		}
	})
	return err
}

func (w *walk) lists() error {
	for cpu := range w.zone.lists {
		l, pages := &w.zone.lists[cpu], uint32(0)
		if high, most := l.words.high.Load(), l.words.most.Load(); high > most {
			return fmt.Errorf("CPU %d's list may hold %d pages, and %d are the most (I14)", cpu, high, most)
		}
		for order := range l.rings {
			r := &l.rings[order]
			if int(r.words.length.Load()) > len(r.slots) {
				return fmt.Errorf("CPU %d's list of order %d holds %d of at most %d (I6)", cpu, order, r.words.length.Load(), len(r.slots))
			}
			for i := range r.words.length.Load() {
				index := r.slots[(r.words.bottom.Load()+i)&r.mask].Load()
				if err := w.block(fmt.Sprintf("CPU %d's list", cpu), index, order, listed(order)); err != nil {
					return err
				}
				pages += 1 << order
			}
		}
		if got := l.words.pages.Load(); got != pages {
			return fmt.Errorf("CPU %d's list holds %d pages, and %d are counted (I1)", cpu, pages, got)
		}
	}
	return nil
}

func (w *walk) cached() error {
	for i, q := range []*queue{&w.cache.clean, &w.cache.dirty} {
		kind := uint32(kindClean + i)
		length := uint32(0)
		for index, any := q.newest.Load(); any; index, any = w.pages[index].next.Load() {
			if err := w.block("the cache", uint32(index), 0, kind); err != nil {
				return err
			}
			length++
		}
		if got := q.pages.Load(); got != length {
			return fmt.Errorf("%d pages are cached, and %d are counted", length, got)
		}
	}
	return nil
}

// rest: what is in no list has an owner, or is being written.
func (w *walk) rest() error {
	for index := 0; index < len(w.seen); {
		if w.seen[index] {
			index++
			continue
		}
		state := w.pages[index].state.Load()
		order := orderOf(state)
		if state == kindWriting {
			index++
			continue
		}
		if kindOf(state) != kindOwned || ownersOf(state) == 0 || index&(1<<order-1) != 0 || index+1<<order > len(w.seen) {
			return fmt.Errorf("page %d is in no place, and %s (I1)", index, describe(state))
		}
		for i := range 1 << order {
			if w.seen[index+i] {
				return fmt.Errorf("page %d is held with page %d, and somewhere else too (I1)", index+i, index)
			}
		}
		index += 1 << order
	}
	return nil
}

// Audit returns an error when a zone has fewer pages linked than its reserve, less one for each of so many allocations by callers with privileges, the
// others being none that may go there. It may be called at any moment at which no task takes a step, and passes over a zone whose lock is held.
func (a *Allocator) Audit(privileged int) error {
	for i := range a.zones {
		z := &a.zones[i]
		if z.area.lock.Held() || z.area.raw.Held() {
			continue
		}
		if left := z.linked(); left+int64(privileged) < int64(z.config.Marks.Min) {
			return fmt.Errorf("page: zone %d has %d pages left of a reserve of %d, and %d allocations may have used it (I3)", i, left, z.config.Marks.Min, privileged)
		}
	}
	return nil
}
