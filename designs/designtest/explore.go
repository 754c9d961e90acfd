package designtest

import (
	"fmt"

	"headroom/kernel/machine"
	"headroom/kernel/sim"
)

// Program is what a design's own test runs under many schedules, where the contract's trials do not reach: parts of a design that are no allocator.
type Program struct {
	CPUs        int
	MemoryBytes int
	StepLimit   int // of one run; one that goes on is a livelock
	Seeds       int // schedules, from seed 0 on
	// Build lays the words out on the machine, once.
	Build func(m machine.Machine) error
	// Stage spawns the tasks of a run, on words in their first state. A task that finds a fault panics.
	Stage func(m machine.Machine)
	// Verdict judges a run that ended by itself.
	Verdict func() error
}

// Explore runs a program under seeded random schedules, with plain words checked for data races, and returns the first failure with its seed. It
// returns sim.ErrNoSimulator in the native build.
func Explore(p Program) error {
	m, err := sim.New(sim.Options{CPUs: p.CPUs, MemoryBytes: p.MemoryBytes, Entities: simEntities, StepLimit: p.StepLimit, Races: true})
	if err != nil {
		return err
	}
	defer m.Close()
	if err := p.Build(m); err != nil {
		return err
	}
	m.Mark()
	for seed := range uint64(p.Seeds) {
		m.Rewind()
		p.Stage(m)
		m.SetStrategy(newWalk(seed))
		err := m.Run()
		if err == nil {
			err = p.Verdict()
		}
		if err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return nil
}
