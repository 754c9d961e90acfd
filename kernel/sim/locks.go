package sim

import (
	"unsafe"

	"headroom/kernel"
	"headroom/kernel/machine"
)

// LockWatcher is a kernel.LockWatcher that also wants to hear what only the machine knows.
type LockWatcher interface {
	kernel.LockWatcher
	// Unmasked: interrupts may arrive at t from here on, which were masked before.
	Unmasked(t *kernel.Task)
	// Ends: t has come to its end; its place may be another's from here on.
	Ends(t *kernel.Task)
}

// WatchLocks makes w hear of every lock of the runs to come; nil ends it. It changes nothing in a run. What an entity does while a failed run is
// unwound is not told.
func (m *Machine) WatchLocks(w LockWatcher) {
	m.locks = nil
	if w != nil {
		m.locks = &lockWatch{machine: m, to: w}
	}
}

// lockWatch passes on what happens in a run, until that fails.
type lockWatch struct {
	machine *Machine
	to      LockWatcher
}

// Asks passes on; see kernel.LockWatcher.
func (l *lockWatch) Asks(t *kernel.Task, at unsafe.Pointer, wait kernel.WaitType) {
	if !l.machine.aborting {
		l.to.Asks(t, at, wait)
	}
}

// Tried passes on; see kernel.LockWatcher.
func (l *lockWatch) Tried(t *kernel.Task, at unsafe.Pointer, wait kernel.WaitType) {
	if !l.machine.aborting {
		l.to.Tried(t, at, wait)
	}
}

// Releases passes on; see kernel.LockWatcher.
func (l *lockWatch) Releases(t *kernel.Task, at unsafe.Pointer) {
	if !l.machine.aborting {
		l.to.Releases(t, at)
	}
}

// Awaits passes on; see kernel.LockWatcher.
func (l *lockWatch) Awaits(t *kernel.Task, s *kernel.Scope) {
	if !l.machine.aborting {
		l.to.Awaits(t, s)
	}
}

// Enters passes on; see kernel.LockWatcher.
func (l *lockWatch) Enters(t *kernel.Task, s *kernel.Scope) {
	if !l.machine.aborting {
		l.to.Enters(t, s)
	}
}

// Leaves passes on; see kernel.LockWatcher.
func (l *lockWatch) Leaves(t *kernel.Task, s *kernel.Scope) {
	if !l.machine.aborting {
		l.to.Leaves(t, s)
	}
}

// scoped is the body of a task that does queued work, for a watcher part of the work's scope.
func (m *Machine) scoped(w *machine.Work) func(*kernel.Task) {
	if w.Scope == nil || m.locks == nil {
		return w.Run
	}
	return func(t *kernel.Task) {
		m.locks.Enters(t, w.Scope)
		w.Run(t)
		m.locks.Leaves(t, w.Scope)
	}
}

// ended tells the watcher that an entity has come to its end.
func (l *lockWatch) ended(t *kernel.Task) {
	if l != nil && !l.machine.aborting {
		l.to.Ends(t)
	}
}

// unmasked tells the watcher that t masks interrupts no longer.
func (l *lockWatch) unmasked(t *kernel.Task) {
	if l != nil && !l.machine.aborting && !t.IRQsOff() {
		l.to.Unmasked(t)
	}
}
