package machine

import (
	"fmt"

	"headroom/kernel"
	"headroom/kernel/mutant"
)

// These methods are the kernel.Driver of the native machine.

// TaskAt is the task with the given index.
func (n *Native) TaskAt(index int) *kernel.Task { return &n.table[index].task }

// Park takes t off its CPU until Ready.
func (n *Native) Park(t *kernel.Task) {
	n.settle()
	if !n.table[t.Index()].yield(struct{}{}) {
		panic(halted{})
	}
}

// Ready puts t into the inbox of its CPU.
func (n *Native) Ready(by, t *kernel.Task) {
	if !mutant.On(mc02) {
		n.runnable.Add(1)
	}
	p := &n.table[t.Index()]
	if by != nil && by.CPU() == t.CPU() {
		p.worker.ready.push(p)
		return
	}
	p.worker.pushTask(p)
}

// Resched lets the other tasks of t's CPU run, if any are ready, and what waits in its inbox.
func (n *Native) Resched(t *kernel.Task) {
	p := &n.table[t.Index()]
	w := p.worker
	if w.ready.empty() && w.inboxEmpty() && !n.stop.Load() {
		return
	}
	w.ready.push(p)
	if !p.yield(struct{}{}) {
		panic(halted{})
	}
}

// Masked does nothing: natively interrupts arrive at wait points only.
func (n *Native) Masked(*kernel.Task) {}

// Misuse ends the run: t broke a rule of the kernel.
func (n *Native) Misuse(t *kernel.Task, what string) {
	n.fail(fmt.Errorf("task %s on CPU %d: %s", t.Name(), t.CPU(), what))
	panic(halted{})
}

// halted unwinds a task of a run that has come to its end.
type halted struct{}
