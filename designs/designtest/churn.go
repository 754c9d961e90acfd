package designtest

import (
	"fmt"

	"headroom/designs/spec"
	"headroom/kernel"
)

// Operations of one task in a churn: few where every step is a choice.
const (
	churnCallsSim    = 8
	churnCallsNative = 150
)

// stageChurn: two tasks on each CPU allocate and free at random.
func stageChurn(s *scene) { churn(s, s.CPUs()) }

// stageUnplug is a churn during which the last CPU goes offline. Interrupts go to the other CPUs.
func stageUnplug(s *scene) {
	churn(s, s.CPUs()-1)
	delay := s.stream.Below(20)
	s.task(nil, "hotplug", 0, func(t *kernel.Task) {
		for range delay {
			t.Resched()
		}
		s.offline(t, s.CPUs()-1, func(t *kernel.Task, hook func()) {
			defer s.blame(spec.C9, "CPUDead")
			hook()
		})
		s.leave(t)
	})
}

// churn spawns the tasks; interrupts go to CPUs below irqCPUs.
func churn(s *scene, irqCPUs int) {
	calls := churnCallsNative
	if s.simulated {
		calls = churnCallsSim
	}
	tasks := s.CPUs() + 1 // so that CPU 0 has two
	for i := range tasks {
		c := s.caller(fmt.Sprintf("caller %d", i))
		c.left = calls
		s.task(nil, c.name, i%s.CPUs(), func(t *kernel.Task) { c.churn(t, irqCPUs) })
	}
}

// churn allocates and frees until the calls are done, or the CPU goes offline: then the machine goes on with it elsewhere.
//
// A caller waits only when it holds nothing. So whoever holds an item goes on to free it, and nobody may be left waiting in the end.
func (c *caller) churn(t *kernel.Task, irqCPUs int) {
	s := c.scene
	window := min(4, s.config.Items)
	for ; c.left > 0; c.left-- {
		if s.Leaving(t) {
			t.Leave()
			return
		}
		n := c.stream.Below(8)
		switch {
		case len(c.held) == 0 && n < 4 && s.variant.Capabilities.MayWait:
			c.alloc(t, kernel.Kernel)
		case len(c.held) == 0 || len(c.held) < window && n < 4:
			c.alloc(t, c.noWait())
		case n < 6:
			c.free(t, c.pick())
		default:
			c.elsewhere(t, c.stream.Below(irqCPUs), c.pick())
		}
		if c.stream.Below(4) == 0 {
			t.Resched()
		}
	}
	c.freeAll(t)
	c.join(t)
	s.leave(t)
}
