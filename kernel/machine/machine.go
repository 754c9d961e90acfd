// Package machine is what a run happens on: CPUs, tasks on them, interrupts, a clock and memory. Workloads, the conformance suite and the
// explorer see the interface only; this package also holds its native driver, kernel/sim holds the other.
//
// Natively a CPU is one OS thread pinned to one processor, which runs its tasks as coroutines. A task keeps the CPU until it waits: a kernel
// without preemption. So what belongs to a CPU needs no atomics against that CPU's own tasks, just as in the kernel. When no task is ready the
// CPU drains its inbox, spins for a bounded time, then parks in the operating system.
//
// Invariants:
//
//	I1  a task, and an interrupt, runs only on the thread of its CPU (mutant MC-01)
//	I2  Run returns nil when every task has ended, and ErrDeadlock when none can go on; it never hangs on a lost wake-up (mutant MC-02)
//	I3  a CPU that was unplugged runs no task until it is plugged in again; its tasks go on elsewhere (mutant MC-03)
//	I4  Run does not return before all queued work is done (mutant MC-04)
//
// A native wake-up is a hand-over through the inbox, not a futex: its cost is not the kernel's, and reports say so.
package machine

import (
	"errors"

	"headroom/kernel"
	"headroom/kernel/mutant"
)

var (
	mc01 = mutant.Define(mutant.Mutant{ID: "MC-01", Host: "kernel/machine", Breaks: "I1",
		Story: "every interrupt is raised on CPU 0, whatever CPU it was meant for"})
	mc02 = mutant.Define(mutant.Mutant{ID: "MC-02", Host: "kernel/machine", Breaks: "I2",
		Story: "a task that is woken is not counted among those that can go on"})
	mc03 = mutant.Define(mutant.Mutant{ID: "MC-03", Host: "kernel/machine", Breaks: "I3",
		Story: "a task that arrives at an offline CPU is started there"})
	mc04 = mutant.Define(mutant.Mutant{ID: "MC-04", Host: "kernel/machine", Breaks: "I4",
		Story: "queued work is not counted among what has not ended"})
)

// ErrDeadlock: tasks are left and none of them can go on.
var ErrDeadlock = errors.New("deadlock: every task that is left waits, and nothing can wake one")

// Machine runs tasks on CPUs.
type Machine interface {
	kernel.Place

	// Spawn adds a task that starts on spec.CPU. Call it before Run, or from a running task or interrupt (by; nil before Run).
	Spawn(by *kernel.Task, spec Spec)
	// Interrupt runs w.Run in hard-interrupt or NMI context on the given CPU, soon; on an offline CPU's behalf on another. w must not be pending.
	Interrupt(by *kernel.Task, cpu int, w *Work)
	// Queue runs w.Run in process context on the given CPU, soon, as the kernel's bound workqueues do; on an offline CPU's behalf on another. It may
	// wait, and a CPU that goes offline waits for the work that has begun there. Any context but NMI. w must not be pending; once it has begun it
	// may be queued again, and runs beside itself then.
	Queue(by *kernel.Task, cpu int, w *Work)
	// Unplug takes a CPU offline: its tasks leave between operations (see Leaving) and go on elsewhere, then dead, if not nil, runs as a
	// task of another CPU. It returns kernel.ErrOffline if the CPU is offline already or the last one.
	Unplug(by *kernel.Task, cpu int, dead func(t *kernel.Task)) error
	// Plug brings an offline CPU back for tasks spawned from now on. It returns an error while the CPU is online, or its dead hook has yet to
	// return.
	Plug(by *kernel.Task, cpu int) error
	// Leaving reports whether t's CPU is going offline: a task that finds so between operations calls t.Leave and returns from its body.
	Leaving(t *kernel.Task) bool
	// Now is the machine's clock in nanoseconds from its start: the time-stamp counter natively, the virtual clock in a simulation.
	Now(t *kernel.Task) int64
	// Run runs every spawned task to its end. It returns ErrDeadlock, or what a failed check says.
	Run() error
}

// Spec describes a task.
type Spec struct {
	Name string               // what listings call it
	CPU  int                  // where it starts
	Body func(t *kernel.Task) // called once, and again on another CPU each time it returned by Leave
	Prep func(t *kernel.Task) // optional: runs on the CPU before Body, not part of any measured interval
}

// Work is an interrupt to be, or something to be done in process context: the caller keeps it, so that raising or queueing it allocates nothing. It
// may be used again once it has run, and if queued, once it has begun.
type Work struct {
	Run      func(t *kernel.Task)
	NMI      bool // it runs in NMI context, and is not masked
	Priority int  // a simulated machine may let it interrupt one of lower priority; natively interrupts run one after the other
	next     *Work
}
