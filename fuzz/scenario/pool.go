package scenario

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/page"
	"headroom/kernel/sim"
)

// pool is an allocator of a scenario, and who holds what of it. The zone is one, too.
type pool struct {
	name      string
	variant   designs.Variant
	config    designs.Config
	allocator designs.Allocator // nil for the zone
	zone      *page.Allocator   // nil for all others
	timeout   bool
	out       map[designs.Item]bool // held by somebody
	sleepers  int                   // callers in an allocation that may wait
}

// waits reports whether an allocation with these flags may put its caller to sleep until an item is freed.
func (p *pool) waits(gfp kernel.GFP) bool {
	return p.zone == nil && gfp.MayWait() && p.variant.Capabilities.MayWait
}

// barred reports whether a task with these rights that sleeps here is not helped by memory reserves, also when the out-of-memory killer chooses it, which
// may happen to everybody.
func (p *pool) barred(rights kernel.Rights) bool {
	o, ok := p.allocator.(designs.ReserveOpener)
	return !ok || !o.OpensReserves(kernel.RightVictim) || rights != 0 && !o.OpensReserves(rights)
}

// alloc asks for an item.
func (p *pool) alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if p.zone != nil {
		at, err := p.zone.Alloc(t, gfp, 0)
		return designs.Item(at), err
	}
	return p.allocator.Alloc(t, gfp)
}

// allocNoLocks asks for an item by the entry that takes no locks, which the allocator has.
func (p *pool) allocNoLocks(t *kernel.Task) (designs.Item, error) {
	if p.zone != nil {
		at, err := p.zone.AllocNoLocks(t, 0)
		return designs.Item(at), err
	}
	return p.allocator.(designs.NoLockAllocator).AllocNoLocks(t)
}

func (p *pool) free(t *kernel.Task, it designs.Item) {
	if p.zone != nil {
		p.zone.Free(t, page.Page(it), 0)
		return
	}
	p.allocator.Free(t, it)
}

// bounded reports whether items are numbers below the configured one.
func (p *pool) bounded() bool {
	k := p.variant.Capabilities.Kind
	return k == designs.Tag || k == designs.ID
}

// take records that an item was handed out.
func (r *runner) take(p *pool, it designs.Item) {
	r.machine.Touch(1 << (it & 63))
	if p.bounded() && it >= designs.Item(p.config.Items) {
		r.machine.Fail(sim.Uniqueness, "item %d of a range of %d was handed out by %s (C2)", it, p.config.Items, p.name)
	}
	if p.out[it] {
		r.machine.Fail(sim.Uniqueness, "item %d of %s was handed out while somebody held it (C1)", it, p.name)
	}
	p.out[it] = true
}

// give records that an item is about to be freed: from now on the allocator may hand it out.
func (r *runner) give(p *pool, it designs.Item) {
	r.machine.Touch(1 << (it & 63))
	delete(p.out, it)
}

// promise is what a call promises of locks and waits; see held.
type promise struct {
	locks, waits int
}

func promised(t *kernel.Task) promise { return promise{t.LocksAsked(), t.WaitsMade()} }

// kept looks whether a call has waited, or asked for a lock, against what the table of its allocator or its flags promise (C6).
func (r *runner) kept(t *kernel.Task, p *pool, before promise, gfp kernel.GFP, noLocks bool) {
	locks, waits := t.LocksAsked()-before.locks, t.WaitsMade()-before.waits
	free := noLocks || gfp&kernel.NoLocks != 0 || p.zone == nil && !p.variant.Capabilities.TakesLocks
	switch {
	case locks > 0 && free:
		r.machine.Fail(sim.Contract, "%s asked for %d locks in an allocation that is to take none", p.name, locks)
	case waits > 0 && !gfp.MayWait():
		r.machine.Fail(sim.Contract, "%s put a caller to sleep that may not wait (C6)", p.name)
	}
}

// check asks the allocator for its own view. A structure that is broken enough makes the walk itself panic.
func (p *pool) check() (f *sim.Failure) {
	defer func() {
		if caught := recover(); caught != nil {
			f = &sim.Failure{Class: sim.Panic, Message: fmt.Sprintf("Check of %s: %v", p.name, caught)}
		}
	}()
	var err error
	if p.zone != nil {
		err = p.zone.Check()
	} else {
		err = p.allocator.Check()
	}
	if err != nil {
		return &sim.Failure{Class: sim.Conservation, Message: p.name + ": " + err.Error()}
	}
	return nil
}
