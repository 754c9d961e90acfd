// Package lockdep finds out from the order in which locks are taken that a deadlock can happen, in runs in which it does not. It is told of every lock
// that the tasks of a simulated machine take (kernel/lock), sorts locks into classes, keeps which class was asked for while which other was held, over as
// many executions as there are, and reports when that order has a circle. The idea, the rules and the form of reports are those of Linux's checker of the
// same name; the code is not.
//
// A class is a field of a type in machine memory (mempool.head.lock), whichever pool it belongs to, or a name that was given to one lock. Beside locks
// there are classes of things that are waited for like locks:
//
//	element of P              held from an allocation of pool P to its free; waited for by who sleeps in P
//	blocking page allocation  waited for by an allocation that does not give up; held by nobody
//	page reclaim              waited for by an allocation that may write dirty pages; held while they are written
//	what a worker does        waited for by who waits for the worker; held by the worker (completions; can be left out)
//
// A blocking page allocation waits for the out-of-memory killer's victim, and for whoever reclaims; where such a task may be put to sleep in a pool, it
// waits for that pool's elements. With this edge an ordinary circle is what Rientjes asked lockdep for on 20 July 2016: between alloc and free of an
// element no lock may be taken that a thread may hold which allocates memory.
//
// Rules:
//
//	order       a class is asked for under another that is, directly or not, asked for under it
//	element     such a circle through an element of a pool and a blocking page allocation: Rientjes' rule
//	recursion   a lock is asked for by its holder; locks of a class are nested in both orders, or in a circle; an element is waited for by who holds one of that pool
//	wait-type   what sleeps is waited for under what spins, in an interrupt, or with interrupts masked; what sleeps with rt=on, under what spins always
//	irq-safety  a lock that interrupts take is taken with interrupts on, directly or under one that interrupts take
//	nmi         a lock is waited for in a non-maskable interrupt
//	kept        somebody ends and holds a lock
//
// Invariants:
//
//	I1  a circle is reported in the execution that closes it, whichever executions its other edges come from (mutant LD-01)
//	I2  what is taken by trying waits for nothing, and what is asked for under it does (mutant LD-02)
//	I3  what interrupts take is compared with what is held while they may arrive class by class, not lock by lock (mutant LD-03)
//	I4  equal findings are one report (mutant LD-04)
//
// Cost: a look at a table for each lock held, at each lock asked for. Stacks are taken when an edge is new, and, with Sites, at each lock.
package lockdep

