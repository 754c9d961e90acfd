//go:build sim

package designtest

import (
	"errors"
	"strings"
	"testing"

	"headroom/designs/spec"
)

// Faults that need a certain interleaving are caught on the simulated machine.
func TestSuiteCatchesRareInterleavings(t *testing.T) {
	for fault, sentence := range map[string]spec.Sentence{"looks before it queues": spec.C5, "forgets the lock": "", "locks all the same": spec.C6} {
		var found *Failure
		if err := TrySimulated(toyVariant(fault)); !errors.As(err, &found) || found.Sentence != sentence {
			t.Errorf("%s: %v, want a breach of %q", fault, err, sentence)
		} else {
			t.Log(err)
		}
	}
}

// A caller that looks before it queues is caught by a single rush, without the other trials.
func TestRushFindsTheLostWakeUp(t *testing.T) {
	for _, tr := range trials {
		if tr.name != "rush" {
			continue
		}
		var found *Failure
		if err := tr.try(toyVariant("looks before it queues"), &tally{}); !errors.As(err, &found) || found.Sentence != spec.C5 {
			t.Errorf("%v, want a breach of C5", err)
		}
		if err := tr.try(toyVariant(""), &tally{}); err != nil {
			t.Errorf("without a fault: %v", err)
		}
	}
}

// A simulated failure repeats: the same trial finds the same failure at the same seed.
func TestSimulatedFailureRepeats(t *testing.T) {
	v := toyVariant("looks before it queues")
	first, second := TrySimulated(v), TrySimulated(v)
	if first == nil || second == nil || first.Error() != second.Error() || !strings.Contains(first.Error(), "simulated, seed") {
		t.Errorf("first %v, then %v", first, second)
	}
}
