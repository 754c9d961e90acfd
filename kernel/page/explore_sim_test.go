//go:build sim

package page

import (
	"fmt"
	"math/bits"

	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/choice"
	"headroom/kernel/machine"
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

// scene is one allocator under exploration, and who holds what of it.
type scene struct {
	*sim.Machine
	a      *Allocator
	stream rng.Stream
	held   map[Page]int // pages held, by the block they are in: the order
	left   int          // tasks that are not done
	sent   int          // interrupts on their way
	hogs   []*hog
}

// program is what the tasks of a check do: setup spawns them, after looks at the end of a run. Both may be called many times.
type program struct {
	cpus, nodes int
	config      Config
	noPreempt   bool
	setup       func(s *scene)
	after       func(s *scene) error
	kill        func(s *scene) (victim int, ok bool) // what Config.Kill does
	reap        func(s *scene, t *kernel.Task, victim, most int) int
	write       func(s *scene, t *kernel.Task, p Page) error // what Config.Write does
}

// explore runs a program under many schedules and returns the first failure.
func explore(p program) error {
	_, err := exploreFor(p, schedules)
	return err
}

func exploreFor(p program, seeds int) (reached []uint32, err error) {
	m, err := sim.New(sim.Options{CPUs: p.cpus, Nodes: p.nodes, Entities: 16, Races: true, MemoryBytes: 64 << 10, NoPreempt: p.noPreempt})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	s := &scene{Machine: m}
	if p.kill != nil {
		p.config.Kill = func(*kernel.Task) (int, bool) { return p.kill(s) }
	}
	if p.reap != nil {
		p.config.Reap = func(t *kernel.Task, victim, most int) int { return p.reap(s, t, victim, most) }
	}
	if p.write != nil {
		p.config.Write = func(t *kernel.Task, dirty Page) error { return p.write(s, t, dirty) }
	}
	if s.a, err = New(m, p.config); err != nil {
		return nil, err
	}
	m.Mark()
	for seed := range uint64(seeds) {
		m.Rewind()
		s.held, s.left, s.sent, s.stream = map[Page]int{}, 0, 0, rng.New(rng.Mix(seed))
		p.setup(s)
		m.SetStrategy(&random{rng.New(rng.Mix(^seed)), [...]int{0, 4, 6, 7}[seed%4]})
		err := m.Run()
		if err == nil && p.after != nil {
			err = p.after(s)
		}
		if err == nil {
			err = s.a.Check()
		}
		if err != nil {
			return m.Reached(), fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return m.Reached(), nil
}

// task spawns a task that counts as present until its body returns.
func (s *scene) task(name string, cpu int, body func(t *kernel.Task)) {
	s.left++
	s.Spawn(nil, machine.Spec{Name: name, CPU: cpu, Body: func(t *kernel.Task) {
		body(t)
		s.left--
	}})
}

// alloc takes a block and notes who holds its pages; 0 when it is refused. Notes are plain Go: no step lies between them and the answer.
func (s *scene) alloc(t *kernel.Task, gfp kernel.GFP, order int) (p Page, ok bool) {
	p, err := s.a.Alloc(t, gfp, order)
	if err != nil {
		return 0, false
	}
	for i := range 1 << order {
		at := p + Page(i*s.a.PageBytes())
		if _, twice := s.held[at]; twice || !s.a.Holds(at) {
			s.Fail(sim.Uniqueness, "page %d was handed out twice, or lies outside", at)
		}
		s.held[at] = order
	}
	return p, true
}

func (s *scene) free(t *kernel.Task, p Page, order int) {
	s.forget(p, order)
	s.a.Free(t, p, order)
}

func (s *scene) forget(p Page, order int) {
	for i := range 1 << order {
		delete(s.held, p+Page(i*s.a.PageBytes()))
	}
}

// freeInInterrupt frees a block in an interrupt on some CPU.
func (s *scene) freeInInterrupt(t *kernel.Task, cpu int, p Page, order int) {
	s.sent++
	s.Interrupt(t, cpu, &machine.Work{Run: func(t *kernel.Task) {
		s.free(t, p, order)
		s.sent--
	}})
}

// peek calls f outside of the run: its looks at words are no steps.
func peek[T any](f func() T) T {
	point, await := choice.Point, choice.Await
	choice.Point, choice.Await = nil, nil
	defer func() { choice.Point, choice.Await = point, await }()
	return f()
}

// everything is the end of most programs: a sole caller with every right gets each page there is.
func everything(s *scene) error {
	if len(s.held) != 0 {
		return fmt.Errorf("%d pages are held in the end", len(s.held))
	}
	if err := s.a.Check(); err != nil {
		return err
	}
	total := s.a.config.Pages * len(s.a.zones)
	if got := s.a.FreePages() + s.a.ListedPages() + s.a.LatePages() + s.a.CleanPages() + s.a.DirtyPages(); got != total {
		return fmt.Errorf("%d of %d pages are idle in the end", got, total)
	}
	return nil
}
