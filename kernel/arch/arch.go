// Package arch holds the few processor instructions that Go has no name for: the time-stamp counter and the spin hint.
//
// Cost on x86-64, native: TSC about 10 ns, Pause about 10 to 40 ns a turn, depending on the processor generation.
package arch
