package workload

import (
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/harness/driver"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/latency"
	"headroom/kernel/machine"
	"headroom/kernel/percpu"
)

// Counters of irq-alloc-fails alone.
const (
	CounterLost     = "lost-writes"    // writes that ended with an error, since there was no item for them
	CounterRequeues = "requeues"       // times a write was put off for want of an item
	CounterRefused  = "refused-in-irq" // allocations in interrupts that the allocator refused
	CounterInjected = "injected"       // those that failed by order
)

const (
	// irqDepth writes are on a CPU's device at a time: on two CPUs together as many as the reserve of percpu_tags:lock-reserve has tags.
	irqDepth = 2
	// mostBacklog writes wait on a CPU at most; then it submits no more.
	mostBacklog = 64
	// A write whose every allocation fails would never start.
	leastFailEvery = 2
	mostFailEvery  = 1 << 30
)

// irqWriter is what one CPU submits writes to: the driver's queue, and the interrupts in which it is called. They alone call it, on that CPU.
type irqWriter struct {
	queue                  *driver.Queue
	submit, complete, kick machine.Work
	raised                 uint32
	words                  *writerWords
	submitted              [mostBacklog + irqDepth]int64 // when, by write: no more of them are under way
	began                  int64                         // when the interrupt that runs did
	waits                  *latency.Histogram            // from the submission of a write until it had its item
}

// checkWriters refuses what is wrong with the parameters of irq-alloc-fails.
func (s *Spec) checkWriters() error {
	switch {
	case !(s.Ratio > 0 && s.Ratio <= maxRatio) || s.Tasks < 1 || (s.Tasks+1)*s.CPUs > maxTasks:
		return fmt.Errorf("irq-alloc-fails with %g items and %d tasks for each CPU: give 0 < items <= %d, and 1 to %d tasks in all, with one more for each CPU",
			s.Ratio, s.Tasks, maxRatio, maxTasks)
	case s.FailEvery < leastFailEvery || s.FailEvery > mostFailEvery:
		return fmt.Errorf("irq-alloc-fails with every allocation numbered %d failing: give %d to %d", s.FailEvery, leastFailEvery, mostFailEvery)
	case !slices.Contains(driver.Actions(), s.OnRefusal):
		return fmt.Errorf("irq-alloc-fails with %q on a refusal: give one of %v", s.OnRefusal, driver.Actions())
	}
	return nil
}

// writerWords are what the tasks and the interrupts of a CPU see of each other.
type writerWords struct {
	ran atomic.Uint32 // of the interrupts raised, those that have run
}

// layWriters makes a queue for each CPU.
func (r *run) layWriters() error {
	words, err := percpu.New[writerWords](r.machine)
	if err != nil {
		return err
	}
	r.writers = make([]irqWriter, r.spec.CPUs)
	waits := newHistograms(r.spec.CPUs)
	for cpu := range r.writers {
		w := &r.writers[cpu]
		w.words, w.waits = words[cpu], waits[cpu]
		w.queue, err = driver.New(r.allocator, driver.Config{Action: r.spec.OnRefusal, FailEvery: uint64(r.spec.FailEvery), Depth: irqDepth,
			Started: func(_ *kernel.Task, write uint64, it designs.Item) {
				r.record(w.waits, r.now()-w.submitted[write%uint64(len(w.submitted))])
				if r.records != nil {
					r.records.Touch(it)
				}
			}})
		if err != nil {
			return err
		}
		w.submit.Run = r.handler(w, func(t *kernel.Task) {
			w.submitted[w.queue.Counts().Submitted%uint64(len(w.submitted))] = w.began
			w.queue.Submit(t)
		})
		w.complete.Run = r.handler(w, w.queue.Complete)
		w.kick.Run = r.handler(w, w.queue.Kick)
	}
	return nil
}