import (
	"fmt"
	"unsafe"

	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

var (
	ld01 = mutant.Define(mutant.Mutant{ID: "LD-01", Host: "fuzz/lockdep", Breaks: "I1",
		Story: "the order of locks is forgotten at the end of an execution"})
	ld02 = mutant.Define(mutant.Mutant{ID: "LD-02", Host: "fuzz/lockdep", Breaks: "I2",
		Story: "a lock that was taken by trying counts as waited for"})
	ld03 = mutant.Define(mutant.Mutant{ID: "LD-03", Host: "fuzz/lockdep", Breaks: "I3",
		Story: "what interrupts do is compared with what tasks do lock by lock"})
	ld04 = mutant.Define(mutant.Mutant{ID: "LD-04", Host: "fuzz/lockdep", Breaks: "I4",
		Story: "what was reported is reported again whenever it comes up"})
)

// Rule is why something is reported.
type Rule string

// The rules.
const (
	Order     Rule = "order"
	Element   Rule = "element"
	Recursion Rule = "recursion"
	WaitType  Rule = "wait-type"
	IRQSafety Rule = "irq-safety"
	NMI       Rule = "nmi"
	Kept      Rule = "kept"
)

// Rules lists them.
var Rules = []Rule{Order, Element, Recursion, WaitType, IRQSafety, NMI, Kept}

// Graph is what is known of the order of locks on one machine. It implements sim.LockWatcher.
type Graph struct {
	// Sites makes each taking of a lock remember where it was, for reports that name it; costs about half the speed.
	Sites bool
	// Without leaves out what waiting for a worker means: Morton's remark of 2011 is that nobody sees a deadlock then.
	WithoutCompletions bool
	// Doing, when not nil, says what a task is doing, in words: the operation of a program. Reports have it.
	Doing func(t *kernel.Task) string

	memory  *mem.Memory
	classes []class
	at      map[uintptr]int // by offset: the class of the lock there
	scopes  map[*kernel.Scope]int
	held    [sim.MaxEntities][]hold // by task
	edges   map[edgeKey]*edge
	seen    map[string]bool
	circles []circle // that were reported
	reports []Report
	facts   int // edges, uses and orders that were seen
}

// circle is the classes of a circle, and why it was reported.
type circle struct {
	rule    Rule
	classes []int
}

// hold is something that a task has.
type hold struct {
	class    int
	instance uintptr // the offset of a lock; the number of an element
	site     site
}

type edgeKey struct{ from, to int }

// edge: a class was asked for under another.
type edge struct {
	site  site   // where the latter was asked for
	under site   // where the former had been taken
	who   string // which task, and in what context
	axiom string // why there is an edge although nobody took locks so; "" for an edge that was seen
}

// New makes an empty graph for the locks in a memory.
func New(memory *mem.Memory) *Graph {
	g := &Graph{memory: memory, at: map[uintptr]int{}, scopes: map[*kernel.Scope]int{}, edges: map[edgeKey]*edge{}, seen: map[string]bool{}}
	g.scope(lock.Memory)
	g.scope(lock.Reclaim)
	return g
}

// Begin says that a new execution begins: nobody holds anything.
func (g *Graph) Begin() {
	for i := range g.held {
		g.held[i] = g.held[i][:0]
	}
	if mutant.On(ld01) {
		g.forgetEdges()
	}
}

func (g *Graph) forgetEdges() {
	clear(g.edges)
	for i := range g.classes {
		g.classes[i].after = nil
	}
}

// Forget makes the graph as it was before the first execution, but for the classes.
func (g *Graph) Forget() {
	g.forgetEdges()
	for i := range g.classes {
		k := &g.classes[i]
		k.inIRQ, k.open, k.irqLock, k.openLock = use{}, use{}, 0, 0
		clear(k.order)
		clear(k.inner)
	}
	clear(g.seen)
	g.circles, g.reports, g.facts = nil, nil, 0
}

// Facts counts what was seen and reported. It rises in an execution that shows something new; such executions in their order are enough to make all
// reports again.
func (g *Graph) Facts() int { return g.facts + len(g.reports) }

// Reports lists what was found so far, in the order of finding. Equal findings are one report.
func (g *Graph) Reports() []Report { return g.reports }

// Edges is how many pairs of classes were nested so far.
func (g *Graph) Edges() int { return len(g.edges) }

// Asks notes that t is about to take a lock.
func (g *Graph) Asks(t *kernel.Task, at unsafe.Pointer, wait lock.WaitType) {
	c, instance := g.lockAt(at, wait)
	g.ask(t, c, instance)
	g.hold(t, c, instance)
	g.mark(t, c)
}

// Tried notes that t has taken a lock by trying: nobody waited for it (I2).
func (g *Graph) Tried(t *kernel.Task, at unsafe.Pointer, wait lock.WaitType) {
	c, instance := g.lockAt(at, wait)
	if mutant.On(ld02) {
		g.ask(t, c, instance)
	}
	g.hold(t, c, instance)
	g.markOpen(t, c)
}

// Releases notes that t is about to release a lock.
func (g *Graph) Releases(t *kernel.Task, at unsafe.Pointer) {
	c, instance := g.lockAt(at, 0)
	g.drop(t.Index(), c, instance)
}

// Awaits notes that t may be made to wait for what happens within a scope.
func (g *Graph) Awaits(t *kernel.Task, s *kernel.Scope) {
	if !s.Worker || !g.WithoutCompletions {
		g.ask(t, g.scope(s), 0)
		return
	}
	g.checkContext(t, g.scope(s))
}

// Enters notes that t does what belongs to a scope.
func (g *Graph) Enters(t *kernel.Task, s *kernel.Scope) {
	if !s.Worker || !g.WithoutCompletions {
		g.hold(t, g.scope(s), 0)
	}
}

// Leaves notes that t does so no longer.
func (g *Graph) Leaves(t *kernel.Task, s *kernel.Scope) { g.drop(t.Index(), g.scope(s), 0) }

// Unmasked notes that interrupts may arrive at t now: what it holds is held while they may.
func (g *Graph) Unmasked(t *kernel.Task) {
	for _, h := range g.held[t.Index()] {
		g.markOpen(t, h.class)
	}
}

// Ends notes that t has come to its end.
func (g *Graph) Ends(t *kernel.Task) {
	for _, h := range g.held[t.Index()] {
		if c := &g.classes[h.class]; c.kind == aLock {
			g.reportKept(t, h)
		}
	}
	g.held[t.Index()] = g.held[t.Index()][:0]
}

// AskElement notes that t may be put to sleep in a pool until somebody frees an element. barred says that memory reserves do not help there, whoever
// sleeps: then a blocking page allocation may wait for the sleeper.
func (g *Graph) AskElement(t *kernel.Task, pool string, barred bool) {
	c := g.element(pool)
	g.ask(t, c, anyInstance)
	if barred {
		g.axiom(t, g.scope(lock.Memory), c, "the out-of-memory killer's victim, or whoever reclaims, may be who waits for it, and the reserves are barred there")
	}
}

// TakeElement notes that t has an element of a pool. What it asks for before the element is freed is asked for under it.
func (g *Graph) TakeElement(t *kernel.Task, pool string, element uint64) {
	g.hold(t, g.element(pool), uintptr(element))
}

// FreeElement notes that an element is freed, by whomever.
func (g *Graph) FreeElement(pool string, element uint64) {
	c := g.element(pool)
	for task := range g.held {
		if g.drop(task, c, uintptr(element)) {
			return
		}
	}
}

// hold adds to what a task has.
func (g *Graph) hold(t *kernel.Task, c int, instance uintptr) {
	h := hold{class: c, instance: instance}
	if g.Sites {
		h.site = g.here(t)
	}
	g.held[t.Index()] = append(g.held[t.Index()], h)
}

// drop takes what was taken last of a class from a task; false when it has no such thing.
func (g *Graph) drop(task, c int, instance uintptr) bool {
	held := g.held[task]
	for i := len(held) - 1; i >= 0; i-- {
		if held[i].class == c && held[i].instance == instance {
			g.held[task] = append(held[:i], held[i+1:]...)
			return true
		}
	}
	return false
}

// who names a task for reports.
func who(t *kernel.Task) string {
	context := ""
	if t.Context() != kernel.Process {
		context = fmt.Sprintf(", %v context", t.Context())
	}
	if t.Context() == kernel.Process && t.IRQsOff() {
		context = ", interrupts masked"
	}
	return fmt.Sprintf("%s on CPU %d%s", t.Name(), t.CPU(), context)
}
