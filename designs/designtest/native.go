package designtest

import (
	"fmt"
	"sync"

	"headroom/designs"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// processors are those that this process may use.
var processors = sync.OnceValues(func() ([]machine.CPU, error) {
	allowed, err := machine.Allowed()
	if err != nil {
		return nil, err
	}
	topology, err := machine.ReadTopology("/sys", allowed)
	return topology.CPUs, err
})

const (
	nativeMemoryBytes = 8 << 20 // beside the items' own memory; a list of 2^16 words for each of 3 CPUs is 768 KiB
	nativeTasks       = 1024    // over the life of a machine
)

// newNative makes a machine of so many CPUs; on a smaller computer several of them share a processor.
func newNative(cpus int, c designs.Config) (*machine.Native, error) {
	have, err := processors()
	if err != nil {
		return nil, err
	}
	o := machine.Options{MemoryBytes: memoryBytes(nativeMemoryBytes, c), Tasks: nativeTasks}
	for i := range cpus {
		o.CPUs = append(o.CPUs, have[i%len(have)])
	}
	return machine.NewNative(o)
}

// nativeSeeds is how many native runs a configuration gets: one where every step is determined anyway.
func (tr trial) nativeSeeds() uint64 {
	if tr.random {
		return 3
	}
	return 1
}

// nativeCPUs is the number of CPUs of a native run. In the first they may share processors, which makes lock holders lose theirs; then a spinning
// thread can hold up another for milliseconds, so the other runs are content with what there is, but 2 at least where the trial has 2.
func (tr trial) nativeCPUs(seed uint64) int {
	have, err := processors()
	if err != nil || seed == 0 {
		return tr.cpus
	}
	return min(tr.cpus, max(2, len(have)))
}

// memoryBytes leaves room for the items twice: allocators keep spare ones, and round sizes up.
func memoryBytes(least int, c designs.Config) int {
	return least + 2*max(c.Items, c.Room)*(c.Bytes+mem.LineBytes)
}

// tryNative runs the trial on this computer.
func (tr trial) tryNative(v designs.Variant, c designs.Config, seen *tally) error {
	for seed := range tr.nativeSeeds() {
		where := fmt.Sprintf("native, seed %d", seed)
		m, err := newNative(tr.nativeCPUs(seed), c)
		if err != nil {
			return tr.failure(v, c, where, err)
		}
		made, err := tr.runNative(m, v, c, seed, seen)
		m.Close()
		if err != nil {
			return tr.failure(v, c, where, err)
		}
		if !made {
			seen.rejected++
			return nil
		}
	}
	return nil
}

func (tr trial) runNative(m *machine.Native, v designs.Variant, c designs.Config, seed uint64, seen *tally) (made bool, err error) {
	words, err := mem.Slice[atomic.Uint32](m.Memory(), 0, sceneWords)
	if err != nil {
		return false, err
	}
	a, err := build(m, v, c)
	if a == nil {
		return false, err
	}
	s := newScene(m, a, v, c, words, seed)
	tr.stage(s)
	err = s.verdict(m.Run())
	s.seen.runs++
	seen.add(&s.seen)
	return true, err
}

// build makes the allocator. It returns nil and no error when New refuses a setting of the knobs, as it may.
func build(m machine.Machine, v designs.Variant, c designs.Config) (designs.Allocator, error) {
	a, err := v.New(m, c)
	switch {
	case err == nil && a == nil:
		return nil, errNoAllocator
	case err != nil && a != nil:
		return nil, fmt.Errorf("New returned an allocator and the error %w", err)
	case err != nil && mustWork(c):
		return nil, fmt.Errorf("New refused the default knobs: %w", err)
	}
	return a, nil
}
