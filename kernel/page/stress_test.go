package page

import (
	"fmt"
	"testing"

	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// crews are the machines of the stress test, as places in the list of processors this process may use; a place that comes twice is a processor
// that two CPUs share, so that lock holders lose it in mid-operation.
var crews = map[string][]int{"two": {0, 1}, "one processor twice": {0, 0}, "four CPUs on two": {0, 1, 0, 1}}

// native makes a machine of real threads.
func native(t *testing.T, places []int) *machine.Native {
	t.Helper()
	allowed, err := machine.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	var cpus []machine.CPU
	for _, place := range places {
		cpus = append(cpus, machine.CPU{ID: allowed[place%len(allowed)]})
	}
	m, err := machine.NewNative(machine.Options{CPUs: cpus, MemoryBytes: 8 << 20, Tasks: 64})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// stress is one run on real threads: who holds each page, by number, and how many tasks are not done.
type stress struct {
	*machine.Native
	a      *Allocator
	owners []atomic.Uint32
	left   *atomic.Uint32
}

const stressCalls = 3000

// I1, I3, I7, I8 on real threads: tasks on all CPUs take and free blocks, keep some in the cache and look for them again, with kswapd and Drain
// at work. No page has two owners, and in the end all are idle.
func TestUnderStress(t *testing.T) {
	for name, places := range crews {
		for _, era := range eras {
			t.Run(fmt.Sprintf("%s, era %d", name, era), func(t *testing.T) { runStress(t, places, era) })
		}
	}
}

func runStress(t *testing.T, places []int, era ListEra) {
	const pages = 256
	s := &stress{Native: native(t, places)}
	var err error
	if s.a, err = New(s, Config{Pages: pages, PageBytes: 64, Marks: &Marks{Min: 8, Low: 16, High: 24}, Lists: era, High: 24, Batch: 8}); err != nil {
		t.Fatal(err)
	}
	if s.owners, err = mem.Slice[atomic.Uint32](s.Memory(), 0, pages); err != nil {
		t.Fatal(err)
	}
	if s.left, err = mem.New[atomic.Uint32](s.Memory(), 0); err != nil {
		t.Fatal(err)
	}
	s.left.Store(uint32(len(places)))
	for cpu := range places {
		s.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", cpu), CPU: cpu, Body: func(task *kernel.Task) {
			s.work(t, task)
			if s.left.Add(^uint32(0)) == 0 {
				s.a.StopKswapd(task)
			}
		}})
	}
	s.Spawn(nil, machine.Spec{Name: "kswapd", Body: func(task *kernel.Task) { s.a.Kswapd(task, 0) }})
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	if err := s.a.Check(); err != nil {
		t.Fatal(err)
	}
	if got := s.a.FreePages() + s.a.ListedPages() + s.a.CleanPages(); got != pages {
		t.Errorf("%d of %d pages are idle in the end", got, pages)
	}
	stats := s.a.Stats()
	if stats.Refills == 0 || stats.Spills == 0 || stats.Reclaims == 0 {
		t.Errorf("the slow paths were not taken: %+v", stats)
	}
	t.Logf("%+v", stats)
}

type held struct {
	p     Page
	order int
}

// work makes random calls. What the task holds is bounded so that all together need more than the zone has, for a while.
func (s *stress) work(t *testing.T, task *kernel.Task) {
	stream := rng.New(rng.Mix(uint64(task.CPU())))
	var mine []held
	key, cached := uint64(task.CPU())<<32, Page(0)
	for range stressCalls {
		switch n := stream.Below(16); {
		case n < 8 && len(mine) < 160:
			order := max(0, stream.Below(8)-5)
			if p, err := s.a.Alloc(task, []kernel.GFP{kernel.NoWait, kernel.Atomic, kernel.Kernel}[stream.Below(3)], order); err == nil {
				s.claim(t, held{p, order}, true)
				mine = append(mine, held{p, order})
			}
		case n == 8 && len(mine) > 0 && mine[0].order == 0:
			key++
			cached = mine[0].p
			s.claim(t, mine[0], false)
			s.a.CacheAdd(task, cached, key)
			mine = mine[1:]
		case n == 9 && cached != 0 && s.a.CacheTake(task, cached, key):
			s.claim(t, held{cached, 0}, true)
			mine = append(mine, held{cached, 0})
			cached = 0
		case n == 10 && stream.Below(32) == 0:
			s.a.Drain(task)
		case n == 11 && stream.Below(32) == 0:
			task.Resched()
		case n > 11 && len(mine) > 0:
			h := mine[len(mine)-1]
			mine = mine[:len(mine)-1]
			s.claim(t, h, false)
			s.a.Free(task, h.p, h.order)
		}
	}
	for _, h := range mine {
		s.claim(t, h, false)
		s.a.Free(task, h.p, h.order)
	}
}

// claim notes that a block got an owner or lost it.
func (s *stress) claim(t *testing.T, h held, take bool) {
	from, to := uint32(1), uint32(0)
	if take {
		from, to = to, from
	}
	first := index(s.a, h.p)
	for i := range uint32(1) << h.order {
		if !s.owners[first+i].CompareAndSwap(from, to) {
			t.Errorf("page %d has two owners", first+i)
		}
	}
}
