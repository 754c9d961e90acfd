package machine

import (
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/mutant"
)

// worker is one CPU: a locked, pinned thread and what waits for it.
//
// Its own thread alone touches ready, irq, procs, idlers and dying. tasksIn, workIn, queueIn, online, dead, hooking and asleep are for everybody. The
// first pad keeps them off the line that the nil check of &w.field reads.
type worker struct {
	_       [128]byte
	machine *Native
	cpu     int
	irq     *kernel.Task
	nmi     *kernel.Task
	ready   fifo
	procs   []*process // live tasks of this CPU
	idlers  []*process // those that did queued work and have none now
	dying   bool       // it goes offline when its last task has left
	_       [128]byte
	tasksIn atomic.Pointer[process] // inbox of tasks, last in first; drained by the owner alone
	workIn  atomic.Pointer[Work]    // inbox of interrupts, likewise
	queueIn atomic.Pointer[Work]    // inbox of work for process context, likewise
	online  atomic.Bool
	dead    atomic.Pointer[func(*kernel.Task)] // set while going offline: what runs elsewhere afterwards
	hooking atomic.Bool                        // that has yet to return
	asleep  atomic.Bool                        // the thread is parked, or about to be, in the operating system
	wake    chan struct{}
}

// idleLooks is how often an idle CPU looks at its inbox before it parks: 2000 looks with 8 pauses of about 40 cycles are some 200 us.
const (
	idleLooks  = 2000
	idlePauses = 8
)

// run is the life of the thread. Being locked, it ends with this goroutine, and the affinity mask with it. No CPU starts before all are pinned: one
// whose tasks wait for those of a CPU that never came would spin for ever.
func (w *worker) run(pinned *sync.WaitGroup) {
	if err := pin(w.machine.options.CPUs[w.cpu].ID); err != nil {
		w.machine.fail(err)
	}
	pinned.Done()
	pinned.Wait()
	for !w.machine.stop.Load() {
		w.drain()
		if p := w.ready.pop(); p != nil {
			w.resume(p)
			continue
		}
		if w.goneOffline() {
			continue
		}
		w.idle()
	}
	for _, p := range append(w.procs, w.idlers...) {
		p.stop() // the parked task unwinds by panic(halted{}), caught in its coroutine
	}
}

// drain takes over what came in: interrupts run at once, in the order they were raised, tasks become ready.
func (w *worker) drain() {
	if w.workIn.Load() != nil {
		w.interrupts()
	}
	if w.queueIn.Load() != nil {
		w.takeQueued()
	}
	if w.tasksIn.Load() != nil {
		var list *process
		for p := w.tasksIn.Swap(nil); p != nil; {
			next := p.inboxed
			p.inboxed, list = list, p
			p = next
		}
		for p := list; p != nil; {
			next := p.inboxed
			p.inboxed = nil
			switch {
			case p.next != nil:
				w.ready.push(p)
			case w.online.Load() || mutant.On(mc03):
				w.start(p)
				w.ready.push(p)
			default:
				w.passOn(p) // I3
			}
			p = next
		}
	}
}

// passOn gives a task that has not started to another CPU: this one is offline.
func (w *worker) passOn(p *process) {
	to := w.machine.onlineNear(w.cpu)
	p.worker, p.spec.CPU = to, to.cpu
	p.task.Move(to.cpu)
	to.pushTask(p)
}

func (w *worker) interrupts() {
	for k := takeWork(&w.workIn); k != nil; {
		next := k.next
		k.next = nil
		if !w.online.Load() && w.dead.Load() == nil {
			to := w.machine.onlineNear(w.cpu)
			to.pushWork(&to.workIn, k) // I3: raised while the CPU went offline
		} else {
			t := w.irq
			if k.NMI {
				t = w.nmi
			}
			w.guard(func() { k.Run(t) })
			w.machine.settle()
		}
		k = next
	}
}

// start makes the coroutine of a new task, on its CPU's own thread: the runtime does not let it run on another.
func (w *worker) start(p *process) {
	w.procs = append(w.procs, p)
	p.next, p.stop = iter.Pull(func(yield func(struct{}) bool) {
		p.yield = yield
		w.guard(func() {
			if p.spec.Prep != nil {
				p.spec.Prep(&p.task)
			}
			p.spec.Body(&p.task)
		})
	})
}

