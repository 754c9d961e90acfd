package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/fuzz/lockdep"
	"headroom/fuzz/scenario/clients"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/page"
	"headroom/kernel/reach"
	"headroom/kernel/sim"
)

// The bounds of a run: steps without progress, and those after which with everybody in turn it is a livelock.
const (
	stepsWithoutProgress = 4_000
	fairSteps            = 8_000
	memoryBytes          = 1 << 20
)

// pageBytes is small: the contents of pages are nobody's business here.
const pageBytes = 64

// runner runs one scenario again and again, under one schedule after another.
type runner struct {
	file    *File
	machine *sim.Machine
	graph   *lockdep.Graph
	zone    *page.Allocator
	pools   []*pool
	locks   map[string]locker
	events  map[string]*event
	works   map[string]*work
	actors  []*actor
	byTask  [sim.MaxEntities]*actor
	drains  machine.Spec
	rounds  int // operations done in this run
	expired int // the value of rounds at which the clocks went off last, plus one
	again   int // how often they did since
	steps   int
	raised  int    // interrupts of this run
	blind   bool   // the lock checker is left out
	victim  *actor // whom the killer has chosen last
}

// locker is a lock of any kind.
type locker interface {
	Lock(t *kernel.Task)
	TryLock(t *kernel.Task) bool
	Unlock(t *kernel.Task)
}

// event is what a task waits for.
type event struct {
	words *eventWords
	scope *kernel.Scope
}

// eventWords count the signals that nobody has waited for yet.
type eventWords struct {
	signals atomic.Uint32
	waiters lock.WaitQueue
}

// work is what a worker does.
type work struct {
	actor *actor
	words *workWords
	scope *kernel.Scope
}

// workWords count what was queued and has not ended.
type workWords struct {
	left    atomic.Uint32
	waiters lock.WaitQueue
}

// newRunner makes the machine of a scenario, and all that is on it.
func newRunner(f *File, withoutCompletions bool) (*runner, error) {
	m, err := sim.New(f.options())
	if err != nil {
		return nil, err
	}
	r := &runner{file: f, machine: m, graph: lockdep.New(m.Memory()), locks: map[string]locker{}, events: map[string]*event{}, works: map[string]*work{}}
	r.graph.Sites, r.graph.WithoutCompletions, r.graph.Doing = true, withoutCompletions, r.doing
	if err := r.furnish(); err != nil {
		m.Close()
		return nil, err
	}
	for _, a := range r.actors {
		if a.spec.Kind == Task {
			m.Spawn(nil, machine.Spec{Name: a.spec.Name, CPU: a.spec.CPU, Body: a.body})
		}
	}
	m.Mark()
	m.WatchLocks(r.graph)
	m.OnStuck(r.stuck)
	m.OnIdle(r.idle)
	m.OnUnplug(r.cpuDead)
	r.drains = machine.Spec{Name: "drain", Body: r.drain}
	return r, nil
}

// options are those of the scenario's machine.
func (f *File) options() sim.Options {
	return f.Traits.On(sim.Options{CPUs: f.CPUs, Entities: f.entities(), MemoryBytes: memoryBytes, Races: true, StepLimit: stepsWithoutProgress, Fair: fairSteps})
}

// entities is how many tasks and interrupts a run can have, each in a place of its own as far as there is room.
func (f *File) entities() int {
	n := len(f.Actors) + 8 + f.Traits.Hotplugs // beside them workers, clocks, hooks of CPUs and one that drains
	for i := range f.Actors {
		for _, o := range f.Actors[i].Ops {
			switch o.Code {
			case Hand, Queue:
				n++
			case Unplug:
				n += 1 + len(f.Actors)
			}
		}
	}
	return min(sim.MaxEntities, n) // the machine's own may take some of the room
}

// furnish makes what the scenario declares.
func (r *runner) furnish() error {
	f, memory := r.file, r.machine.Memory()
	for _, l := range f.Locks {
		if err := r.newLock(l, memory); err != nil {
			return err
		}
	}
	for _, name := range f.Events {
		words, err := mem.New[eventWords](memory, 0)
		if err != nil {
			return err
		}
		r.events[name] = &event{words: words, scope: &kernel.Scope{Name: "event " + name, Worker: true}}
	}
	if err := r.newZone(); err != nil {
		return err
	}
	for i := range f.Allocators {
		if err := r.newPool(&f.Allocators[i]); err != nil {
			return fmt.Errorf("%s: allocator %s: %w", f.Place("name "+f.Allocators[i].Name), f.Allocators[i].Name, err)
		}
	}
	for _, name := range f.Reach {
		if !slices.ContainsFunc(reach.All(), func(p *reach.Point) bool { return p.Name == name && r.meant(p) }) {
			return fmt.Errorf("%s: reach %s: no allocator of this file has a slow path of that name; headroom explore --design NAME prints those of a design",
				f.Place("reach "+name), name)
		}
	}
	for i := range f.Actors {
		a := &actor{runner: r, spec: &f.Actors[i]}
		r.actors = append(r.actors, a)
		if a.spec.Kind == Work {
			words, err := mem.New[workWords](memory, 0)
			if err != nil {
				return err
			}
			r.works[a.spec.Name] = &work{actor: a, words: words, scope: &kernel.Scope{Name: "work " + a.spec.Name, Worker: true}}
		}
	}
	for _, a := range r.actors {
		if err := a.able(); err != nil {
			return err
		}
		a.prepare()
	}
	return nil
}

