package mempool

import (
	"errors"
	"fmt"
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/page"
)

// The worker gets what the caller may not: a caller that may start no I/O sleeps until it has made a chunk, and nobody gives anything back.
func TestWorkerServesWhoMayNotAllocate(t *testing.T) {
	m := oneCPU(t)
	b, err := NewChunks(m, 4, 64)
	if err != nil {
		t.Fatal(err)
	}
	p := pool(t, m, b, Config{Least: 1, Refill: halfFull})
	if err := play(m, func(task *kernel.Task) {
		for i := range 4 {
			if _, err := p.Alloc(task, kernel.NoIO); err != nil {
				t.Errorf("item %d of 4: %v", i, err)
			}
		}
		p.Flush(task)
		if p.Elements() != 0 {
			t.Errorf("%d elements with all areas in use", p.Elements())
		}
	}); err != nil {
		t.Fatal(err)
	}
	if s := p.Stats(); s.Waits != 3 || s.Refills != 3 {
		t.Errorf("three of four items came from the worker, and the counts are %+v", s)
	}
}

// The worker is asked for below the threshold only, and fills the pool up.
func TestWorkerIsAskedForWhenFewAreLeft(t *testing.T) {
	for _, c := range []struct{ refill, takes, elements int }{{5, 2, 2}, {5, 3, 4}, {10, 1, 4}, {1, 3, 1}, {1, 4, 4}} {
		m := oneCPU(t)
		p := pool(t, m, chunks(t, m, 8), Config{Least: 4, Refill: c.refill})
		if err := play(m, func(task *kernel.Task) {
			for range c.takes {
				if _, err := p.AllocPreallocated(task); err != nil {
					t.Error(err)
				}
			}
			p.Flush(task)
			if p.Elements() != c.elements {
				t.Errorf("asked for below %d tenths of 4, after %d takes the pool has %d elements, want %d", c.refill, c.takes, p.Elements(), c.elements)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func chunks(t *testing.T, place kernel.Place, areas int) *Chunks {
	t.Helper()
	b, err := NewChunks(place, areas, 64)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A pool to be polled refuses at once, whatever the flags, and has an element for who comes again (I15).
func TestPollingNeverWaits(t *testing.T) {
	if err := pollingReturns(t); err != nil {
		t.Error(err)
	}
}

func pollingReturns(t *testing.T) error {
	m := oneCPU(t)
	s := newStock(1)
	p := pool(t, m, s, Config{Least: 1, Refill: halfFull, Polls: true})
	var failure error
	run := play(m, func(task *kernel.Task) {
		first, err := p.Alloc(task, kernel.Kernel)
		if err != nil {
			failure = err
		}
		if _, err := p.Alloc(task, kernel.Kernel); !errors.Is(err, kernel.ErrWouldBlock) {
			failure = errors.Join(failure, fmt.Errorf("an empty pool answers %v", err))
		}
		p.Flush(task)
		s.shelf = append(s.shelf, 2)
		_, _ = p.Alloc(task, kernel.Kernel) // the stock's own item, or a refusal and the worker
		p.Flush(task)
		p.Free(task, first)
	})
	return errors.Join(run, failure, p.Check())
}

// Only who may do everything gets an area (I16).
func TestChunksServeOnlyWhoMayDoEverything(t *testing.T) {
	if err := chunksRefuse(t); err != nil {
		t.Error(err)
	}
}

func chunksRefuse(t *testing.T) error {
	m := newBench(t)
	b := chunks(t, m, 3)
	for _, gfp := range []kernel.GFP{kernel.NoIO, kernel.NoFS, kernel.NoWait, kernel.Atomic, kernel.Kernel &^ kernel.DirectReclaim} {
		if it, err := b.Alloc(m.task, gfp); !errors.Is(err, kernel.ErrWouldBlock) {
			return fmt.Errorf("flags %v got area %d, %v", gfp, it, err)
		}
	}
	for i := range 4 {
		if _, err := b.Alloc(m.task, kernel.Kernel); (err == nil) != (i < 3) || err != nil && !errors.Is(err, kernel.ErrNoMemory) {
			return fmt.Errorf("area %d of 3: %v", i, err)
		}
	}
	return b.Check()
}

// wedge is Morton's case: a submitter holds a queue's lock and wants per-CPU memory for its statistics; the worker that makes it has to have dirty pages
// written, and writing takes the lock of that queue.
type wedge struct {
	machine *machine.Native
	pages   *page.Allocator
	pool    *Pool
	queue   *lock.Mutex
}

// newWedge makes a pool of one element over memory of which nothing is free but the reserve: all else is dirty.
func newWedge(t *testing.T, c Config) *wedge {
	w := &wedge{machine: oneCPU(t)}
	var err error
	if w.queue, err = mem.New[lock.Mutex](w.machine.Memory(), 0); err != nil {
		t.Fatal(err)
	}
	w.pages, err = page.New(w.machine, page.Config{Pages: 8, PageBytes: 64, Marks: &page.Marks{Min: 2, Low: 2, High: 2}, High: 1, Drift: 1,
		Write: func(task *kernel.Task, p page.Page) error {
			w.queue.Lock(task)
			w.pages.Written(task, p)
			w.queue.Unlock(task)
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewChunksOf(w.machine, w.pages, 4, 64)
	if err != nil {
		t.Fatal(err)
	}
	w.pool = pool(t, w.machine, b, c)
	return w
}

// dirty fills the memory with dirty pages, and takes the pool's only element.
func (w *wedge) dirty(t *testing.T, task *kernel.Task) designs.Item {
	it, err := w.pool.AllocPreallocated(task)
	if err != nil {
		t.Error(err)
	}
	w.pool.Flush(task) // the worker fills the pool once more, while there is memory
	if it, err = w.pool.AllocPreallocated(task); err != nil {
		t.Error(err)
	}
	for {
		at, err := w.pages.Alloc(task, kernel.NoWait, 0)
		if err != nil {
			return it
		}
		w.pages.CacheAddDirty(task, at, uint64(at))
	}
}

// To wait for the worker is to wait for all it waits for: under a lock that writing pages takes, a caller that may start no I/O deadlocks with it
// (Morton to Heo, 27 December 2011).
func TestWaitingForTheWorkerUnderALockItNeedsDeadlocks(t *testing.T) {
	w := newWedge(t, Config{Least: 1, Refill: halfFull})
	err := play(w.machine, func(task *kernel.Task) {
		w.queue.Lock(task)
		w.dirty(t, task)
		_, _ = w.pool.Alloc(task, kernel.NoIO)
		w.queue.Unlock(task)
	})
	if !errors.Is(err, machine.ErrDeadlock) {
		t.Errorf("the run ends with %v, want a deadlock", err)
	}
}

// Who does not wait under the lock but comes again gets on.
func TestPollingForTheWorkerGetsOn(t *testing.T) {
	w := newWedge(t, Config{Least: 1, Refill: halfFull, Polls: true})
	polls := 0
	if err := play(w.machine, func(task *kernel.Task) {
		for {
			w.queue.Lock(task)
			if polls == 0 {
				w.dirty(t, task)
			}
			_, err := w.pool.Alloc(task, kernel.NoIO)
			w.queue.Unlock(task)
			polls++
			if err == nil {
				return
			}
			task.Resched()
		}
	}); err != nil || polls < 2 {
		t.Errorf("%d polls, %v", polls, err)
	}
}
