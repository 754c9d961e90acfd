package lock

import (
	"fmt"
	"testing"

	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// crews are the machines of the stress tests, as places in the list of processors this process may use. A place that comes twice is a processor
// that two CPUs of the machine share, so that lock holders lose it in mid-operation.
var crews = map[string][]int{"two": {0, 1}, "one processor twice": {0, 0}, "four CPUs on two": {0, 1, 0, 1}}

// native makes a machine of real threads on the given processors.
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
	m, err := machine.NewNative(machine.Options{CPUs: cpus, MemoryBytes: 1 << 16, Tasks: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// locker is what the three locks have in common.
type locker interface {
	Lock(t *kernel.Task)
	TryLock(t *kernel.Task) bool
	Unlock(t *kernel.Task)
}

// guarded is a lock, what it protects, and the signals by which two tasks arrange to meet at it.
type guarded[T any] struct {
	lock   T
	count  mem.Plain64
	taken  atomic.Uint32 // the first task holds the lock
	second atomic.Uint32 // 1 + index of the task that found it held
}

// stress counts on every CPU under a lock of type T. Before that CPU 0 holds the lock until the task of CPU 1 has found it held and, when sleeps
// is set, has gone to sleep for it; so contention is sure to happen.
func stress[T any, L interface {
	*T
	locker
}](t *testing.T, places []int, sleeps bool) {
	const rounds = 2000
	m := native(t, places)
	g, err := mem.New[guarded[T]](m.Memory(), 0)
	if err != nil {
		t.Fatal(err)
	}
	l := L(&g.lock)
	found := make([]int, len(places)) // times that a TryLock found the lock held, by CPU
	meet := func(t *kernel.Task) {
		switch t.CPU() {
		case 0:
			l.Lock(t)
			g.taken.Store(1)
			g.second.AwaitNot(0)
			for sleeps && !t.Peer(int(g.second.Load())-1).Parked() {
				arch.Yield()
			}
			l.Unlock(t)
		case 1:
			g.taken.AwaitNot(0)
			if !l.TryLock(t) {
				found[1]++
			}
			g.second.Store(uint32(t.Index()) + 1)
			l.Lock(t)
			l.Unlock(t)
		}
	}
	for cpu := range places {
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", cpu), CPU: cpu, Body: func(t *kernel.Task) {
			meet(t)
			for range rounds {
				if !l.TryLock(t) {
					found[t.CPU()]++
					l.Lock(t)
				}
				g.count.Store(g.count.Load() + 1)
				l.Unlock(t)
			}
		}})
	}
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	if got, want := g.count.Load(), uint64(rounds*len(places)); got != want {
		t.Errorf("%d increments, want %d", got, want)
	}
	if found[1] == 0 {
		t.Error("the lock was never found held")
	}
}

// I1 and I2 on real threads: no increment is lost and no waiter forgotten, whether the threads have processors of their own or share one.
func TestLocksUnderStress(t *testing.T) {
	for name, places := range crews {
		t.Run(name, func(t *testing.T) {
			t.Run("RawSpin", func(t *testing.T) { stress[RawSpin](t, places, false) })
			t.Run("Spin", func(t *testing.T) { stress[Spin](t, places, false) })
			t.Run("Mutex", func(t *testing.T) { stress[Mutex](t, places, true) })
			t.Run("Spin rt=on", func(t *testing.T) {
				RT = true
				defer func() { RT = false }()
				stress[Spin](t, places, true)
			})
		})
	}
}

// I3 on real threads: consumers sleep for tickets, producers hand them out one by one, and every ticket finds its consumer.
func TestWaitQueueUnderStress(t *testing.T) {
	for name, places := range crews {
		t.Run(name, func(t *testing.T) { handOut(t, places) })
	}
}

func handOut(t *testing.T, places []int) {
	const rounds = 300
	m := native(t, places)
	shared, err := mem.New[struct {
		queue   WaitQueue
		tickets atomic.Uint32
	}](m.Memory(), 0)
	if err != nil {
		t.Fatal(err)
	}
	slept := make([]int, len(places))
	take := func() bool {
		for {
			n := shared.tickets.Load()
			if n == 0 {
				return false
			}
			if shared.tickets.CompareAndSwap(n, n-1) {
				return true
			}
		}
	}
	for cpu := range places {
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("consumer/%d", cpu), CPU: cpu, Body: func(t *kernel.Task) {
			for range rounds {
				for {
					shared.queue.Prepare(t, true)
					if take() {
						shared.queue.Finish(t)
						break
					}
					slept[t.CPU()]++
					t.Schedule()
					shared.queue.Finish(t)
				}
			}
		}})
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("producer/%d", cpu), CPU: cpu, Body: func(t *kernel.Task) {
			for range rounds {
				shared.tickets.Add(1)
				shared.queue.Wake(t, 1)
				t.Resched()
			}
		}})
	}
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	if n := shared.tickets.Load(); n != 0 || shared.queue.Waiting() != 0 {
		t.Errorf("%d tickets and %d waiters are left", n, shared.queue.Waiting())
	}
	if slept[0] == 0 {
		t.Error("the consumer of CPU 0 never slept")
	}
}

// Held and the wait types tell what a lock is; TryLock takes a free lock and refuses a held one.
func TestLocksWithoutContention(t *testing.T) {
	m := native(t, []int{0})
	locks, err := mem.New[struct {
		raw   RawSpin
		spin  Spin
		mutex Mutex
	}](m.Memory(), 0)
	if err != nil {
		t.Fatal(err)
	}
	m.Spawn(nil, machine.Spec{Name: "task", Body: func(task *kernel.Task) {
		for _, l := range []locker{&locks.raw, &locks.spin, &locks.mutex} {
			l.Lock(task)
			if l.TryLock(task) {
				t.Errorf("%T: TryLock took a held lock", l)
			}
			l.Unlock(task)
			if !l.TryLock(task) {
				t.Errorf("%T: TryLock refused a free lock", l)
			}
			if held := locks.raw.Held(); held != (l == &locks.raw) {
				t.Errorf("%T: while it is held the raw lock's Held is %v", l, held)
			}
			l.Unlock(task)
		}
	}})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	if locks.raw.Held() {
		t.Error("Held says that a free lock is held")
	}
	if locks.raw.WaitType() != WaitSpin || locks.spin.WaitType() != WaitConfig || locks.mutex.WaitType() != WaitSleep {
		t.Error("a lock has the wrong wait type")
	}
}
