package lockdep

import (
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/mutant"
)

// ask notes that t may wait for one of a class under all that it holds, and looks at the rules.
func (g *Graph) ask(t *kernel.Task, c int, instance uintptr) {
	g.checkContext(t, c)
	for _, h := range g.held[t.Index()] {
		if h.class == c {
			g.nest(t, h, instance)
			continue
		}
		key := edgeKey{h.class, c}
		if _, known := g.edges[key]; known {
			continue
		}
		e := &edge{site: g.here(t), under: h.site, who: who(t)}
		g.add(key, e)
		if chain := g.chain(c, h.class); chain != nil {
			g.reportCircle(t, key, e, chain)
		}
		g.checkSafety(h.class, c)
	}
}

// axiom adds an edge that nobody showed by taking locks.
func (g *Graph) axiom(t *kernel.Task, from, to int, why string) {
	key := edgeKey{from, to}
	if _, known := g.edges[key]; known {
		return
	}
	e := &edge{site: g.here(t), who: who(t), axiom: why}
	g.add(key, e)
	if chain := g.chain(to, from); chain != nil {
		g.reportCircle(t, key, e, chain)
	}
}

func (g *Graph) add(key edgeKey, e *edge) {
	g.facts++
	g.edges[key] = e
	g.classes[key.from].after = append(g.classes[key.from].after, key.to)
}

// chain is the shortest way from a class to another along the edges, nil for none: the classes passed, both ends among them.
func (g *Graph) chain(from, to int) []int {
	before := make([]int, len(g.classes))
	for i := range before {
		before[i] = -1
	}
	before[from] = from
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == to {
			var chain []int
			for ; at != from; at = before[at] {
				chain = append([]int{at}, chain...)
			}
			return append([]int{from}, chain...)
		}
		for _, next := range g.classes[at].after {
			if before[next] < 0 {
				before[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// nest: a class is asked for under itself. One lock twice is a deadlock, and so are two in both orders, or more in a circle, and an element for who holds
// one of that pool. A scope within itself is a thread that waits for what it is doing.
func (g *Graph) nest(t *kernel.Task, h hold, instance uintptr) {
	c := &g.classes[h.class]
	if c.kind != aLock || h.instance == instance {
		g.reportRecursion(t, h, nil)
		return
	}
	if _, known := c.order[[2]uintptr{h.instance, instance}]; known {
		return
	}
	g.facts++
	c.order[[2]uintptr{h.instance, instance}] = &edge{site: g.here(t), under: h.site, who: who(t)}
	c.inner[h.instance] = append(c.inner[h.instance], instance)
	if others := c.nested(instance, h.instance); others != nil {
		g.reportRecursion(t, h, others)
	}
}

// nested is the shortest chain of nestings that leads from one lock of the class to another, nil for none.
func (c *class) nested(from, to uintptr) (chain []*edge) {
	before := map[uintptr]uintptr{from: from}
	for queue := []uintptr{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == to {
			for ; at != from; at = before[at] {
				chain = append([]*edge{c.order[[2]uintptr{before[at], at}]}, chain...)
			}
			return chain
		}
		for _, next := range c.inner[at] {
			if _, known := before[next]; !known {
				before[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// checkContext looks at the wait types, and at the context that t runs in.
func (g *Graph) checkContext(t *kernel.Task, c int) {
	wanted := &g.classes[c]
	if t.Context() == kernel.NMI {
		g.reportContext(t, NMI, c, nil)
		return
	}
	if wanted.wait == lock.WaitSleep || wanted.wait == lock.WaitConfig && lock.RT {
		if t.Context() != kernel.Process || t.IRQsOff() {
			g.reportContext(t, WaitType, c, nil)
			return
		}
	}
	held := g.held[t.Index()]
	for i := range held {
		if h := &g.classes[held[i].class]; h.kind == aLock && h.wait > wanted.wait {
			g.reportContext(t, WaitType, c, &held[i])
			return
		}
	}
}

// mark notes in what context a lock of a class was waited for.
func (g *Graph) mark(t *kernel.Task, c int) {
	k := &g.classes[c]
	if t.Context() != kernel.Process && !k.inIRQ.is {
		g.facts++
		k.inIRQ = use{true, g.here(t), who(t)}
		k.irqLock = g.latest(t)
		g.checkUses(t, c)
	}
	g.markOpen(t, c)
}

// markOpen notes that a lock of a class is held while interrupts may arrive.
func (g *Graph) markOpen(t *kernel.Task, c int) {
	k := &g.classes[c]
	if k.kind != aLock || k.open.is || t.IRQsOff() || t.Context() != kernel.Process {
		return
	}
	g.facts++
	k.open = use{true, g.here(t), who(t)}
	k.openLock = g.latest(t)
	g.checkUses(t, c)
}

func (g *Graph) latest(t *kernel.Task) uintptr {
	held := g.held[t.Index()]
	if len(held) == 0 {
		return 0
	}
	return held[len(held)-1].instance
}

// checkUses: the class has got a use that it had not (I3).
func (g *Graph) checkUses(t *kernel.Task, c int) {
	k := &g.classes[c]
	if k.inIRQ.is && k.open.is {
		if !mutant.On(ld03) || k.irqLock == k.openLock {
			g.reportSafety(c, c)
		}
		return
	}
	for key := range g.eachEdge() {
		g.checkSafety(key.from, key.to)
	}
}

// checkSafety: under a lock that interrupts take, one is asked for that is elsewhere held while they may arrive. An interrupt on the CPU of who holds the
// latter can spin for the former, whose holder waits for the latter.
func (g *Graph) checkSafety(from, to int) {
	safe := g.reach(from, true)
	unsafe := g.reach(to, false)
	if safe >= 0 && unsafe >= 0 {
		g.reportSafety(safe, unsafe)
	}
}

// reach is the class itself, or the first that lies before it, that interrupts take; or, not back, that is held while they may arrive, or lies behind. It
// is -1 when there is none.
func (g *Graph) reach(from int, back bool) int {
	visited := make([]bool, len(g.classes))
	visited[from] = true
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		k := &g.classes[queue[0]]
		if back && k.inIRQ.is || !back && k.open.is && k.kind == aLock && k.wait != lock.WaitSleep {
			return queue[0]
		}
		for key := range g.eachEdge() {
			next, at := key.to, key.from
			if back {
				next, at = at, next
			}
			if at == queue[0] && !visited[next] {
				visited[next] = true
				queue = append(queue, next)
			}
		}
	}
	return -1
}

// eachEdge walks the edges in an order that is the same in every run.
func (g *Graph) eachEdge() func(yield func(edgeKey) bool) {
	return func(yield func(edgeKey) bool) {
		for from := range g.classes {
			for _, to := range g.classes[from].after {
				if !yield(edgeKey{from, to}) {
					return
				}
			}
		}
	}
}
