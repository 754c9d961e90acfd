//go:build sim

package slab

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// bulk: tasks on both CPUs free several objects at once, whose places they have written into another one, while interrupts free on the same lists.
func bulk() program {
	return program{cpus: 2, nodes: 1, pages: 8, config: Config{ObjectBytes: 32, Order: -1, High: 3, Batch: 2, MinPartial: -1}, setup: func(s *scene) {
		for cpu := range 2 {
			s.task(fmt.Sprintf("task/%d", cpu), cpu, func(t *kernel.Task) {
				for range 2 {
					s.freeTogether(t, cpu)
				}
			})
		}
	}}
}

// freeTogether takes up to five objects, writes the places of three into the first, frees those three at once and then the first; what is over an
// interrupt frees meanwhile.
func (s *scene) freeTogether(t *kernel.Task, cpu int) {
	var mine []Object
	for range 5 {
		if o, ok := s.alloc(t); ok {
			mine = append(mine, o)
		}
	}
	if len(mine) == 5 {
		late := mine[4]
		mine = mine[:4]
		s.sent++
		s.Interrupt(t, cpu, &machine.Work{Run: func(t *kernel.Task) { s.free(t, late) }})
	}
	if len(mine) == 4 {
		words := mem.Row[mem.Plain64](s.Memory(), uintptr(mine[0]), 3)
		for i, o := range mine[1:] {
			words[i].Store(uint64(o))
		}
		s.ownersKeepTheirs()
		for _, o := range mine[1:] {
			delete(s.held, o)
		}
		s.c.FreeBulk(t, words)
		mine = mine[:1]
	}
	for _, o := range mine {
		s.free(t, o)
	}
}
