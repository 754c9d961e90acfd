package scenario

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/page"
	"headroom/kernel/sim"
)

// run is one execution. The result is nil or a *sim.Failure; sim.ErrAbandoned when the strategy gave it up.
func (r *runner) run(s sim.Strategy) error {
	m := r.machine
	lock.RT = r.file.RT
	defer func() { lock.RT = false }()
	m.Rewind()
	r.graph.Begin()
	r.rounds, r.expired, r.again, r.victim = 0, 0, 0, nil
	clear(r.byTask[:])
	for _, p := range r.pools {
		clear(p.out)
	}
	r.raised = 0
	for _, a := range r.actors {
		a.reset()
		if a.spec.Kind == Interrupt || a.spec.Kind == NMI {
			m.Interrupt(nil, a.spec.CPU, &machine.Work{Run: a.body, NMI: a.spec.Kind == NMI, Priority: r.priority()})
		}
	}
	m.SetStrategy(s)
	err := m.Run()
	r.steps = m.Steps()
	if err != nil {
		return err
	}
	for _, p := range r.pools {
		if f := p.check(); f != nil {
			return f
		}
	}
	return r.quiescent()
}

// priority is that of the next interrupt: they count where the machine nests them.
func (r *runner) priority() int {
	p := r.raised % priorities
	r.raised++
	return p
}

const priorities = 3

// quiescent asks, with all items back, whether a sole caller gets what is guaranteed.
func (r *runner) quiescent() error {
	spec, m := r.drains, r.machine
	for spec.CPU < m.CPUs()-1 && m.Offline(spec.CPU) {
		spec.CPU++
	}
	m.SetStrategy(lowest{})
	m.Spawn(nil, spec)
	m.Mute(true) // what the drain passes through is not what the scenario reached
	m.WatchLocks(nil)
	defer func() {
		m.Mute(false)
		if !r.blind {
			m.WatchLocks(r.graph)
		}
	}()
	return m.Run()
}

func (r *runner) drain(t *kernel.Task) {
	for _, p := range r.pools {
		if p.allocator == nil {
			continue
		}
		want := p.variant.Guaranteed(p.config)
		var got []designs.Item
		for range want {
			it, err := p.allocator.Alloc(t, kernel.NoWait)
			if err != nil {
				r.machine.Fail(sim.Conservation, "with everything free a sole caller got %d of the %d guaranteed items of %s, then: %v", len(got), want, p.name, err)
			}
			r.take(p, it)
			got = append(got, it)
			r.machine.Progress()
		}
		for _, it := range got { // others may draw on the same pages
			r.give(p, it)
			p.allocator.Free(t, it)
			r.machine.Progress()
		}
	}
}

// lowest is the strategy of a machine with one task.
type lowest struct{}

func (lowest) Next(eligible uint64, _ int) int { return bits.TrailingZeros64(eligible) }

// stuck says whether a run in which nobody can go on is a broken promise: somebody sleeps beside an item that he may take.
func (r *runner) stuck() *sim.Failure {
	for _, a := range r.actors {
		p := a.sleeps
		if p == nil || p.config.Items == 0 || a.task == nil || !a.task.Parked() {
			continue
		}
		if free := p.variant.Guaranteed(p.config) - len(p.out); free > p.variant.FreeBeside(p.config) {
			return &sim.Failure{Class: sim.Waiting, Message: fmt.Sprintf("%s sleeps beside %d free items of %s, and nothing is left that could wake it", a.spec.Name, free, p.name)}
		}
	}
	return nil
}

// idle lets the clocks go off for which somebody waits, twice at most between two operations that come to their end: who sleeps for so long tries again.
func (r *runner) idle() bool {
	var due []designs.Expirer
	for _, a := range r.actors {
		if a.sleeps != nil && a.sleeps.timeout {
			due = append(due, a.sleeps.allocator.(designs.Expirer))
		}
	}
	if r.expired != r.rounds+1 {
		r.expired, r.again = r.rounds+1, 0
	}
	if r.again++; r.again > clockRounds || len(due) == 0 {
		return false
	}
	r.machine.Spawn(nil, machine.Spec{Name: "clock", Body: func(t *kernel.Task) {
		for _, e := range due {
			e.Expire(t)
		}
	}})
	return true
}

const clockRounds = 2

// write writes a dirty page, for reclaim.
func (r *runner) write(t *kernel.Task, p page.Page) error {
	z := r.file.Zone
	if z.WritesTake != "" {
		m := r.locks[z.WritesTake]
		m.Lock(t)
		defer m.Unlock(t)
	}
	if z.WritesNeed != "" {
		need := r.poolOf(z.WritesNeed)
		if need.waits(kernel.NoIO) {
			r.graph.AskElement(t, need.name, need.barred(kernel.RightMemalloc))
		}
		it, err := need.alloc(t, kernel.NoIO)
		if err != nil {
			return err
		}
		r.take(need, it)
		r.graph.TakeElement(t, need.name, uint64(it))
		r.zone.Written(t, p)
		r.give(need, it)
		need.free(t, it)
		r.graph.FreeElement(need.name, uint64(it))
		return nil
	}
	r.zone.Written(t, p)
	return nil
}

// kill chooses the first task of the list that has begun and not ended.
func (r *runner) kill(*kernel.Task) (victim int, ok bool) {
	for _, name := range r.file.Zone.Kill {
		for _, a := range r.actors {
			if a.spec.Name == name && a.task != nil && !a.ended {
				r.victim = a
				return a.task.Index(), true
			}
		}
	}
	return 0, false
}

// cpuDead tells every allocator that a CPU is gone; t runs on another.
func (r *runner) cpuDead(t *kernel.Task, cpu int) {
	for _, p := range r.pools {
		if p.zone != nil {
			p.zone.CPUDead(t, cpu)
		} else if d, ok := p.allocator.(designs.CPUDead); ok {
			d.CPUDead(t, cpu)
		}
	}
}

// doing says which operation of the scenario a task is in, for reports.
func (r *runner) doing(t *kernel.Task) string {
	if a := r.byTask[t.Index()]; a != nil && a.task == t {
		return a.where()
	}
	return ""
}

// situation lists who is in which operation and holds what, at the end of a run that failed.
func (r *runner) situation() []string {
	var list []string
	for _, a := range r.actors {
		if a.task == nil || a.ended {
			continue
		}
		state := "in"
		if a.task.Parked() {
			state = "sleeps in"
		}
		line := fmt.Sprintf("%-10s %s %s", a.spec.Name, state, a.where())
		if r.zone != nil && r.zone.Victim(a.task) {
			line += ", is the out-of-memory killer's victim"
		} else if a.killed(a.task) {
			line += ", was killed"
		}
		var has []string
		for _, name := range a.has {
			has = append(has, string(r.file.lock(name))+" "+name)
		}
		for _, p := range r.pools {
			if n := len(slices.DeleteFunc(slices.Clone(a.held), func(h heldItem) bool { return h.pool != p })); n > 0 {
				has = append(has, fmt.Sprintf("%d of %s", n, p.name))
			}
		}
		if len(has) > 0 {
			line += ", and has " + strings.Join(has, ", ")
		}
		list = append(list, line)
	}
	return list
}
