package workload

import (
	"headroom/designs"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// resizing is what resize-waiters needs. The tasks do what those of tag-exhaust do, with fewer items than tasks, while CPU 0's last task makes the pool
// twice as large and as it was again, in turns.
type resizing struct {
	working *atomic.Uint32 // tasks that still work
	resizes int64
	refused int64
	ns      int64 // inside Resize
	mostNs  int64
}

// resizePauses is how often the resizing task lets others run between two changes: each of the CPU's tasks comes about as often.
const resizePauses = 16

func (r *run) layResizing() error {
	r.resizing = &resizing{}
	var err error
	if r.resizing.working, err = mem.New[atomic.Uint32](r.machine.Memory(), 0); err == nil {
		r.resizing.working.Store(uint32(r.spec.Tasks * r.spec.CPUs))
	}
	return err
}

// workOrResize is the body of resize-waiters.
func (r *run) workOrResize(t *kernel.Task, s *seat, task int) {
	if task == r.spec.Tasks {
		r.resize(t)
		return
	}
	gfp := kernel.NoWait
	if r.variant.Capabilities.MayWait {
		gfp = kernel.NoIO
	}
	end := s.started + r.spec.DurationNs
	for r.now() < end {
		it, err := r.allocator.Alloc(t, gfp)
		if err != nil {
			s.failed++
			t.Resched()
			continue
		}
		if r.records != nil {
			r.records.Touch(it)
		}
		t.Resched()
		r.allocator.Free(t, it)
		s.ops++
		r.linger(s)
	}
	r.resizing.working.Add(^uint32(0))
}

// resize changes the size until the others have ended, and leaves it as it was.
func (r *run) resize(t *kernel.Task) {
	z := r.resizing
	var wait measure.Patience
	for large := true; ; large = !large {
		items := r.config.Items
		if large {
			items *= 2
		}
		began := r.now()
		if err := r.allocator.(designs.Resizer).Resize(t, items); err != nil {
			z.refused++
		}
		ns := r.now() - began
		z.resizes, z.ns, z.mostNs = z.resizes+1, z.ns+ns, max(z.mostNs, ns)
		for range resizePauses {
			t.Resched()
			wait.Round()
		}
		if !large && r.resizing.working.Load() == 0 {
			return
		}
	}
}

func (r *run) resizeFigures(o *result.Sample) error {
	z := r.resizing
	o.Counters[CounterResizes], o.Counters[CounterResizesRefused] = float64(z.resizes), float64(z.refused)
	o.Counters[CounterResize], o.Counters[CounterResizeMost] = float64(z.ns)/float64(max(1, z.resizes)), float64(z.mostNs)
	return nil
}
