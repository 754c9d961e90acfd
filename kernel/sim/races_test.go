//go:build sim

package sim_test

import (
	"fmt"
	"strings"
	"testing"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// arena is what the programs of this file share; each word has a line of its own.
type arena struct {
	word  mem.Plain32
	_     [60]byte
	wide  mem.Plain64
	_     [56]byte
	flag  atomic.Uint32
	_     [60]byte
	spin  lock.RawSpin
	_     [60]byte
	mutex lock.Mutex
	queue lock.WaitQueue
}

// first and second are the bodies of two tasks on CPUs 0 and 1, or both on CPU 0 when together is set.
type pair struct {
	name          string
	first, second func(m *sim.Machine, a *arena, t *kernel.Task)
	together      bool
}

func (p pair) program(m *sim.Machine) error {
	a, err := mem.New[arena](m.Memory(), 0)
	for i, body := range []func(*sim.Machine, *arena, *kernel.Task){p.first, p.second} {
		cpu := i
		if p.together {
			cpu = 0
		}
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", i), CPU: cpu, Body: func(t *kernel.Task) { body(m, a, t) }})
	}
	return err
}

func store(_ *sim.Machine, a *arena, _ *kernel.Task) { a.word.Store(1) }
func load(_ *sim.Machine, a *arena, _ *kernel.Task)  { a.word.Load() }
func none(*sim.Machine, *arena, *kernel.Task)        {}

// unordered are pairs of accesses that nothing orders under any schedule.
var unordered = []pair{
	{name: "store, store", first: store, second: store},
	{name: "store, load", first: store, second: load},
	{name: "load, store", first: load, second: store},
	{name: "64 bits", first: func(_ *sim.Machine, a *arena, _ *kernel.Task) { a.wide.Store(1) },
		second: func(_ *sim.Machine, a *arena, _ *kernel.Task) { a.wide.Load() }},
	{name: "relaxed flag", first: func(_ *sim.Machine, a *arena, _ *kernel.Task) {
		a.word.Store(1)
		a.flag.StoreRelaxed(1)
	}, second: func(_ *sim.Machine, a *arena, _ *kernel.Task) {
		for a.flag.LoadAcquire() == 0 {
		}
		a.word.Load()
	}},
	{name: "flag read relaxed", first: func(_ *sim.Machine, a *arena, _ *kernel.Task) {
		a.word.Store(1)
		a.flag.StoreRelease(1)
	}, second: func(_ *sim.Machine, a *arena, _ *kernel.Task) {
		for a.flag.LoadRelaxed() == 0 {
		}
		a.word.Load()
	}},
	{name: "different locks", first: func(_ *sim.Machine, a *arena, t *kernel.Task) {
		a.spin.Lock(t)
		a.word.Store(1)
		a.spin.Unlock(t)
	}, second: func(_ *sim.Machine, a *arena, t *kernel.Task) {
		a.mutex.Lock(t)
		a.word.Store(1)
		a.mutex.Unlock(t)
	}},
	{name: "interrupt on another CPU", first: func(m *sim.Machine, a *arena, t *kernel.Task) {
		m.Interrupt(t, 1, &machine.Work{Run: func(t *kernel.Task) { a.word.Store(1) }})
		a.word.Store(2)
	}, second: none},
	{name: "child on another CPU", first: func(m *sim.Machine, a *arena, t *kernel.Task) {
		m.Spawn(t, machine.Spec{Name: "child", CPU: 1, Body: func(t *kernel.Task) { a.word.Load() }})
		a.word.Store(2)
	}, second: none},
}

// checkRaces runs each pair of the list and demands a data race under every schedule.
func checkRaces() error {
	for _, p := range unordered {
		err := explore(sim.Options{CPUs: 2, MemoryBytes: 4096, Races: true}, p.program, schedules/5, func(_ *sim.Machine, _ uint64, r run) error {
			f, ok := r.err.(*sim.Failure)
			if !ok || f.Class != sim.DataRace || !strings.Contains(f.Message, "nothing orders them") {
				return fmt.Errorf("%s: no data race is reported, but %v", p.name, r.err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// I4: two accesses that nothing orders are a data race, whatever the order in which the schedule happens to run them.
func TestUnorderedAccessesAreRaces(t *testing.T) {
	if err := checkRaces(); err != nil {
		t.Error(err)
	}
}

// The mistake SM-04 is found by the same check.
func TestRacesCatchTheMutant(t *testing.T) {
	defer mutant.Set("")
	mutant.Set("SM-04")
	if err := checkRaces(); err == nil {
		t.Error("SM-04: every race is reported all the same")
	}
}

// With the check of races off nothing is reported.
func TestRacesAreAnOption(t *testing.T) {
	if err := explore(sim.Options{CPUs: 2, MemoryBytes: 4096}, unordered[0].program, 20, succeed); err != nil {
		t.Error(err)
	}
}

// add counts in the plain word.
func (a *arena) add() { a.word.Store(a.word.Load() + 1) }

func inSpin(_ *sim.Machine, a *arena, t *kernel.Task) {
	a.spin.Lock(t)
	a.add()
	a.spin.Unlock(t)
}

func inMutex(_ *sim.Machine, a *arena, t *kernel.Task) {
	a.mutex.Lock(t)
	a.add()
	a.mutex.Unlock(t)
}

func publish(_ *sim.Machine, a *arena, _ *kernel.Task) {
	a.add()
	a.flag.StoreRelease(1)
}

// ordered are pairs of accesses that something orders under every schedule.
var ordered = []pair{
	{name: "two loads", first: load, second: load},
	{name: "spin lock", first: inSpin, second: inSpin},
	{name: "mutex", first: inMutex, second: inMutex},
	{name: "same CPU", first: store, second: store, together: true},
	{name: "release and acquire", first: publish, second: func(_ *sim.Machine, a *arena, _ *kernel.Task) {
		for a.flag.LoadAcquire() == 0 {
		}
		a.add()
	}},
	{name: "release and a spinning CPU", first: publish, second: func(_ *sim.Machine, a *arena, _ *kernel.Task) {
		a.flag.AwaitNot(0)
		a.add()
	}},
	{name: "a release carried on by a read-modify-write", first: func(m *sim.Machine, a *arena, t *kernel.Task) {
		m.Spawn(t, machine.Spec{Name: "child", Body: func(t *kernel.Task) { a.flag.Or(2) }})
		publish(m, a, t)
		a.flag.Or(2)
	}, second: func(_ *sim.Machine, a *arena, _ *kernel.Task) {
		for a.flag.Load() != 3 {
		}
		a.add()
	}},
	{name: "compare-and-swap", first: func(_ *sim.Machine, a *arena, _ *kernel.Task) {
		a.add()
		a.flag.CompareAndSwap(0, 1)
	}, second: func(_ *sim.Machine, a *arena, _ *kernel.Task) {
		for !a.flag.CompareAndSwap(1, 2) {
		}
		a.add()
	}},
	{name: "relaxed words between fences", first: func(_ *sim.Machine, a *arena, _ *kernel.Task) {
		a.add()
		atomic.Fence()
		a.flag.StoreRelaxed(1)
	}, second: func(_ *sim.Machine, a *arena, _ *kernel.Task) {
		for a.flag.LoadRelaxed() == 0 {
		}
		atomic.Fence()
		a.add()
	}},
	{name: "interrupt on the same CPU", first: func(m *sim.Machine, a *arena, t *kernel.Task) {
		m.Interrupt(t, 0, &machine.Work{Run: func(*kernel.Task) { a.add() }})
		a.add()
	}, second: none},
	{name: "before an interrupt is raised", first: func(m *sim.Machine, a *arena, t *kernel.Task) {
		a.add()
		m.Interrupt(t, 1, &machine.Work{Run: func(*kernel.Task) { a.add() }})
	}, second: none},
	{name: "before a task is spawned", first: func(m *sim.Machine, a *arena, t *kernel.Task) {
		a.add()
		m.Spawn(t, machine.Spec{Name: "child", CPU: 1, Body: func(*kernel.Task) { a.add() }})
	}, second: none},
	{name: "before a wake-up", first: func(_ *sim.Machine, a *arena, t *kernel.Task) {
		t.Sleeping()
		a.flag.Store(uint32(t.Index()) + 1)
		t.Schedule()
		a.add()
	}, second: func(_ *sim.Machine, a *arena, t *kernel.Task) {
		a.flag.AwaitNot(0)
		a.add()
		t.Peer(int(a.flag.Load()) - 1).Wake(t)
	}},
	{name: "before a CPU died", first: func(m *sim.Machine, a *arena, t *kernel.Task) {
		a.flag.AwaitNot(0)
		_ = m.Unplug(t, 1, func(*kernel.Task) { a.add() })
	}, second: func(m *sim.Machine, a *arena, t *kernel.Task) {
		a.flag.StoreRelaxed(1)
		for t.CPU() == 1 && !m.Leaving(t) {
			a.add()
		}
		if t.CPU() == 1 {
			t.Leave()
		}
	}},
}

// before a CPU was taken offline: the hook runs on CPU 0, the operator on CPU 2.
var offline = pair{
	first: func(m *sim.Machine, a *arena, t *kernel.Task) {
		m.Spawn(t, machine.Spec{Name: "operator", CPU: 2, Body: func(t *kernel.Task) {
			a.add()
			_ = m.Unplug(t, 1, func(*kernel.Task) { a.add() })
		}})
	}, second: func(m *sim.Machine, a *arena, t *kernel.Task) {
		for range 20 {
			if t.Resched(); m.Leaving(t) {
				t.Leave()
				return
			}
		}
	},
}

// I4: what an operator did before he takes a CPU offline is no race with what its hook does, whether tasks leave the CPU by themselves or are moved.
func TestOperatorsComeBeforeTheHook(t *testing.T) {
	for _, o := range []sim.Options{{CPUs: 3, MemoryBytes: 4096, Races: true}, {CPUs: 3, MemoryBytes: 4096, Races: true, Hotplugs: 1}} {
		if err := explore(o, offline.program, schedules, succeed); err != nil {
			t.Errorf("%d hot-plugs by the machine: %v", o.Hotplugs, err)
		}
	}
}

// I4: what something orders is no race: locks, releases, fences, wake-ups, the CPU itself, and the birth of tasks and interrupts.
func TestOrderedAccessesAreNoRaces(t *testing.T) {
	for _, p := range ordered {
		if err := explore(sim.Options{CPUs: 2, MemoryBytes: 4096, Races: true}, p.program, schedules, succeed); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
}
