package kernel

// The wait queue's view of a task. Every method needs the lock of the queue the task is on, or is about to enter.

// QueueNext is the index of the task behind t in its wait queue, and false at the end.
func (t *Task) QueueNext() (index int, ok bool) { return t.node.next.Load() }

// QueuePrevious is the index of the task before t in its wait queue, and false at the head.
func (t *Task) QueuePrevious() (index int, ok bool) { return t.node.previous.Load() }

// SetQueueNext links t to the task behind it; ok false ends the queue.
func (t *Task) SetQueueNext(index int, ok bool) {
	if ok {
		t.node.next.Store(index)
	} else {
		t.node.next.Clear()
	}
}

// SetQueuePrevious links t to the task before it; ok false makes it the head.
func (t *Task) SetQueuePrevious(index int, ok bool) {
	if ok {
		t.node.previous.Store(index)
	} else {
		t.node.previous.Clear()
	}
}

// Queued reports whether t is in a wait queue.
func (t *Task) Queued() bool { return t.node.queued.Load() != 0 }

// SetQueued records whether t is in a wait queue, and whether it waits exclusively.
func (t *Task) SetQueued(queued, exclusive bool) {
	t.node.queued.Store(flag(queued))
	t.node.exclusive.Store(flag(exclusive))
}

// Exclusive reports whether t waits exclusively: a wake-up of one stops at it.
func (t *Task) Exclusive() bool { return t.node.exclusive.Load() != 0 }

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
