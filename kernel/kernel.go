// Package kernel is the ground every design stands on: tasks, the contexts they run in, allocation flags and errors.
//
// A design is written once against this package. What a task runs on is a Driver: the native machine (a CPU is a pinned thread) or the
// simulated one (a CPU is a coroutine). A design never learns which.
//
// Invariants:
//
//	I1  a wake-up that follows Sleeping is never lost: Schedule returns at once when Wake came in between (mutant KT-01)
//
// That a task runs on one CPU at a time, and leaves it at wait points only (natively) or where a kernel's could (simulated), is the machine's to
// keep: see machine and sim.
//
// Ordering, O1: the sleeper writes "sleeping" into its state, then looks at its condition; the waker makes the condition true, then
// swaps the state. Both writes are read-modify-writes or sequentially consistent, so one of the two sees the other. Without it both can
// miss: the sleeper sees the old condition, the waker an awake task.
package kernel

import "headroom/kernel/mem"

// Context is what kind of code a task runs as; it decides what the task may do.
type Context uint8

// The contexts, from the most to the least free.
const (
	Process Context = iota // may wait and sleep
	SoftIRQ                // deferred interrupt work: may not wait
	HardIRQ                // interrupt handler: may not wait, must not take a lock that sleeps
	NMI                    // non-maskable interrupt: may take no lock but by trying
)

var contextNames = [...]string{"process", "softirq", "hardirq", "nmi"}

// String is the context's usual name.
func (c Context) String() string {
	if int(c) < len(contextNames) {
		return contextNames[c]
	}
	return "?"
}

// MarshalText gives the name, so that a list of contexts is a list of names in JSON, not a string of bytes.
func (c Context) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Rights are a task's standing privileges on memory.
type Rights uint8

// The rights.
const (
	RightMemalloc Rights = 1 << iota // PF_MEMALLOC: may use the reserves, since its work frees memory
	RightVictim                      // chosen by the OOM killer: may use part of the reserves, so that it can exit
)

// Place is what a design needs to know of a machine to lay its words out. Machines implement it.
type Place interface {
	CPUs() int           // number of CPUs the machine has, online or not
	Node(cpu int) int    // NUMA node of a CPU, counted from 0
	Memory() *mem.Memory // where the words go
}

// Driver runs tasks. It is the machine's side of Task; designs do not call it.
type Driver interface {
	TaskAt(index int) *Task      // the task with that index
	Park(t *Task)                // take t off its CPU until Ready; called by t, whose state is already parked
	Ready(by, t *Task)           // let t run again; by is the caller, nil from outside
	Resched(t *Task)             // let others on t's CPU run, if any wait
	Masked(t *Task)              // t's interrupt or preemption depth changed; called in the sim build only
	Misuse(t *Task, what string) // t broke a rule of the kernel; does not return
}
