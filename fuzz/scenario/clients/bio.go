package clients

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// bio is a driver that splits an I/O into clones. What it submits while it runs waits on its task's own list until it returns: so the block layer turns
// recursion into a loop. When no clone is left, a rescuer submits those on the list, since the one that the driver waits for may be among them. A clone is
// given back by the interrupt that completes it.
type bio struct {
	machine  machine.Machine
	parents  elements
	clones   elements
	complete []machine.Work // by clone
	rescue   []machine.Work
	lists    [][]mem.Plain32 // by parent: the clones on its task's list
	parts    int
}

const knobParts = "parts"

func bioVariant() designs.Variant {
	table := []designs.Knob{{Name: knobParts, Standard: 2, Low: 1, High: 3, Meaning: "clones that an I/O is split into"}}
	v := variant("bio", "an I/O that a driver splits, and a rescuer for what waits on its task's list (block layer 2012)", designs.Object, table,
		func(m machine.Machine, c designs.Config) (designs.Allocator, error) {
			if c.Items > mostClones {
				return nil, fmt.Errorf("%d clones: give 1 to %d, as many interrupts as a machine has room for", c.Items, mostClones)
			}
			b := &bio{machine: m, parts: c.Knob(knobParts, 2), complete: make([]machine.Work, c.Items), rescue: make([]machine.Work, c.Items)}
			var err error
			if b.clones, err = newElements(m, c.Items); err != nil {
				return nil, err
			}
			if b.parents, err = newElements(m, bioParents); err != nil {
				return nil, err
			}
			for range bioParents {
				list, err := mem.Slice[mem.Plain32](m.Memory(), 0, b.parts)
				if err != nil {
					return nil, err
				}
				b.lists = append(b.lists, list)
			}
			for i := range c.Items {
				b.complete[i].Run = func(t *kernel.Task) { b.clones.put(t, uint32(i)) }
				b.rescue[i].Run = func(t *kernel.Task) { b.submit(t, uint32(i)) }
			}
			return b, nil
		})
	v.Guaranteed = func(designs.Config) int { return 1 } // the clones of the I/O before may be under way
	v.Capabilities.HoldsBack = true                      // likewise
	v.Works = func(c designs.Config) int { return 2 * c.Items }
	return v
}

// mostClones leaves room for tasks beside the clones' interrupts and works.
const mostClones = 16

// bioParents is more I/Os than a program's tasks have at a time.
const bioParents = 64

// submit hands a clone to the device, which completes it in an interrupt.
func (b *bio) submit(t *kernel.Task, clone uint32) {
	b.machine.Interrupt(t, t.CPU(), &b.complete[clone])
}

// Alloc starts an I/O. With DirectReclaim it is split, and waits for its clones (process context); without it has one part, and is refused with
// kernel.ErrWouldBlock when there is no clone for it. Any context but NMI.
func (b *bio) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	parent, ok := b.parents.try(t)
	if !ok {
		panic("clients: more I/Os than a program can have")
	}
	if !gfp.MayWait() {
		clone, ok := b.clones.try(t)
		if !ok {
			b.parents.put(t, parent)
			return 0, kernel.ErrWouldBlock
		}
		b.submit(t, clone)
		return designs.Item(parent), nil
	}
	list := b.lists[parent]
	waiting := 0 // clones on the list
	for range b.parts {
		clone, ok := b.clones.try(t)
		if !ok {
			if !mutant.On(bi01) {
				for ; waiting > 0; waiting-- { // I3
					b.machine.Queue(t, t.CPU(), &b.rescue[list[waiting-1].Load()])
				}
			}
			clone = b.clones.get(t)
		}
		list[waiting].Store(clone)
		waiting++
	}
	for ; waiting > 0; waiting-- { // the driver has returned
		b.submit(t, list[waiting-1].Load())
	}
	return designs.Item(parent), nil
}

// Free ends an I/O. Any context but NMI.
func (b *bio) Free(t *kernel.Task, it designs.Item) { b.parents.put(t, uint32(it)) }

// Check: at quiescence every clone is completed.
func (b *bio) Check() error {
	if err := b.parents.check(bioParents); err != nil {
		return err
	}
	return b.clones.check(b.clones.count)
}
