//go:build sim

package slab

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/choice"
	"headroom/kernel/machine"
	"headroom/kernel/page"
	"headroom/kernel/sim"
)

// random is the strategy: it stays with the current entity with a chance that the seed picks, else anybody eligible goes on.
type random struct {
	stream rng.Stream
	stay   int // chances in 8
}

func (w *random) Next(eligible uint64, current int) int {
	if current >= 0 && eligible>>current&1 != 0 && w.stream.Below(8) < w.stay {
		return current
	}
	for n := w.stream.Below(bits.OnesCount64(eligible)); n > 0; n-- {
		eligible &= eligible - 1
	}
	return bits.TrailingZeros64(eligible)
}

// scene is one cache under exploration, and who holds what of it.
type scene struct {
	*sim.Machine
	c      *Cache
	stream rng.Stream
	held   map[Object]bool
	left   int // tasks that are not done
	sent   int // interrupts that were raised
}

// program is what the tasks of a check do.
type program struct {
	cpus, nodes, pages int
	config             Config
	setup              func(s *scene)
}

// explore runs a program under many schedules and returns the first failure.
func explore(p program) error {
	_, err := exploreFor(p, schedules)
	return err
}

func exploreFor(p program, seeds int) (reached []uint32, err error) {
	m, err := sim.New(sim.Options{CPUs: p.cpus, Nodes: p.nodes, Entities: 16, Races: true, MemoryBytes: 64 << 10})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	pages, err := page.New(m, tinyPages(p.pages))
	if err != nil {
		return nil, err
	}
	s := &scene{Machine: m}
	if s.c, err = New(m, pages, p.config); err != nil {
		return nil, err
	}
	m.Mark()
	for seed := range uint64(seeds) {
		m.Rewind()
		s.held, s.left, s.sent, s.stream = map[Object]bool{}, 0, 0, rng.New(rng.Mix(seed))
		p.setup(s)
		m.SetStrategy(&random{rng.New(rng.Mix(^seed)), [...]int{0, 4, 6, 7}[seed%4]})
		if err := s.verdict(m.Run()); err != nil {
			return m.Reached(), fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return m.Reached(), nil
}

// verdict: in the end nobody holds an object, and what Check says of the cache and its pages holds.
func (s *scene) verdict(run error) error {
	switch {
	case run != nil:
		return run
	case len(s.held) != 0:
		return fmt.Errorf("%d objects are held in the end", len(s.held))
	}
	if err := s.c.Check(); err != nil {
		return err
	}
	pages := s.c.pages
	total := pages.FreePages() + pages.ListedPages() + pages.LatePages()
	for i := range s.c.zones {
		z := &s.c.zones[i]
		for number := range z.slabs {
			if z.slabs[number].state.Load() != live {
				continue
			}
			total += 1 << s.c.order
			for i := range s.c.perSlab {
				if o := Object(z.first + uint64(number)<<s.c.slabShift + i*s.c.bytes); !s.c.Idle(o) {
					return fmt.Errorf("object %d has no owner and is not free (I1)", o)
				}
			}
		}
	}
	if want := pages.ZonePages() * len(s.c.zones); total != want {
		return fmt.Errorf("%d of %d pages are idle or in slabs in the end", total, want)
	}
	return pages.Check()
}

// task spawns a task that counts as present until its body returns.
func (s *scene) task(name string, cpu int, body func(t *kernel.Task)) {
	s.left++
	s.Spawn(nil, machine.Spec{Name: name, CPU: cpu, Body: func(t *kernel.Task) {
		body(t)
		s.left--
	}})
}

// alloc takes an object and notes it. Notes are plain Go: no step lies between them and the answer.
func (s *scene) alloc(t *kernel.Task) (o Object, ok bool) {
	o, err := s.c.Alloc(t, kernel.NoWait)
	if err != nil {
		return 0, false
	}
	if s.held[o] {
		s.Fail(sim.Uniqueness, "object %d was handed out twice", o)
	}
	s.held[o] = true
	s.ownersKeepTheirs()
	return o, true
}

// ownersKeepTheirs: I4: the slab of every object with an owner is the cache's still. The looks are no steps.
func (s *scene) ownersKeepTheirs() {
	point := choice.Point
	choice.Point = nil
	gone := -1
	for o := range s.held {
		if !s.c.Holds(o) {
			gone = max(gone, int(o))
		}
	}
	choice.Point = point
	if gone >= 0 {
		s.Fail(sim.Contract, "object %d has an owner, and the pages of its slab were given back", gone)
	}
}

func (s *scene) free(t *kernel.Task, o Object) {
	s.ownersKeepTheirs()
	delete(s.held, o)
	s.c.Free(t, o)
}

// mostSent is how many interrupts the tasks of a run raise together.
const mostSent = 3

// churn makes some calls, as the bits of a number say, and frees all it holds; some frees are those of interrupts.
func (s *scene) churn(t *kernel.Task, choice uint64) {
	var mine []Object
	for range 8 {
		what := choice & 7
		choice >>= 3
		switch {
		case what < 5 && len(mine) < 4:
			if o, ok := s.alloc(t); ok {
				mine = append(mine, o)
			}
		case len(mine) > 0 && what&1 == 0 && s.sent < mostSent:
			o := mine[0]
			mine = mine[1:]
			s.sent++
			s.Interrupt(t, int(what>>1&1), &machine.Work{Run: func(t *kernel.Task) { s.free(t, o) }})
		case len(mine) > 0:
			s.free(t, mine[0])
			mine = mine[1:]
		}
	}
	for _, o := range mine {
		s.free(t, o)
	}
}

// churning: tasks on all CPUs and the interrupts they raise take and free objects of a cache over so many nodes of so many pages.
func churning(nodes, pages int, c Config) program {
	return program{cpus: 2, nodes: nodes, pages: pages, config: c, setup: func(s *scene) {
		for i := range 3 {
			choice := s.stream.Uint64()
			s.task(fmt.Sprintf("task/%d", i), i%2, func(t *kernel.Task) { s.churn(t, choice) })
		}
	}}
}

// sharing: two tasks of one CPU and an interrupt there take objects off its list, and nobody frees one before all have theirs: whoever comes in between
// can do no other harm than to take what another is about to get.
func sharing() program {
	return program{cpus: 1, nodes: 1, pages: 4, config: several, setup: func(s *scene) {
		takers := 3
		take := func(t *kernel.Task) {
			s.alloc(t)
			if takers--; takers > 0 {
				return
			}
			for _, o := range slices.Sorted(maps.Keys(s.held)) {
				s.free(t, o)
			}
		}
		for i := range 2 {
			s.task(fmt.Sprintf("task/%d", i), 0, take)
		}
		s.Interrupt(nil, 0, &machine.Work{Run: take})
	}}
}

// death: a CPU frees objects onto its list and goes offline; the other then gets every object.
func death() program {
	c := Config{ObjectBytes: 32, Order: -1, High: 4, Batch: 2, MinPartial: -1}
	return program{cpus: 2, nodes: 1, pages: 4, config: c, setup: func(s *scene) {
		s.task("dying", 1, func(t *kernel.Task) {
			s.churn(t, 0o_5_5_0_0)
			s.Spawn(t, machine.Spec{Name: "unplug", CPU: 0, Body: func(t *kernel.Task) {
				if err := s.Unplug(t, 1, func(t *kernel.Task) {
					s.c.CPUDead(t, 1)
					s.closing(t)
				}); err != nil {
					s.Fail(sim.Contract, "%v", err)
				}
			}})
		})
		s.task("other", 0, func(t *kernel.Task) { s.churn(t, 0o_7_0_7_0) })
	}}
}

// closing is a sole caller that takes all objects, when all other tasks are done.
func (s *scene) closing(t *kernel.Task) {
	for s.left > 0 {
		t.Resched()
	}
	var all []Object
	for o, ok := s.alloc(t); ok; o, ok = s.alloc(t) {
		all = append(all, o)
	}
	if want := len(s.c.zones[0].slabs) * int(s.c.perSlab); len(all) != want {
		s.Fail(sim.Conservation, "after a CPU's death %d of %d objects can be had", len(all), want)
	}
	for _, o := range all {
		s.free(t, o)
	}
}
