package page

import (
	"headroom/kernel"
	"headroom/kernel/mutant"
)

// reclaimPages is how many pages one round of reclaim drops in a zone, the kernel's SWAP_CLUSTER_MAX.
const reclaimPages = 32

// fromReclaim is direct reclaim: drop clean pages, with IO begin to write dirty ones, empty the CPUs' lists, give up what is set aside, and try again
// while that makes progress; when nothing but writes is under way, wait for one; when not even that, have a task killed. With NoRetry one round is
// all; with NoFail there is always another. Process context.
func (a *Allocator) fromReclaim(t *kernel.Task, gfp kernel.GFP, order int) (Page, bool) {
	reachReclaim.Hit()
	count(t, &a.cpus[t.CPU()].counts.reclaims)
	for {
		dropped := 0
		d := a.config.demand(gfp, a.rights(t), a.config.Marks.Min)
		seen := a.writes.done.Load()
		for _, number := range a.cpus[t.CPU()].order {
			z := &a.zones[number]
			dropped += z.drop(t, reclaimPages)
			if dropped == 0 && gfp&kernel.IO != 0 {
				z.write(t, writePages)
			}
		}
		if p, ok := a.fromZones(t, order, d); ok {
			return p, true
		}
		a.Drain(t)
		a.giveAside(t)
		if !mutant.On(pg12) && !mutant.On(pg13) {
			d.barred = false // I16: an urgent caller may have set pages aside again
		}
		if p, ok := a.fromZones(t, order, d); ok {
			return p, true
		}
		switch {
		case gfp&kernel.NoRetry == 0 && dropped == 0 && a.writes.throttle(t, seen):
		case dropped == 0 && a.kill(t, gfp, order): // somebody is to end: try again until he has
		case gfp&kernel.NoFail != 0:
			t.Resched() // others of this CPU may have something to free
		case dropped == 0, gfp&kernel.NoRetry != 0:
			return 0, false
		}
	}
}

// Kswapd is the body of a node's background reclaimer: woken when an allocation finds its zone at the low mark, it drops clean pages and has dirty
// ones written until the high mark is passed or there are no more. It returns after StopKswapd. Run it as a task of its own, in process context, on
// a CPU that stays online.
func (a *Allocator) Kswapd(t *kernel.Task, node int) {
	z := &a.zones[node]
	for z.cache.sleep(t) {
		reachKswapd.Hit()
		for z.freePages() <= int64(z.config.Marks.High) {
			seen := z.writes.done.Load()
			if z.drop(t, reclaimPages) == 0 {
				z.write(t, writePages)
				if !z.writes.throttle(t, seen) {
					break
				}
			}
			t.Resched()
		}
	}
}

// sleep waits until kswapd is wanted; false says that it is to end.
func (c *cache) sleep(t *kernel.Task) bool {
	for {
		early := false
		if mutant.On(pg06) {
			early = c.wanted.Swap(0) != 0
		}
		c.sleepers.Prepare(t, false) // O2: first into the queue, then the look
		if early || !mutant.On(pg06) && c.wanted.Swap(0) != 0 || c.stopped.Load() != 0 {
			c.sleepers.Finish(t)
			return c.stopped.Load() == 0
		}
		t.Schedule()
		c.sleepers.Finish(t)
	}
}

// wakeKswapd asks the zone's reclaimer for a round. Any context but NMI, with no lock of this package held.
//
// O2: the swap makes the wish visible before Wake looks at the queue. Who finds it wished for already leaves the waking to the first.
func (z *zone) wakeKswapd(t *kernel.Task) {
	if z.cache.wanted.Swap(1) == 0 {
		z.cache.sleepers.Wake(t, 0)
	}
}

// StopKswapd makes every node's Kswapd return. Any context but NMI.
func (a *Allocator) StopKswapd(t *kernel.Task) {
	for i := range a.zones {
		c := a.zones[i].cache
		c.stopped.Swap(1)
		c.sleepers.Wake(t, 0)
	}
}
