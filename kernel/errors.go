package kernel

import "errors"

// The errors an allocator may answer with, matched with errors.Is.
var (
	// ErrWouldBlock: nothing is free now and the caller may not wait.
	ErrWouldBlock = errors.New("would block: nothing is free and the caller may not wait")
	// ErrNoMemory: the backing memory is exhausted.
	ErrNoMemory = errors.New("no memory")
	// ErrNoSpace: every number of the range is taken.
	ErrNoSpace = errors.New("no space: every number of the range is taken")
	// ErrOffline: the CPU asked for is not online.
	ErrOffline = errors.New("the CPU is offline")
)
