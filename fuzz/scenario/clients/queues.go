package clients

import (
	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mutant"
)

// queues is a device with two hardware queues, each with tags and sleepers of its own; a CPU's requests go to one of them. A sleeper that is woken goes
// by the CPU it is on then.
type queues struct {
	tags  [hardwareQueues]elements
	items int // tags of a queue
}

const hardwareQueues = 2

func queuesVariant() designs.Variant {
	return variant("queues", "tags of two hardware queues, with sleepers that may wake up on a CPU of the other (blk-mq 2018)", designs.Object, nil,
		func(m machine.Machine, c designs.Config) (designs.Allocator, error) {
			q := &queues{items: c.Items}
			for i := range q.tags {
				var err error
				if q.tags[i], err = newElements(m, c.Items); err != nil {
					return nil, err
				}
			}
			return q, nil
		})
}

func (q *queues) of(t *kernel.Task) int { return t.CPU() % hardwareQueues }

// Alloc takes a tag of the CPU's queue. With DirectReclaim it sleeps until there is one (process context); without, the answer is
// kernel.ErrWouldBlock when that queue has none. Any context but NMI.
func (q *queues) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if !gfp.MayWait() {
		at := q.of(t)
		id, ok := q.tags[at].try(t)
		if !ok {
			return 0, kernel.ErrWouldBlock
		}
		return q.item(at, id), nil
	}
	for {
		at := q.of(t)
		waiters := &q.tags[at].words.waiters
		waiters.Prepare(t, true) // one wake-up for each tag
		id, ok := q.tags[at].try(t)
		if !ok {
			t.Schedule()
		}
		waiters.Finish(t)
		if ok || q.of(t) != at {
			q.passOn(t, waiters, ok) // I11: the wake-up may have been for this caller, who does not take a tag for it
		}
		if ok {
			return q.item(at, id), nil
		}
	}
}

// passOn wakes another sleeper of a queue that the caller leaves.
func (q *queues) passOn(t *kernel.Task, waiters *lock.WaitQueue, served bool) {
	if served || !mutant.On(sb05) {
		waiters.Wake(t, 1)
	}
}

func (q *queues) item(at int, id uint32) designs.Item { return designs.Item(at*q.items + int(id)) }

// Free gives a tag back to its queue and wakes one sleeper there. Any context but NMI.
func (q *queues) Free(t *kernel.Task, it designs.Item) {
	q.tags[int(it)/q.items].giveOne(t, uint32(int(it)%q.items))
}

// Check: at quiescence all tags are here.
func (q *queues) Check() error {
	for i := range q.tags {
		if err := q.tags[i].check(q.items); err != nil {
			return err
		}
	}
	return nil
}