// guard turns a panic of a task into the run's error; halted is only the way out.
func (w *worker) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(halted); !ok {
				w.machine.fail(fmt.Errorf("CPU %d: %v", w.cpu, r))
			}
		}
	}()
	f()
}

// resume runs a task until it waits or ends.
func (w *worker) resume(p *process) {
	if _, more := p.next(); more {
		return
	}
	if p.task.Left() && !w.machine.stop.Load() {
		spec := p.spec
		spec.CPU, spec.Prep = w.machine.onlineNear(w.cpu).cpu, nil
		w.machine.Spawn(nil, spec)
	}
	w.ended(p)
	w.machine.live.Add(-1)
	w.machine.settle()
}

// ended takes a process off the CPU's live tasks.
func (w *worker) ended(p *process) {
	at := slices.Index(w.procs, p)
	w.procs = slices.Delete(w.procs, at, at+1)
	if w.dying && len(w.procs) == 0 {
		w.dying = false
		w.machine.runnable.Add(1) // reporting the death is what can go on now
	}
}

// goneOffline reports the CPU's death once its last task has left, and reports whether it did something. While tasks of it are left the
// pending death is nothing that can go on by itself: should they all wait for ever, that is a deadlock (I2).
func (w *worker) goneOffline() bool {
	if w.online.Load() || w.dead.Load() == nil || w.dying {
		return false
	}
	if len(w.procs) > 0 {
		w.dying = true
		w.machine.settle()
		return true
	}
	if hook := *w.dead.Load(); hook != nil {
		w.hooking.Store(true)
		w.machine.Spawn(nil, Spec{Name: fmt.Sprintf("cpuhp/%d", w.cpu), CPU: w.machine.onlineNear(w.cpu).cpu, Body: func(t *kernel.Task) {
			hook(t)
			w.hooking.Store(false)
		}})
	}
	w.dead.Store(nil)
	w.machine.settle()
	return true
}

// idle spins for a bounded time, then parks in the operating system until something comes in.
func (w *worker) idle() {
	for range idleLooks {
		if !w.inboxEmpty() || w.machine.stop.Load() {
			return
		}
		arch.Pause(idlePauses)
	}
	w.asleep.Store(true)
	// Whoever adds to the inbox looks at asleep afterwards; this look comes after asleep was set. So one of the two sees the other.
	unplugged := w.dead.Load() != nil && !w.online.Load() && !w.dying // goneOffline has not seen it yet
	if w.inboxEmpty() && !w.machine.stop.Load() && !unplugged {
		<-w.wake
	}
	w.asleep.Store(false)
}

func (w *worker) inboxEmpty() bool {
	return w.tasksIn.Load() == nil && w.workIn.Load() == nil && w.queueIn.Load() == nil
}

func (w *worker) pushTask(p *process) {
	for {
		first := w.tasksIn.Load()
		p.inboxed = first
		if w.tasksIn.CompareAndSwap(first, p) {
			break
		}
	}
	w.ring()
}

func (w *worker) pushWork(inbox *atomic.Pointer[Work], k *Work) {
	for {
		first := inbox.Load()
		k.next = first
		if inbox.CompareAndSwap(first, k) {
			break
		}
	}
	w.ring()
}

// ring wakes the thread if it is parked in the operating system.
func (w *worker) ring() {
	if w.asleep.Load() {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// fifo is a queue of ready tasks, linked through them, so that waking allocates nothing.
type fifo struct{ head, tail *process }

func (f *fifo) empty() bool { return f.head == nil }

func (f *fifo) push(p *process) {
	p.inboxed = nil
	if f.tail == nil {
		f.head = p
	} else {
		f.tail.inboxed = p
	}
	f.tail = p
}

func (f *fifo) pop() *process {
	p := f.head
	if p == nil {
		return nil
	}
	f.head = p.inboxed
	if f.head == nil {
		f.tail = nil
	}
	p.inboxed = nil
	return p
}
