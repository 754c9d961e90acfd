package workload

import (
	"headroom/designs"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// The ways of blkcg-first-io.
const (
	FirstWaits   = "wait"     // the first I/O waits for its group's statistics
	FirstPolls   = "poll"     // it is refused and comes again, until there are some
	FirstDefers  = "deferred" // it asks once, then goes on with its parent's, and a worker gets the group's
	Preallocated = "preallocated"
)

// firstIO is what blkcg-first-io needs. A group of processes is made, does I/O to a device for the first time and some more, and is gone. Its statistics
// are per-CPU memory, which only a caller who may do everything can be sure to get; the I/O path may start no I/O (GFP_NOIO), and often not wait.
type firstIO struct {
	groups  []*group // by task
	working *atomic.Uint32
	counts  []firstCounts // by CPU
}

// group is what a task and the worker share. Ordering, O4: the worker stores the item, then releases state; the task acquires state, then loads it.
type group struct {
	state atomic.Uint32
	item  mem.Plain64
	_     [48]byte
}

// The values of group.state.
const (
	groupNone   = iota
	groupWanted // of the worker
	groupFilled
)

type firstCounts struct{ fallbacks, polls, firsts, ns, mostNs int64 }

// groupIOs is what a group does before it is gone; between two the CPU's other tasks run.
const groupIOs = 8

func (r *run) layFirst() error {
	f := &firstIO{counts: make([]firstCounts, r.spec.CPUs)}
	r.first = f
	n := r.spec.Tasks * r.spec.CPUs
	for i := range n {
		g, err := mem.New[group](r.machine.Memory(), r.machine.Node(i/r.spec.Tasks))
		if err != nil {
			return err
		}
		f.groups = append(f.groups, g)
	}
	var err error
	if f.working, err = mem.New[atomic.Uint32](r.machine.Memory(), 0); err == nil {
		f.working.Store(uint32(n))
	}
	return err
}

// groupLife is the body of blkcg-first-io; CPU 0's last task is the worker.
func (r *run) groupLife(t *kernel.Task, s *seat, task int) {
	f := r.first
	if task == r.spec.Tasks {
		r.fillGroups(t)
		return
	}
	g := f.groups[s.cpu*r.spec.Tasks+task]
	end := s.started + r.spec.DurationNs
	for r.now() < end {
		r.liveOnce(t, s, g)
		r.linger(s)
	}
	f.working.Add(^uint32(0))
}

// liveOnce is one group's life.
func (r *run) liveOnce(t *kernel.Task, s *seat, g *group) {
	c := &r.first.counts[s.cpu]
	var it designs.Item
	has := false
	if r.spec.Way == Preallocated { // where the group is made: outside the I/O path, all may be done
		var err error
		if it, err = r.allocator.Alloc(t, kernel.Kernel); err != nil {
			s.failed++
			t.Resched()
			return
		}
		has = true
	}
	for i := range groupIOs {
		began := r.now()
		if !has {
			it, has = r.statistics(t, c, g)
		}
		if !has {
			c.fallbacks++
		}
		if i == 0 {
			ns := r.now() - began
			c.firsts, c.ns, c.mostNs = c.firsts+1, c.ns+ns, max(c.mostNs, ns)
		}
		if has && r.records != nil {
			r.records.Touch(it)
		}
		t.Resched() // the I/O is under way
	}
	if !has && !g.state.CompareAndSwap(groupWanted, groupNone) && g.state.LoadAcquire() == groupFilled { // O4
		it, has = designs.Item(g.item.Load()), true
		g.state.Store(groupNone)
	}
	if has {
		r.allocator.Free(t, it)
	}
	s.ops++
}

// statistics is what the I/O path does for a group that has none; false lets it go on with the parent's.
func (r *run) statistics(t *kernel.Task, c *firstCounts, g *group) (designs.Item, bool) {
	switch r.spec.Way {
	case FirstWaits:
		it, err := r.allocator.Alloc(t, kernel.NoIO)
		return it, err == nil
	case FirstPolls:
		for {
			if it, err := r.allocator.Alloc(t, kernel.NoWait); err == nil {
				return it, true
			}
			c.polls++
			t.Resched()
		}
	}
	switch g.state.LoadAcquire() { // O4
	case groupFilled:
		it := designs.Item(g.item.Load())
		g.state.Store(groupNone)
		return it, true
	case groupWanted:
		return 0, false
	}
	it, err := r.allocator.Alloc(t, kernel.NoWait)
	if err == nil {
		return it, true
	}
	g.state.Store(groupWanted)
	return 0, false
}

// fillGroups is the worker of the deferred way. It fills a group that is still there, and gives back what came too late.
func (r *run) fillGroups(t *kernel.Task) {
	f := r.first
	var wait measure.Patience
	for f.working.Load() != 0 {
		for _, g := range f.groups {
			if g.state.Load() != groupWanted {
				continue
			}
			it, err := r.allocator.Alloc(t, kernel.Kernel)
			if err != nil {
				continue
			}
			g.item.Store(uint64(it))
			if !g.state.CompareAndSwap(groupWanted, groupFilled) { // O4
				r.allocator.Free(t, it)
			}
		}
		t.Resched()
		wait.Round()
	}
}

func (r *run) firstFigures(o *result.Sample) error {
	var sum firstCounts
	for _, c := range r.first.counts {
		sum = firstCounts{sum.fallbacks + c.fallbacks, sum.polls + c.polls, sum.firsts + c.firsts, sum.ns + c.ns, max(sum.mostNs, c.mostNs)}
	}
	o.Counters[CounterFallbacks], o.Counters[CounterPolls] = float64(sum.fallbacks), float64(sum.polls)
	o.Counters[CounterFirstIO], o.Counters[CounterFirstIOMost] = float64(sum.ns)/float64(max(1, sum.firsts)), float64(sum.mostNs)
	return nil
}