// meant reports whether a slow path is one of an allocator that the scenario declares: what those stand on has paths of the same names.
func (r *runner) meant(p *reach.Point) bool {
	return slices.ContainsFunc(r.pools, func(of *pool) bool {
		if of.zone != nil {
			return p.Host == "kernel/page"
		}
		return p.Host == cmp.Or(of.variant.SlowHost, "designs/"+of.variant.Design)
	})
}

func (r *runner) newLock(l Lock, memory *mem.Memory) error {
	switch l.Kind {
	case Mutex:
		m, err := mem.New[lock.Mutex](memory, 0)
		if err != nil {
			return err
		}
		r.locks[l.Name] = m
		r.graph.Name(unsafe.Pointer(m), "mutex "+l.Name, lock.WaitSleep)
	case Spin:
		m, err := mem.New[lock.Spin](memory, 0)
		if err != nil {
			return err
		}
		r.locks[l.Name] = m
		r.graph.Name(unsafe.Pointer(m), "spinlock "+l.Name, lock.WaitConfig)
	case Raw:
		m, err := mem.New[lock.RawSpin](memory, 0)
		if err != nil {
			return err
		}
		r.locks[l.Name] = m
		r.graph.Name(unsafe.Pointer(m), "raw spinlock "+l.Name, lock.WaitSpin)
	}
	return nil
}

// newZone makes the page allocator. Lists hold one page, so that what is freed is seen, and counts are exact.
func (r *runner) newZone() (err error) {
	z := r.file.Zone
	if z == nil {
		return nil
	}
	c := page.Config{Pages: z.Pages, PageBytes: pageBytes, Marks: &page.Marks{Min: z.Min, Low: z.Low, High: z.High}, Rules: z.Rules, Lists: z.Lists,
		High: 1, Drift: 1, Write: r.write, Taken: r.taken}
	if len(z.Kill) > 0 {
		c.Kill = r.kill
	}
	if r.zone, err = page.New(r.machine, c); err != nil {
		return fmt.Errorf("%s: %w", r.file.Place("zone"), err)
	}
	r.pools = append(r.pools, &pool{name: zoneName, zone: r.zone, out: map[designs.Item]bool{}})
	return nil
}

// newPool makes an allocator of a design.
func (r *runner) newPool(a *Allocator) error {
	v, err := a.find()
	if err != nil {
		return err
	}
	c := a.config()
	p := &pool{name: a.Name, variant: v, config: c, timeout: a.Timeout, out: map[designs.Item]bool{}}
	switch {
	case v.Capabilities.NativeOnly:
		return fmt.Errorf("%s uses Go's own primitives, which the simulator cannot see: choose another", v.FullName())
	case !a.Over:
		p.allocator, err = v.New(r.machine, c)
	case v.NewOver == nil:
		return fmt.Errorf("%s cannot draw on pages that others use as well: leave over zone out, or choose a variant such as mempool:mainline-page", v.FullName())
	default:
		p.allocator, err = v.NewOver(r.machine, r.zone, c)
	}
	if err != nil {
		return err
	}
	if _, ok := p.allocator.(designs.Expirer); a.Timeout && !ok {
		return fmt.Errorf("%s has no sleeps that time ends: leave timeout out", v.FullName())
	}
	r.pools = append(r.pools, p)
	return nil
}

// find is the allocator's variant.
func (a *Allocator) find() (designs.Variant, error) {
	design, variant, _ := strings.Cut(a.Variant, ":")
	if v, ok := clients.Find(design, variant); ok {
		return v, nil
	}
	return catalog.Find(design, variant)
}

func (a *Allocator) config() designs.Config {
	c := designs.Config{Items: a.Items, Room: a.Room, Bytes: a.Bytes, Knobs: map[string]int{}}
	for _, k := range a.Knobs {
		c.Knobs[k.Name] = k.Value
	}
	return c
}

// poolOf finds an allocator by its name.
func (r *runner) poolOf(name string) *pool {
	for _, p := range r.pools {
		if p.name == name {
			return p
		}
	}
	return nil
}

func (r *runner) close() { r.machine.Close() }
