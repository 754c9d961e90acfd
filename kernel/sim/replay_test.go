//go:build sim

package sim_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

var update = flag.Bool("update", false, "rewrite testdata/hashes.golden")

// programs are what the tests of replay run: they use every kind of access, locks, sleep, interrupts and tasks that start tasks.
var programs = []struct {
	name    string
	options sim.Options
	setup   program
}{
	{"locks", sim.Options{CPUs: 3, Entities: 4, MemoryBytes: 4096}, lockProgram},
	{"interrupts", sim.Options{CPUs: 2, Nodes: 2, Entities: 8, MemoryBytes: 4096, Races: true}, interruptProgram},
	{"no-preemption", sim.Options{CPUs: 2, Entities: 8, MemoryBytes: 4096, NoPreempt: true}, interruptProgram},
}

// lockProgram makes four tasks take a mutex and a spin lock until a count in memory is reached: it depends on what memory holds at its start.
func lockProgram(m *sim.Machine) error {
	s, err := mem.New[struct {
		mutex lock.Mutex
		spin  lock.RawSpin
		count mem.Plain64
		sum   atomic.Uint64
	}](m.Memory(), 0)
	if err != nil {
		return err
	}
	for i := range 4 {
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", i), CPU: i % 3, Body: func(t *kernel.Task) {
			for more := true; more; {
				s.mutex.Lock(t)
				s.spin.Lock(t)
				n := s.count.Load()
				if more = n < 6; more {
					s.count.Store(n + 1)
				}
				s.spin.Unlock(t)
				s.mutex.Unlock(t)
				s.sum.Or(1 << i)
				t.Resched()
			}
		}})
	}
	return nil
}

// interruptProgram makes tasks raise interrupts on each other's CPUs, which count beside them, and start a task each.
func interruptProgram(m *sim.Machine) error {
	s, err := mem.New[struct {
		hits    atomic.Uint32
		flag    atomic.Uint32
		private [2]mem.Plain32
	}](m.Memory(), m.Memory().Nodes()-1)
	if err != nil {
		return err
	}
	handler := func(t *kernel.Task) {
		s.hits.Add(1)
		w := &s.private[t.CPU()]
		w.Store(w.Load() + 1)
	}
	for cpu := range 2 {
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", cpu), CPU: cpu, Body: func(t *kernel.Task) {
			m.Interrupt(t, 1-cpu, &machine.Work{Run: handler})
			m.Interrupt(t, cpu, &machine.Work{Run: handler})
			t.IRQSave()
			w := &s.private[cpu]
			w.Store(w.Load() + 1)
			t.IRQRestore()
			m.Spawn(t, machine.Spec{Name: "child", CPU: 1 - cpu, Body: func(*kernel.Task) {
				s.flag.CompareAndSwap(0, 1)
				atomic.Fence()
				s.flag.StoreRelease(2)
				s.hits.LoadAcquire()
			}})
			for s.flag.Load() == 0 {
				t.Resched()
			}
			s.flag.AwaitNot(1)
			s.hits.LoadRelaxed()
		}})
	}
	return nil
}

// once runs a program under the schedule of a seed on a machine of its own.
func once(o sim.Options, p program, seed uint64) (run, error) {
	m, err := sim.New(o)
	if err != nil {
		return run{}, err
	}
	defer m.Close()
	if err := p(m); err != nil {
		return run{}, err
	}
	m.SetStrategy(&walk{rng.New(rng.Mix(seed))})
	err = m.Run()
	return run{m.Hash(), m.Steps(), err}, nil
}

// I3: the same seed gives the same run on a fresh machine, on one that is switched through the main goroutine, and on one that is rewound after
// other runs.
func TestEqualSeedsGiveEqualRuns(t *testing.T) {
	for _, p := range programs {
		if err := checkReplay(p.options, p.setup); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
}

// checkReplay compares runs of the same seed, and sees to it that different seeds give different ones.
func checkReplay(o sim.Options, p program) error {
	hub := o
	hub.Hub = true
	hashes := map[uint64]bool{}
	const seeds = 30
	err := explore(o, p, seeds, func(_ *sim.Machine, seed uint64, rewound run) error {
		hashes[rewound.hash] = true
		for name, options := range map[string]sim.Options{"fresh": o, "hub": hub} {
			other, err := once(options, p, seed)
			if err != nil {
				return err
			}
			if other != rewound || other.err != nil {
				return fmt.Errorf("the %s machine's run is %+v, the rewound one's %+v", name, other, rewound)
			}
		}
		return nil
	})
	if err == nil && len(hashes) < seeds/2 {
		err = fmt.Errorf("%d seeds give %d different runs only", seeds, len(hashes))
	}
	return err
}

// I3: a run that failed leaves nothing behind: after it, a rewound machine repeats the runs it did before.
func TestRewindAfterAFailure(t *testing.T) {
	sabotage := false
	p := func(m *sim.Machine) error {
		m.Spawn(nil, machine.Spec{Name: "saboteur", Body: func(t *kernel.Task) {
			for range 8 {
				t.Resched()
			}
			if sabotage {
				m.Fail(sim.Contract, "on purpose")
			}
		}})
		return lockProgram(m)
	}
	o := sim.Options{CPUs: 3, Entities: 5, MemoryBytes: 4096}
	err := explore(o, p, 20, func(m *sim.Machine, seed uint64, before run) error {
		again := func() run {
			m.Rewind()
			m.SetStrategy(&walk{rng.New(rng.Mix(seed))})
			err := m.Run()
			return run{m.Hash(), m.Steps(), err}
		}
		sabotage = true
		failed := again()
		sabotage = false
		if after := again(); failed.err == nil || after != before || after.err != nil {
			return fmt.Errorf("%+v before, %+v failing, %+v after", before, failed, after)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// I3: a run is the same on every computer: the hashes of a few seeds are those on file.
func TestRunsAreTheSameEverywhere(t *testing.T) {
	const golden = "testdata/hashes.golden"
	var b strings.Builder
	for _, p := range programs {
		for seed := range uint64(4) {
			r, err := once(p.options, p.setup, seed)
			if err != nil || r.err != nil {
				t.Fatal(err, r.err)
			}
			fmt.Fprintf(&b, "%s seed %d: %d steps, hash %016x\n", p.name, seed, r.steps, r.hash)
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the runs are\n%s%s says\n%s", b.String(), golden, want)
	}
}

// The mistake SM-03 is found by the comparison of runs.
func TestReplayCatchesTheMutant(t *testing.T) {
	defer mutant.Set("")
	mutant.Set("SM-03")
	if err := checkReplay(programs[0].options, programs[0].setup); err == nil {
		t.Error("SM-03: the comparison of runs finds nothing")
	}
}
