package percputags

import (
	"errors"
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/percpu"
	"headroom/kernel/reach"
)

// The slow paths of the layer.
var (
	reachReserve = reach.Define(host, "reserve")       // a caller with the right got a tag of the reserve
	reachBarred  = reach.Define(host, "barred")        // a caller without it was refused
	reachSpent   = reach.Define(host, "reserve-empty") // a caller with the right found both pools empty
)

var (
	pt08 = mutant.Define(mutant.Mutant{ID: "PT-08", Host: host, Breaks: "I5",
		Story: "whoever the ordinary pool refuses is sent to the reserve, without a look at its right"})
	pt09 = mutant.Define(mutant.Mutant{ID: "PT-09", Host: host, Breaks: "I6",
		Story: "a tag of the reserve is freed into the ordinary pool"})
	pt10 = mutant.Define(mutant.Mutant{ID: "PT-10", Host: host, Breaks: "I7",
		Story: "a caller with the right goes to the reserve first, and spends it while ordinary tags are free"})
	pt11 = mutant.Define(mutant.Mutant{ID: "PT-11", Host: host, Breaks: "I8",
		Story: "a free into the reserve wakes those who wait for an ordinary tag"})
	pt12 = mutant.Define(mutant.Mutant{ID: "PT-12", Host: host, Breaks: "I9",
		Story: "a caller with the right that may wait sleeps for an ordinary tag, which those may hold who wait for it"})
)

// Composition says what a Reserved is made of.
type Composition struct {
	Ordinary     designs.Allocator // the pool of all callers; answers with tags below OrdinaryTags
	OrdinaryTags int               // at least 1
	Reserve      designs.Allocator // the pool of those with the right; nil when ReserveTags is 0
	ReserveTags  int               // from 0 on, together with the others at most 2^31
	NoWait       bool              // whoever may not wait has the right, not only those whose flags say so
}

// Reserved is two tag allocators composed into one: an ordinary pool for everybody, and a reserve for callers with the right to it. Tags below
// OrdinaryTags are ordinary, those from there on the reserve's. The fields here never change after NewReserved.
type Reserved struct {
	_        [128]byte // the nil check of &r.field must not read a line that CPUs share
	ordinary designs.Allocator
	reserve  designs.Allocator // nil for none
	border   uint32            // the first tag of the reserve
	tags     uint32
	flags    kernel.GFP       // any of them gives the right to the reserve
	noWait   bool             // not being allowed to wait gives it too
	counts   []*reserveCounts // by CPU
}

// reserveCounts are what happened on a CPU; its tasks and interrupts write them with interrupts masked.
type reserveCounts struct{ failed, drawn mem.Plain64 }

// rightful are the flags that give the right, where there is a reserve: High, which is what kernel.Atomic has and kernel.NoWait lacks, and Memalloc.
const rightful = kernel.High | kernel.Memalloc

// NewReserved composes two allocators of the same machine. The layer has them for itself. It returns an error when a number is out of range, a pool
// is missing, or the machine's memory is full. Construction only: no task may run.
func NewReserved(place kernel.Place, c Composition) (*Reserved, error) {
	if c.OrdinaryTags < 1 || c.ReserveTags < 0 || c.OrdinaryTags > maxTags-c.ReserveTags {
		return nil, fmt.Errorf("percpu_tags: %d ordinary tags and %d in reserve: give at least 1 and 0, at most 2^31 together", c.OrdinaryTags, c.ReserveTags)
	}
	if c.Ordinary == nil || (c.Reserve == nil) != (c.ReserveTags == 0) {
		return nil, errors.New("percpu_tags: a pool of the composition is missing: give an ordinary one, and a reserve if that has tags")
	}
	counts, err := percpu.New[reserveCounts](place)
	if err != nil {
		return nil, fmt.Errorf("percpu_tags: reserve: %w", err)
	}
	r := &Reserved{ordinary: c.Ordinary, reserve: c.Reserve, border: uint32(c.OrdinaryTags), tags: uint32(c.OrdinaryTags + c.ReserveTags),
		counts: counts}
	if r.reserve != nil {
		r.flags, r.noWait = rightful, c.NoWait
	}
	return r, nil
}

