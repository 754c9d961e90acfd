// Package driver is a block driver's end of an allocator of tags: what becomes of a request that is started in an interrupt, where nobody may wait, when
// there is no tag for it.
//
// Andrew Morton asked Kent Overstreet on 12 June 2013: "What actions can a driver take if an irq-time tag allocation attempt fails? How can the driver
// author test those actions?" Here are the two that drivers take, and a way to test them: every so many allocations fail by order, whatever the
// allocator would have answered, as the fault injection of Linux does by its interval.
//
//	Requeue  the request stays with the driver. It is started again, in its turn, when a request of the same queue completes, or when somebody kicks it
//	EIO      the request ends with an error. If it was a write, its data are lost
//
// Invariants:
//
//	I1  every request that was submitted is on the device, requeued, completed or lost, and only one of these
//	I2  requests get their tags in the order in which they were submitted
//	I3  a driver that requeues loses none
//
// A Queue belongs to one CPU, and all its methods but Counts are called in hard interrupts there, which do not nest: that alone keeps them apart. The
// bookkeeping is the driver's own and no part of what is explored, so it lies in ordinary memory.
package driver

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
)

// Action is what a driver does with a request that got no tag.
type Action string

// The actions.
const (
	Requeue Action = "requeue"
	EIO     Action = "eio"
)

// Actions lists them.
func Actions() []Action { return []Action{Requeue, EIO} }

// Config describes a Queue.
type Config struct {
	Action    Action
	FailEvery uint64 // every so many allocations fail by order, 2 or more, since a request whose every allocation fails never starts; 0 for none
	Depth     int    // requests that the device takes at a time, at least 1
	// Started, if not nil, is told of each request that got its tag: its number in order of submission, from 0. In the same interrupt.
	Started func(t *kernel.Task, request uint64, tag designs.Item)
}

// Counts say what became of the requests and of the allocations made for them.
type Counts struct {
	Submitted uint64
	Completed uint64
	Lost      uint64 // ended with an error (EIO)
	Requeues  uint64 // times a request was put, or left, in the queue because it got no tag
	Attempts  uint64 // allocations
	Injected  uint64 // of these, failed by order
	Refused   uint64 // and refused by the allocator
}

// Queue starts one CPU's requests on one device.
type Queue struct {
	Config
	alloc    designs.Allocator
	counts   Counts
	flying   []designs.Item // tags of the requests on the device, a ring of Depth; the oldest is at first
	first    int
	count    int
	requeued uint64 // requests that wait for a tag: the youngest ones, since whoever comes waits behind them (I2)
}

// New makes a queue that gets its tags from an allocator whose Alloc and Free may be called in hard interrupts. It returns an error when a number is out
// of range or the action unknown.
func New(a designs.Allocator, c Config) (*Queue, error) {
	switch {
	case c.Action != Requeue && c.Action != EIO:
		return nil, fmt.Errorf("driver: action %q: give one of %v", c.Action, Actions())
	case c.FailEvery == 1:
		return nil, fmt.Errorf("driver: every allocation fails: give every second one or fewer, or 0 for none")
	case c.Depth < 1:
		return nil, fmt.Errorf("driver: a device that takes %d requests at a time: give at least 1", c.Depth)
	}
	return &Queue{Config: c, alloc: a, flying: make([]designs.Item, c.Depth)}, nil
}

// Submit takes a request and starts it, if none waits before it and the device takes it. In a hard interrupt.
func (q *Queue) Submit(t *kernel.Task) {
	q.Kick(t)
	q.counts.Submitted++
	if q.requeued > 0 || q.count == q.Depth {
		q.requeued++
		return
	}
	if q.start(t, q.counts.Submitted-1) {
		return
	}
	if q.Action == EIO {
		q.counts.Lost++
		return
	}
	q.counts.Requeues++
	q.requeued++
}

// Complete ends the request that is on the device longest, gives its tag back, and starts what waits. In a hard interrupt. It panics when there is none.
func (q *Queue) Complete(t *kernel.Task) {
	if q.count == 0 {
		panic("driver: a completion with no request on the device")
	}
	tag := q.flying[q.first]
	q.first = (q.first + 1) % q.Depth
	q.count--
	q.alloc.Free(t, tag)
	q.counts.Completed++
	q.Kick(t)
}

// Kick starts the requests that wait, the oldest first, until one gets no tag or the device is full: what a driver's timer does when no completion is to
// come. In a hard interrupt.
func (q *Queue) Kick(t *kernel.Task) {
	for q.requeued > 0 && q.count < q.Depth {
		if q.start(t, q.counts.Submitted-q.requeued) {
			q.requeued--
			continue
		}
		if q.Action == Requeue {
			q.counts.Requeues++
			return
		}
		q.requeued--
		q.counts.Lost++
	}
}

// start gets a request its tag and gives it to the device; false when there is no tag.
func (q *Queue) start(t *kernel.Task, request uint64) bool {
	q.counts.Attempts++
	if q.FailEvery > 0 && q.counts.Attempts%q.FailEvery == 0 {
		q.counts.Injected++
		return false
	}
	tag, err := q.alloc.Alloc(t, kernel.Atomic)
	if err != nil {
		q.counts.Refused++
		return false
	}
	q.flying[(q.first+q.count)%q.Depth] = tag
	q.count++
	if q.Started != nil {
		q.Started(t, request, tag)
	}
	return true
}

// Flying is the number of requests on the device.
func (q *Queue) Flying() int { return q.count }

// Requeued is the number of requests that wait for a tag.
func (q *Queue) Requeued() int { return int(q.requeued) }

// Counts are the counts so far; in an interrupt of the queue, or when it is quiet.
func (q *Queue) Counts() Counts { return q.counts }

// Check says which request is unaccounted for. In an interrupt of the queue, or when it is quiet.
func (q *Queue) Check() error {
	c := &q.counts
	switch {
	case c.Completed+c.Lost+uint64(q.count)+q.requeued != c.Submitted:
		return fmt.Errorf("driver: of %d requests %d are completed, %d lost, %d on the device and %d requeued (I1)", c.Submitted, c.Completed, c.Lost, q.count, q.requeued)
	case q.Action == Requeue && c.Lost > 0:
		return fmt.Errorf("driver: %d requests are lost, and the driver requeues (I3)", c.Lost)
	}
	return nil
}
