package workload

import (
	"headroom/designs"
	"headroom/harness/result"
	"headroom/kernel"
)

// A promise of reserve-cancel, in items: what a writer might need in the worst case, and what he draws, since the worst case seldom comes. Between two
// promises a task takes as many without one, as those do who know nothing of promises.
const (
	promiseItems  = 16
	drawnItems    = 4
	ordinaryItems = 4
)

// promised is what reserve-cancel counts, by CPU.
type promised struct{ broken, refused int64 }

func (r *run) layPromises() error {
	r.promises = make([]promised, r.spec.CPUs)
	return nil
}

// promiseAndCancel is the body of reserve-cancel: promise, draw a part while others run, cancel the rest, give back.
func (r *run) promiseAndCancel(t *kernel.Task, s *seat, _ int) {
	a := r.allocator.(designs.Reserver)
	end := s.started + r.spec.DurationNs
	held := make([]designs.Item, 0, max(drawnItems, ordinaryItems))
	for r.now() < end {
		if a.Reserve(t, kernel.NoIO, promiseItems) == nil {
			held = r.draw(t, s, a, held[:0])
			a.Cancel(t, promiseItems-drawnItems)
			r.giveAll(t, held)
			s.ops++
		} else {
			s.failed++
			t.Resched()
		}
		held = r.takeOrdinary(t, s, held[:0])
		t.Resched()
		r.giveAll(t, held)
		r.linger(s)
	}
}

// draw takes a part of what was promised, item by item, and lets the CPU's other tasks run in between. One that is not there breaks the promise.
func (r *run) draw(t *kernel.Task, s *seat, a designs.Reserver, held []designs.Item) []designs.Item {
	for range drawnItems {
		it, err := a.AllocReserved(t)
		if err != nil {
			r.promises[s.cpu].broken++
			continue
		}
		if r.records != nil {
			r.records.Touch(it)
		}
		held = append(held, it)
		t.Resched()
	}
	return held
}

// takeOrdinary takes items that nobody promised, without waiting.
func (r *run) takeOrdinary(t *kernel.Task, s *seat, held []designs.Item) []designs.Item {
	for range ordinaryItems {
		it, err := r.allocator.Alloc(t, kernel.NoWait)
		if err != nil {
			r.promises[s.cpu].refused++
			break
		}
		held = append(held, it)
	}
	return held
}

func (r *run) giveAll(t *kernel.Task, held []designs.Item) {
	for _, it := range held {
		r.allocator.Free(t, it)
	}
}

func (r *run) promiseFigures(o *result.Sample) error {
	var broken, refused int64
	for _, p := range r.promises {
		broken, refused = broken+p.broken, refused+p.refused
	}
	o.Counters[CounterBroken], o.Counters[CounterOthers] = float64(broken), float64(refused)
	return nil
}
