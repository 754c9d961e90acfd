package lock

import (
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// WaitQueue is a list of tasks that wait for one condition. The zero value is empty. The way to wait is
//
//	for {
//		q.Prepare(t, exclusive)
//		if condition() { q.Finish(t); break }
//		t.Schedule()
//		q.Finish(t)
//	}
//
// and the way to wake is to make the condition true, then call Wake.
type WaitQueue struct {
	lock    RawSpin       // protects the list and the queue fields of the tasks on it; taken with interrupts masked
	waiting atomic.Uint32 // tasks on the list; written under lock, read by Wake without it
	head    mem.PlainRef  // the task that came first
	tail    mem.PlainRef
}

// Prepare puts t on the queue, unless it is there, and marks it as about to sleep. Exclusive waiters are woken one at a time. Process context.
//
// O2: being on the queue comes before the caller's look at its condition; waiting.Add is a full barrier.
func (q *WaitQueue) Prepare(t *kernel.Task, exclusive bool) {
	t.IRQSave()
	q.lock.Lock(t)
	if !t.Queued() {
		q.append(t)
		t.SetQueued(true, exclusive)
		q.waiting.Add(1)
	}
	t.Sleeping()
	q.lock.Unlock(t)
	t.IRQRestore()
}

// Finish takes t off the queue, unless Wake already has, and marks it as running. Process context.
func (q *WaitQueue) Finish(t *kernel.Task) {
	t.Awake()
	t.IRQSave()
	q.lock.Lock(t)
	if t.Queued() {
		q.remove(t)
	}
	q.lock.Unlock(t)
	t.IRQRestore()
}

// Wake wakes every waiter that is not exclusive and up to exclusive of those that are, the longest waiting first, and returns how many it
// woke. by is the calling task. Any context but NMI.
//
// O2: the caller has made the condition true by a read-modify-write, or under a lock that waiters take to look at it; then the count is
// read. Prepare does the reverse. With a plain store and no lock on the waker's side, both could miss: the store may pass the load.
func (q *WaitQueue) Wake(by *kernel.Task, exclusive int) (woken int) {
	if q.waiting.Load() == 0 {
		return 0
	}
	return q.wakeSlow(by, exclusive)
}

func (q *WaitQueue) wakeSlow(by *kernel.Task, exclusive int) (woken int) {
	by.IRQSave()
	q.lock.Lock(by)
	index, more := q.head.Load()
	for more {
		t := by.Peer(index)
		index, more = t.QueueNext()
		if t.Exclusive() {
			if exclusive == 0 {
				continue
			}
			exclusive--
		}
		q.remove(t)
		if mutant.On(lk03) && !t.Parked() {
			continue
		}
		t.Wake(by)
		woken++
	}
	q.lock.Unlock(by)
	by.IRQRestore()
	return woken
}

// Waiting is the number of tasks on the queue, racy unless the queue is quiet.
func (q *WaitQueue) Waiting() int { return int(q.waiting.Load()) }

// append puts t at the end; lock held.
func (q *WaitQueue) append(t *kernel.Task) {
	last, any := q.tail.Load()
	t.SetQueueNext(0, false)
	t.SetQueuePrevious(last, any)
	if any {
		t.Peer(last).SetQueueNext(t.Index(), true)
	} else {
		q.head.Store(t.Index())
	}
	q.tail.Store(t.Index())
}

// remove takes t out of the list; lock held.
func (q *WaitQueue) remove(t *kernel.Task) {
	next, hasNext := t.QueueNext()
	previous, hasPrevious := t.QueuePrevious()
	if hasPrevious {
		t.Peer(previous).SetQueueNext(next, hasNext)
	} else {
		setRef(&q.head, next, hasNext)
	}
	if hasNext {
		t.Peer(next).SetQueuePrevious(previous, hasPrevious)
	} else {
		setRef(&q.tail, previous, hasPrevious)
	}
	t.SetQueued(false, false)
	q.waiting.Add(^uint32(0))
}

func setRef(r *mem.PlainRef, index int, ok bool) {
	if ok {
		r.Store(index)
	} else {
		r.Clear()
	}
}
