//go:build sim

package lockdep

import (
	"math/bits"
	"runtime"
	"strings"
	"testing"

	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// shelf is a type with locks at several depths, one of them in an array.
type shelf struct {
	guard lock.Spin
	rows  [3]struct {
		count mem.Plain64
		lock  lock.RawSpin
	}
	queue lock.WaitQueue
}

// bench is a machine with two shelves and a mutex, on which tasks run one after the other.
type bench struct {
	*sim.Machine
	graph   *Graph
	shelves []shelf
	mutex   *lock.Mutex
}

const shelves = 3

type lowest struct{}

func (lowest) Next(eligible uint64, _ int) int { return bits.TrailingZeros64(eligible) }

func newBench(t *testing.T) *bench {
	t.Helper()
	m, err := sim.New(sim.Options{CPUs: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	b := &bench{Machine: m, graph: New(m.Memory())}
	if b.shelves, err = mem.Slice[shelf](m.Memory(), 0, shelves); err != nil {
		t.Fatal(err)
	}
	if b.mutex, err = mem.New[lock.Mutex](m.Memory(), 0); err != nil {
		t.Fatal(err)
	}
	b.graph.Sites = true
	m.WatchLocks(b.graph)
	m.SetStrategy(lowest{})
	m.Mark()
	return b
}

// run makes an execution of one task and, if there is one, of an interrupt that comes after it.
func (b *bench) run(t *testing.T, task, interrupt func(t *kernel.Task)) {
	t.Helper()
	b.Rewind()
	b.graph.Begin()
	b.Spawn(nil, machine.Spec{Name: "task", CPU: 0, Body: task})
	if interrupt != nil {
		b.Interrupt(nil, 1, &machine.Work{Run: interrupt})
	}
	if err := b.Run(); err != nil {
		t.Fatal(err)
	}
}

// summaries are what was reported.
func (b *bench) summaries() string {
	var list []string
	for _, r := range b.graph.Reports() {
		list = append(list, string(r.Rule)+": "+r.Summary)
	}
	return strings.Join(list, "\n")
}

// A lock's class is the field that it is, in whichever object of the type, and however deep.
func TestClassesAreFields(t *testing.T) {
	b := newBench(t)
	b.run(t, func(t *kernel.Task) {
		b.mutex.Lock(t)
		b.shelves[1].guard.Lock(t)
		b.shelves[0].rows[2].lock.Lock(t)
		b.shelves[0].queue.Wake(t, 0)
		b.shelves[0].rows[2].lock.Unlock(t)
		b.shelves[1].guard.Unlock(t)
		b.mutex.Unlock(t)
	}, nil)
	var names []string
	for _, c := range b.graph.classes[2:] {
		names = append(names, c.label())
	}
	if got, want := strings.Join(names, ", "), "lock.Mutex (mutex), lockdep.shelf.guard (spinlock), lockdep.shelf.rows[].lock (raw spinlock)"; got != want {
		t.Errorf("the classes are %s; want %s", got, want)
	}
	if b.graph.Edges() != 3 || b.summaries() != "" {
		t.Errorf("%d edges, and reports %q; want 3 and none", b.graph.Edges(), b.summaries())
	}
}

// Two locks of a class may be nested in one order, not in both: over executions, and whichever tasks they are.
func TestLocksOfAClassNestOneWay(t *testing.T) {
	b := newBench(t)
	nest := func(outer, inner int) func(t *kernel.Task) {
		return func(t *kernel.Task) {
			b.shelves[outer].guard.Lock(t)
			b.shelves[inner].guard.Lock(t)
			b.shelves[inner].guard.Unlock(t)
			b.shelves[outer].guard.Unlock(t)
		}
	}
	b.run(t, nest(0, 1), nil)
	if b.summaries() != "" {
		t.Errorf("one order: %s", b.summaries())
	}
	b.run(t, nest(1, 0), nil)
	if got, want := b.summaries(), "recursion: two of lockdep.shelf.guard are nested in both orders"; got != want {
		t.Errorf("both orders: %q; want %q", got, want)
	}
}

// So may more than two: each of three under the next is a circle, though no two are nested in both orders. A thief that robs the next CPU's list under the
// lock of its own is one such.
func TestLocksOfAClassNestInNoCircle(t *testing.T) {
	b := newBench(t)
	for outer := range shelves {
		if b.summaries() != "" {
			t.Errorf("before the last: %s", b.summaries())
		}
		b.run(t, func(t *kernel.Task) {
			inner := (outer + 1) % shelves
			b.shelves[outer].guard.Lock(t)
			b.shelves[inner].guard.Lock(t)
			b.shelves[inner].guard.Unlock(t)
			b.shelves[outer].guard.Unlock(t)
		}, nil)
	}
	if got, want := b.summaries(), "recursion: 3 of lockdep.shelf.guard are nested in a circle"; got != want {
		t.Fatalf("%q; want %q", got, want)
	}
	if text := b.graph.Reports()[0].Text; strings.Count(text, "and under that, another asked for by task on CPU 0, at") != shelves-1 {
		t.Errorf("the report lacks a nesting:\n%s", text)
	}
}

// An interrupt that takes one lock of a class, and a task that holds another one with interrupts on, are enough (I3).
func TestInterruptsAreComparedByClass(t *testing.T) {
	if err := comparedByClass(t); err != "" {
		t.Error(err)
	}
	mutant.Set("LD-03")
	defer mutant.Set("")
	if comparedByClass(t) == "" {
		t.Error("the check passes with LD-03")
	}
}

func comparedByClass(t *testing.T) string {
	b := newBench(t)
	use := func(i int) func(t *kernel.Task) {
		return func(t *kernel.Task) {
			b.shelves[i].guard.Lock(t)
			b.shelves[i].guard.Unlock(t)
		}
	}
	b.run(t, use(0), use(1))
	if got, want := b.summaries(), "irq-safety: lockdep.shelf.guard is taken by interrupts, and held while they may arrive"; got != want {
		return got + "; want " + want
	}
	return ""
}

// Equal findings are one report (I4), and equal executions give equal reports.
func TestReportsAreMadeOnceAndAlike(t *testing.T) {
	one, text := threeTimes(t)
	if _, again := threeTimes(t); one != 1 || text != again {
		t.Errorf("one mistake in three executions is reported %d times; made again, it reads\n%s\nand\n%s", one, text, again)
	}
	mutant.Set("LD-04")
	defer mutant.Set("")
	if n, _ := threeTimes(t); n == 1 {
		t.Error("the check passes with LD-04")
	}
}

// Facts rise in the executions that show something new, and in no others; a graph that has forgotten all makes the same report of those executions again.
func TestNewFactsAreCountedAndForgotten(t *testing.T) {
	b := newBench(t)
	rows := &b.shelves[0].rows[0].lock
	one := func(t *kernel.Task) {
		rows.Lock(t)
		b.shelves[0].guard.Lock(t)
		b.shelves[1].guard.Lock(t)
		b.shelves[1].guard.Unlock(t)
		b.shelves[0].guard.Unlock(t)
		rows.Unlock(t)
	}
	other := func(t *kernel.Task) {
		b.shelves[1].guard.Lock(t)
		b.shelves[0].guard.Lock(t)
		b.shelves[0].guard.Unlock(t)
		rows.Lock(t)
		rows.Unlock(t)
		b.shelves[1].guard.Unlock(t)
	}
	var counts []int
	for _, body := range []func(*kernel.Task){one, one, other, one, other} {
		b.run(t, body, nil)
		counts = append(counts, b.graph.Facts())
	}
	if counts[0] == 0 || counts[1] != counts[0] || counts[2] <= counts[1] || counts[4] != counts[2] {
		t.Errorf("facts after five executions, of which the first and the third are new: %v", counts)
	}
	said := b.summaries()
	b.graph.Forget()
	if b.graph.Facts() != 0 || b.summaries() != "" || b.graph.Edges() != 0 {
		t.Errorf("a graph that has forgotten all has %d facts, %d edges and says %q", b.graph.Facts(), b.graph.Edges(), b.summaries())
	}
	b.run(t, one, nil)
	b.run(t, other, nil)
	if got := b.summaries(); got != said || b.graph.Facts() != counts[4] || said == "" {
		t.Errorf("made again, the two executions show %d facts and %q; were %d and %q", b.graph.Facts(), got, counts[4], said)
	}
}

// threeTimes makes one mistake in each of three executions.
func threeTimes(t *testing.T) (reports int, first string) {
	b := newBench(t)
	for range 3 {
		b.run(t, func(t *kernel.Task) {
			b.shelves[0].rows[0].lock.Lock(t)
			b.shelves[0].guard.Lock(t)
			b.shelves[0].guard.Unlock(t)
			b.shelves[0].rows[0].lock.Unlock(t)
		}, nil)
	}
	if len(b.graph.Reports()) == 0 {
		t.Fatal("no report")
	}
	return len(b.graph.Reports()), b.graph.Reports()[0].Text
}

// Of a stack are named the functions of designs and of the kernel that they stand on, with folder, file and line; the machinery in between is left out.
func TestStacksNameDesignsAndKernel(t *testing.T) {
	for _, c := range []struct{ function, want string }{
		{"headroom/kernel/page.(*zone).enter", "kernel/page/zone.go:7 zone.enter"},
		{"headroom/designs/page.(*Pool).take.func1", "designs/page/zone.go:7 Pool.take.func1"},
		{"headroom/kernel/lock.(*Spin).Lock", ""},
		{"headroom/kernel.(*Task).Wake", ""},
		{"headroom/fuzz/scenario.(*actor).body", ""},
		{"runtime.goexit", ""},
	} {
		got, ok := inSource(runtime.Frame{Function: c.function, File: "/somewhere/page/zone.go", Line: 7})
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s is named %q, %v; want %q", c.function, got, ok, c.want)
		}
	}
}
