package kernel

import "unsafe"

// WaitType is how a lock waits, for the rule that a lock may only be taken under locks of the same or an earlier kind.
type WaitType uint8

// The wait types, from the least to the most restricted.
const (
	WaitSleep  WaitType = iota // may sleep: lock.Mutex
	WaitConfig                 // sleeps with rt=on: lock.Spin
	WaitSpin                   // always spins: lock.RawSpin
)

// Scope is something that tasks wait for like a lock although it is none: what a worker does, what reclaim does for its caller. Whoever waits for it
// waits for every lock that is taken inside it. The lock checker of simulated runs is told (lock.Awaits); natively nobody listens.
type Scope struct {
	Name   string // what reports call it
	Worker bool   // it is what a worker does: waiting for it is a completion
}

// LockWatcher is told what the tasks of a simulated run do with locks. Its methods are called by the running task, between two steps. at is the lock.
type LockWatcher interface {
	Asks(t *Task, at unsafe.Pointer, wait WaitType)  // is about to take the lock, and waits for it if need be
	Tried(t *Task, at unsafe.Pointer, wait WaitType) // has taken the lock, which was free
	Releases(t *Task, at unsafe.Pointer)             // is about to release the lock
	Awaits(t *Task, s *Scope)                        // may be made to wait here for what is done within the scope
	Enters(t *Task, s *Scope)                        // does from here on what belongs to the scope
	Leaves(t *Task, s *Scope)                        // and no longer
}
