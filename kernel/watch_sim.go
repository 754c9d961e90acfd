//go:build sim

package kernel

// WatchingLocks, when not nil, is told of every lock. Only kernel/sim sets it, for the time of a run.
var WatchingLocks LockWatcher
