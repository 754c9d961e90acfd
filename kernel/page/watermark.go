package page

import (
	"headroom/kernel"
	"headroom/kernel/mutant"
)

// Marks are a zone's watermarks in pages: reclaim in the background starts below Low and ends above High, and ordinary callers leave Min.
type Marks struct{ Min, Low, High int }

// Era names the rules by which callers go below the ordinary mark.
type Era uint8

// The eras. In each, Memalloc and RightMemalloc open everything, and NoMemalloc bars what the task's rights would open.
const (
	// Rules2024 (Linux 6.12): High opens half of Min, and a quarter of the rest to who does not wait; an OOM victim gets half of what is left.
	Rules2024 Era = iota
	// Rules2016 (Linux 4.x): as 2024, but an OOM victim ignores the marks.
	Rules2016
	// Rules2001 (Linux 2.4, 2.5.1): who does not wait may go down to a quarter of Min; an OOM victim ignores the marks.
	Rules2001
)

// demand is what a caller may take from a zone. Pages are counted with a sign: what is set aside can exceed what is free (PA-06).
type demand struct {
	mark      int64 // pages he must leave
	ordinary  int64 // pages that a caller without privileges must leave
	setAside  int64 // pages that are free but not for him; known once the zone is
	promised  int64 // pages that promises need and clean pages do not cover; known once the zone is
	barred    bool  // what is set aside is not for him
	urgent    bool  // if his block is of a high order, as much is to be set aside for the next
	unchecked bool  // he need leave nothing
}

// demand works out what the flags and rights of a caller mean for marks of which base is the one to keep.
func (c *Config) demand(gfp kernel.GFP, rights kernel.Rights, base int) demand {
	trusted := gfp&kernel.NoMemalloc == 0 // the task's rights and the bonus of not waiting count
	urgent := gfp&kernel.High != 0 && !gfp.MayWait() && trusted
	victim := rights&kernel.RightVictim != 0 && trusted
	d := demand{mark: int64(base), ordinary: int64(base), barred: gfp&kernel.High == 0 && !victim, urgent: urgent}
	switch {
	case trusted && (gfp&kernel.Memalloc != 0 || rights&kernel.RightMemalloc != 0), victim && c.Rules != Rules2024:
		d.unchecked = true
	case c.Rules == Rules2001:
		if !gfp.MayWait() {
			d.mark /= 4
		}
	default:
		if gfp&kernel.High != 0 {
			d.mark -= d.mark / 2
		}
		if urgent {
			d.mark -= d.mark / 4
		}
		if victim {
			d.mark -= d.mark / 2
		}
	}
	return d
}

// allows reports whether a zone with so many free pages may give a block of the order, by the kernel's test: without the block's other pages,
// and without what is set aside, more than the mark is free.
func (d demand) allows(free int64, order int) bool {
	free -= d.promised // I17: whoever he is
	if d.unchecked {
		return d.promised == 0 || free >= 1<<order
	}
	if mutant.On(pa06) {
		return uint64(free)-uint64(int64(1)<<order-1)-uint64(d.setAside) > uint64(d.mark)
	}
	return free-(1<<order-1)-d.setAside > d.mark
}

// in completes a demand for a zone: what is set aside there, for d and for an ordinary caller in its place; zone's lock held.
func (d demand) in(z *zone) (his, ordinary demand) {
	aside := int64(z.hint.aside.LoadRelaxed())
	if d.barred {
		d.setAside = aside
	}
	d.promised = z.uncovered()
	return d, demand{mark: d.ordinary, ordinary: d.ordinary, setAside: aside, promised: d.promised}
}

// setAside notes that an urgent caller took a block of a high order while memory is low: as much is kept for the next, up to what the configuration
// allows; zone's lock held.
func (z *zone) setAside(pages int) {
	if have := int(z.hint.aside.LoadRelaxed()); pages > 1 && have < z.config.HighAtomic {
		z.hint.aside.StoreRelaxed(uint32(min(have+pages, z.config.HighAtomic)))
	}
}

// giveAside ends what is set aside in all zones: a caller in direct reclaim is short of it. Until urgent callers come again it serves everybody.
func (a *Allocator) giveAside(t *kernel.Task) {
	for i := range a.zones {
		z := &a.zones[i]
		if z.hint.aside.LoadRelaxed() == 0 || mutant.On(pg12) {
			continue
		}
		reachGiven.Hit()
		z.enter(t)
		z.hint.aside.StoreRelaxed(0)
		z.leave(t)
	}
}
