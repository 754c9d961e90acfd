package machine

import (
	"fmt"
	"sync/atomic"

	"headroom/kernel"
	"headroom/kernel/mutant"
)

// Queue hands work to a CPU; see Machine. A task that has done its work waits for the next, so queueing allocates only when more work of a CPU has
// begun and not ended than ever before.
func (n *Native) Queue(by *kernel.Task, cpu int, w *Work) {
	if !mutant.On(mc04) {
		n.live.Add(1)
	}
	n.runnable.Add(1)
	to := n.onlineNear(cpu)
	to.pushWork(&to.queueIn, w)
}

// takeQueued gives everything that was queued for this CPU to tasks, in the order of queueing.
func (w *worker) takeQueued() {
	for k := takeWork(&w.queueIn); k != nil; {
		next := k.next
		k.next = nil
		if w.online.Load() {
			w.begin(k)
		} else {
			to := w.machine.onlineNear(w.cpu)
			to.pushWork(&to.queueIn, k) // I3
		}
		k = next
	}
}

// begin gives queued work to a task that has none, or to a new one.
func (w *worker) begin(k *Work) {
	var p *process
	if last := len(w.idlers) - 1; last >= 0 {
		p, w.idlers = w.idlers[last], w.idlers[:last]
		w.procs = append(w.procs, p)
	} else {
		var err error
		if p, err = w.machine.newProcess(Spec{Name: fmt.Sprintf("kworker/%d", w.cpu), CPU: w.cpu}, kernel.Process); err != nil {
			w.machine.fail(err)
			return
		}
		p.spec.Body = func(*kernel.Task) { w.serve(p) }
		w.start(p)
	}
	p.queued = k
	w.ready.push(p)
}

// serve is the body of a task that does queued work, one after the other.
func (w *worker) serve(p *process) {
	for {
		k := p.queued
		p.queued = nil
		k.Run(&p.task)
		w.ended(p)
		w.idlers = append(w.idlers, p)
		if !mutant.On(mc04) {
			w.machine.live.Add(-1)
		}
		w.machine.settle()
		if !p.yield(struct{}{}) {
			panic(halted{})
		}
	}
}

// takeWork empties an inbox of work; the list it returns begins with what came first.
func takeWork(inbox *atomic.Pointer[Work]) (list *Work) {
	for k := inbox.Swap(nil); k != nil; {
		next := k.next
		k.next, list = list, k
		k = next
	}
	return list
}
