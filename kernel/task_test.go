package kernel_test

import (
	"slices"
	"testing"
	"unsafe"

	"headroom/kernel"
	"headroom/kernel/mem"
)

// driver notes what tasks ask of it.
type driver struct {
	tasks []*kernel.Task
	calls []string
	wake  *kernel.Task // woken by task 0 as soon as it parks
}

func (d *driver) TaskAt(index int) *kernel.Task { return d.tasks[index] }
func (d *driver) Ready(by, t *kernel.Task)      { d.calls = append(d.calls, "ready "+t.Name()) }
func (d *driver) Resched(t *kernel.Task)        { d.calls = append(d.calls, "resched "+t.Name()) }
func (d *driver) Masked(*kernel.Task)           {}

func (d *driver) Park(t *kernel.Task) {
	d.calls = append(d.calls, "park "+t.Name())
	if !t.Parked() {
		panic("parked in the wrong state")
	}
	if d.wake == t {
		t.Wake(d.tasks[0])
	}
}

func (d *driver) Misuse(t *kernel.Task, what string) { panic(t.Name() + ": " + what) }

// setup makes two tasks, a on CPU 0 and b on CPU 1 in the given context.
func setup(context kernel.Context) (d *driver, a, b *kernel.Task) {
	d = &driver{tasks: []*kernel.Task{new(kernel.Task), new(kernel.Task)}}
	a, b = d.tasks[0], d.tasks[1]
	a.Setup(d, new(kernel.Node), "a", 0, 0, kernel.Process)
	b.Setup(d, new(kernel.Node), "b", 1, 1, context)
	return d, a, b
}

// misused runs f and returns what the driver said to it.
func misused(f func()) (said string) {
	defer func() {
		if r := recover(); r != nil {
			said = r.(string)
		}
	}()
	f()
	return ""
}

// A node is exactly one line, so that no two tasks share one.
func TestNodeFillsALine(t *testing.T) {
	if n := unsafe.Sizeof(kernel.Node{}); n != mem.LineBytes {
		t.Errorf("a node has %d bytes", n)
	}
}

// A task is what Setup made it, and changes by the calls that say so only.
func TestTaskFields(t *testing.T) {
	d, a, b := setup(kernel.SoftIRQ)
	if b.CPU() != 1 || b.Index() != 1 || b.Name() != "b" || b.Context() != kernel.SoftIRQ || b.Rights() != 0 || b.Left() || b.Parked() {
		t.Errorf("CPU %d, index %d, name %s, context %v, rights %d, left %v", b.CPU(), b.Index(), b.Name(), b.Context(), b.Rights(), b.Left())
	}
	if b.Driver() != kernel.Driver(d) || b.Peer(0) != a {
		t.Error("the task's driver or peer is not its own")
	}
	b.SetRights(kernel.RightMemalloc | kernel.RightVictim)
	b.Move(5)
	b.Leave()
	b.Resched()
	if b.Rights() != kernel.RightMemalloc|kernel.RightVictim || b.CPU() != 5 || !b.Left() || !slices.Equal(d.calls, []string{"resched b"}) {
		t.Errorf("rights %d, CPU %d, left %v, calls %q", b.Rights(), b.CPU(), b.Left(), d.calls)
	}
}

// Only process context may wait; Schedule elsewhere is misuse.
func TestMayWait(t *testing.T) {
	for context, want := range map[kernel.Context]string{
		kernel.Process: "", kernel.SoftIRQ: "wait in softirq context", kernel.HardIRQ: "wait in hardirq context", kernel.NMI: "wait in nmi context",
	} {
		_, _, b := setup(context)
		got := ""
		if err := b.MayWait(); err != nil {
			got = err.Error()
		}
		b.Sleeping()
		said := misused(b.Schedule)
		if got != want || (want == "") != (said == "") || said != "" && said != "b: "+want {
			t.Errorf("%v: MayWait says %q, Schedule %q", context, got, said)
		}
		if b.IRQsOff() != (context >= kernel.HardIRQ) || b.Preemptible() != (context == kernel.Process) {
			t.Errorf("%v: interrupts off %v, preemptible %v", context, b.IRQsOff(), b.Preemptible())
		}
	}
}

// I1: a wake-up before Schedule makes it return at once; one after it makes the task ready; one of a running task does nothing.
func TestWakeIsNeverLost(t *testing.T) {
	d, a, b := setup(kernel.Process)
	if b.Wake(a) || len(d.calls) != 0 {
		t.Errorf("a running task was woken: %q", d.calls)
	}
	b.Sleeping()
	if !b.Wake(a) || b.Parked() {
		t.Error("the wake-up between Sleeping and Schedule found nobody")
	}
	b.Schedule()
	b.Sleeping()
	b.Awake()
	b.Schedule()
	if len(d.calls) != 0 {
		t.Errorf("a task that need not wait asked for %q", d.calls)
	}
	d.wake = b
	b.Sleeping()
	b.Schedule()
	if want := []string{"park b", "ready b"}; !slices.Equal(d.calls, want) || b.Parked() {
		t.Errorf("asked for %q, want %q", d.calls, want)
	}
}

// The links of a wait queue name tasks by index, and nobody at first and at the ends.
func TestQueueLinks(t *testing.T) {
	_, a, _ := setup(kernel.Process)
	links := func() (next, previous int, hasNext, hasPrevious bool) {
		next, hasNext = a.QueueNext()
		previous, hasPrevious = a.QueuePrevious()
		return next, previous, hasNext, hasPrevious
	}
	if _, _, next, previous := links(); next || previous || a.Queued() || a.Exclusive() {
		t.Error("a fresh task is in a queue")
	}
	a.SetQueueNext(0, true)
	a.SetQueuePrevious(7, true)
	a.SetQueued(true, true)
	if n, p, hasNext, hasPrevious := links(); n != 0 || p != 7 || !hasNext || !hasPrevious || !a.Queued() || !a.Exclusive() {
		t.Errorf("next %d %v, previous %d %v, queued %v, exclusive %v", n, hasNext, p, hasPrevious, a.Queued(), a.Exclusive())
	}
	a.SetQueueNext(3, false)
	a.SetQueuePrevious(3, false)
	a.SetQueued(false, false)
	if _, _, next, previous := links(); next || previous || a.Queued() || a.Exclusive() {
		t.Error("a task that left its queue is in one")
	}
}
