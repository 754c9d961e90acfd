package fuzz

import (
	"cmp"
	"fmt"
	"math/bits"

	"headroom/fuzz/explore"
	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/sim"
)

// Bitmap is the small program that the explorer's speed is measured on: tasks on a CPU each, which twice allocate and free one of the two
// slots of a bitmap in a single word. It is as small as a program with real contention gets, so what it takes is the machine's own work.
//
// Checked in every execution: no slot has two owners, all are clear at the end, nobody is stuck, and nobody waits beside a clear slot.
type Bitmap struct {
	Tasks int    // 1 to 16
	Races bool   // with the race checks
	Torn  bool   // plant a mistake: a slot is claimed by a load and a store, not by a compare-and-swap
	Seed  uint64 // of the schedules
	// Strategy is one of explore.Names but dfs, "" for the random walk; with pct priorities change twice.
	Strategy string

	machine *sim.Machine
	word    *atomic.Uint32
	owners  [bitmapSlots]int // tasks that hold each slot
}

const (
	bitmapSlots  = 2
	bitmapFull   = 1<<bitmapSlots - 1
	bitmapRounds = 2
	// bitmapChanges is depth 3 of PCT, with which explorers are compared.
	bitmapChanges = 2
)

// Run makes so many executions, each under the schedule of a seed of its own, all on one machine that is rewound in between. It returns
// how many steps they took together and how many were made; the error is the first failure, a *sim.Failure, or says what could not be run.
func (b *Bitmap) Run(executions int) (steps int64, made int, err error) {
	walk, err := explore.New(cmp.Or(b.Strategy, "random"), bitmapChanges)
	if err != nil {
		return 0, 0, err
	}
	stream := rng.New(b.Seed)
	return b.under(walk, stream.Uint64, executions)
}

// RunData is Run under the schedules of a fuzzer's data (explore.Bytes): the first is the data as it is. Seed and Strategy do not matter.
func (b *Bitmap) RunData(data []byte, executions int) (steps int64, made int, err error) {
	next := uint64(0)
	seed := func() uint64 {
		next++
		return next - 1
	}
	return b.under(&explore.Bytes{Data: data}, seed, executions)
}

// under makes executions of a strategy, each begun with the next seed.
func (b *Bitmap) under(walk explore.Strategy, seed func() uint64, executions int) (steps int64, made int, err error) {
	if b.Tasks < 1 || b.Tasks > maxCPUs {
		return 0, 0, fmt.Errorf("bitmap program of %d tasks: give 1 to %d", b.Tasks, maxCPUs)
	}
	if b.machine, err = sim.New(sim.Options{CPUs: b.Tasks, Entities: b.Tasks, MemoryBytes: 1 << 12, Races: b.Races}); err != nil {
		return 0, 0, err
	}
	defer b.machine.Close()
	if b.word, err = mem.New[atomic.Uint32](b.machine.Memory(), 0); err != nil {
		return 0, 0, err
	}
	for i := range b.Tasks {
		b.machine.Spawn(nil, machine.Spec{Name: fmt.Sprintf("T%d", i), CPU: i, Body: b.body})
	}
	b.machine.Mark()
	b.machine.OnStuck(b.stuck)
	b.machine.SetStrategy(walk)
	length := 0
	begin := func() {
		b.machine.Rewind()
		b.owners = [bitmapSlots]int{}
		walk.Begin(seed(), length)
		made++
	}
	var failure error
	end := func() {
		length = max(length, b.machine.Steps())
		steps += int64(b.machine.Steps())
		if left := b.word.Load(); left != 0 && failure == nil {
			failure = &sim.Failure{Class: sim.Conservation, Message: fmt.Sprintf("slots %#b are taken at the end", left)}
		}
	}
	if executions < 1 {
		return 0, 0, nil
	}
	begin()
	err = b.machine.Repeat(func() bool {
		end()
		if failure != nil || made == executions {
			return false
		}
		begin()
		return true
	})
	if err == nil {
		err = failure
	}
	return steps, made, err
}

func (b *Bitmap) body(t *kernel.Task) {
	for range bitmapRounds {
		slot := b.alloc()
		if b.owners[slot]++; b.owners[slot] > 1 {
			b.machine.Fail(sim.Uniqueness, "slot %d has two owners", slot)
		}
		b.word.And(^(uint32(1) << slot))
		b.owners[slot]-- // still within the step: nobody else can have run since the access
	}
}

// alloc claims the lowest clear slot; while there is none it spins, which costs no steps.
func (b *Bitmap) alloc() (slot int) {
	for {
		old := b.word.Load()
		if old == bitmapFull {
			b.word.AwaitNot(bitmapFull)
			continue
		}
		slot = bits.TrailingZeros32(^old)
		if b.Torn {
			b.word.Store(old | 1<<slot)
			return slot
		}
		if b.word.CompareAndSwap(old, old|1<<slot) {
			return slot
		}
	}
}

func (b *Bitmap) stuck() *sim.Failure {
	if word := b.word.Load(); word != bitmapFull {
		return &sim.Failure{Class: sim.Waiting, Message: fmt.Sprintf("a task waits, and slots %#b only are taken", word)}
	}
	return nil
}
