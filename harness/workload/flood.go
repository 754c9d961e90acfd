package workload

import (
	"errors"
	"fmt"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
)

// The ways of rcu-flood.
const (
	Unthrottled = "unthrottled" // callers go on whatever waits to be freed
	Throttled   = "throttled"   // callers wait while more than a bound waits
)

// flood is what rcu-flood needs. Callers take objects and give them up under a raw lock, faster than grace periods pass. The pages that hold the pointers
// come from the design; without one an object is linked through itself, and freed by itself. Each CPU's last task is the worker: it says at every
// tick that its CPU uses nothing, frees what nobody uses any more, and gets spare pages in its own context.
type flood struct {
	objects designs.Allocator
	client  *catalog.DeferredFree
	grace   *catalog.Grace
	cpus    []*floodWords
	callers *atomic.Uint32 // tasks that still give up objects
	waits   []int64        // by CPU: turns that throttled callers waited
}

// floodWords are a CPU's. given and freed are written by its tasks alone, which do not run at once.
type floodWords struct {
	raw          lock.RawSpin
	given, freed atomic.Uint64
	most         mem.Plain64 // of objects that wait, as this CPU saw them
	_            [128]byte
}

const (
	// floodObjects for each CPU there are; floodBound of them may wait where callers are throttled: four blocks of 507.
	floodObjects     = 16384
	floodBound       = 2048
	floodObjectBytes = 64
	// floodTurn objects are given up between two turns of the CPU's other tasks, the worker among them; quietNs apart a CPU is known to use nothing: a
	// grace period is two of those.
	floodTurn = 64
	quietNs   = 50_000
)

func (r *run) layFlood() error {
	f := &flood{waits: make([]int64, r.spec.CPUs)}
	r.flood = f
	v, err := catalog.Find("slab", "")
	if err != nil {
		return err
	}
	if f.objects, err = v.New(r.machine, designs.Config{Items: floodObjects * r.spec.CPUs, Bytes: floodObjectBytes}); err != nil {
		return err
	}
	if f.client, f.grace, err = catalog.NewDeferredFree(r.machine, r.allocator, f.objects); err != nil {
		return err
	}
	if f.callers, err = mem.New[atomic.Uint32](r.machine.Memory(), 0); err != nil {
		return err
	}
	f.callers.Store(uint32(r.spec.Tasks * r.spec.CPUs))
	for cpu := range r.spec.CPUs {
		w, err := mem.New[floodWords](r.machine.Memory(), r.machine.Node(cpu))
		if err != nil {
			return err
		}
		f.cpus = append(f.cpus, w)
	}
	return nil
}

// waiting is how many objects are given up and not freed.
func (f *flood) waiting() (n int64) {
	for _, w := range f.cpus {
		n -= int64(w.freed.Load())
	}
	for _, w := range f.cpus {
		n += int64(w.given.Load())
	}
	return n
}

// giveUpOrFree is the body of rcu-flood.
func (r *run) giveUpOrFree(t *kernel.Task, s *seat, task int) {
	f := r.flood
	if task == r.spec.Tasks {
		r.reap(t, s)
		return
	}
	w := f.cpus[s.cpu]
	end := s.started + r.spec.DurationNs
	for r.now() < end {
		for range floodTurn {
			it, err := f.objects.Alloc(t, kernel.NoWait)
			if err != nil {
				s.failed++
				break
			}
			t.IRQSave()
			w.raw.Lock(t)
			f.client.Queue(t, it)
			w.raw.Unlock(t)
			t.IRQRestore()
			w.given.StoreRelease(w.given.LoadRelaxed() + 1)
			s.ops++
		}
		waiting := f.waiting()
		w.most.Store(max(w.most.Load(), uint64(max(0, waiting))))
		r.linger(s)
		t.Resched()
		for r.spec.Way == Throttled && waiting > floodBound*int64(r.spec.CPUs) {
			f.waits[s.cpu]++
			t.Resched()
			waiting = f.waiting()
		}
	}
	f.callers.Add(^uint32(0))
}

// reap is the worker, until everything is freed.
func (r *run) reap(t *kernel.Task, s *seat) {
	f := r.flood
	w := f.cpus[s.cpu]
	gfp := kernel.NoWait
	if r.variant.Capabilities.MayWait {
		gfp = kernel.NoIO
	}
	var wait measure.Patience
	for quiet := int64(0); f.callers.Load() != 0 || f.waiting() != 0; {
		f.client.Refill(t, gfp)
		if now := r.now(); now >= quiet {
			f.grace.Quiesce(t)
			quiet = now + quietNs
		}
		w.freed.StoreRelease(w.freed.LoadRelaxed() + uint64(f.client.Drain(t)))
		t.Resched()
		wait.Round()
	}
}

// shrinkClient gives the spare pages back, when all is freed.
func (r *run) shrinkClient(t *kernel.Task, s *seat) {
	r.barrier(s)
	if s.cpu == 0 {
		r.flood.client.Shrink(t)
	}
	r.barrier(s)
}

func (r *run) checkFlood() error {
	f := r.flood
	err := errors.Join(f.client.Check(), f.objects.Check())
	if s := f.client.Stats(); s.Waiting != 0 || s.Spares != 0 || s.Blocks != 0 {
		err = errors.Join(err, fmt.Errorf("kfree_rcu keeps %d objects, %d spare pages and %d blocks", s.Waiting, s.Spares, s.Blocks))
	}
	return err
}

func (r *run) floodFigures(o *result.Sample) error {
	f := r.flood
	var most, throttled float64
	for cpu, w := range f.cpus {
		most = max(most, float64(w.most.Load()))
		throttled += float64(f.waits[cpu])
	}
	s := f.client.Stats()
	o.Counters[CounterListed], o.Counters[CounterBacklog], o.Counters[CounterThrottled] = float64(s.Listed), most, throttled
	return nil
}
