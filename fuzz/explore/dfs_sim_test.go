//go:build sim

package explore_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"headroom/fuzz/explore"
	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/fault"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// little is a random program of few steps on two words, two locks and a wait queue, which notes what each of its entities saw.
type little struct {
	machine *sim.Machine
	words   *littleWords
	tasks   [][]byte // the operations of each task
	saw     [8][]uint32
}

type littleWords struct {
	a, b  atomic.Uint32
	spin  lock.RawSpin
	mutex lock.Mutex
	queue lock.WaitQueue
}

// littleOps are the operations of which programs are drawn; asides has those besides that look at more than they access.
const (
	littleOps = "aAbBcCsmwkrfzxx"
	asides    = "aAbBcsmkqqjn"
)

var littleFails = fault.Define("fuzz/explore", "little")

// newLittle draws a program of some operations; own says what its machine does by itself.
func newLittle(t *testing.T, seed uint64, from string, own sim.Options) *little {
	t.Helper()
	s := rng.New(rng.Mix(seed))
	cpus := 2 + s.Below(2)
	own.CPUs, own.Entities, own.MemoryBytes, own.StepLimit = cpus, 8, 4096, 400
	m, err := sim.New(own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	p := &little{machine: m}
	if p.words, err = mem.New[littleWords](m.Memory(), 0); err != nil {
		t.Fatal(err)
	}
	for i := range 2 + s.Below(2) {
		var ops []byte
		for range 1 + s.Below(3) {
			ops = append(ops, from[s.Below(len(from))])
		}
		p.tasks = append(p.tasks, ops)
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("T%d", i), CPU: s.Below(cpus), Body: func(t *kernel.Task) {
			for _, op := range ops {
				p.do(t, op)
			}
		}})
	}
	m.Mark()
	return p
}

func (p *little) see(t *kernel.Task, value uint32) {
	p.saw[t.Index()] = append(p.saw[t.Index()], value)
}

func (p *little) do(t *kernel.Task, op byte) {
	w := p.words
	switch op {
	case 'a':
		p.see(t, w.a.Load())
	case 'A':
		w.a.Store(uint32(t.Index()) + 1)
	case 'b':
		p.see(t, w.b.Load())
	case 'B':
		p.see(t, w.b.Add(1))
	case 'c':
		if w.a.CompareAndSwap(0, 7) {
			p.see(t, 1)
		}
	case 'C':
		if w.b.CompareAndSwap(1, 0) {
			p.see(t, 1)
		}
	case 's':
		w.spin.Lock(t)
		p.see(t, w.a.Load())
		w.spin.Unlock(t)
	case 'm':
		w.mutex.Lock(t)
		w.b.Add(2)
		w.mutex.Unlock(t)
	case 'w': // wait until somebody woke, or a is not 0
		w.queue.Prepare(t, false)
		if w.a.Load() == 0 {
			t.Schedule()
		}
		w.queue.Finish(t)
		p.see(t, w.a.Load())
	case 'k':
		w.a.Store(9)
		w.queue.Wake(t, 1)
	case 'r':
		p.machine.Interrupt(t, p.machine.CPUs()-1, &machine.Work{Run: func(t *kernel.Task) { p.see(t, w.b.Add(4)) }})
	case 'f': // state of the harness, beside no word
		p.machine.Touch(1)
		p.saw[7] = append(p.saw[7], uint32(t.Index()))
	case 'x':
		if littleFails.Fails() {
			w.b.Add(16)
		}
	case 'z':
		w.b.AwaitNot(0)
	case 'q':
		p.machine.Aside(func() { p.see(t, 100*w.a.Load()+w.b.Load()) })
	case 'j':
		p.see(t, uint32(p.machine.Now(t)))
	case 'n':
		p.machine.Interrupt(t, 0, &machine.Work{NMI: true, Run: func(t *kernel.Task) { p.see(t, w.b.Add(32)) }})
	}
}

// outcomes runs a program under a strategy until nothing is left, and counts its ends: what each entity saw, the words, and the failure. It gives up
// after most executions.
func (p *little) outcomes(t *testing.T, d *explore.DFS, most int) (ends map[string]int, executions int, ok bool) {
	t.Helper()
	ends = map[string]int{}
	for d.Begin(0, 0) {
		p.machine.Rewind()
		p.machine.SetStrategy(d)
		p.saw = [8][]uint32{}
		err := p.machine.Run()
		if errors.Is(err, sim.ErrAbandoned) {
			continue
		}
		if executions++; executions > most {
			return nil, executions, false
		}
		class := sim.Class("")
		var f *sim.Failure
		if errors.As(err, &f) {
			class = f.Class
		} else if err != nil {
			t.Fatal(err)
		}
		ends[fmt.Sprint(p.saw, p.words.a.Load(), p.words.b.Load(), class)]++
	}
	return ends, executions, true
}

// compare runs little programs with sleep sets and without, and says where sets of ends differ.
func compare(t *testing.T, from string, own sim.Options, bounds []int, programs, most int, visit func(bound, plainly, slept int, ends map[string]int)) (lost string) {
	t.Helper()
	for seed := range uint64(programs) {
		for _, bound := range bounds {
			p := newLittle(t, seed, from, own)
			want, n, ok := p.outcomes(t, &explore.DFS{Most: bound, Plain: true}, most)
			if !ok {
				continue
			}
			got, m, _ := p.outcomes(t, &explore.DFS{Most: bound}, most)
			if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
				return fmt.Sprintf("seed %d, bound %d: tasks %q end in %d ways by %d executions, with sleep sets in %d by %d", seed, bound, p.tasks, len(want), n, len(got), m)
			}
			visit(bound, n, m, want)
		}
	}
	return ""
}

