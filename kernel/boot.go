package kernel

import "fmt"

// NewBoot makes the task of construction: an allocator that is laid out with items taken from another one takes them as this task, before the
// machine runs. It is a process of the given CPU, may take locks, which nobody else holds yet, and panics when it would wait.
func NewBoot(cpu int) *Task {
	t := &Task{}
	t.Setup(boot{}, &Node{}, "boot", 0, cpu, Process)
	return t
}

// boot is the driver of a task that has its CPU for itself and no machine under it.
type boot struct{}

func (boot) TaskAt(index int) *Task {
	panic(fmt.Sprintf("kernel: task %d is asked for during construction", index))
}
func (boot) Park(*Task)        { panic("kernel: a wait during construction") }
func (boot) Ready(by, t *Task) {}
func (boot) Resched(*Task)     {}
func (boot) Masked(*Task)      {}
func (boot) Misuse(t *Task, what string) {
	panic("kernel: construction: " + what)
}
