//go:build sim

package choice

import "unsafe"

// Enabled is true in the sim build: words ask Point before every access.
const Enabled = true

// Point, when not nil, is called before every access of a word by a simulated task. detail is the value that a compare-and-swap looks for, and the
// width of the word in bytes for every other access.
// Only kernel/sim sets it, on the one goroutine chain that runs the simulated machine.
var Point func(kind Kind, word unsafe.Pointer, detail uint64)

// Await, when not nil, parks the calling task until the 32-bit word differs from value. It is how a spinning CPU costs no steps.
var Await func(word unsafe.Pointer, value uint32)

// Fail, when not nil, is asked whether the backing allocation at a named place fails now; see kernel/fault.
var Fail func(index int) bool

// Reached, when not nil, is told that a "sometimes" point was passed; see kernel/reach.
var Reached func(index int)
