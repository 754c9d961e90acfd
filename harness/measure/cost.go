// Package measure takes the machine's own costs, which every result is read against: a compare-and-swap, a line's round trip between two
// CPUs, the empty measuring loop, and the environment.
//
// All of it runs on tasks of a native machine. Costs are medians over short batches, in nanoseconds.
package measure

import (
	"slices"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// A batch of 20,000 compare-and-swaps takes about 0.1 ms: long beside the 10 ns of a clock reading, short beside a scheduler tick.
const (
	casPerBatch = 20_000
	batches     = 15
)

// CAS is the cost of an uncontended compare-and-swap of a word in the CPU's own cache, in ns: the median of 15 batches, each a chain of 20,000
// that change the word. It is the unit that makes figures of two machines comparable. t runs on the CPU to be measured.
func CAS(t *kernel.Task, word *atomic.Uint64) float64 {
	var costs [batches]float64
	for i := range costs {
		word.Store(0)
		start := arch.TSC()
		for v := range uint64(casPerBatch) {
			word.CompareAndSwap(v, v+1)
		}
		costs[i] = float64(arch.TSC()-start) / machine.TicksPerNs() / casPerBatch
	}
	return median(costs[:])
}

// Loop is the cost of one turn of the measuring loop around an allocator that does nothing, in ns: what a figure holds that is not the design's.
// Item and error come from memory, as a design's do, so that the compiler can drop neither the tests nor the counts; the calls themselves are part
// of a design's own cost.
func Loop(t *kernel.Task) float64 {
	const turns = 100_000
	var costs [batches]float64
	for i := range costs {
		start := arch.TSC()
		emptyPair(&nothing, t, kernel.NoWait, turns)
		costs[i] = float64(arch.TSC()-start) / machine.TicksPerNs() / turns
	}
	return median(costs[:])
}

// empty is the allocator that does nothing.
type empty struct {
	item designs.Item
	err  error
	held designs.Item
}

// nothing is reachable from outside, so the compiler cannot know what it holds.
var nothing empty

func (e *empty) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) { return e.item, e.err }

func (e *empty) Free(t *kernel.Task, it designs.Item) { e.held = it }

// emptyPair is the generated Pair loop on the empty allocator.
//
//go:noinline
func emptyPair(d *empty, t *kernel.Task, gfp kernel.GFP, ops int) (failed int) {
	for range ops {
		it, err := d.Alloc(t, gfp)
		if err != nil {
			failed++
			continue
		}
		d.Free(t, it)
	}
	return failed
}

// Court is the word that two CPUs pass between them to measure their distance, on a line pair of its own.
type Court struct {
	ball atomic.Uint64
	_    [120]byte
}

// NewCourt places a Court in machine memory.
func NewCourt(m machine.Machine) (*Court, error) { return mem.New[Court](m.Memory(), 0) }

// A measurement is 31 batches of 64 round trips: 2,000 times 50 to 400 ns are below a millisecond, and the median of the batches forgets those that
// an interruption fell into.
const (
	tripBatches   = 31
	tripsPerBatch = 64
)

// Serve plays one side of a round-trip measurement and returns the time of a line's round trip between the two CPUs, in ns. Two tasks on
// different CPUs call it at the same time, one with first true, one with first false; both get an answer. Only one measurement on a court at a time.
func (c *Court) Serve(first bool) float64 {
	mine := uint64(1)
	var wait Patience
	if first {
		mine = 0
		for c.ball.Load() != 1 { // wait for the other side to come
			wait.Turn()
		}
		c.ball.Store(2)
	} else {
		for !c.ball.CompareAndSwap(0, 1) {
			wait.Turn()
		}
		for c.ball.Load() < 2 { // the first stroke may have been made already
			wait.Turn()
		}
	}
	const from = 2
	var costs [tripBatches]float64
	turn := uint64(0)
	for i := range costs {
		start := arch.TSC()
		for range 2 * tripsPerBatch {
			if turn%2 == mine {
				c.ball.Store(from + turn + 1)
			} else {
				for c.ball.Load() == from+turn {
					wait.Turn()
				}
			}
			turn++
		}
		costs[i] = float64(arch.TSC()-start) / machine.TicksPerNs() / tripsPerBatch
	}
	if first {
		c.ball.Store(0) // the other side has made its last stroke: the court is free again
	}
	return median(costs[:])
}

func median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}