// Depth-first search with sleep sets comes to every end that the one without comes to, on programs that wait, spin, take interrupts and deadlock, with
// a bound and without; and it takes fewer executions.
func TestSleepSetsLoseNothing(t *testing.T) {
	compared, plainly, slept, deadlocks := map[int]int{}, map[int]int{}, map[int]int{}, 0
	lost := compare(t, littleOps, sim.Options{}, []int{-1, 1, 2, 3}, littlePrograms, littleMost, func(bound, n, m int, ends map[string]int) {
		compared[bound]++
		plainly[bound] += n
		slept[bound] += m
		for end := range ends {
			if strings.HasSuffix(end, string(sim.Deadlock)) {
				deadlocks++
			}
		}
	})
	if lost != "" {
		t.Fatal(lost)
	}
	for bound, n := range compared {
		if n < littlePrograms/2 || slept[bound] >= plainly[bound]*4/5 {
			t.Errorf("bound %d: %d programs compared, %d executions and with sleep sets %d", bound, n, plainly[bound], slept[bound])
		}
	}
	if slept[-1] > plainly[-1]/3 || deadlocks == 0 {
		t.Errorf("without a bound %d executions are left of %d; %d ends are deadlocks", slept[-1], plainly[-1], deadlocks)
	}
}

// So it does where allocations fail: a step that is asked a question conflicts with every other.
func TestSleepSetsLoseNoFailedAllocation(t *testing.T) {
	for faults := 1; faults <= 2; faults++ {
		plainly, slept := 0, 0
		lost := compare(t, littleOps, sim.Options{Faults: faults}, []int{-1, 1, 2}, littlePrograms/2, littleMost, func(_, n, m int, _ map[string]int) {
			plainly += n
			slept += m
		})
		if lost != "" || slept >= plainly {
			t.Errorf("%d faults: %d executions, %d with sleep sets; %s", faults, plainly, slept, lost)
		}
	}
}

// So it does where a step looks at more than it accesses: at any words, aside, as checks in the middle of a run do, or at the clock.
func TestSleepSetsLoseNoLookAside(t *testing.T) {
	plainly, slept := 0, 0
	lost := compare(t, asides, sim.Options{}, []int{-1, 1, 2}, littlePrograms, littleMost, func(_, n, m int, _ map[string]int) {
		plainly += n
		slept += m
	})
	if lost != "" || slept >= plainly {
		t.Errorf("%d executions, %d with sleep sets; %s", plainly, slept, lost)
	}
}

// The comparison notices when steps sleep that must not: under a bound, and when waiting and spinning are overlooked.
func TestSleepingTooMuchIsNoticed(t *testing.T) {
	defer mutant.Set("")
	for _, id := range []mutant.ID{"EX-01", "SM-16"} {
		mutant.Set(id)
		if compare(t, littleOps, sim.Options{}, []int{-1, 1, 2}, littlePrograms, littleMost, func(int, int, int, map[string]int) {}) == "" {
			t.Errorf("%s is not noticed", id)
		}
	}
}

// On a machine that acts by itself the search is a plain one: what the machine's own steps touch is not known.
func TestNobodySleepsBesideAMachineThatActs(t *testing.T) {
	compared := 0
	for _, own := range []sim.Options{{Memory: sim.TSO}, {Memory: sim.Weak, Buffer: 1}, {Migrations: 1}, {Hotplugs: 1}, {Kills: 1}} {
		lost := compare(t, littleOps, own, []int{1}, littlePrograms/5, littleMost, func(_, plainly, slept int, _ map[string]int) {
			if compared++; plainly != slept {
				t.Errorf("%+v: %d executions, and %d of a search that may leave some out", own, plainly, slept)
			}
		})
		if lost != "" {
			t.Errorf("%+v: %s", own, lost)
		}
	}
	if compared < littlePrograms/2 {
		t.Errorf("%d programs compared", compared)
	}
}

// buffering is a program of two tasks that each store a word of their own and load the other's.
type buffering struct{ a, b atomic.Uint32 }

// A depth-first search comes to every outcome that the memory model allows, and to no other: it takes stores out of their buffers at every place, and
// loads of every value.
func TestSearchReachesWhatTheMemoryModelAllows(t *testing.T) {
	for memory, want := range map[sim.Memory]string{sim.SC: "[01 10 11]", sim.TSO: "[00 01 10 11]", sim.Weak: "[00 01 10 11]"} {
		m, err := sim.New(sim.Options{CPUs: 2, Entities: 4, MemoryBytes: 4096, Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		words, err := mem.New[buffering](m.Memory(), 0)
		if err != nil {
			t.Fatal(err)
		}
		var saw [2]uint32
		for cpu, w := range [2][2]*atomic.Uint32{{&words.a, &words.b}, {&words.b, &words.a}} {
			m.Spawn(nil, machine.Spec{Name: "T", CPU: cpu, Body: func(*kernel.Task) {
				w[0].StoreRelaxed(1)
				saw[cpu] = w[1].LoadRelaxed()
			}})
		}
		m.Mark()
		d := &explore.DFS{Most: -1}
		ends := map[string]bool{}
		for d.Begin(0, 0) {
			m.Rewind()
			m.SetStrategy(d)
			if err := m.Run(); err != nil && !errors.Is(err, sim.ErrAbandoned) {
				t.Fatal(err)
			} else if err == nil {
				ends[fmt.Sprintf("%d%d", saw[0], saw[1])] = true
			}
		}
		m.Close()
		if got := fmt.Sprint(slices.Sorted(maps.Keys(ends))); got != want {
			t.Errorf("%v: the outcomes are %s, want %s", memory, got, want)
		}
	}
}

// How many programs are compared, and the most executions of each.
const (
	littlePrograms = 150
	littleMost     = 2_000
)
