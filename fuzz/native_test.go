//go:build !sim

package fuzz

import (
	"errors"
	"testing"

	"headroom/designs/catalog"
	"headroom/kernel/sim"
)

// The native build has no simulator, and says so instead of finding nothing.
func TestNativeBuildSaysItHasNoSimulator(t *testing.T) {
	v, err := catalog.Default("percpu_tags")
	if err != nil {
		t.Fatal(err)
	}
	h := Hunt{Variant: v, Seed: 1, Executions: 10, Stop: func() bool { return false }}
	if found, err := h.Run(); !errors.Is(err, sim.ErrNoSimulator) || found.Failure != nil {
		t.Errorf("a hunt ends with %v and finds %v", err, found.Failure)
	}
	program := Bitmap{Tasks: 2}
	if _, _, err := program.Run(1); !errors.Is(err, sim.ErrNoSimulator) {
		t.Errorf("the bitmap program ends with %v", err)
	}
	SetMutant("PT-03")
	if id := activeMutant(); id != "" {
		t.Errorf("mutant %s is on", id)
	}
}
