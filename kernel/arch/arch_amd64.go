package arch

// TSC reads the time-stamp counter, in ticks of a constant rate (see machine.TicksPerNs). The read is not serialising: it may move by a few
// instructions, which is why costs are taken over many operations. Any context.
//
//go:noescape
func TSC() uint64

// Pause tells the processor turns times that this is a spin loop, which frees shared execution units and saves power. Any context.
//
//go:noescape
func Pause(turns uint32)
