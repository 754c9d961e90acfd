package lock

import "headroom/kernel"

// WaitType is how a lock waits; see kernel.WaitType.
type WaitType = kernel.WaitType

// The wait types, from the least to the most restricted.
const (
	WaitSleep  = kernel.WaitSleep
	WaitConfig = kernel.WaitConfig
	WaitSpin   = kernel.WaitSpin
)

// The scopes of the page allocator.
var (
	// Memory is what a blocking page allocation waits for when it does not give up: somebody else's memory.
	Memory = &kernel.Scope{Name: "blocking page allocation"}
	// Reclaim is what direct reclaim does, and the background reclaimer: the writing of dirty pages, which a caller with kernel.IO may be made to do.
	Reclaim = &kernel.Scope{Name: "page reclaim"}
)
