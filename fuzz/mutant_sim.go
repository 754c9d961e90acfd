//go:build sim

package fuzz

import "headroom/kernel/mutant"

func activeMutant() mutant.ID { return mutant.Active() }

// SetMutant switches a planted mistake on; "" switches all off.
func SetMutant(id mutant.ID) { mutant.Set(id) }
