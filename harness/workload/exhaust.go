package workload

import "headroom/kernel"

// exhaust is the body of each task of tag-exhaust: an item that may have to be waited for, held while the CPU's other tasks run.
func (r *run) exhaust(t *kernel.Task, s *seat, _ int) {
	looks := 16 // operations of a task between two readings of the clock: 10 ns beside 16 times 100
	if r.spec.Ratio < float64(r.spec.Tasks) {
		looks = 1 // where tags are waited for, an operation takes microseconds
	}
	s.chunk = looks * r.spec.Tasks
	end := s.started + r.spec.DurationNs
	for {
		if r.now() >= end {
			return
		}
		for range looks {
			it, err := r.timedAlloc(t, s, kernel.NoIO)
			if err != nil {
				s.failed++
				continue
			}
			if r.records != nil {
				r.records.Touch(it)
			}
			t.Resched()
			r.allocator.Free(t, it)
			s.ops++
		}
		r.linger(s)
	}
}
