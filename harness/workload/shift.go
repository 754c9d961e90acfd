package workload

import (
	"headroom/designs"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// What moves in phase-shift.
const (
	ShiftCPUs   = "cpus"   // the load: one half of the CPUs works, the other is quiet
	ShiftQueues = "queues" // the items: the queues of one half fill up, those of the other drain
)

// shift is what phase-shift needs. All CPUs meet before each phase; from the
// first phase on, CPUs of even and of odd number have theirs in turn.
type shift struct {
	last    *atomic.Uint32 // the sample ends with this phase; written by CPU 0 before the meeting that follows it
	queues  []queue        // by CPU
	shifts  []int64        // by CPU: phases in which its load came to it
	firstNs []int64        // by CPU: in the first window of those phases
	reach   reach
	reached int // items that CPU 0 could have when all was over
}

// queue is what one CPU holds, the oldest at next.
type queue struct {
	items []designs.Item
	next  int
}

// The shape of a phase.
const (
	// phaseWindows with a quiet half: 2,000 operations of 64 held, some tens of us, beside which the meeting of the CPUs is little.
	phaseWindows = 32
	// heavySteps to one of the other kind: queues fill by 3 allocs for each free, and drain the other way round.
	heavySteps = 3
)

// shiftingItems is as many as suffice an allocator in which everybody can have what nobody holds, and not one that leaves lists as long as a usual one
// with CPUs that are quiet: half as many again as the working half holds, or for each CPU a full queue and what it takes before it frees.
func (s *Spec) shiftingItems() int {
	if s.Shift == ShiftQueues {
		return s.CPUs * (s.Hold + heavySteps)
	}
	return max(1, (s.CPUs+1)/2*s.Hold*3/2)
}

func (r *run) layShift() error {
	n := r.spec.CPUs
	r.shift = &shift{queues: make([]queue, n), shifts: make([]int64, n), firstNs: make([]int64, n), reach: r.newReach()}
	for i := range r.shift.queues {
		r.shift.queues[i].items = make([]designs.Item, 0, (heavySteps+1)*r.spec.Hold)
	}
	var err error
	r.shift.last, err = mem.New[atomic.Uint32](r.machine.Memory(), 0)
	return err
}

// warmShift has the CPUs warm up one after the other: together they would run out.
func (r *run) warmShift(t *kernel.Task, s *seat) {
	if s.cpu == 0 {
		r.shift.reach.begin(r, t)
	}
	for cpu := range r.spec.CPUs {
		r.barrier(s)
		if cpu == s.cpu {
			r.warm(t, s)
		}
	}
}

// shiftOn is the body of phase-shift.
func (r *run) shiftOn(t *kernel.Task, s *seat, _ int) {
	h := r.shift
	end := s.started + r.spec.DurationNs
	for phase := uint32(1); ; phase++ {
		// Only an even number of phases ends: then each half has had the same, and it was not CPU 0 that worked last.
		if s.cpu == 0 && phase%2 == 0 && h.last.Load() == 0 && r.now() >= end {
			h.last.Store(phase)
		}
		r.barrier(s)
		mine := s.cpu%2 != int(phase%2)
		began := r.now()
		if r.spec.Shift == ShiftQueues {
			r.fillOrDrain(t, s, mine)
		} else if mine {
			r.windowsOf(t, s)
		}
		s.inside += r.lengthen(s, began, r.now()) - began
		if last := h.last.Load(); last != 0 && phase >= last {
			break
		}
	}
	q := &h.queues[s.cpu]
	for q.free(r, t) {
	}
	r.barrier(s)
	if s.cpu == 0 {
		h.reached = h.reach.count(r, t)
	}
	r.barrier(s)
}

// windowsOf is the phase of a CPU to which the load came.
func (r *run) windowsOf(t *kernel.Task, s *seat) {
	h := r.shift
	held := h.queues[s.cpu].items[:r.spec.Hold]
	began := r.now()
	failed := r.chunk(t, held, r.spec.Hold, nil)
	h.firstNs[s.cpu] += r.now() - began
	h.shifts[s.cpu]++
	failed += r.chunk(t, held, (phaseWindows-1)*r.spec.Hold, nil)
	s.failed += int64(failed)
	s.ops += int64(phaseWindows*r.spec.Hold - failed)
}

// fillOrDrain is a phase in which the CPU's queue grows by as many items as are held, or shrinks to none.
func (r *run) fillOrDrain(t *kernel.Task, s *seat, fill bool) {
	q := &r.shift.queues[s.cpu]
	if fill {
		for range max(1, r.spec.Hold/(heavySteps-1)) {
			for range heavySteps {
				q.alloc(r, t, s)
			}
			q.free(r, t)
		}
		return
	}
	for len(q.items) > q.next {
		q.alloc(r, t, s)
		for range heavySteps {
			q.free(r, t)
		}
	}
	q.items, q.next = q.items[:0], 0
}

func (q *queue) alloc(r *run, t *kernel.Task, s *seat) {
	it, err := r.allocator.Alloc(t, kernel.NoWait)
	if err != nil {
		s.failed++
		return
	}
	if r.records != nil {
		r.records.Touch(it)
	}
	q.items = append(q.items, it)
	s.ops++
}

// free gives the oldest item back and reports whether there was one.
func (q *queue) free(r *run, t *kernel.Task) bool {
	if q.next == len(q.items) {
		return false
	}
	r.allocator.Free(t, q.items[q.next])
	q.next++
	return true
}

func (r *run) shiftFigures(o *result.Sample) error {
	h := r.shift
	if r.spec.Shift == ShiftCPUs {
		shifts, ns := 0.0, 0.0
		for cpu := range h.shifts {
			shifts += float64(h.shifts[cpu])
			ns += float64(h.firstNs[cpu])
		}
		o.Counters[CounterFirstWindow] = ns / (shifts * float64(r.spec.Hold))
	}
	if h.reach.whole != unlimited {
		o.Counters[CounterStranded] = float64(h.reach.whole - h.reached)
	}
	return nil
}
