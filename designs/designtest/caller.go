package designtest

import (
	"fmt"
	"runtime"

	"headroom/designs"
	"headroom/designs/spec"
	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
)

// caller is one user of the allocator, a task or an interrupt: what it holds, and where it is.
type caller struct {
	scene    *scene
	name     string
	stream   rng.Stream
	held     []designs.Item
	left     int        // operations still to be done
	gfp      kernel.GFP // of the latest Alloc
	inside   bool       // Alloc has not returned
	task     *kernel.Task
	allocs   int
	refusals int
	lockless int
	frees    int
	sent     int            // interrupts and tasks that do something on this caller's behalf
	over     *atomic.Uint32 // how many of them are done
	irqs     int            // the interrupts among them
}

// caller adds a caller to the scene. Only before the run, or by the only task there is.
func (s *scene) caller(name string) *caller {
	c := &caller{scene: s, name: name, stream: rng.New(s.stream.Uint64()), over: &s.words[1+len(s.callers)]}
	s.callers = append(s.callers, c)
	return c
}

// alloc takes an item and keeps it. It reports false when it was refused as the contract allows; a breach ends the run.
func (c *caller) alloc(t *kernel.Task, gfp kernel.GFP) bool {
	s := c.scene
	it, err := c.call(t, gfp)
	if err != nil {
		s.must(s.rules.Refusal(gfp.MayWait(), s.Leaving(t), it, err))
		c.refusals++
		return false
	}
	s.must(s.ledger.take(it))
	c.held = append(c.held, it)
	c.allocs++
	return true
}

// call is Alloc; while it lasts, inside is set.
func (c *caller) call(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	defer c.scene.blame(spec.C1, "Alloc")
	c.gfp, c.inside = gfp, true
	it, err := c.scene.alloc.Alloc(t, gfp)
	c.inside = false
	return it, err
}

// free gives back an item that somebody holds.
func (c *caller) free(t *kernel.Task, it designs.Item) {
	c.frees++
	c.scene.free(t, it)
}

// free is Free of an item that is held, in any context.
func (s *scene) free(t *kernel.Task, it designs.Item) {
	s.ledger.give(it)
	defer s.blame(spec.C4, "Free of a held item")
	s.alloc.Free(t, it)
}

// interrupt makes a CPU run something in hard-interrupt context on the caller's behalf.
func (c *caller) interrupt(t *kernel.Task, cpu int, run func(t *kernel.Task)) {
	c.sent++
	c.irqs++
	c.scene.Interrupt(t, cpu, &machine.Work{Run: func(t *kernel.Task) {
		run(t)
		c.over.Add(1)
	}})
}

// join waits until everything that the caller sent is done.
func (c *caller) join(t *kernel.Task) { c.joinTo(t, 0) }

// joinTo waits until no more than pending of it is still to be done.
func (c *caller) joinTo(t *kernel.Task, pending int) {
	for c.sent-int(c.over.Load()) > pending {
		t.Resched()
		if !c.scene.simulated {
			runtime.Gosched() // another CPU may share this one's processor
		}
	}
}

// maxPending keeps a caller within the number of tasks that a simulated machine has.
const maxPending = 2

// elsewhere frees an item on the given CPU: in an interrupt if the variant allows it there, else by a task.
func (c *caller) elsewhere(t *kernel.Task, cpu int, it designs.Item) {
	s := c.scene
	c.frees++
	c.joinTo(t, maxPending-1)
	if inInterrupts(s.variant.Capabilities.FreeIn) {
		c.interrupt(t, cpu, func(t *kernel.Task) { s.free(t, it) })
		return
	}
	c.sent++
	s.Spawn(t, machine.Spec{Name: "free", CPU: cpu, Body: func(t *kernel.Task) {
		s.free(t, it)
		c.over.Add(1)
	}})
}

// freeAll gives back everything, oldest first.
func (c *caller) freeAll(t *kernel.Task) {
	for _, it := range c.held {
		c.free(t, it)
	}
	c.held = c.held[:0]
}

// pick removes one of the held items and returns it.
func (c *caller) pick() designs.Item {
	last := len(c.held) - 1
	i := c.stream.Below(last + 1)
	it := c.held[i]
	c.held[i] = c.held[last]
	c.held = c.held[:last]
	return it
}

// noWait draws flags that forbid waiting.
func (c *caller) noWait() kernel.GFP {
	if c.stream.Below(2) == 0 {
		return kernel.NoWait
	}
	return kernel.Atomic
}

// blame turns a panic of the design into a breach. It is deferred around a call of the design.
func (s *scene) blame(sentence spec.Sentence, what string) {
	if r := recover(); r != nil {
		if byDesign(r) {
			s.note(&spec.Breach{Sentence: sentence, Message: fmt.Sprintf("%s panicked: %v", what, r)})
		}
		panic(r)
	}
}

// byDesign tells a panic of a design from one by which a machine or this suite ends a task: those are structs that are no errors.
func byDesign(r any) bool {
	switch r.(type) {
	case string, error:
		return true
	}
	return false
}
