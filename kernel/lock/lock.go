// Package lock holds the kernel's locks and its wait queue, built on kernel words so that the simulator sees every step of them.
//
//	RawSpin    spins always; any context (in NMI only by TryLock)
//	Spin       spins; with rt=on it sleeps (wait type CONFIG), so it must not be taken under a RawSpin or in hard-interrupt context there
//	Mutex      sleeps; process context
//	WaitQueue  a list of sleeping tasks, woken all at once or, when they wait exclusively, so many at a time
//
// Invariants:
//
//	I1  at most one task holds a lock (mutant LK-01)
//	I2  a task that releases a Mutex wakes one waiter if there is any (mutant LK-02)
//	I3  a task in a wait queue is woken by any Wake that starts after Prepare returned, in the order of their coming (mutant LK-03)
//
// Ordering, O1: a release (StoreRelease in Unlock) pairs with the compare-and-swap of the next Lock: what the holder wrote is seen by the next
// holder. Ordering, O2, is at WaitQueue.Wake.
//
// Cost, native, uncontended: RawSpin and Spin one compare-and-swap and one MOV; Mutex two compare-and-swaps.
// The spinning locks are test-and-test-and-set with growing pauses: not fair; the kernel's queued lock is. On few CPUs the difference is small.
package lock

import (
	"unsafe"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/choice"
	"headroom/kernel/mutant"
)

var (
	lk01 = mutant.Define(mutant.Mutant{ID: "LK-01", Host: "kernel/lock", Breaks: "I1",
		Story: "the lock word is tested and set in two steps, so two tasks can take the lock at once"})
	lk02 = mutant.Define(mutant.Mutant{ID: "LK-02", Host: "kernel/lock", Breaks: "I2",
		Story: "the mutex is released without a look at its waiters"})
	lk03 = mutant.Define(mutant.Mutant{ID: "LK-03", Host: "kernel/lock", Breaks: "I3",
		Story: "Wake takes a waiter that has not left its CPU yet off the queue without waking it"})
)

// RT reports whether Spin sleeps (rt=on). It is set once, before any machine runs.
var RT bool

// RawSpin is a lock that always spins. The zero value is unlocked. It belongs on the line of what it protects.
type RawSpin struct{ word atomic.Uint32 }

// Lock takes the lock, spinning while another CPU holds it. Any context but NMI; a holder that an interrupt may visit must mask interrupts.
func (l *RawSpin) Lock(t *kernel.Task) {
	if choice.Enabled {
		asks(t, unsafe.Pointer(l), WaitSpin)
		t.LockAsked()
		t.SpinEnter()
	}
	if !l.word.CompareAndSwap(0, 1) {
		l.lockSlow()
	}
}

func (l *RawSpin) lockSlow() {
	for {
		l.word.AwaitNot(1)
		if mutant.On(lk01) {
			l.word.Store(1)
			return
		}
		if l.word.CompareAndSwap(0, 1) {
			return
		}
	}
}

// TryLock takes the lock if it is free and reports whether it did. Any context.
func (l *RawSpin) TryLock(t *kernel.Task) bool {
	if !l.word.CompareAndSwap(0, 1) {
		return false
	}
	if choice.Enabled {
		t.SpinEnter()
		tried(t, unsafe.Pointer(l), WaitSpin)
	}
	return true
}

// Unlock releases the lock. Only the holder calls it. O1: the release that the next Lock pairs with.
func (l *RawSpin) Unlock(t *kernel.Task) {
	if choice.Enabled {
		releases(t, unsafe.Pointer(l))
	}
	l.word.StoreRelease(0)
	if choice.Enabled {
		t.SpinExit()
	}
}

// AwaitRelease spins until nobody holds the lock, or somebody has let it go in the meantime. Any context but NMI.
func (l *RawSpin) AwaitRelease() { l.word.AwaitNot(1) }

// Held reports whether anybody holds the lock; for checks at quiescence.
func (l *RawSpin) Held() bool { return l.word.LoadRelaxed() != 0 }

// Spin is the ordinary kernel spin lock: it spins, and with rt=on it sleeps.
type Spin struct{ m Mutex }

// Lock takes the lock. Any context but NMI; with rt=on process context only, with no RawSpin held.
func (l *Spin) Lock(t *kernel.Task) {
	if choice.Enabled {
		asks(t, unsafe.Pointer(l), WaitConfig)
	}
	if RT {
		l.m.lock(t)
		return
	}
	if choice.Enabled {
		t.LockAsked()
		t.SpinEnter()
	}
	if !l.m.word.CompareAndSwap(0, held) {
		l.lockSlow()
	}
}

func (l *Spin) lockSlow() {
	for {
		l.m.word.AwaitNot(held)
		if l.m.word.CompareAndSwap(0, held) {
			return
		}
	}
}

// TryLock takes the lock if it is free and reports whether it did. Any context.
func (l *Spin) TryLock(t *kernel.Task) bool {
	if !l.m.word.CompareAndSwap(0, held) {
		return false
	}
	if choice.Enabled {
		if !RT {
			t.SpinEnter()
		}
		tried(t, unsafe.Pointer(l), WaitConfig)
	}
	return true
}

// Unlock releases the lock. Only the holder calls it.
func (l *Spin) Unlock(t *kernel.Task) {
	if choice.Enabled {
		releases(t, unsafe.Pointer(l))
	}
	if RT {
		l.m.unlock(t)
		return
	}
	l.m.word.StoreRelease(0)
	if choice.Enabled {
		t.SpinExit()
	}
}

// Held reports whether anybody holds the lock; for checks at quiescence.
func (l *Spin) Held() bool { return l.m.word.LoadRelaxed()&held != 0 }

// WaitType is WaitConfig: what the lock does depends on rt.
func (l *Spin) WaitType() WaitType { return WaitConfig }

// WaitType is WaitSpin.
func (l *RawSpin) WaitType() WaitType { return WaitSpin }
