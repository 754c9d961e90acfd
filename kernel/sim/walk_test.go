//go:build sim

package sim_test

import (
	"errors"
	"fmt"
	"math/bits"
	"testing"

	"headroom/internal/rng"
	"headroom/kernel/mem"
	"headroom/kernel/sim"
)

// walk is the uniform random walk over who takes the next step.
type walk struct{ stream rng.Stream }

func (w *walk) Next(eligible uint64, current int) int {
	for n := w.stream.Below(bits.OnesCount64(eligible)); n > 0; n-- {
		eligible &= eligible - 1
	}
	return bits.TrailingZeros64(eligible)
}

func (w *walk) Choose(n int) int { return w.stream.Below(n) }

// program spawns tasks on a machine, before Mark.
type program func(m *sim.Machine) error

// run is the end of one schedule.
type run struct {
	hash  uint64
	steps int
	err   error
}

// explore runs a program under the schedules of many seeds on one machine, rewound in between, and tells each end to visit, which may end the
// search with an error.
func explore(o sim.Options, p program, seeds int, visit func(m *sim.Machine, seed uint64, r run) error) error {
	m, err := sim.New(o)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := p(m); err != nil {
		return err
	}
	m.Mark()
	for seed := range uint64(seeds) {
		m.Rewind()
		m.SetStrategy(&walk{rng.New(rng.Mix(seed))})
		err := m.Run()
		if err := visit(m, seed, run{m.Hash(), m.Steps(), err}); err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return nil
}

// succeed is the visit of a program that may not fail.
func succeed(_ *sim.Machine, _ uint64, r run) error { return r.err }

// classes counts how the schedules of a program ended, by class of failure, "" for none, and keeps a message of each.
func classes(t *testing.T, o sim.Options, p program, seeds int) (count map[sim.Class]int, message map[sim.Class]string) {
	t.Helper()
	count, message = map[sim.Class]int{}, map[sim.Class]string{}
	err := explore(o, p, seeds, func(_ *sim.Machine, _ uint64, r run) error {
		class := sim.Class("")
		if r.err != nil {
			var f *sim.Failure
			if !errors.As(r.err, &f) {
				return fmt.Errorf("not a Failure: %w", r.err)
			}
			class = f.Class
			message[class] = f.Message
		}
		count[class]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return count, message
}

// words places n plain words, each on a line of its own.
func words(m *sim.Machine, n int) ([]*mem.Plain32, error) {
	list := make([]*mem.Plain32, n)
	for i := range list {
		var err error
		if list[i], err = mem.New[mem.Plain32](m.Memory(), 0); err != nil {
			return nil, err
		}
	}
	return list, nil
}
