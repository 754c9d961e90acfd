//go:build sim

package lock

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// walk is the uniform random walk over who takes the next step.
type walk struct{ stream rng.Stream }

func (w *walk) Next(eligible uint64, current int) int {
	for n := w.stream.Below(bits.OnesCount64(eligible)); n > 0; n-- {
		eligible &= eligible - 1
	}
	return bits.TrailingZeros64(eligible)
}

// explore runs what setup spawns under many schedules and returns the first failure. after, if not nil, looks at the end of each run.
func explore(cpus int, setup func(m *sim.Machine) error, after func(m *sim.Machine) error) error {
	m, err := sim.New(sim.Options{CPUs: cpus, MemoryBytes: 4096, Entities: 6, Races: true})
	if err != nil {
		return err
	}
	defer m.Close()
	if err := setup(m); err != nil {
		return err
	}
	m.Mark()
	var w walk
	m.SetStrategy(&w)
	for seed := range uint64(schedules) {
		m.Rewind()
		w.stream = rng.New(rng.Mix(seed))
		err := m.Run()
		if err == nil && after != nil {
			err = after(m)
		}
		if err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return nil
}

// contention counts what must have happened for a check of a lock to mean anything.
type contention struct {
	busy   int // a TryLock found the lock held
	asleep int // a holder saw another task asleep
}

// checkExclusion runs four tasks on three CPUs, two of them on the same one, that each take a T three times and count in a plain word.
func checkExclusion[T any, L interface {
	*T
	locker
}]() (seen contention, err error) {
	const tasks, rounds = 4, 3
	var counter *mem.Plain32
	setup := func(m *sim.Machine) error {
		shared, err := mem.New[struct {
			lock    T
			counter mem.Plain32
		}](m.Memory(), 0)
		if err != nil {
			return err
		}
		counter = &shared.counter
		l, inside := L(&shared.lock), 0
		for i := range tasks {
			m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", i), CPU: i % 3, Body: func(t *kernel.Task) {
				for round := range rounds {
					if (round+i)%2 == 0 || !l.TryLock(t) {
						seen.busy += (round + i) % 2
						l.Lock(t)
					}
					inside++
					counter.Store(counter.Load() + 1)
					seen.asleep += len(m.Sleepers())
					if inside != 1 {
						inside = 0
						m.Fail(sim.Uniqueness, "two tasks hold the lock")
					}
					inside--
					l.Unlock(t)
				}
			}})
		}
		return nil
	}
	err = explore(3, setup, func(m *sim.Machine) error {
		if n := counter.Load(); n != tasks*rounds {
			return fmt.Errorf("%d of %d increments were counted", n, tasks*rounds)
		}
		return nil
	})
	return seen, err
}

func checkSpinRT() (contention, error) {
	RT = true
	defer func() { RT = false }()
	return checkExclusion[Spin]()
}

// I1: one holder at a time, and what it wrote is seen by the next, under every schedule tried. I2: no waiter is forgotten, or the run would end
// in a deadlock. Spinning locks never put a task to sleep; Mutex, and Spin with rt=on, do.
func TestOneHolderAtATime(t *testing.T) {
	for _, c := range []struct {
		name   string
		check  func() (contention, error)
		sleeps bool
	}{
		{"RawSpin", checkExclusion[RawSpin], false},
		{"Spin", checkExclusion[Spin], false},
		{"Spin rt=on", checkSpinRT, true},
		{"Mutex", checkExclusion[Mutex], true},
	} {
		seen, err := c.check()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if seen.busy == 0 || (seen.asleep > 0) != c.sleeps {
			t.Errorf("%s: the lock was found held %d times, tasks asleep %d times", c.name, seen.busy, seen.asleep)
		}
	}
}

// I3: a wake-up reaches every task that is on the queue, asleep or about to be: all that are not exclusive, and as many of the others as
// asked for, in the order in which they came. Each task waits once and without a condition, so a wake-up too few is a deadlock.
func TestWakeTakesTheRightWaitersInOrder(t *testing.T) {
	seen, err := checkWakeOrder()
	if err != nil {
		t.Error(err)
	}
	if seen.parked == 0 || seen.awake == 0 {
		t.Errorf("%d waiters were asleep when woken, %d not yet: want both", seen.parked, seen.awake)
	}
}

