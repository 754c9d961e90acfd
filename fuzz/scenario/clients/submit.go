package clients

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// submit is a queue of I/O whose submitters each need a chunk of a pool. Chunks do not come back to the pool: a worker brings new ones, by an allocation
// that may do everything, so its reclaim may have to submit I/O itself, under the queue's lock.
type submit struct {
	machine machine.Machine
	queue   *queueWords
	words   *submitWords
	work    machine.Work
}

// queueWords is the I/O queue: a mutex, and how many submissions there were under it.
type queueWords struct {
	lock      lock.Mutex
	submitted mem.Plain64
}

// submitWords are protected by lock, taken with interrupts masked.
type submitWords struct {
	lock    lock.RawSpin
	pool    mem.Plain32 // chunks for submitters
	below   mem.Plain32 // chunks for the worker to bring
	running mem.Plain32 // 1 while the worker is queued or at work
	serial  mem.Plain32 // I/Os so far
	waiters lock.WaitQueue
}

// pooled is how many chunks the worker brings at most.
const pooled = 1

func submitVariant() designs.Variant {
	v := variant("submit", "submitters of I/O, and a worker that brings their memory and needs their lock (blk-cgroup 2011)", designs.Object, nil,
		func(m machine.Machine, c designs.Config) (designs.Allocator, error) {
			s := &submit{machine: m}
			s.work.Run = s.refill
			var err error
			if s.queue, err = mem.New[queueWords](m.Memory(), 0); err != nil {
				return nil, err
			}
			if s.words, err = mem.New[submitWords](m.Memory(), 0); err != nil {
				return nil, err
			}
			s.words.pool.Store(pooled)
			s.words.below.Store(uint32(c.Items))
			return s, nil
		})
	v.Guaranteed = func(designs.Config) int { return pooled }
	v.Capabilities.HoldsBack = true
	v.Capabilities.Unbounded = true
	return v
}

// Alloc submits an I/O. With DirectReclaim it waits for its memory (process context); without it takes a chunk and leaves the queue alone, and is
// refused with kernel.ErrWouldBlock when there is none. Any context but NMI.
func (s *submit) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if !gfp.MayWait() {
		if !s.take(t) {
			return 0, kernel.ErrWouldBlock
		}
		return s.item(t), nil
	}
	s.queue.lock.Lock(t)
	for !s.take(t) {
		if !mutant.On(mp11) {
			s.queue.lock.Unlock(t) // I7
		}
		s.await(t)
		if !mutant.On(mp11) {
			s.queue.lock.Lock(t)
		}
	}
	s.queue.submitted.Store(s.queue.submitted.Load() + 1)
	s.queue.lock.Unlock(t)
	return s.item(t), nil
}

// item names an I/O by a number of its own.
func (s *submit) item(t *kernel.Task) designs.Item {
	s.enter(t)
	n := s.words.serial.Load() + 1
	s.words.serial.Store(n)
	s.leave(t)
	return designs.Item(n)
}

func (s *submit) enter(t *kernel.Task) {
	t.IRQSave()
	s.words.lock.Lock(t)
}

func (s *submit) leave(t *kernel.Task) {
	s.words.lock.Unlock(t)
	t.IRQRestore()
}

// take takes a chunk if there is one, and asks for the worker when that was the last, or there was none.
func (s *submit) take(t *kernel.Task) (ok bool) {
	s.enter(t)
	n := s.words.pool.Load()
	if n != 0 {
		s.words.pool.Store(n - 1)
	}
	call := n <= 1 && s.words.below.Load() != 0 && s.words.running.Load() == 0
	if call {
		s.words.running.Store(1)
	}
	s.leave(t)
	if call {
		s.machine.Queue(t, t.CPU(), &s.work)
	}
	return n != 0
}

// await sleeps until the pool has a chunk.
func (s *submit) await(t *kernel.Task) {
	s.words.waiters.Prepare(t, false)
	s.enter(t)
	empty := s.words.pool.Load() == 0
	s.leave(t)
	if empty {
		t.Schedule()
	}
	s.words.waiters.Finish(t)
}

// refill is the worker. Its allocation reclaims memory, and that writes through the queue.
func (s *submit) refill(t *kernel.Task) {
	for more := true; more; {
		s.queue.lock.Lock(t)
		s.queue.submitted.Store(s.queue.submitted.Load() + 1)
		s.queue.lock.Unlock(t)
		s.enter(t)
		if below, pool := s.words.below.Load(), s.words.pool.Load(); below != 0 && pool < pooled {
			s.words.below.Store(below - 1)
			s.words.pool.Store(pool + 1)
		}
		more = s.words.below.Load() != 0 && s.words.pool.Load() < pooled
		if !more {
			s.words.running.Store(0)
		}
		s.leave(t)
		s.words.waiters.Wake(t, 0)
	}
}

// Free completes an I/O: its memory goes back below, and the worker is asked for if the pool lacks any. Any context but NMI.
func (s *submit) Free(t *kernel.Task, _ designs.Item) {
	s.enter(t)
	s.words.below.Store(s.words.below.Load() + 1)
	call := s.words.pool.Load() < pooled && s.words.running.Load() == 0
	if call {
		s.words.running.Store(1)
	}
	s.leave(t)
	if call {
		s.machine.Queue(t, t.CPU(), &s.work)
	}
}

// Check: at quiescence the pool is full and the worker rests.
func (s *submit) Check() error {
	if pool, running := s.words.pool.Load(), s.words.running.Load(); pool != pooled || running != 0 {
		return fmt.Errorf("clients: %d chunks of %d are in the pool at quiescence, worker %d", pool, pooled, running)
	}
	return nil
}
