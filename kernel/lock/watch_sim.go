//go:build sim

package lock

import (
	"unsafe"

	"headroom/kernel"
)

func asks(t *kernel.Task, at unsafe.Pointer, wait WaitType) {
	if w := kernel.WatchingLocks; w != nil {
		w.Asks(t, at, wait)
	}
}

func tried(t *kernel.Task, at unsafe.Pointer, wait WaitType) {
	if w := kernel.WatchingLocks; w != nil {
		w.Tried(t, at, wait)
	}
}

func releases(t *kernel.Task, at unsafe.Pointer) {
	if w := kernel.WatchingLocks; w != nil {
		w.Releases(t, at)
	}
}

// Awaits says that t may be made to wait here for what is done within a scope. Any context: where waiting is forbidden, this is a finding.
func Awaits(t *kernel.Task, s *kernel.Scope) {
	if w := kernel.WatchingLocks; w != nil {
		w.Awaits(t, s)
	}
}

// Enters says that what t does from here on belongs to a scope, until it Leaves.
func Enters(t *kernel.Task, s *kernel.Scope) {
	if w := kernel.WatchingLocks; w != nil {
		w.Enters(t, s)
	}
}

// Leaves ends what Enters began.
func Leaves(t *kernel.Task, s *kernel.Scope) {
	if w := kernel.WatchingLocks; w != nil {
		w.Leaves(t, s)
	}
}
