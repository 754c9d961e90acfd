package latency

import "headroom/designs"

//go:generate go run headroom/internal/loopgen -type designs.Allocator

// Interface returns the measuring loops, timed and not, that call through the Allocator interface: for variants without loops of their own, and to
// measure what the call costs.
func Interface() *designs.Loops { return &allocatorLoops }