// waits counts the states in which Wake found the waiter that came last.
type waits struct{ parked, awake int }

// order is what one run of checkWakeOrder saw.
type order struct {
	queue    *WaitQueue
	came     []int // task numbers, in the order of Prepare
	left     []int // task numbers, in the order of their return from Schedule
	counters waits
}

// waiters are the tasks of checkWakeOrder: two that are not exclusive between three that are.
var waiters = []bool{true, false, true, false, true}

// checkWakeOrder makes five tasks wait, wakes with a limit of two, then one at a time.
func checkWakeOrder() (waits, error) {
	var o order
	setup := func(m *sim.Machine) error {
		var err error
		if o.queue, err = mem.New[WaitQueue](m.Memory(), 0); err != nil {
			return err
		}
		for i, exclusive := range waiters {
			m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("waiter/%d", i), CPU: i % 3, Body: func(t *kernel.Task) {
				o.queue.Prepare(t, exclusive)
				o.came = append(o.came, t.Index()) // no step since the queue's lock was released: this is the order of the list
				for range 8 {
					o.queue.Waiting() // time enough for the waker to come between
				}
				t.Schedule()
				o.queue.Finish(t)
				o.left = append(o.left, t.Index())
			}})
		}
		m.Spawn(nil, machine.Spec{Name: "waker", CPU: 3, Prep: func(*kernel.Task) { o.came, o.left = nil, nil }, Body: func(t *kernel.Task) {
			if err := o.wakeAll(t); err != nil {
				m.Fail(sim.Contract, "%v", err)
			}
		}})
		return nil
	}
	err := explore(4, setup, func(m *sim.Machine) error {
		if n := o.queue.Waiting(); n != 0 || len(o.left) != len(waiters) {
			return fmt.Errorf("%d tasks returned, %d are on the queue", len(o.left), n)
		}
		return nil
	})
	return o.counters, err
}

// wakeAll is the waker: it lets all come, then wakes in three rounds and compares who returns with who should.
func (o *order) wakeAll(t *kernel.Task) error {
	for len(o.came) < len(waiters) {
		t.Resched()
	}
	var shared, exclusive []int
	if t.Peer(o.came[len(o.came)-1]).Parked() {
		o.counters.parked++
	} else {
		o.counters.awake++
	}
	for _, index := range o.came {
		if waiters[index] {
			exclusive = append(exclusive, index)
		} else {
			shared = append(shared, index)
		}
	}
	for _, round := range []struct {
		limit int
		want  []int
	}{
		{0, shared}, {2, exclusive[:2]}, {1, exclusive[2:]}, {7, nil},
	} {
		before := len(o.left)
		if woken := o.queue.Wake(t, round.limit); woken != len(round.want) {
			return fmt.Errorf("Wake with a limit of %d woke %d, want %d", round.limit, woken, len(round.want))
		}
		for len(o.left) < before+len(round.want) {
			t.Resched()
		}
		got := slices.Sorted(slices.Values(o.left[before:]))
		if want := slices.Sorted(slices.Values(round.want)); !slices.Equal(got, want) {
			return fmt.Errorf("Wake with a limit of %d woke tasks %v, want %v of those that came in the order %v", round.limit, got, want, o.came)
		}
	}
	return nil
}

// Each planted mistake is found by the check of the invariant it breaks.
func TestChecksCatchTheMutants(t *testing.T) {
	defer mutant.Set("")
	for _, c := range []struct {
		id    mutant.ID
		name  string
		check func() error
	}{
		{"LK-01", "RawSpin", func() error { _, err := checkExclusion[RawSpin](); return err }},
		{"LK-02", "Mutex", func() error { _, err := checkExclusion[Mutex](); return err }},
		{"LK-02", "Spin rt=on", func() error { _, err := checkSpinRT(); return err }},
		{"LK-03", "Mutex", func() error { _, err := checkExclusion[Mutex](); return err }},
		{"LK-03", "WaitQueue", func() error { _, err := checkWakeOrder(); return err }},
		{"KT-01", "Mutex", func() error { _, err := checkExclusion[Mutex](); return err }},
		{"KT-01", "WaitQueue", func() error { _, err := checkWakeOrder(); return err }},
	} {
		mutant.Set(c.id)
		if err := c.check(); err == nil {
			t.Errorf("%s: the check of %s finds nothing", c.id, c.name)
		}
	}
}
