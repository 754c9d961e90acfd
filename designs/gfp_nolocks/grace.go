package gfpnolocks

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/percpu"
)

// Grace counts grace periods: a period ends when every CPU that is online has said in it that it uses nothing shared (Quiesce). The model knows no
// readers and no machine: who reads says so by not calling Quiesce.
type Grace struct {
	now    *graceWord
	passed []*graceWord // by CPU: the period in which it last quiesced
}

type graceWord struct{ period atomic.Uint64 }

// offline is the period that a dead CPU has passed.
const offline = ^uint64(0)

// NewGrace makes the count for a machine, all CPUs of which are online.
func NewGrace(place kernel.Place) (*Grace, error) {
	now, err := mem.New[graceWord](place.Memory(), 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", design, err)
	}
	passed, err := percpu.New[graceWord](place)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", design, err)
	}
	now.period.Store(1)
	return &Grace{now: now, passed: passed}, nil
}

// Snapshot names the grace period that has to end before what was shared until now is nobody's: the next whole one. Any context.
//
// I2: the period that is running may have been passed by some CPUs already. When it and the next one have ended, every CPU has quiesced in the next,
// which began after this.
func (g *Grace) Snapshot() uint64 {
	if mutant.On(kr01) {
		return g.now.period.Load() + 1
	}
	return g.now.period.Load() + 2
}

// Elapsed reports whether the period of a Snapshot has ended. Any context.
func (g *Grace) Elapsed(snapshot uint64) bool { return g.now.period.Load() >= snapshot }

// Quiesce says that the caller's CPU uses nothing shared at this moment, and ends the period if it was the last one to. Any context.
//
// O1: the store of what this CPU has passed, then the looks at the others, then the period's end, which Elapsed reads.
func (g *Grace) Quiesce(t *kernel.Task) {
	period := g.now.period.Load()
	g.passed[t.CPU()].period.Store(period)
	g.end(period)
}

// end ends a period that all CPUs have passed.
func (g *Grace) end(period uint64) {
	for _, w := range g.passed {
		if w.period.Load() < period {
			return
		}
	}
	g.now.period.CompareAndSwap(period, period+1)
}

// CPUDead says that a CPU is offline and no longer waited for. One that comes back calls Quiesce before it reads anything shared: from then on periods
// wait for it again.
func (g *Grace) CPUDead(cpu int) {
	g.passed[cpu].period.Store(offline)
	g.end(g.now.period.Load())
}
