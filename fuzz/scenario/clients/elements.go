package clients

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
)

// elements is a number of things, 0 to count-1, for callers that take one, and wait for it if they may. It has no memory below it: as a pool it is one
// whose backing always fails.
type elements struct {
	words *elementWords
	stack []mem.Plain32 // stack[:words.free]; protected by words.lock
	count int
}

type elementWords struct {
	lock    lock.RawSpin
	free    mem.Plain32 // protected by lock
	waiters lock.WaitQueue
}

func newElements(place kernel.Place, count int) (e elements, err error) {
	e.count = count
	if e.words, err = mem.New[elementWords](place.Memory(), 0); err != nil {
		return e, err
	}
	if e.stack, err = mem.Slice[mem.Plain32](place.Memory(), 0, count); err != nil {
		return e, err
	}
	for i := range e.stack {
		e.stack[i].Store(uint32(i))
	}
	e.words.free.Store(uint32(count))
	return e, nil
}

// try takes one if there is any. Any context but NMI.
func (e *elements) try(t *kernel.Task) (id uint32, ok bool) {
	t.IRQSave()
	e.words.lock.Lock(t)
	if n := e.words.free.Load(); n != 0 {
		id, ok = e.stack[n-1].Load(), true
		e.words.free.Store(n - 1)
	}
	e.words.lock.Unlock(t)
	t.IRQRestore()
	return id, ok
}

// get takes one, and sleeps until there is one: first into the queue, then the look. Process context with no spinning lock held.
func (e *elements) get(t *kernel.Task) uint32 {
	for {
		e.words.waiters.Prepare(t, false)
		id, ok := e.try(t)
		if !ok {
			t.Schedule()
		}
		e.words.waiters.Finish(t)
		if ok {
			return id
		}
	}
}

// put gives one back and wakes all sleepers. Any context but NMI.
func (e *elements) put(t *kernel.Task, id uint32) {
	e.giveBack(t, id)
	e.words.waiters.Wake(t, 0)
}

// giveOne gives one back and wakes one sleeper of those that wait exclusively.
func (e *elements) giveOne(t *kernel.Task, id uint32) {
	e.giveBack(t, id)
	e.words.waiters.Wake(t, 1)
}

func (e *elements) giveBack(t *kernel.Task, id uint32) {
	t.IRQSave()
	e.words.lock.Lock(t)
	n := e.words.free.Load()
	if int(n) == e.count {
		panic(fmt.Sprintf("clients: element %d is given back, and all %d are here", id, e.count))
	}
	e.stack[n].Store(id)
	e.words.free.Store(n + 1)
	e.words.lock.Unlock(t)
	t.IRQRestore()
}

// check: at quiescence, with everything given back, all are here.
func (e *elements) check(free int) error {
	if n := int(e.words.free.Load()); n != free || e.words.lock.Held() {
		return fmt.Errorf("clients: %d elements of %d are here, want %d, or their lock is held", n, e.count, free)
	}
	return nil
}
