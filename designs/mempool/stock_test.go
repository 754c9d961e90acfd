package mempool

import (
	"errors"
	"slices"
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
)

// stock is a backing whose items a test puts on the shelf, so that the test decides when it has any. It notes the flags of every attempt.
type stock struct {
	shelf    []designs.Item
	out      []designs.Item
	attempts []kernel.GFP
	victim   bool // every task is one
}

var errBare = errors.New("the shelf is bare")

// newStock has the items 1 to n.
func newStock(n int) *stock {
	s := &stock{}
	for i := range n {
		s.shelf = append(s.shelf, designs.Item(i+1))
	}
	return s
}

func (s *stock) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	s.attempts = append(s.attempts, gfp)
	if len(s.shelf) == 0 {
		return 0, errBare
	}
	it := s.shelf[0]
	s.shelf = s.shelf[1:]
	s.out = append(s.out, it)
	return it, nil
}

func (s *stock) Free(t *kernel.Task, it designs.Item) {
	at := slices.Index(s.out, it)
	s.out = slices.Delete(s.out, at, at+1)
	s.shelf = append(s.shelf, it)
}

func (s *stock) Holds(it designs.Item) bool {
	return it > 0 && it <= designs.Item(len(s.out)+len(s.shelf))
}
func (s *stock) Idle(it designs.Item) bool       { return slices.Contains(s.shelf, it) }
func (s *stock) Check() error                    { return nil }
func (s *stock) CPUDead(t *kernel.Task, cpu int) {}
func (s *stock) Victim(t *kernel.Task) bool      { return s.victim }
func (s *stock) Bytes(it designs.Item) []byte    { return nil }

// oneCPU is a machine on which tasks run one at a time, each until it waits or stops between operations: every step is determined.
func oneCPU(t testing.TB) *machine.Native {
	t.Helper()
	allowed, err := machine.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	topology, err := machine.ReadTopology("/sys", allowed)
	if err != nil {
		t.Fatal(err)
	}
	m, err := machine.NewNative(machine.Options{CPUs: topology.CPUs[:1], MemoryBytes: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// pool makes a pool on a machine.
func pool(t testing.TB, place kernel.Place, b Backing, c Config) *Pool {
	t.Helper()
	p, err := New(place, b, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// play runs one task to its end and reports how.
func play(m *machine.Native, body func(t *kernel.Task)) error {
	m.Spawn(nil, machine.Spec{Name: "play", Body: body})
	return m.Run()
}

// sleeper is a task that waits for one item, and frees it if it is to.
type sleeper struct {
	task   *kernel.Task
	item   designs.Item
	served bool
}

// sleepers spawns n of them and runs them until they sleep.
func sleepers(t *kernel.Task, m *machine.Native, p *Pool, n int, free bool) []*sleeper {
	list := make([]*sleeper, n)
	for i := range list {
		s := &sleeper{}
		list[i] = s
		m.Spawn(t, machine.Spec{Name: "sleeper", Body: func(t *kernel.Task) {
			s.task = t
			s.item, _ = p.Alloc(t, kernel.NoIO)
			s.served = true
			if free {
				p.Free(t, s.item)
			}
		}})
	}
	settle(t)
	return list
}

// settle lets the other tasks of the CPU run until they wait: what was spawned or woken takes a turn or two to arrive.
func settle(t *kernel.Task) {
	for range 16 {
		t.Resched()
	}
}

// asleep is the number of them that sleep.
func asleep(list []*sleeper) (n int) {
	for _, s := range list {
		if !s.served && s.task != nil && s.task.Parked() {
			n++
		}
	}
	return n
}

func served(list []*sleeper) (n int) {
	for _, s := range list {
		if s.served {
			n++
		}
	}
	return n
}
