package mempool

import (
	"errors"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// refill is the worker that fills a pool up.
type refill struct {
	words *refillWords
	work  *machine.Work
	queue func(by *kernel.Task, cpu int, w *machine.Work) // of the machine
}

// refillWords say what the worker does.
type refillWords struct {
	state atomic.Uint32
	idle  lock.WaitQueue // for Flush
}

// The states of the worker. One work at a time is queued or under way, as the kernel has it: who asks during that makes it look again.
const (
	resting = iota
	called  // it is to come, or at work
	again   // and somebody has asked since it last began to look
)

// refilling is what waiting for the worker is.
var refilling = &kernel.Scope{Name: "mempool's refilling by its worker", Worker: true}

var errNoWorkers = errors.New("the machine does no queued work, so no worker can refill the pool: leave Refill out")

// newRefill prepares the worker of a pool; an error when the machine has none.
func newRefill(place kernel.Place, p *Pool) (*refill, error) {
	m, ok := place.(interface {
		Queue(by *kernel.Task, cpu int, w *machine.Work)
	})
	if !ok {
		return nil, errNoWorkers
	}
	words, err := mem.New[refillWords](place.Memory(), 0)
	return &refill{words: words, work: &machine.Work{Run: p.refillWork, Scope: refilling}, queue: m.Queue}, err
}

// wantIfLow asks for the worker when few elements are left. Any context but NMI.
func (p *Pool) wantIfLow(t *kernel.Task) {
	if p.refill == nil || uint64(p.head.count.Load())*10 >= uint64(p.config.Refill)*uint64(p.head.keeps.LoadRelaxed()) {
		return
	}
	p.want(t)
}

// want asks for the worker.
//
// O3: the caller has taken elements, or found too few of them; then he makes the state called or again, or finds it so. The worker makes it called
// (a full barrier), then looks how many there are, and goes to rest only from called. So either its look comes after the taking, or it looks again.
func (p *Pool) want(t *kernel.Task) {
	if p.refill == nil {
		return
	}
	for state := &p.refill.words.state; ; {
		switch now := state.Load(); {
		case now == again:
			return
		case !state.CompareAndSwap(now, now+1): // the worker, or another caller, was first
		case now == resting:
			reachWanted.Hit()
			p.refill.queue(t, t.CPU(), p.refill.work)
			return
		default:
			return
		}
	}
}

// refillWork is the worker: it may do what the callers may not. When the backing has nothing for it either, it ends, and comes when it is wanted again.
func (p *Pool) refillWork(t *kernel.Task) {
	w := p.refill.words
	for {
		w.state.Swap(called)
		p.fill(t)
		if mutant.On(po15) {
			w.state.Swap(resting)
			break
		}
		if w.state.CompareAndSwap(called, resting) {
			break
		}
		reachAgain.Hit()
	}
	w.idle.Wake(t, 0)
}

// Flush returns when the worker has nothing to do. Process context with no spinning lock held.
func (p *Pool) Flush(t *kernel.Task) {
	if p.refill == nil {
		return
	}
	lock.Awaits(t, refilling)
	for w := p.refill.words; ; {
		w.idle.Prepare(t, false) // first into the queue, then the look; the worker rests, then wakes
		if w.state.Load() == resting {
			w.idle.Finish(t)
			return
		}
		t.Schedule()
		w.idle.Finish(t)
	}
}
