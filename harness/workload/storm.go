package workload

import (
	"fmt"

	"headroom/designs"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/latency"
)

// stormRounds is how many allocators a sample of start-storm wears out: each is cold once. More of them cost memory: with a zone of 64 MiB below
// each, these are 2 GiB of addresses.
const stormRounds = 32

// storm is what start-storm needs: an allocator for each round, and what each CPU took.
type storm struct {
	allocators []designs.Allocator
	held       [][]designs.Item
	firsts     []*latency.Histogram // by CPU: of its first allocations
	firstTicks []uint64             // their sum
}

func (r *run) layStorm() error {
	r.storm = &storm{firsts: newHistograms(r.spec.CPUs), firstTicks: make([]uint64, r.spec.CPUs)}
	for range stormRounds {
		a, err := r.variant.New(r.machine, r.config)
		if err != nil {
			return err
		}
		r.storm.allocators = append(r.storm.allocators, a)
	}
	for range r.spec.CPUs {
		r.storm.held = append(r.storm.held, make([]designs.Item, 0, r.spec.Burst))
	}
	return nil
}

// stormOn is the body of start-storm. Only the allocations are timed: the clock is read before the first, after it, and after the last.
func (r *run) stormOn(t *kernel.Task, s *seat, _ int) {
	for _, a := range r.storm.allocators {
		held := r.storm.held[s.cpu][:0]
		r.barrier(s)
		began := r.now()
		beganTick, rest := r.tick(), began
		for i := range r.spec.Burst {
			it, err := a.Alloc(t, kernel.NoWait)
			if err != nil {
				s.failed++
				continue
			}
			if i == 0 {
				rest = r.lengthen(s, began, r.now())
				took := r.tick() - beganTick
				r.storm.firsts[s.cpu].Record(took)
				r.storm.firstTicks[s.cpu] += took
			}
			if r.records != nil {
				r.records.Touch(it)
			}
			held = append(held, it)
		}
		s.inside += r.lengthen(s, rest, r.now()) - began
		s.ops += int64(len(held))
		r.barrier(s)
		for _, it := range held {
			a.Free(t, it)
		}
	}
}

func (r *run) checkStorm() error {
	for i, a := range r.storm.allocators {
		if err := a.Check(); err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
	}
	return nil
}

// stormFigures: throughput is that of the allocations, all CPUs at once; slow paths are those of all rounds.
func (r *run) stormFigures(o *result.Sample) error {
	o.OpsPerSec = 0
	for i := range r.seats {
		o.OpsPerSec += float64(r.seats[i].ops) / (float64(r.seats[i].inside) / 1e9)
	}
	for i, a := range r.storm.allocators {
		if stats, ok := a.(designs.StatsReader); ok {
			if i == 0 {
				clearSlow(o) // the warm-up's allocator had none of the rounds
			}
			addSlow(o, stats.Stats(), designs.Stats{})
		}
	}
	var ticks uint64
	for _, of := range r.storm.firstTicks {
		ticks += of
	}
	o.Counters[CounterFirstAlloc] = float64(ticks) / r.ticksPerNs() / float64(stormRounds*r.spec.CPUs)
	return r.describe(o, r.storm.firsts, result.TimedAlloc)
}
