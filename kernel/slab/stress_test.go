package slab

import (
	"fmt"
	"testing"

	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/page"
)

// crews are the machines of the stress test, as places in the list of processors this process may use; a place that comes twice is a processor
// that two CPUs share, so that lock holders lose it in mid-operation.
var crews = map[string][]int{"two": {0, 1}, "one processor twice": {0, 0}, "four CPUs on two": {0, 1, 0, 1}}

const (
	stressPages = 256
	stressCalls = 20_000
)

// stress is one run on real threads: who holds each object, by place, and the objects that tasks hand to each other.
type stress struct {
	*machine.Native
	c        *Cache
	owners   []atomic.Uint32 // by page; an object is most of a page
	exchange []atomic.Uint64 // objects to be freed by whoever finds them
	left     *atomic.Uint32  // tasks that are not done
	crossed  *atomic.Uint32  // objects freed on another CPU than they were allocated on
}

// I1, I2, I4 on real threads: tasks on all CPUs take objects, free them or hand them over to be freed by others. No object has two owners, and in the
// end all are idle.
func TestUnderStress(t *testing.T) {
	for name, places := range crews {
		t.Run(name, func(t *testing.T) { runStress(t, places) })
	}
}

func runStress(t *testing.T, places []int) {
	s := newStress(t, places)
	for cpu := range places {
		s.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", cpu), CPU: cpu, Body: func(task *kernel.Task) {
			s.work(t, task)
			if s.left.Add(^uint32(0)) == 0 {
				s.finish(t, task)
			}
		}})
	}
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	if err := s.c.Check(); err != nil {
		t.Fatal(err)
	}
	if n := stressPages - s.c.pages.FreePages() - s.c.pages.ListedPages(); n > 2 {
		t.Errorf("an idle cache holds %d pages, and is to keep 2", n)
	}
	if stats := s.c.Stats(); stats.Returned == 0 || stats.Spills == 0 || stats.Failed == 0 || s.crossed.Load() == 0 {
		t.Errorf("the slow paths were not taken: %+v, %d objects freed on another CPU", stats, s.crossed.Load())
	} else {
		t.Logf("%+v", stats)
	}
}

func newStress(t *testing.T, places []int) *stress {
	allowed, err := machine.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	var cpus []machine.CPU
	for _, place := range places {
		cpus = append(cpus, machine.CPU{ID: allowed[place%len(allowed)]})
	}
	m, err := machine.NewNative(machine.Options{CPUs: cpus, MemoryBytes: 1 << 20, Tasks: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	pages, err := page.New(m, page.Config{Pages: stressPages, PageBytes: 64, Marks: &page.Marks{Min: 4, Low: 6, High: 8}})
	if err != nil {
		t.Fatal(err)
	}
	s := &stress{Native: m}
	if s.c, err = New(m, pages, Config{ObjectBytes: 64, Order: 1, High: 8, Batch: 4, MinPartial: 1}); err != nil {
		t.Fatal(err)
	}
	if s.owners, err = mem.Slice[atomic.Uint32](m.Memory(), 0, stressPages); err != nil {
		t.Fatal(err)
	}
	if s.exchange, err = mem.Slice[atomic.Uint64](m.Memory(), 0, 16); err != nil {
		t.Fatal(err)
	}
	if s.left, err = mem.New[atomic.Uint32](m.Memory(), 0); err != nil {
		t.Fatal(err)
	}
	if s.crossed, err = mem.New[atomic.Uint32](m.Memory(), 0); err != nil {
		t.Fatal(err)
	}
	s.left.Store(uint32(len(places)))
	return s
}

// work makes random calls. What the task holds is bounded so that all together need more than there is, for a while.
func (s *stress) work(t *testing.T, task *kernel.Task) {
	stream := rng.New(rng.Mix(uint64(task.CPU())))
	var mine []Object
	for range stressCalls {
		switch n := stream.Below(16); {
		case n < 9 && len(mine) < 300:
			if o, err := s.c.Alloc(task, kernel.NoWait); err == nil {
				if !s.owner(o).CompareAndSwap(0, uint32(task.CPU())+1) {
					t.Errorf("object %d has two owners", o)
				}
				mine = append(mine, o)
			}
		case n < 12:
			given := Object(0)
			if len(mine) > 0 {
				given, mine = mine[len(mine)-1], mine[:len(mine)-1]
			}
			s.swap(t, task, stream.Below(len(s.exchange)), given)
		case n == 12 && stream.Below(512) == 0:
			for _, o := range mine {
				s.free(t, task, o)
			}
			mine = mine[:0]
		case len(mine) > 0:
			s.free(t, task, mine[len(mine)-1])
			mine = mine[:len(mine)-1]
		}
	}
	for _, o := range mine {
		s.free(t, task, o)
	}
}

// finish is the last task's: it frees what nobody has found, and empties all lists.
func (s *stress) finish(t *testing.T, task *kernel.Task) {
	for i := range s.exchange {
		s.swap(t, task, i, 0)
	}
	for cpu := range s.CPUs() {
		s.c.CPUDead(task, cpu)
	}
}

// swap puts an object, 0 for none, into a place of the exchange and frees what was there.
func (s *stress) swap(t *testing.T, task *kernel.Task, place int, o Object) {
	if old := Object(s.exchange[place].Swap(uint64(o))); old != 0 {
		s.free(t, task, old)
	}
}

func (s *stress) free(t *testing.T, task *kernel.Task, o Object) {
	switch s.owner(o).Swap(0) {
	case 0:
		t.Errorf("object %d has no owner", o)
	case uint32(task.CPU()) + 1:
	default:
		s.crossed.Add(1)
	}
	s.c.Free(task, o)
}

// owner is where it is noted on which CPU an object was allocated, counted from 1.
func (s *stress) owner(o Object) *atomic.Uint32 { return &s.owners[(uint64(o)-s.c.zones[0].first)/64] }
