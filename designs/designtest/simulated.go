package designtest

import (
	"fmt"
	"math/bits"

	"headroom/designs"
	"headroom/internal/rng"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/sim"
)

// simMemoryBytes are the sizes of memory tried, the smallest first: the race check keeps some 20 bytes for each.
var simMemoryBytes = []int{64 << 10, 512 << 10, 4 << 20}

const (
	simEntities = 24
	// A run of few items takes some 500 to 3,000 steps. An item taken and given back costs some 50, and some 150 in a layer over a layer,
	// which holds twice the items; each is so seven times at most.
	simSteps        = 30_000
	simStepsPerItem = 7 * 300
)

// trySim runs the trial on the simulated machine, with the seeds from first to last-1, each another schedule.
func (tr trial) trySim(v designs.Variant, c designs.Config, seen *tally, first, last int) error {
	if first >= last {
		return nil
	}
	where := "simulated"
	m, a, words, err := tr.simulate(v, c, func(m machine.Machine) machine.Machine { return m })
	if err != nil {
		return tr.failure(v, c, where, err)
	}
	if a == nil {
		return nil // tryNative has counted it
	}
	defer m.Close()
	m.Mark()
	for seed := uint64(first); seed < uint64(last); seed++ {
		m.Rewind()
		s := newScene(m, a, v, c, words, seed)
		s.simulated = true
		m.SetStrategy(newWalk(seed))
		tr.stage(s)
		err := s.verdict(m.Run())
		s.seen.runs++
		seen.add(&s.seen)
		if err != nil {
			if f := tr.failure(v, c, fmt.Sprintf("simulated, seed %d", seed), err); !seen.excuses(v, f) {
				return f
			}
		}
	}
	return nil
}

// simulate makes a machine with an allocator, of the smallest memory in which that fits; a is nil when New refuses the configuration. New sees the
// machine as it comes from seen.
func (tr trial) simulate(v designs.Variant, c designs.Config, seen func(machine.Machine) machine.Machine) (m *sim.Machine, a designs.Allocator, words []atomic.Uint32, err error) {
	for _, size := range simMemoryBytes {
		m, err = sim.New(sim.Options{CPUs: tr.cpus, MemoryBytes: memoryBytes(size, c), Entities: simEntities,
			StepLimit: simSteps + simStepsPerItem*c.Items, Races: true, NoPreempt: tr.noPreempt})
		if err != nil {
			return nil, nil, nil, err
		}
		if words, err = mem.Slice[atomic.Uint32](m.Memory(), 0, sceneWords); err == nil {
			if a, err = build(seen(m), v, c); a != nil {
				return m, a, words, nil
			}
		}
		m.Close()
	}
	return nil, nil, nil, err
}

// walk is the strategy: a random walk that stays with the current entity with a chance that the seed picks, so that some runs change CPU at
// every other step and some run whole operations.
type walk struct {
	stream rng.Stream
	stay   int // chances in 8
}

var stays = [...]int{0, 4, 6, 7}

func newWalk(seed uint64) *walk {
	return &walk{stream: rng.New(rng.Mix(^seed)), stay: stays[seed%uint64(len(stays))]}
}

// Next draws one of the eligible.
func (w *walk) Next(eligible uint64, current int) int {
	if eligible&(eligible-1) == 0 {
		return bits.TrailingZeros64(eligible)
	}
	if current >= 0 && eligible>>current&1 != 0 && w.stream.Below(8) < w.stay {
		return current
	}
	for n := w.stream.Below(bits.OnesCount64(eligible)); n > 0; n-- {
		eligible &= eligible - 1
	}
	return bits.TrailingZeros64(eligible)
}
