package workload

import (
	"headroom/designs"
	"headroom/kernel"
)

// Designs round up what they are made for: to whole slabs, or by what their lists keep. Where a workload is about too few items, CPU 0 takes before
// the interval all that it can get, and each CPU gives back its share of as many as there are to be: every design is equally short, on every CPU.

// roundedUp is how many items more than asked for there may be for each CPU: what its list holds, and the rest of a slab.
const roundedUp = 256

// takeAll takes every item that can be had without waiting. All other tasks are outside the allocator.
func (r *run) takeAll(t *kernel.Task, a designs.Allocator) (held []designs.Item) {
	for range mostHeld * (r.config.Items + roundedUp*r.spec.CPUs) {
		it, err := a.Alloc(t, kernel.NoWait)
		if err != nil {
			break
		}
		held = append(held, it)
	}
	return held
}

// giveFirst gives the first n items back, or all if there are fewer, and returns the others. What a design hands out last, it has in reserve.
func giveFirst(t *kernel.Task, a designs.Allocator, held []designs.Item, n int) []designs.Item {
	n = min(n, len(held))
	for _, it := range held[:n] {
		a.Free(t, it)
	}
	return held[:copy(held, held[n:])]
}

// leave takes all items but n out of an allocator, before the interval, and puts them into held. Every CPU calls it; none uses the allocator meanwhile.
func (r *run) leave(t *kernel.Task, s *seat, a designs.Allocator, held *[]designs.Item, n int) {
	if s.cpu == 0 {
		*held = r.takeAll(t, a)
	}
	for cpu := range r.spec.CPUs {
		r.barrier(s)
		if cpu == s.cpu {
			*held = giveFirst(t, a, *held, n*(cpu+1)/r.spec.CPUs-n*cpu/r.spec.CPUs)
		}
	}
	r.barrier(s)
}

// giveSurplus gives them back, when all CPUs are done.
func (r *run) giveSurplus(t *kernel.Task, s *seat) {
	r.barrier(s)
	if s.cpu == 0 {
		r.surplus = giveFirst(t, r.allocator, r.surplus, len(r.surplus))
	}
	r.barrier(s)
}
