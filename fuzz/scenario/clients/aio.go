package clients

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/percpu"
)

// aio reserves slots of a ring: batches of them lie on each CPU, and what all batches can strand there is added to what was promised.
type aio struct {
	global *aioGlobal
	cpus   []*aioCPU
	slots  elements
	batch  uint32
}

type aioGlobal struct{ available atomic.Uint32 }

// aioCPU is one CPU's batch; used with interrupts masked.
type aioCPU struct{ available mem.Plain32 }

// batchesPerCPU is how many batches of each CPU the promise holds, as in the original.
const batchesPerCPU = 4

func aioVariant() designs.Variant {
	v := variant("aio", "slots of a ring, reserved in per-CPU batches; twice what is promised, since batches strand (fs/aio.c, 2013)", designs.Object, nil,
		func(m machine.Machine, c designs.Config) (designs.Allocator, error) {
			a := &aio{}
			total := 2 * max(c.Items, batchesPerCPU*m.CPUs())
			if mutant.On(ai02) {
				total = c.Items
			}
			a.batch = uint32(max(1, (total-1)/(batchesPerCPU*m.CPUs())))
			var err error
			if a.global, err = mem.New[aioGlobal](m.Memory(), 0); err != nil {
				return nil, err
			}
			if a.cpus, err = percpu.New[aioCPU](m); err != nil {
				return nil, err
			}
			a.global.available.Store(uint32(total))
			a.slots, err = newElements(m, total)
			return a, err
		})
	v.Capabilities.MayWait = false
	v.Capabilities.KeepsAside = true
	return v
}

// Alloc reserves a slot; kernel.ErrWouldBlock when neither the CPU has one nor a batch is left. Any context but NMI.
func (a *aio) Alloc(t *kernel.Task, _ kernel.GFP) (designs.Item, error) {
	if !a.reserve(t) {
		return 0, kernel.ErrWouldBlock
	}
	id, ok := a.slots.try(t)
	if !ok {
		panic("clients: a slot was reserved, and the ring is full")
	}
	return designs.Item(id), nil
}

func (a *aio) reserve(t *kernel.Task) bool {
	t.IRQSave()
	defer t.IRQRestore()
	c := a.cpus[t.CPU()]
	n := c.available.Load()
	for n == 0 {
		left := a.global.available.Load()
		if left < a.batch {
			return false
		}
		if a.global.available.CompareAndSwap(left, left-a.batch) {
			n = a.batch
		}
	}
	c.available.Store(n - 1)
	return true
}

// Free gives a slot back, first the slot, then the right to one: to the CPU, and by the batch to all. Any context but NMI.
func (a *aio) Free(t *kernel.Task, it designs.Item) {
	a.slots.put(t, uint32(it))
	t.IRQSave()
	c := a.cpus[t.CPU()]
	n := c.available.Load() + 1
	if n >= 2*a.batch {
		n -= a.batch
		a.global.available.Add(a.batch)
	}
	c.available.Store(n)
	t.IRQRestore()
}

// Check: at quiescence every slot is counted once.
func (a *aio) Check() error {
	n := int(a.global.available.Load())
	for _, c := range a.cpus {
		n += int(c.available.Load())
	}
	if free := int(a.slots.words.free.Load()); n != free {
		return fmt.Errorf("clients: %d slots are counted and %d are free", n, free)
	}
	return nil
}