// handler is an interrupt that does something with the queue of its CPU, and times that.
func (r *run) handler(w *irqWriter, what func(t *kernel.Task)) func(t *kernel.Task) {
	return func(t *kernel.Task) {
		w.began = r.now()
		what(t)
		r.seats[t.CPU()].inside += r.lengthen(&r.seats[t.CPU()], w.began, r.now()) - w.began
		w.words.ran.Add(1)
	}
}

// writeInInterrupts is the body of irq-alloc-fails: the first task of a CPU is the source of its interrupts, the others hold items.
func (r *run) writeInInterrupts(t *kernel.Task, s *seat, task int) {
	if task > 0 {
		r.holdOn(t, s)
		return
	}
	w := &r.writers[s.cpu]
	for end := s.started + r.spec.DurationNs; r.now() < end; {
		next := &w.submit
		if w.queue.Requeued() == mostBacklog {
			next = &w.kick
		}
		before := w.queue.Flying()
		w.raise(r, t, next)
		t.Resched()
		if flying := w.queue.Flying(); flying == irqDepth || flying > 0 && flying == before { // the device does not wait for more to come
			w.raise(r, t, &w.complete)
		}
	}
	for w.queue.Flying() > 0 {
		w.raise(r, t, &w.complete)
	}
	var wait measure.Patience
	for w.queue.Requeued() > 0 { // those who hold items give them back
		w.raise(r, t, &w.kick)
		for w.queue.Flying() > 0 {
			w.raise(r, t, &w.complete)
		}
		t.Resched()
		wait.Round()
	}
	c := w.queue.Counts()
	s.ops, s.failed = int64(c.Completed), int64(c.Refused)
}

// raise makes an interrupt of its own CPU happen, and returns when it has run.
func (w *irqWriter) raise(r *run, t *kernel.Task, what *machine.Work) {
	w.raised++
	r.machine.Interrupt(t, t.CPU(), what)
	for w.words.ran.LoadAcquire() != w.raised {
		t.Resched()
	}
}

// holdOn is a task of process context: it takes an item, waits for one if need be, and holds it while the CPU's other tasks run.
func (r *run) holdOn(t *kernel.Task, s *seat) {
	gfp := kernel.NoWait
	if r.variant.Capabilities.MayWait {
		gfp = kernel.NoIO
	}
	var wait measure.Patience
	for end := s.started + r.spec.DurationNs; r.now() < end; {
		it, err := r.allocator.Alloc(t, gfp)
		t.Resched()
		if err == nil {
			r.allocator.Free(t, it)
		} else {
			wait.Round()
		}
	}
}

// accountWrites finds every write completed or lost, and as many allocations failed by order as were to.
func (r *run) accountWrites() error {
	for cpu := range r.writers {
		q := r.writers[cpu].queue
		if err := q.Check(); err != nil {
			return fmt.Errorf("CPU %d: %w", cpu, err)
		}
		if c := q.Counts(); c.Completed+c.Lost != c.Submitted || c.Injected != c.Attempts/uint64(r.spec.FailEvery) {
			return fmt.Errorf("CPU %d: at the end, with every allocation numbered %d failing: %+v", cpu, r.spec.FailEvery, c)
		}
	}
	return nil
}

// writerFigures counts what became of the writes, and adds how long they waited for their items.
func (r *run) writerFigures(o *result.Sample) error {
	var all driver.Counts
	var waits []*latency.Histogram
	for cpu := range r.writers {
		c := r.writers[cpu].queue.Counts()
		all.Lost, all.Requeues, all.Refused, all.Injected = all.Lost+c.Lost, all.Requeues+c.Requeues, all.Refused+c.Refused, all.Injected+c.Injected
		waits = append(waits, r.writers[cpu].waits)
	}
	o.Counters[CounterLost], o.Counters[CounterRequeues] = float64(all.Lost), float64(all.Requeues)
	o.Counters[CounterRefused], o.Counters[CounterInjected] = float64(all.Refused), float64(all.Injected)
	return r.describe(o, waits, result.TimedStart)
}
