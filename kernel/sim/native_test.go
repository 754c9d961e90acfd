//go:build !sim

package sim_test

import (
	"errors"
	"testing"

	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/sim"
)

// Only the sim build can run a simulated machine; the other one says so and runs nothing.
func TestNativeBuildHasNoSimulator(t *testing.T) {
	m, err := sim.New(sim.Options{CPUs: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.Spawn(nil, machine.Spec{Name: "task", Body: func(*kernel.Task) { t.Error("a task ran") }})
	m.SetStrategy(first{})
	if err := m.Run(); !errors.Is(err, sim.ErrNoSimulator) {
		t.Errorf("Run gives %v", err)
	}
}

// first lets the entity with the lowest number go first.
type first struct{}

func (first) Next(uint64, int) int { return 0 }
