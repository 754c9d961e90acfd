package workload

import (
	"headroom/designs"
	"headroom/kernel"
)

// keeper is one CPU's long queue of items: a ring with the oldest at next.
type keeper struct {
	kept  []designs.Item
	next  int
	fresh []designs.Item                                                                // a bulk just taken
	take  func(t *kernel.Task, gfp kernel.GFP, items []designs.Item) (n int, err error) // of the allocator
}

func (r *run) layKeepers() error {
	take := r.oneByOne
	if bulk, ok := r.allocator.(designs.BulkAllocator); ok {
		take = bulk.AllocBulk
	}
	for range r.spec.CPUs {
		r.keepers = append(r.keepers, keeper{kept: make([]designs.Item, r.spec.Keep), fresh: make([]designs.Item, r.spec.Bulk), take: take})
	}
	return nil
}

// oneByOne is AllocBulk for designs that have none.
func (r *run) oneByOne(t *kernel.Task, gfp kernel.GFP, items []designs.Item) (int, error) {
	for i := range items {
		it, err := r.allocator.Alloc(t, gfp)
		if err != nil {
			return i, err
		}
		items[i] = it
	}
	return len(items), nil
}

// fillKeeper takes the items to be kept, and warms up.
func (r *run) fillKeeper(t *kernel.Task, s *seat) {
	k := &r.keepers[s.cpu]
	n, _ := k.take(t, kernel.NoWait, k.kept) // fewer than asked for are fewer kept
	k.kept = k.kept[:n]
	s.chunk = r.sized(r.spec.Bulk, func(ops int) {
		for range ops / r.spec.Bulk {
			r.keepRound(t, s, k)
		}
	})
	s.ops = 0
}

// keepOn is the body of bulk-keep.
func (r *run) keepOn(t *kernel.Task, s *seat, _ int) {
	k := &r.keepers[s.cpu]
	end := s.started + r.spec.DurationNs
	for now := s.started; now < end; now = r.now() {
		for range s.chunk / r.spec.Bulk {
			r.keepRound(t, s, k)
		}
		r.linger(s)
	}
}

// keepRound takes a bulk and frees as many of the oldest. What could not be had is counted, and as many fewer are freed.
func (r *run) keepRound(t *kernel.Task, s *seat, k *keeper) {
	n, _ := k.take(t, kernel.NoWait, k.fresh[:min(len(k.fresh), len(k.kept))])
	s.failed += int64(len(k.fresh) - n)
	for _, it := range k.fresh[:n] {
		if r.records != nil {
			r.records.Touch(it)
		}
		oldest := k.kept[k.next]
		k.kept[k.next] = it
		if k.next++; k.next == len(k.kept) {
			k.next = 0
		}
		r.allocator.Free(t, oldest)
	}
	s.ops += int64(n)
}

// emptyKeeper frees what is kept.
func (r *run) emptyKeeper(t *kernel.Task, s *seat) {
	for _, it := range r.keepers[s.cpu].kept {
		r.allocator.Free(t, it)
	}
}
