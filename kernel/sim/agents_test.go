//go:build sim

package sim_test

import (
	"errors"
	"fmt"
	"testing"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/fault"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// tally counts what the runs of a test came to, so that a test can tell that it tested something.
type tally map[string]int

// lacks is an error when one of the events never came up.
func (c tally) lacks(events ...string) error {
	for _, e := range events {
		if c[e] == 0 {
			return fmt.Errorf("no run came to: %s (%v)", e, c)
		}
	}
	return nil
}

// nesting raises three interrupts of priorities 1, 2 and 1 on a CPU and looks at which arrives inside which.
func nesting(nested bool) (tally, error) {
	seen := tally{}
	err := explore(sim.Options{CPUs: 1, Entities: 4, MemoryBytes: 4096, Nested: nested}, func(m *sim.Machine) error {
		var inside []int
		m.Spawn(nil, machine.Spec{Name: "task", Body: func(t *kernel.Task) {
			inside = inside[:0]
			for _, priority := range []int{1, 2, 1} {
				m.Interrupt(t, 0, &machine.Work{Priority: priority, Run: func(t *kernel.Task) {
					if n := len(inside); n > 0 {
						seen["nested"]++
						if inside[n-1] >= priority {
							m.Fail(sim.Machinery, "priority %d inside %d", priority, inside[n-1])
						}
					}
					inside = append(inside, priority)
					t.Resched()
					t.IRQSave()
					depth := len(inside)
					t.Resched()
					if len(inside) != depth {
						m.Fail(sim.Machinery, "an interrupt inside a handler that masks them")
					}
					t.IRQRestore()
					t.Resched()
					inside = inside[:len(inside)-1]
				}})
			}
			t.Resched()
		}})
		return nil
	}, 300, succeed)
	return seen, err
}

// I2: with Nested an interrupt arrives inside one of lower priority only, and not where the handler masks them; without it inside none.
func TestInterruptsNestByPriority(t *testing.T) {
	seen, err := nesting(true)
	if err == nil {
		err = seen.lacks("nested")
	}
	if err != nil {
		t.Error(err)
	}
	if seen, err := nesting(false); err != nil || seen["nested"] != 0 {
		t.Errorf("not nested: %v, %v", seen, err)
	}
	defer mutant.Set("")
	mutant.Set("SM-09")
	if _, err := nesting(true); err == nil {
		t.Error("SM-09: nothing is found")
	}
}

// unmaskable raises two NMIs and an interrupt on a CPU whose task masks interrupts, and looks at what arrives where.
func unmaskable() (tally, error) {
	seen := tally{}
	err := explore(sim.Options{CPUs: 1, Entities: 4, MemoryBytes: 4096}, func(m *sim.Machine) error {
		masked, nmis := false, 0
		m.Spawn(nil, machine.Spec{Name: "task", Body: func(t *kernel.Task) {
			masked, nmis = false, 0
			nmi := func(t *kernel.Task) {
				if nmis++; nmis > 1 {
					m.Fail(sim.Machinery, "an NMI inside an NMI")
				}
				if t.Context() != kernel.NMI || t.MayWait() == nil {
					m.Fail(sim.Machinery, "the context is %v", t.Context())
				}
				if masked {
					seen["NMI while masked"]++
				}
				t.Resched()
				nmis--
			}
			irq := func(t *kernel.Task) {
				if masked || nmis > 0 {
					m.Fail(sim.Machinery, "an interrupt while they are masked")
				}
				t.Resched()
			}
			for _, w := range []*machine.Work{{Run: nmi, NMI: true}, {Run: irq}, {Run: nmi, NMI: true}} {
				m.Interrupt(t, 0, w)
			}
			t.IRQSave()
			masked = true
			t.Resched()
			t.Resched()
			masked = false
			t.IRQRestore()
		}})
		return nil
	}, 300, succeed)
	return seen, err
}

// I6: an NMI arrives while interrupts are masked, and not inside another; nothing arrives inside it.
func TestNMIsAreNotMasked(t *testing.T) {
	seen, err := unmaskable()
	if err == nil {
		err = seen.lacks("NMI while masked")
	}
	if err != nil {
		t.Error(err)
	}
	defer mutant.Set("")
	mutant.Set("SM-10")
	if _, err := unmaskable(); err == nil {
		t.Error("SM-10: nothing is found")
	}
}

// moving runs two tasks on two CPUs that may be moved, and looks at where they are. Each sees its own stores wherever it goes on.
func moving(memory sim.Memory) (tally, error) {
	seen := tally{}
	err := explore(sim.Options{CPUs: 2, Entities: 2, MemoryBytes: 4096, Migrations: 3, Memory: memory}, func(m *sim.Machine) error {
		words, err := mem.Slice[atomic.Uint32](m.Memory(), 0, 32)
		if err != nil {
			return err
		}
		for i := range 2 {
			w := &words[16*i]
			m.Spawn(nil, machine.Spec{Name: fmt.Sprint("T", i), CPU: i, Body: func(t *kernel.Task) {
				at := uint32(0)
				work := func(what string, may bool) {
					cpu := t.CPU()
					for range 3 {
						at++
						w.StoreRelaxed(at)
						if got := w.LoadRelaxed(); got != at {
							m.Fail(sim.Machinery, "loads %d behind a store of %d", got, at)
						}
					}
					if t.CPU() != cpu {
						seen[what]++
						if !may {
							m.Fail(sim.Machinery, "moved while %s", what)
						}
					}
				}
				work("free to move", true)
				t.Pin()
				work("pinned", false)
				t.Unpin()
				t.SpinEnter()
				work("holding a spinning lock", false)
				t.SpinExit()
				t.IRQSave()
				work("masking interrupts", false)
				t.IRQRestore()
				work("free to move again", true)
			}})
		}
		return nil
	}, 400, succeed)
	return seen, err
}

// I7: a task is moved in mid-operation, but not while it is pinned, holds a spinning lock or masks interrupts.
func TestTasksMoveWhereTheyMay(t *testing.T) {
	for _, memory := range []sim.Memory{sim.SC, sim.TSO, sim.Weak} {
		seen, err := moving(memory)
		if err == nil {
			err = seen.lacks("free to move", "free to move again")
		}
		if err != nil {
			t.Errorf("%v: %v", memory, err)
		}
	}
	defer mutant.Set("")
	mutant.Set("SM-11")
	if _, err := moving(sim.SC); err == nil {
		t.Error("SM-11: nothing is found")
	}
}

var testFault, otherFault = fault.Define("kernel/sim", "test"), fault.Define("kernel/sim", "other")

// failing makes five allocations that may fail twice a run.
func failing() (tally, error) {
	seen := tally{}
	const budget = 2
	err := explore(sim.Options{CPUs: 1, Entities: 1, MemoryBytes: 4096, Faults: budget}, func(m *sim.Machine) error {
		m.Spawn(nil, machine.Spec{Name: "task", Body: func(*kernel.Task) {
			failed := 0
			for i := range 5 {
				if p := []*fault.Point{testFault, otherFault}[i%2]; p.Fails() {
					failed++
					seen[p.Name]++
				}
			}
			if failed > budget {
				m.Fail(sim.Machinery, "%d allocations fail", failed)
			}
			seen[fmt.Sprint(failed)]++
		}})
		return nil
	}, 200, succeed)
	return seen, err
}

// I9: any allocation at a named point may fail, none has to, and no more fail than the budget says; none for a strategy that answers no questions.
func TestBackingAllocationsFailByChoice(t *testing.T) {
	seen, err := failing()
	if err == nil {
		err = seen.lacks("0", "1", "2", "test", "other")
	}
	if err != nil {
		t.Error(err)
	}
	m, err := sim.New(sim.Options{CPUs: 1, Entities: 1, MemoryBytes: 4096, Faults: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	asked := 0
	m.Spawn(nil, machine.Spec{Name: "task", Body: func(*kernel.Task) {
		for ; asked < 5 && !testFault.Fails(); asked++ {
		}
	}})
	m.SetStrategy(struct{ sim.Strategy }{&walk{}})
	if err := m.Run(); err != nil || asked != 5 {
		t.Errorf("without answers the allocation after %d fails, %v", asked, err)
	}
	defer mutant.Set("")
	mutant.Set("SM-15")
	if _, err := failing(); err == nil {
		t.Error("SM-15: nothing is found")
	}
}

// killing runs two tasks and an interrupt beside the killer.
func killing() (tally, error) {
	seen := tally{}
	err := explore(sim.Options{CPUs: 2, Entities: 4, MemoryBytes: 4096, Kills: 2}, func(m *sim.Machine) error {
		victims := 0
		for i := range 2 {
			m.Spawn(nil, machine.Spec{Name: fmt.Sprint("T", i), CPU: i, Body: func(t *kernel.Task) {
				if i == 0 {
					victims = 0
					m.Interrupt(t, 0, &machine.Work{Run: func(t *kernel.Task) {
						t.Resched()
						t.Resched()
						if t.Rights() != 0 {
							m.Fail(sim.Machinery, "an interrupt is killed")
						}
					}})
				}
				for range 4 {
					t.Resched()
				}
				if t.Rights()&kernel.RightVictim != 0 {
					victims++
				}
				seen[fmt.Sprint(i, victims)]++
			}})
		}
		return nil
	}, 300, succeed)
	return seen, err
}

// I10: either task, both or none may be chosen as victims, at any of their steps, and no interrupt.
func TestVictimsAreChosen(t *testing.T) {
	seen, err := killing()
	if err == nil {
		err = seen.lacks("0 0", "0 1", "1 0", "1 1", "1 2")
	}
	if err != nil {
		t.Error(err)
	}
	defer mutant.Set("")
	mutant.Set("SM-14")
	if _, err := killing(); err == nil {
		t.Error("SM-14: nothing is found")
	}
}

// dying runs a task that sleeps, one that is busy, one that is pinned, and an interrupt on CPU 1, which goes offline.
func dying(byMachine bool) (tally, error) {
	seen := tally{}
	o := sim.Options{CPUs: 3, Entities: 8, MemoryBytes: 4096, Migrations: 1}
	if byMachine {
		o.Hotplugs = 3
	}
	var d *deaths
	err := explore(o, func(m *sim.Machine) error {
		flag, err := mem.New[atomic.Uint32](m.Memory(), 0)
		if err != nil {
			return err
		}
		d = &deaths{m: m, seen: seen, flag: flag}
		m.OnUnplug(d.hook)
		d.sleeper = machine.Spec{Name: "sleeper", CPU: 1, Body: d.sleep}
		m.Spawn(nil, machine.Spec{Name: "operator", CPU: 0, Body: func(t *kernel.Task) { d.operate(t, !byMachine) }})
		m.Spawn(nil, d.sleeper)
		m.Spawn(nil, machine.Spec{Name: "busy", CPU: 1, Body: func(t *kernel.Task) { d.work(t, "busy") }})
		m.Spawn(nil, machine.Spec{Name: "pinned", CPU: 1, Body: func(t *kernel.Task) { t.Pin(); d.work(t, "pinned"); t.Unpin(); d.work(t, "unpinned") }})
		return nil
	}, 400, func(_ *sim.Machine, _ uint64, r run) error {
		d.arrived, d.asleep, d.dead = 0, nil, [3]bool{}
		return r.err
	})
	return seen, err
}

// deaths watches CPU 1 die.
type deaths struct {
	m       *sim.Machine
	seen    tally
	flag    *atomic.Uint32
	sleeper machine.Spec
	asleep  *kernel.Task
	dead    [3]bool
	arrived int
}

func (d *deaths) hook(t *kernel.Task, cpu int) {
	d.seen["hook"]++
	if t.CPU() == cpu {
		d.m.Fail(sim.Machinery, "the hook of CPU %d runs there", cpu)
	}
	d.dead[cpu] = true
	t.Resched()
	d.dead[cpu] = false // it may be plugged in again from now on
}

// here fails the run when the task is on a CPU that is dead.
func (d *deaths) here(t *kernel.Task) {
	if d.dead[t.CPU()] {
		d.m.Fail(sim.Machinery, "%s runs on dead CPU %d", t.Name(), t.CPU())
	}
}

func (d *deaths) work(t *kernel.Task, what string) {
	cpu := t.CPU()
	for range 4 {
		t.Resched()
		d.here(t)
	}
	if t.CPU() != cpu {
		d.seen[what+" moved"]++
		if what == "pinned" {
			d.m.Fail(sim.Machinery, "a pinned task was moved")
		}
	}
}

func (d *deaths) sleep(t *kernel.Task) {
	d.asleep = t
	cpu := t.CPU()
	for {
		t.Sleeping()
		if d.flag.Load() != 0 {
			t.Awake()
			break
		}
		t.Schedule()
	}
	for range 2 {
		d.here(t)
		t.Resched()
	}
	if t.CPU() != cpu {
		d.seen["sleeper moved"]++
	}
}

func (d *deaths) operate(t *kernel.Task, unplug bool) {
	d.m.Interrupt(t, 1, &machine.Work{Run: func(t *kernel.Task) {
		d.here(t)
		d.arrived++
		if t.CPU() != 1 {
			d.seen["interrupt moved"]++
		}
	}})
	if unplug {
		if err := d.m.Unplug(t, 1, func(t *kernel.Task) { d.hook(t, 1); d.dead[1] = true }); err != nil {
			d.m.Fail(sim.Machinery, "%v", err)
		}
	}
	for d.asleep == nil || d.arrived == 0 {
		t.Resched()
	}
	d.flag.Store(1)
	d.asleep.Wake(t)
}

// I8: whoever takes CPU 1 offline, the program or the machine, its tasks go on elsewhere, asleep or busy, the pinned when they are pinned no longer;
// its interrupt arrives; the hook runs once all are gone, and nothing runs there afterwards.
func TestDeadCPUsLoseNothing(t *testing.T) {
	for _, byMachine := range []bool{false, true} {
		seen, err := dying(byMachine)
		if err == nil {
			err = seen.lacks("hook", "busy moved", "sleeper moved", "unpinned moved", "interrupt moved")
		}
		if err != nil {
			t.Errorf("by the machine %v: %v", byMachine, err)
		}
	}
	defer mutant.Set("")
	for _, id := range []mutant.ID{"SM-12", "SM-13"} {
		mutant.Set(id)
		if _, err := dying(false); err == nil {
			t.Errorf("%s: nothing is found", id)
		}
	}
}

// I3: a machine that acts by itself is a function of the strategy's answers too, whichever way coroutines are switched and after whatever run.
func TestEqualSeedsGiveEqualRunsOfMachinesThatAct(t *testing.T) {
	for _, memory := range []sim.Memory{sim.SC, sim.TSO, sim.Weak} {
		o := sim.Options{CPUs: 3, Entities: 8, MemoryBytes: 4096, Memory: memory, Nested: true, Migrations: 4, Hotplugs: 2, Kills: 1, Faults: 1}
		if err := checkReplay(o, lockProgram); err != nil {
			t.Errorf("%v: %v", memory, err)
		}
		o.CPUs, o.Entities = 2, 12
		if err := checkReplay(o, interruptProgram); err != nil {
			t.Errorf("%v, interrupts: %v", memory, err)
		}
	}
}

// A completion comes when the strategy likes: at once, or when its raiser has long gone on.
func TestCompletionsAreDelayed(t *testing.T) {
	const steps = 6
	seen := tally{}
	err := explore(sim.Options{CPUs: 2, Entities: 2, MemoryBytes: 4096}, func(m *sim.Machine) error {
		m.Spawn(nil, machine.Spec{Name: "submitter", Body: func(t *kernel.Task) {
			at := 0
			m.Interrupt(t, 1, &machine.Work{Run: func(*kernel.Task) { seen[fmt.Sprint(at)]++ }})
			for ; at < steps; at++ {
				t.Resched()
			}
		}})
		return nil
	}, 3000, succeed)
	if err == nil {
		err = seen.lacks("0", "3", "6")
	}
	if err != nil {
		t.Error(err)
	}
}

// What cannot go together, or leaves no room, is refused.
func TestOptionsOfMachinesThatActAreChecked(t *testing.T) {
	for _, bad := range []sim.Options{
		{CPUs: 1, Memory: 3}, {CPUs: 1, Memory: sim.TSO, Buffer: 9}, {CPUs: 1, Buffer: -1}, {CPUs: 1, Faults: -1}, {CPUs: 1, Kills: -1},
		{CPUs: 1, Memory: sim.Weak, Races: true}, {CPUs: 2, Migrations: 1, NoPreempt: true}, {CPUs: 2, Hotplugs: 1, NoPreempt: true},
		{CPUs: 20, Memory: sim.TSO, Migrations: 1, Entities: 25},
	} {
		if m, err := sim.New(bad); err == nil {
			m.Close()
			t.Errorf("%+v gives a machine", bad)
		}
	}
	for _, o := range []sim.Memory{sim.SC, sim.TSO, sim.Weak} {
		if back, err := sim.ParseMemory(o.String()); err != nil || back != o {
			t.Errorf("%v reads as %v, %v", o, back, err)
		}
	}
	if _, err := sim.ParseMemory("alpha"); err == nil || errors.Is(err, sim.ErrNoSimulator) {
		t.Errorf("alpha is a model: %v", err)
	}
}
