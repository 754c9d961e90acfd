//go:build sim

package designtest

import (
	"strings"
	"testing"

	"headroom/designs/spec"
)

// Faults that need a certain interleaving are caught on the simulated machine.
func TestSuiteCatchesRareInterleavings(t *testing.T) {
	mustCatch(t, toyVariant("looks before it queues"), spec.C5, "")
	mustCatch(t, toyVariant("forgets the lock"), "", "")
}

// A simulated failure repeats: the same trial finds the same failure at the same seed.
func TestSimulatedFailureRepeats(t *testing.T) {
	v := toyVariant("looks before it queues")
	first, second := Try(v), Try(v)
	if first == nil || second == nil || first.Error() != second.Error() || !strings.Contains(first.Error(), "simulated, seed") {
		t.Errorf("first %v, then %v", first, second)
	}
}
