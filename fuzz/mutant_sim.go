//go:build sim

package fuzz

import "headroom/kernel/mutant"

func activeMutant() mutant.ID { return mutant.Active() }

// SetMutant switches a planted mistake on; "" switches all off.
func SetMutant(id mutant.ID) { mutant.Set(id) }

// MutantExecuted is how often the planted code was come to since SetMutant.
func MutantExecuted() uint64 { return mutant.Executed() }
