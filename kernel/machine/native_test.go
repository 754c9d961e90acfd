package machine_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// native makes a machine with so many CPUs on the processors this process may use; when there are fewer of these, CPUs share them.
func native(t *testing.T, cpus int) *machine.Native {
	t.Helper()
	allowed, err := machine.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	o := machine.Options{MemoryBytes: 1 << 20, Tasks: 4000}
	for i := range cpus {
		o.CPUs = append(o.CPUs, machine.CPU{ID: allowed[i%len(allowed)]})
	}
	m, err := machine.NewNative(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// sleep waits without a condition: only a wake-up ends it.
func sleep(t *kernel.Task) {
	t.Sleeping()
	t.Schedule()
}

// diary collects lines from tasks of all CPUs.
type diary struct {
	lock  sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// I1: every task and interrupt of a CPU runs on one and the same thread, before and after its waits, and no two CPUs share a thread. The
// thread is pinned to the processor that was asked for.
func TestTasksStayOnTheirCPUsThread(t *testing.T) {
	const cpus = 3
	m := native(t, cpus)
	allowed, _ := machine.Allowed()
	var d diary
	look := func(t *kernel.Task) { d.note("%d %d", t.CPU(), unix.Gettid()) }
	for cpu := range cpus {
		for range 2 {
			m.Spawn(nil, machine.Spec{Name: "task", CPU: cpu, Prep: look, Body: func(task *kernel.Task) {
				id := allowed[cpu%len(allowed)]
				if err := machine.Pinned(id); err != nil {
					t.Error(err)
				}
				if machine.Pinned(id+1) == nil {
					t.Errorf("the thread of CPU %d counts as pinned elsewhere", cpu)
				}
				for range 20 {
					task.Sleeping()
					m.Interrupt(task, (cpu+1)%cpus, &machine.Work{Run: func(irq *kernel.Task) {
						look(irq)
						task.Wake(irq)
					}})
					task.Schedule()
					look(task)
				}
			}})
		}
	}
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(d.lines)
	if n := len(d.lines); n != cpus*2*41 {
		t.Errorf("%d looks", n)
	}
	if threads := slices.Compact(d.lines); len(threads) != cpus {
		t.Errorf("CPUs and their threads: %v", threads)
	}
}

// I2: when no task can go on Run says so, on one CPU and several; tasks that ended before do not matter.
func TestAllAsleepIsADeadlock(t *testing.T) {
	for cpus := 1; cpus <= 3; cpus++ {
		m := native(t, cpus)
		for cpu := range cpus {
			m.Spawn(nil, machine.Spec{Name: "sleeper", CPU: cpu, Body: sleep})
			m.Spawn(nil, machine.Spec{Name: "other", CPU: cpu, Body: func(t *kernel.Task) { t.Resched() }})
		}
		if err := m.Run(); !errors.Is(err, machine.ErrDeadlock) {
			t.Errorf("%d CPUs: Run gives %v", cpus, err)
		}
	}
}

// Two tasks on different CPUs that wake each other in turn never miss a wake-up, and what one wrote before it the other sees after it.
func TestWakeUpsAcrossCPUs(t *testing.T) {
	const rounds = 3000
	m := native(t, 2)
	s, err := mem.New[struct {
		turn  atomic.Uint32
		count mem.Plain32
	}](m.Memory(), 0)
	if err != nil {
		t.Fatal(err)
	}
	parked := 0
	for me := range uint32(2) {
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("task/%d", me), CPU: int(me), Body: func(t *kernel.Task) {
			peer := t.Peer(t.Index() + 1 - 2*int(me))
			for range rounds {
				for {
					t.Sleeping()
					if s.turn.Load() == me {
						t.Awake()
						break
					}
					t.Schedule()
				}
				s.count.Store(s.count.Load() + 1)
				if peer.Parked() {
					parked++
				}
				s.turn.Store(1 - me)
				peer.Wake(t)
			}
		}})
	}
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	if n := s.count.Load(); n != 2*rounds {
		t.Errorf("%d turns, want %d", n, 2*rounds)
	}
	if parked == 0 {
		t.Error("no task was ever asleep when it was woken")
	}
}

// Interrupts run in hard-interrupt context on the CPU they are raised for, in the order of their raising, and may be raised again once they ran.
func TestInterrupts(t *testing.T) {
	m := native(t, 2)
	var d diary
	var again machine.Work
	ran, err := mem.New[atomic.Uint32](m.Memory(), 0)
	if err != nil {
		t.Fatal(err)
	}
	again.Run = func(irq *kernel.Task) {
		d.note("again %v cpu%d", irq.Context(), irq.CPU())
		ran.Add(1)
	}
	m.Spawn(nil, machine.Spec{Name: "task", CPU: 0, Body: func(t *kernel.Task) {
		for i := range 3 {
			m.Interrupt(t, 1, &machine.Work{Run: func(irq *kernel.Task) { d.note("%d %v cpu%d", i, irq.Context(), irq.CPU()) }})
		}
		for i := range uint32(2) {
			m.Interrupt(t, 1, &again)
			ran.AwaitNot(i)
		}
		m.Interrupt(t, 0, &machine.Work{Run: func(irq *kernel.Task) { d.note("own %v cpu%d", irq.Context(), irq.CPU()) }})
		m.Interrupt(t, 0, &machine.Work{NMI: true, Run: func(nmi *kernel.Task) { d.note("own %v cpu%d", nmi.Context(), nmi.CPU()) }})
		d.note("not yet")
		t.Resched()
	}})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	want := []string{"0 hardirq cpu1", "1 hardirq cpu1", "2 hardirq cpu1", "again hardirq cpu1", "again hardirq cpu1", "not yet", "own hardirq cpu0", "own nmi cpu0"}
	if !slices.Equal(d.lines, want) {
		t.Errorf("got %q, want %q", d.lines, want)
	}
}

// Resched lets the other tasks of the CPU run, in turn; a task that does not call it keeps the CPU.
func TestReschedRunsTheOthers(t *testing.T) {
	m := native(t, 1)
	var d diary
	for _, name := range []string{"a", "b", "c"} {
		m.Spawn(nil, machine.Spec{Name: name, Body: func(t *kernel.Task) {
			d.note("%s1", name)
			d.note("%s2", name)
			t.Resched()
			d.note("%s3", name)
		}})
	}
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(d.lines, " "), "a1 a2 b1 b2 c1 c2 a3 b3 c3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A task may start others, on its own CPU and elsewhere, and so may an interrupt.
func TestSpawnFromTasks(t *testing.T) {
	m := native(t, 2)
	var d diary
	note := func(t *kernel.Task) { d.note("%s cpu%d", t.Name(), t.CPU()) }
	m.Spawn(nil, machine.Spec{Name: "parent", CPU: 0, Body: func(t *kernel.Task) {
		m.Spawn(t, machine.Spec{Name: "child", CPU: 1, Prep: func(*kernel.Task) { d.note("prep") }, Body: note})
		m.Spawn(t, machine.Spec{Name: "twin", CPU: 0, Body: note})
		m.Interrupt(t, 1, &machine.Work{Run: func(irq *kernel.Task) { m.Spawn(irq, machine.Spec{Name: "grandchild", CPU: 1, Body: note}) }})
	}})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(d.lines)
	if want := []string{"child cpu1", "grandchild cpu1", "prep", "twin cpu0"}; !slices.Equal(d.lines, want) {
		t.Errorf("got %q, want %q", d.lines, want)
	}
}

// What goes wrong in a task ends the run with an error that says so, and the other tasks do not keep Run from returning.
func TestFailuresBecomeErrors(t *testing.T) {
	for _, c := range []struct {
		message string
		body    func(m *machine.Native) func(t *kernel.Task)
	}{
		{"CPU 1: boom", func(*machine.Native) func(*kernel.Task) { return func(*kernel.Task) { panic("boom") } }},
		{"out of range", func(*machine.Native) func(*kernel.Task) { return func(t *kernel.Task) { _ = make([]int, 1)[t.CPU()] } }},
		{"irq/0 on CPU 0: wait in hardirq context", func(m *machine.Native) func(*kernel.Task) {
			return func(t *kernel.Task) { m.Interrupt(t, 0, &machine.Work{Run: sleep}) }
		}},
		{"CPU 0: in an interrupt", func(m *machine.Native) func(*kernel.Task) {
			return func(t *kernel.Task) {
				m.Interrupt(t, 0, &machine.Work{Run: func(*kernel.Task) { panic("in an interrupt") }})
			}
		}},
		{"more than 4000 tasks", func(m *machine.Native) func(*kernel.Task) {
			return func(t *kernel.Task) {
				for range 4001 {
					m.Spawn(t, machine.Spec{Name: "one too many", CPU: 0, Body: func(*kernel.Task) {}})
				}
			}
		}},
	} {
		m := native(t, 2)
		m.Spawn(nil, machine.Spec{Name: "sleeper", CPU: 0, Body: sleep})
		m.Spawn(nil, machine.Spec{Name: "culprit", CPU: 1, Body: c.body(m)})
		m.Spawn(nil, machine.Spec{Name: "busy", CPU: 1, Body: func(t *kernel.Task) {
			for range 100 {
				t.Resched()
			}
			sleep(t)
		}})
		if err := m.Run(); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("Run gives %v, want %s", err, c.message)
		}
	}
}

// Nothing of a machine is left after Run: no goroutine, and none of its threads, whether it ended well or not. The process's first thread never
// ends, so it is exempt.
func TestNothingIsLeftAfterRun(t *testing.T) {
	before := runtime.NumGoroutine()
	for name, body := range map[string]func(*kernel.Task){
		"good": func(t *kernel.Task) { t.Resched() }, "deadlock": sleep, "panic": func(t *kernel.Task) { panic("boom") },
	} {
		m := native(t, 2)
		var d diary
		for i := range 4 {
			m.Spawn(nil, machine.Spec{Name: name, CPU: i % 2, Body: func(t *kernel.Task) {
				d.note("%d", unix.Gettid())
				body(t)
			}})
		}
		if err := m.Run(); (err == nil) != (name == "good") {
			t.Errorf("%s: Run gives %v", name, err)
		}
		if !eventually(func() bool { return runtime.NumGoroutine() <= before }) {
			t.Errorf("%s: %d goroutines, %d before", name, runtime.NumGoroutine(), before)
		}
		for _, thread := range d.lines {
			gone := func() bool {
				_, err := os.Stat(filepath.Join("/proc/self/task", thread))
				return errors.Is(err, os.ErrNotExist)
			}
			if thread != strconv.Itoa(os.Getpid()) && !eventually(gone) {
				t.Errorf("%s: thread %s is left", name, thread)
			}
		}
	}
}

// eventually reports whether the condition comes true while other threads get the processor many times.
func eventually(condition func() bool) bool {
	for range 200_000 {
		if condition() {
			return true
		}
		runtime.Gosched()
		arch.Yield()
	}
	return false
}

// A machine is described as it was asked for; without CPUs there is none, and without tasks Run returns at once.
func TestNativeMachine(t *testing.T) {
	if m, err := machine.NewNative(machine.Options{}); err == nil {
		m.Close()
		t.Error("a machine without CPUs")
	}
	m := native(t, 3)
	if m.CPUs() != 3 || m.Memory().Nodes() != 1 || m.Node(2) != 0 {
		t.Errorf("%d CPUs, %d nodes, CPU 2 on node %d", m.CPUs(), m.Memory().Nodes(), m.Node(2))
	}
	if err := m.Run(); err != nil {
		t.Error(err)
	}
}

// The counter has a rate, and the machine's clock runs forward within a task.
func TestClock(t *testing.T) {
	if rate := machine.TicksPerNs(); !(rate > 0) || math.IsInf(rate, 0) {
		t.Errorf("%v ticks a nanosecond", rate)
	}
	m := native(t, 1)
	m.Spawn(nil, machine.Spec{Name: "task", Body: func(task *kernel.Task) {
		last := m.Now(task)
		if last < 0 {
			t.Errorf("the clock stands at %d", last)
		}
		for range 1000 {
			now := m.Now(task)
			if now < last {
				t.Errorf("the clock went from %d to %d", last, now)
			}
			last = now
		}
	}})
	if err := m.Run(); err != nil {
		t.Error(err)
	}
}
