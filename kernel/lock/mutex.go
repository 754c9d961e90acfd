package lock

import (
	"unsafe"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/choice"
	"headroom/kernel/mutant"
)

// The bits of a Mutex's word.
const (
	held      = 1 // somebody holds it
	contended = 2 // somebody may be waiting: Unlock must look
)

// Mutex is a lock whose waiters sleep. The zero value is unlocked.
type Mutex struct {
	word atomic.Uint32
	wait WaitQueue
}

// Lock takes the mutex, sleeping while another task holds it. Process context, with no spinning lock held.
func (l *Mutex) Lock(t *kernel.Task) {
	if choice.Enabled {
		asks(t, unsafe.Pointer(l), WaitSleep)
	}
	l.lock(t)
}

// lock takes the mutex for whom it is, or is part of, a lock of another kind.
func (l *Mutex) lock(t *kernel.Task) {
	if choice.Enabled {
		t.LockAsked()
	}
	if !l.word.CompareAndSwap(0, held) {
		l.lockSlow(t)
	}
}

// lockSlow: a waiter takes the word as held|contended, since it cannot know that it was the only one; the price is one needless look at Unlock.
func (l *Mutex) lockSlow(t *kernel.Task) {
	for {
		l.wait.Prepare(t, true)
		if l.take() {
			l.wait.Finish(t)
			return
		}
		t.Schedule()
		l.wait.Finish(t)
	}
}

func (l *Mutex) take() bool {
	for {
		old := l.word.Load()
		if old&held != 0 {
			if old&contended != 0 || l.word.CompareAndSwap(old, old|contended) {
				return false
			}
			continue
		}
		if l.word.CompareAndSwap(old, held|contended) {
			return true
		}
	}
}

// TryLock takes the mutex if it is free and reports whether it did. Any context.
func (l *Mutex) TryLock(t *kernel.Task) bool {
	if !l.word.CompareAndSwap(0, held) {
		return false
	}
	if choice.Enabled {
		tried(t, unsafe.Pointer(l), WaitSleep)
	}
	return true
}

// Unlock releases the mutex and wakes one waiter. Only the holder calls it, in process context.
//
// I2, O2: the swap makes the free word visible before Wake looks at the queue; a waiter enters the queue, then tries the word.
func (l *Mutex) Unlock(t *kernel.Task) {
	if choice.Enabled {
		releases(t, unsafe.Pointer(l))
	}
	l.unlock(t)
}

func (l *Mutex) unlock(t *kernel.Task) {
	if l.word.CompareAndSwap(held, 0) {
		return
	}
	l.word.Swap(0)
	if mutant.On(lk02) {
		return
	}
	l.wait.Wake(t, 1)
}

// WaitType is WaitSleep.
func (l *Mutex) WaitType() WaitType { return WaitSleep }
