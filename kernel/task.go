package kernel

import (
	"fmt"

	"headroom/kernel/atomic"
	"headroom/kernel/choice"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

var kt01 = mutant.Define(mutant.Mutant{ID: "KT-01", Host: "kernel", Breaks: "I1",
	Story: "Schedule parks without a look at whether Wake came since Sleeping"})

// Task is one thread of execution, or one run of an interrupt handler. Designs receive it as an argument and ask it what CPU they are on.
type Task struct {
	cpu     int32 // where it runs; written by the driver only
	index   int32 // its number in the machine
	context Context
	rights  Rights
	leaving bool
	irqs    int32 // depth of interrupt masking; kept in the sim build only
	pins    int32 // reasons to stay on this CPU; kept in the sim build only
	spins   int32 // spinning locks held, which forbid waiting; kept in the sim build only
	locks   int32 // locks asked for so far that it would have waited for; kept in the sim build only
	node    *Node
	driver  Driver
	name    string
}

// Node is the part of a task that other tasks write: its run state and its place in the wait queue it sleeps on. It lives in machine memory.
type Node struct {
	state     atomic.Uint32
	next      mem.PlainRef // neighbours in the wait queue; protected by the queue's lock
	previous  mem.PlainRef
	queued    mem.Plain32              // 1 while in a queue; protected by the queue's lock
	exclusive mem.Plain32              // 1 when a wake-up of one may stop here; protected by the queue's lock
	_         [mem.LineBytes - 20]byte // a line of its own: 4+4+4+4+4 bytes are used
}

// The values of Node.state.
const (
	running  = iota // on a CPU or ready to be
	sleeping        // still on its CPU, about to wait
	parked          // off its CPU
)

// Setup makes t task number index of driver's machine. Only drivers call it, before t first runs.
func (t *Task) Setup(driver Driver, node *Node, name string, index, cpu int, context Context) {
	*t = Task{cpu: int32(cpu), index: int32(index), context: context, node: node, driver: driver, name: name}
}

// CPU is the number of the CPU the task runs on, from 0.
func (t *Task) CPU() int { return int(t.cpu) }

// Index is the task's number in its machine, from 0; arenas refer to tasks by it.
func (t *Task) Index() int { return int(t.index) }

// Context is what the task runs as.
func (t *Task) Context() Context { return t.context }

// Rights are the task's standing privileges.
func (t *Task) Rights() Rights { return t.rights }

// SetRights replaces the task's privileges. Only the task itself calls it.
func (t *Task) SetRights(r Rights) { t.rights = r }

// Name is what listings call the task.
func (t *Task) Name() string { return t.name }

// Peer returns the task with the given index on the same machine.
func (t *Task) Peer(index int) *Task { return t.driver.TaskAt(index) }

// Driver is the machine's side of the task.
func (t *Task) Driver() Driver { return t.driver }

// IRQSave masks interrupts on the task's CPU. It nests. Natively it is free, and tables say so in a column of its own.
func (t *Task) IRQSave() {
	if choice.Enabled {
		t.irqs++
		t.driver.Masked(t)
	}
}

// IRQRestore undoes the latest IRQSave.
func (t *Task) IRQRestore() {
	if choice.Enabled {
		t.irqs--
		if t.irqs < 0 {
			t.driver.Misuse(t, "interrupts restored more often than masked")
		}
		t.driver.Masked(t)
	}
}

// SpinEnter says that t now holds a spinning lock: it may neither wait nor lose its CPU to another task.
func (t *Task) SpinEnter() {
	if choice.Enabled {
		t.spins++
		t.driver.Masked(t)
	}
}

// SpinExit undoes the latest SpinEnter.
func (t *Task) SpinExit() {
	if choice.Enabled {
		t.spins--
		if t.spins < 0 {
			t.driver.Misuse(t, "more spinning locks released than taken")
		}
		t.driver.Masked(t)
	}
}

// LockAsked counts a lock that t asked for and would wait for, by spinning or asleep. Locks call it, in the sim build; tries do not count.
func (t *Task) LockAsked() { t.locks++ }

// LocksAsked is how many locks t has asked for so far and would have waited for. Always 0 natively.
func (t *Task) LocksAsked() int { return int(t.locks) }

// IRQsOff reports whether interrupts are masked for the task. Always false natively, where masking is free and not recorded.
func (t *Task) IRQsOff() bool { return t.irqs > 0 || t.context >= HardIRQ }

// Preemptible reports whether another task may take the CPU from t in mid-operation. Sim build only.
func (t *Task) Preemptible() bool { return t.irqs == 0 && t.spins == 0 && t.context == Process }

// Masked reports whether the task itself masks interrupts, whatever it runs as. Sim build only.
func (t *Task) Masked() bool { return t.irqs > 0 }

// Pin keeps the task on its CPU until Unpin, though it may be preempted there and may wait. It nests.
func (t *Task) Pin() {
	if choice.Enabled {
		t.pins++
		t.driver.Masked(t)
	}
}

// Unpin undoes the latest Pin.
func (t *Task) Unpin() {
	if choice.Enabled {
		t.pins--
		if t.pins < 0 {
			t.driver.Misuse(t, "unpinned more often than pinned")
		}
		t.driver.Masked(t)
	}
}

// Pinned reports whether the task must stay on its CPU. Always false natively, where no task moves in mid-operation.
func (t *Task) Pinned() bool { return t.pins > 0 }

// MayWait is nil when the task may be put to sleep here, and says why not otherwise. Natively only the context is known.
func (t *Task) MayWait() error {
	switch {
	case t.context != Process:
		return fmt.Errorf("wait in %v context", t.context)
	case t.irqs > 0:
		return fmt.Errorf("wait with interrupts masked")
	case t.spins > 0:
		return fmt.Errorf("wait with %d spinning locks held", t.spins)
	}
	return nil
}

// Sleeping announces that t is about to wait. The caller then looks at its condition once more and calls Schedule or Awake (O1).
func (t *Task) Sleeping() { t.node.state.Swap(sleeping) }

// Awake takes Sleeping back: the condition held after all.
func (t *Task) Awake() { t.node.state.Store(running) }

// Schedule waits until Wake, or returns at once when Wake came since Sleeping. Process context only, with no spinning lock held.
func (t *Task) Schedule() {
	if why := t.MayWait(); why != nil {
		t.driver.Misuse(t, why.Error())
	}
	if mutant.On(kt01) {
		t.node.state.Store(parked)
		t.driver.Park(t)
		return
	}
	if t.node.state.CompareAndSwap(sleeping, parked) {
		t.driver.Park(t)
	}
}

// Parked reports whether t is off its CPU and waiting; it may change at any moment.
func (t *Task) Parked() bool { return t.node.state.Load() == parked }

// Wake lets t run again and reports whether it was waiting or about to. by is the calling task. Any context but NMI.
//
// O1: the caller made t's condition true before this swap.
func (t *Task) Wake(by *Task) bool {
	switch t.node.state.Swap(running) {
	case parked:
		t.driver.Ready(by, t)
		return true
	case sleeping:
		return true
	}
	return false
}

// Resched is a voluntary stop between operations: other tasks of this CPU, and what came in for it, run first.
func (t *Task) Resched() { t.driver.Resched(t) }

// Leave says that the task's body returns because its CPU goes offline, not because it is done; the machine goes on with it elsewhere.
func (t *Task) Leave() { t.leaving = true }

// Left reports whether the body returned by Leave. Only drivers call it.
func (t *Task) Left() bool { return t.leaving }

// Move puts the task on another CPU. Only drivers call it, while the task does not run.
func (t *Task) Move(cpu int) { t.cpu = int32(cpu) }
