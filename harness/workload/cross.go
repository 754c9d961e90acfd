package workload

import (
	"headroom/designs"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// ring takes items from CPU 0, which alone puts them in, to CPU 1, which alone takes them out. The two ends are on line pairs of their own.
//
// Ordering, O1: who puts writes the slot, then releases in; who takes acquires in, then reads the slot. The same holds for out, before which the slot
// must have been read. Without it a slot could be read before it is filled, or filled again before it was read.
type ring struct {
	in, out    *ringEnd
	slots      []mem.Plain64
	handoverNs float64 // of one number through the ring, on both CPUs together, without an allocator
}

type ringEnd struct {
	count atomic.Uint64 // numbers that have passed this end
	_     [120]byte
}

const (
	// ringSlots bounds the items on their way: a device queue of usual length.
	ringSlots = 64
	// lastInRing ends a series; no item has this number.
	lastInRing = ^uint64(0)
	// handovers is how many numbers price the ring: 20,000 times 5 to 200 ns are 4 ms at most.
	handovers = 20_000
	// slowedChunk operations at least lie between two lengthenings. While the first CPU lengthens, the second goes on with what is in the ring, at most
	// a hundredth of so many.
	slowedChunk = 128 * ringSlots
)

func (r *run) layRing() error {
	r.ring = &ring{}
	var err error
	if r.ring.in, err = mem.New[ringEnd](r.machine.Memory(), 0); err != nil {
		return err
	}
	if r.ring.out, err = mem.New[ringEnd](r.machine.Memory(), 0); err != nil {
		return err
	}
	r.ring.slots, err = mem.Slice[mem.Plain64](r.machine.Memory(), 0, ringSlots)
	return err
}

// put waits for room and puts v into the ring. CPU 0 only.
func (g *ring) put(v uint64) {
	at := g.in.count.LoadAcquire()
	var wait measure.Patience
	for at-g.out.count.LoadAcquire() == ringSlots {
		arch.Pause(1)
		wait.Turn()
	}
	g.slots[at%ringSlots].Store(v)
	g.in.count.StoreRelease(at + 1) // O1
}

// take waits for a number and takes it out of the ring. CPU 1 only.
func (g *ring) take() uint64 {
	at := g.out.count.LoadAcquire()
	var wait measure.Patience
	for g.in.count.LoadAcquire() == at {
		arch.Pause(1)
		wait.Turn()
	}
	v := g.slots[at%ringSlots].Load()
	g.out.count.StoreRelease(at + 1) // O1
	return v
}

// warmRing prices the hand-over without an allocator, then warms up with it.
func (r *run) warmRing(t *kernel.Task, s *seat) {
	if s.cpu == 0 {
		for v := range uint64(handovers) {
			r.ring.put(v)
		}
		r.ring.put(lastInRing)
		s.chunk = r.sized(ringSlots, func(ops int) { r.send(t, s, ops) })
		if r.spec.SlowerPct > 0 {
			s.chunk = max(s.chunk, slowedChunk)
		}
		r.ring.put(lastInRing)
		return
	}
	r.ring.take() // both CPUs are there
	began := r.now()
	for r.ring.take() != lastInRing {
	}
	r.ring.handoverNs = 2 * float64(r.now()-began) / handovers
	r.receive(t, s)
	s.ops = 0
}

// cross is the body of cross-cpu: CPU 0 allocates, CPU 1 frees.
func (r *run) cross(t *kernel.Task, s *seat, _ int) {
	if s.cpu == 1 {
		r.receive(t, s)
		return
	}
	end := s.started + r.spec.DurationNs
	for r.now() < end {
		r.send(t, s, s.chunk)
		r.linger(s) // the other CPU waits meanwhile, so this lengthens the whole
	}
	r.ring.put(lastInRing)
}

// send allocates so many items and puts them into the ring.
func (r *run) send(t *kernel.Task, s *seat, count int) {
	for range count {
		it, err := r.allocator.Alloc(t, kernel.NoWait)
		if err != nil {
			s.failed++
			arch.Pause(1)
			continue
		}
		if r.records != nil {
			r.records.Touch(it)
		}
		r.ring.put(uint64(it))
	}
}

// receive frees what comes out of the ring until the end of the series.
func (r *run) receive(t *kernel.Task, s *seat) {
	for v := r.ring.take(); v != lastInRing; v = r.ring.take() {
		r.allocator.Free(t, designs.Item(v))
		s.ops++
	}
}

// crossFigures: an operation is counted where it ends, so the first CPU has none of its own.
func (r *run) crossFigures(o *result.Sample) error {
	o.Counters[CounterHandover] = r.ring.handoverNs
	return nil
}
