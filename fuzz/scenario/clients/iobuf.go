package clients

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// iobuf is buffers for requests of one, and for others that take a first and then a second. Who finds too few waits in a queue, in the order of coming; a
// buffer that is freed goes to the one in front, who keeps that place until he has all.
type iobuf struct {
	words   *iobufWords
	stack   []mem.Plain32   // stack[:words.free] are the free buffers
	queue   []mem.Plain32   // a ring of task numbers: words.waiting of them from words.front on
	waiters []*waiter       // by task
	given   [][]mem.Plain32 // by task: the buffers it was given
}

// iobufWords are protected by lock, taken with interrupts masked.
type iobufWords struct {
	lock                 lock.RawSpin
	free, front, waiting mem.Plain32
}

// waiter is the state of a task in the queue; all but served is protected by the lock.
type waiter struct {
	need, got mem.Plain32
	served    atomic.Uint32
}

const (
	iobufTasks = 64 // of a machine, at most
	mostNeeded = 4  // buffers of a request
)

func iobufVariant() designs.Variant {
	return variant("iobuf", "buffers for requests of one and of several, handed to waiters in the order of their coming (SPDK 2024)", designs.Tag, nil,
		func(m machine.Machine, c designs.Config) (designs.Allocator, error) {
			b := &iobuf{}
			var err error
			if b.words, err = mem.New[iobufWords](m.Memory(), 0); err != nil {
				return nil, err
			}
			if b.stack, err = mem.Slice[mem.Plain32](m.Memory(), 0, c.Items); err != nil {
				return nil, err
			}
			if b.queue, err = mem.Slice[mem.Plain32](m.Memory(), 0, iobufTasks); err != nil {
				return nil, err
			}
			for range iobufTasks {
				w, err := mem.New[waiter](m.Memory(), 0)
				if err != nil {
					return nil, err
				}
				given, err := mem.Slice[mem.Plain32](m.Memory(), 0, mostNeeded)
				if err != nil {
					return nil, err
				}
				b.waiters, b.given = append(b.waiters, w), append(b.given, given)
			}
			for i := range b.stack {
				b.stack[i].Store(uint32(i))
			}
			b.words.free.Store(uint32(c.Items))
			return b, nil
		})
}

func (b *iobuf) enter(t *kernel.Task) {
	t.IRQSave()
	b.words.lock.Lock(t)
}

func (b *iobuf) leave(t *kernel.Task) {
	b.words.lock.Unlock(t)
	t.IRQRestore()
}

// Alloc takes a buffer. With DirectReclaim it waits for its turn (process context), without, the answer is kernel.ErrWouldBlock when there is none, or
// others wait. Any context but NMI.
func (b *iobuf) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	var items [1]designs.Item
	_, err := b.AllocBulk(t, gfp, items[:])
	return items[0], err
}

// AllocBulk takes up to 4 buffers, all or none; kernel.ErrNoSpace when there never are so many. Otherwise as Alloc.
func (b *iobuf) AllocBulk(t *kernel.Task, gfp kernel.GFP, items []designs.Item) (int, error) {
	if len(items) > min(len(b.stack), mostNeeded) {
		return 0, kernel.ErrNoSpace
	}
	b.enter(t)
	if b.words.waiting.Load() == 0 && int(b.words.free.Load()) >= len(items) {
		for i := range items {
			items[i] = designs.Item(b.pop())
		}
		b.leave(t)
		return len(items), nil
	}
	if !gfp.MayWait() {
		b.leave(t)
		return 0, kernel.ErrWouldBlock
	}
	w := b.waiters[t.Index()]
	w.need.Store(uint32(len(items)))
	w.got.Store(0)
	w.served.Store(0)
	b.join(t.Index())
	b.serve(t)
	b.leave(t)
	for w.served.Load() == 0 {
		t.Sleeping()
		if w.served.Load() != 0 {
			t.Awake()
			break
		}
		t.Schedule()
	}
	for i := range items {
		items[i] = designs.Item(b.given[t.Index()][i].Load())
	}
	return len(items), nil
}

// pop takes a free buffer, of which there are some; lock held.
func (b *iobuf) pop() uint32 {
	n := b.words.free.Load() - 1
	b.words.free.Store(n)
	return b.stack[n].Load()
}

// join puts a task at the tail of the queue; lock held.
func (b *iobuf) join(task int) {
	n := b.words.waiting.Load()
	b.queue[(b.words.front.Load()+n)%iobufTasks].Store(uint32(task))
	b.words.waiting.Store(n + 1)
}

// advance takes the first task out of the queue; lock held.
func (b *iobuf) advance() {
	b.words.front.Store((b.words.front.Load() + 1) % iobufTasks)
	b.words.waiting.Store(b.words.waiting.Load() - 1)
}

// serve gives free buffers to those in front; lock held.
func (b *iobuf) serve(t *kernel.Task) {
	for b.words.free.Load() != 0 && b.words.waiting.Load() != 0 {
		task := int(b.queue[b.words.front.Load()].Load())
		w := b.waiters[task]
		got := w.got.Load()
		b.given[task][got].Store(b.pop())
		w.got.Store(got + 1)
		switch {
		case got+1 == w.need.Load():
			b.advance()
			w.served.Store(1)
			t.Peer(task).Wake(t)
		case mutant.On(mp08):
			b.advance()
			b.join(task)
		}
	}
}

// Free gives a buffer back, to who waits first. Any context but NMI.
func (b *iobuf) Free(t *kernel.Task, it designs.Item) {
	b.enter(t)
	n := b.words.free.Load()
	b.stack[n].Store(uint32(it))
	b.words.free.Store(n + 1)
	b.serve(t)
	b.leave(t)
}

// Check: at quiescence nobody waits, and nobody does beside a free buffer.
func (b *iobuf) Check() error {
	if n := b.words.waiting.Load(); n != 0 || b.words.lock.Held() {
		return fmt.Errorf("clients: %d callers wait for buffers at quiescence, or their lock is held", n)
	}
	return nil
}