// Alloc hands out an ordinary tag, or one of the reserve when there is none and the caller has the right to that. With DirectReclaim it sleeps
// until a tag is free in the pool it waits for (process context), if that pool can wait: for an ordinary one, or with the right for one of the
// reserve. Without, the answer is the ordinary pool's error, kernel.ErrWouldBlock where that is a pool of this package. Contexts are those that both
// pools have in common.
func (r *Reserved) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	first := gfp
	if gfp&r.flags != 0 {
		first &^= kernel.DirectReclaim // the reserve comes before sleep
		if mutant.On(pt10) {
			if it, err := r.draw(t, first); err == nil {
				return it, nil
			}
		}
	}
	it, err := r.ordinary.Alloc(t, first)
	if err == nil {
		return it, nil
	}
	return r.allocSlow(t, gfp, err)
}

// Free gives a tag back to the pool that it is of. It panics on a tag out of range. Contexts are those that both pools have in common.
//
// I8: the sleepers of a pool are woken by frees into it and no others, since each pool has a queue of its own.
func (r *Reserved) Free(t *kernel.Task, it designs.Item) {
	if it >= designs.Item(r.border) {
		r.freeReserved(t, it)
		return
	}
	r.ordinary.Free(t, it)
}

// allocSlow follows a refusal by the ordinary pool, whose error is refusal.
func (r *Reserved) allocSlow(t *kernel.Task, gfp kernel.GFP, refusal error) (designs.Item, error) {
	if !r.mayDraw(gfp) && (!mutant.On(pt08) || r.reserve == nil) {
		reachBarred.Hit()
		return 0, r.refuse(t, refusal)
	}
	if mutant.On(pt12) && gfp.MayWait() {
		return r.ordinary.Alloc(t, gfp)
	}
	it, err := r.draw(t, gfp) // I9: who may wait does so here
	if err != nil {
		reachSpent.Hit()
		return 0, r.refuse(t, refusal)
	}
	return it, nil
}

// mayDraw reports whether a caller has the right to the reserve (I5).
func (r *Reserved) mayDraw(gfp kernel.GFP) bool {
	return gfp&r.flags != 0 || r.noWait && !gfp.MayWait()
}

// draw takes a tag of the reserve.
func (r *Reserved) draw(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	it, err := r.reserve.Alloc(t, gfp)
	if err != nil {
		return 0, err
	}
	reachReserve.Hit()
	t.IRQSave()
	count(&r.counts[t.CPU()].drawn)
	t.IRQRestore()
	return it + designs.Item(r.border), nil
}

// refuse counts a call that ends with an error, and passes that on.
func (r *Reserved) refuse(t *kernel.Task, err error) error {
	t.IRQSave()
	count(&r.counts[t.CPU()].failed)
	t.IRQRestore()
	return err
}

// freeReserved gives a tag back to the reserve (I6).
func (r *Reserved) freeReserved(t *kernel.Task, it designs.Item) {
	if it >= designs.Item(r.tags) {
		misuse(it, r.tags)
	}
	if mutant.On(pt09) {
		r.ordinary.Free(t, it)
		return
	}
	r.reserve.Free(t, it-designs.Item(r.border))
	if mutant.On(pt11) {
		r.ordinary.(*Pool).wake(t)
	}
}

// CPUDead tells both pools that a CPU went offline. t runs on another CPU, in process context.
func (r *Reserved) CPUDead(t *kernel.Task, cpu int) {
	for _, pool := range []designs.Allocator{r.ordinary, r.reserve} {
		if d, ok := pool.(designs.CPUDead); ok {
			d.CPUDead(t, cpu)
		}
	}
}

// Stats sums the counts of both pools, as far as they count; only at quiescence. Failed are the layer's own refusals: what the ordinary pool refused
// and the reserve gave is none.
func (r *Reserved) Stats() designs.Stats {
	var s designs.Stats
	for _, pool := range []designs.Allocator{r.ordinary, r.reserve} {
		if reader, ok := pool.(designs.StatsReader); ok {
			below := reader.Stats()
			s.Waits += below.Waits
			s.Locks += below.Locks
			s.Steals += below.Steals
			s.Refills += below.Refills
			s.Spills += below.Spills
		}
	}
	for _, c := range r.counts {
		s.Failed += c.failed.Load()
	}
	return s
}

// Drawn is how many tags of the reserve were handed out; only at quiescence.
func (r *Reserved) Drawn() (n uint64) {
	for _, c := range r.counts {
		n += c.drawn.Load()
	}
	return n
}

// Check walks both pools. Only at quiescence. That no tag is in the wrong one is theirs to find: neither has a place for a tag of the other.
func (r *Reserved) Check() error {
	if err := r.ordinary.Check(); err != nil {
		return fmt.Errorf("ordinary pool: %w", err)
	}
	if r.reserve == nil {
		return nil
	}
	if err := r.reserve.Check(); err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	return nil
}
