//go:build !sim

package fuzz

import "headroom/kernel/mutant"

func activeMutant() mutant.ID { return "" }

// SetMutant does nothing in the native build, where no mistake is compiled in.
func SetMutant(id mutant.ID) {}

// MutantExecuted is 0 in the native build, where no mistake is compiled in.
func MutantExecuted() uint64 { return 0 }
