//go:build sim

package sim_test

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

// depthFirst takes every path through a program's choices, one a run.
type depthFirst struct {
	path []branch
	at   int
}

type branch struct{ taken, of int }

func (d *depthFirst) Next(eligible uint64, _ int) int {
	for k := d.Choose(bits.OnesCount64(eligible)); k > 0; k-- {
		eligible &= eligible - 1
	}
	return bits.TrailingZeros64(eligible)
}

func (d *depthFirst) Choose(n int) int {
	if d.at == len(d.path) {
		d.path = append(d.path, branch{0, n})
	}
	d.at++
	return d.path[d.at-1].taken
}

// next goes on to the next path and reports whether there is one.
func (d *depthFirst) next() bool {
	d.path = d.path[:d.at]
	d.at = 0
	for len(d.path) > 0 {
		last := &d.path[len(d.path)-1]
		if last.taken++; last.taken < last.of {
			return true
		}
		d.path = d.path[:len(d.path)-1]
	}
	return false
}

// cells are the words of a litmus test, each on a line of its own.
type cells struct {
	x, y, z *atomic.Uint32
	p, q    *mem.Plain32
}

// thread is one CPU's part; what it returns is added to the outcome.
type thread func(w *cells) string

// litmus is a program whose outcome of interest tells memory models apart.
type litmus struct {
	name    string
	threads []thread
	final   thread // a look at memory when all is over
	outcome string
	allowed []sim.Memory
}

func show(values ...uint32) string {
	s := ""
	for _, v := range values {
		s += fmt.Sprint(v)
	}
	return s
}

// outcomes runs a litmus test under a model in every way there is.
func (l *litmus) outcomes(o sim.Options) (seen map[string]int, runs int, err error) {
	o.CPUs, o.Entities, o.MemoryBytes = len(l.threads), len(l.threads), 4096
	m, err := sim.New(o)
	if err != nil {
		return nil, 0, err
	}
	defer m.Close()
	w := &cells{}
	var failures [5]error
	w.x, failures[0] = mem.New[atomic.Uint32](m.Memory(), 0)
	w.y, failures[1] = mem.New[atomic.Uint32](m.Memory(), 0)
	w.z, failures[2] = mem.New[atomic.Uint32](m.Memory(), 0)
	w.p, failures[3] = mem.New[mem.Plain32](m.Memory(), 0)
	w.q, failures[4] = mem.New[mem.Plain32](m.Memory(), 0)
	if err := errors.Join(failures[:]...); err != nil {
		return nil, 0, err
	}
	parts := make([]string, len(l.threads))
	for i, body := range l.threads {
		m.Spawn(nil, machine.Spec{Name: fmt.Sprintf("P%d", i), CPU: i, Body: func(*kernel.Task) { parts[i] = body(w) }})
	}
	m.Mark()
	d := &depthFirst{}
	m.SetStrategy(d)
	seen = map[string]int{}
	for more := true; more; more = d.next() {
		m.Rewind()
		if err := m.Run(); err != nil {
			return nil, runs, err
		}
		outcome := ""
		for _, part := range parts {
			outcome += part
		}
		if l.final != nil {
			outcome += l.final(w)
		}
		seen[outcome]++
		runs++
	}
	return seen, runs, nil
}

// check says whether a model gives the outcome of interest exactly when it may.
func (l *litmus) check(model sim.Memory) (runs int, err error) {
	seen, runs, err := l.outcomes(sim.Options{Memory: model})
	if err != nil {
		return runs, fmt.Errorf("%s under %v: %w", l.name, model, err)
	}
	if may := slices.Contains(l.allowed, model); may != (seen[l.outcome] > 0) {
		return runs, fmt.Errorf("%s under %v: outcome %s in %d of %d runs, allowed %v; all outcomes: %v", l.name, model, l.outcome, seen[l.outcome], runs, may, seen)
	}
	return runs, nil
}

func failed(_ int, err error) bool { return err != nil }

var (
	both = []sim.Memory{sim.TSO, sim.Weak}
	weak = []sim.Memory{sim.Weak}
)

// storeBuffering: each stores to a word and looks at the other's.
func storeBuffering(name string, allowed []sim.Memory, side func(mine, other *atomic.Uint32, w *cells) uint32) litmus {
	return litmus{name: "SB " + name, outcome: "00", allowed: allowed, threads: []thread{
		func(w *cells) string { return show(side(w.x, w.y, w)) },
		func(w *cells) string { return show(side(w.y, w.x, w)) },
	}}
}

// messagePassing: one stores data and a flag, the other looks at the flag and then at the data.
func messagePassing(name string, allowed []sim.Memory, send, receive func(data, flag *atomic.Uint32) (uint32, uint32)) litmus {
	return litmus{name: "MP " + name, outcome: "10", allowed: allowed, threads: []thread{
		func(w *cells) string { send(w.x, w.y); return "" },
		func(w *cells) string { return show(receive(w.x, w.y)) },
	}}
}

func sendRelaxed(data, flag *atomic.Uint32) (uint32, uint32) {
	data.StoreRelaxed(1)
	flag.StoreRelaxed(1)
	return 0, 0
}

func sendRelease(data, flag *atomic.Uint32) (uint32, uint32) {
	data.StoreRelaxed(1)
	flag.StoreRelease(1)
	return 0, 0
}

func sendFenced(data, flag *atomic.Uint32) (uint32, uint32) {
	data.StoreRelaxed(1)
	atomic.Fence()
	flag.StoreRelaxed(1)
	return 0, 0
}

func receiveRelaxed(data, flag *atomic.Uint32) (uint32, uint32) {
	return flag.LoadRelaxed(), data.LoadRelaxed()
}

func receiveAcquire(data, flag *atomic.Uint32) (uint32, uint32) {
	return flag.LoadAcquire(), data.LoadRelaxed()
}

func receiveFenced(data, flag *atomic.Uint32) (uint32, uint32) {
	f := flag.LoadRelaxed()
	atomic.Fence()
	return f, data.LoadRelaxed()
}

// readers: two CPUs each look at two words in opposite order, which two others store to. The stores
// are at once, so that they do not multiply the runs: what a reader sees is the same.
func readers(name string, allowed []sim.Memory, look func(first, second *atomic.Uint32) (uint32, uint32)) litmus {
	return litmus{name: "IRIW " + name, outcome: "1010", allowed: allowed, threads: []thread{
		func(w *cells) string { w.x.Store(1); return "" },
		func(w *cells) string { w.y.Store(1); return "" },
		func(w *cells) string { return show(look(w.x, w.y)) },
		func(w *cells) string { return show(look(w.y, w.x)) },
	}}
}

// twoWriters: two CPUs store to two words in opposite order; of interest is that each word keeps the earlier of its CPU's two stores.
func twoWriters(name string, allowed []sim.Memory, store func(first, second *atomic.Uint32)) litmus {
	return litmus{name: "2+2W " + name, outcome: "11", allowed: allowed, threads: []thread{
		func(w *cells) string { store(w.x, w.y); return "" },
		func(w *cells) string { store(w.y, w.x); return "" },
	}, final: func(w *cells) string { return show(w.x.Load(), w.y.Load()) }}
}

func litmuses() []litmus {
	return slices.Concat(buffering(), passing(), ofPlainWords(), coherence())
}

func buffering() []litmus {
	return []litmus{
		storeBuffering("relaxed", both, func(mine, other *atomic.Uint32, _ *cells) uint32 { mine.StoreRelaxed(1); return other.LoadRelaxed() }),
		storeBuffering("release and acquire", both, func(mine, other *atomic.Uint32, _ *cells) uint32 { mine.StoreRelease(1); return other.LoadAcquire() }),
		storeBuffering("release and Load", both, func(mine, other *atomic.Uint32, _ *cells) uint32 { mine.StoreRelease(1); return other.Load() }),
		storeBuffering("Store and Load", nil, func(mine, other *atomic.Uint32, _ *cells) uint32 { mine.Store(1); return other.Load() }),
		storeBuffering("Store and relaxed", weak, func(mine, other *atomic.Uint32, _ *cells) uint32 { mine.Store(1); return other.LoadRelaxed() }),
		storeBuffering("exchange", nil, func(mine, other *atomic.Uint32, _ *cells) uint32 { mine.Swap(1); return other.LoadRelaxed() }),
		storeBuffering("fence", nil, func(mine, other *atomic.Uint32, _ *cells) uint32 {
			mine.StoreRelaxed(1)
			atomic.Fence()
			return other.LoadRelaxed()
		}),
		storeBuffering("exchange of a third word", nil, func(mine, other *atomic.Uint32, w *cells) uint32 {
			mine.StoreRelaxed(1)
			w.z.Add(1)
			return other.LoadRelaxed()
		}),
		storeBuffering("failing compare-and-swap", weak, func(mine, other *atomic.Uint32, w *cells) uint32 {
			mine.StoreRelaxed(1)
			w.z.CompareAndSwap(5, 6)
			return other.LoadRelaxed()
		}),
	}
}

func passing() []litmus {
	return []litmus{
		messagePassing("relaxed", weak, sendRelaxed, receiveRelaxed),
		messagePassing("release and acquire", nil, sendRelease, receiveAcquire),
		messagePassing("release and relaxed", weak, sendRelease, receiveRelaxed),
		messagePassing("relaxed and acquire", weak, sendRelaxed, receiveAcquire),
		messagePassing("fences", nil, sendFenced, receiveFenced),
		messagePassing("fence and acquire", nil, sendFenced, receiveAcquire),
		messagePassing("release and fence", nil, sendRelease, receiveFenced),
		messagePassing("Store and Load", nil, func(data, flag *atomic.Uint32) (uint32, uint32) { data.Store(1); flag.Store(1); return 0, 0 },
			func(data, flag *atomic.Uint32) (uint32, uint32) { return flag.Load(), data.Load() }),
		readers("relaxed", weak, func(first, second *atomic.Uint32) (uint32, uint32) { return first.LoadRelaxed(), second.LoadRelaxed() }),
		readers("acquire", nil, func(first, second *atomic.Uint32) (uint32, uint32) { return first.LoadAcquire(), second.LoadAcquire() }),
		twoWriters("relaxed", weak, func(first, second *atomic.Uint32) { first.StoreRelaxed(1); second.StoreRelaxed(2) }),
		twoWriters("release", nil, func(first, second *atomic.Uint32) { first.StoreRelaxed(1); second.StoreRelease(2) }),
	}
}

func ofPlainWords() []litmus {
	return []litmus{
		{name: "SB plain", outcome: "00", allowed: both, threads: []thread{
			func(w *cells) string { w.p.Store(1); return show(w.q.Load()) },
			func(w *cells) string { w.q.Store(1); return show(w.p.Load()) },
		}},
		{name: "MP plain", outcome: "10", allowed: weak, threads: []thread{
			func(w *cells) string { w.p.Store(1); w.q.Store(1); return "" },
			func(w *cells) string { return show(w.q.Load(), w.p.Load()) },
		}},
		{name: "MP plain data, released flag", outcome: "10", threads: []thread{
			func(w *cells) string { w.p.Store(1); w.x.StoreRelease(1); return "" },
			func(w *cells) string { return show(w.x.LoadAcquire(), w.p.Load()) },
		}},
	}
}

func coherence() []litmus {
	return []litmus{
		{name: "LB relaxed", outcome: "11", threads: []thread{
			func(w *cells) string { r := w.x.LoadRelaxed(); w.y.StoreRelaxed(1); return show(r) },
			func(w *cells) string { r := w.y.LoadRelaxed(); w.x.StoreRelaxed(1); return show(r) },
		}},
		{name: "CoRR", outcome: "10", threads: []thread{
			func(w *cells) string { w.x.StoreRelaxed(1); return "" },
			func(w *cells) string { return show(w.x.LoadRelaxed(), w.x.LoadRelaxed()) },
		}},
		{name: "CoWW", outcome: "1", threads: []thread{
			func(w *cells) string { w.x.StoreRelaxed(1); w.x.StoreRelaxed(2); return "" },
		}, final: func(w *cells) string { return show(w.x.Load()) }},
		{name: "CoWR", outcome: "0", threads: []thread{
			func(w *cells) string { w.x.StoreRelaxed(1); return show(w.x.LoadRelaxed()) },
		}},
		{name: "CoRR over a CPU's own store", outcome: "21", threads: []thread{
			func(w *cells) string { w.x.StoreRelaxed(1); return "" },
			func(w *cells) string { w.x.Swap(2); return show(w.x.LoadRelaxed(), w.x.LoadRelaxed()) },
		}, final: func(w *cells) string { // both orders of the two stores are there; the outcome of interest goes back in the second
			if w.x.Load() == 2 {
				return ""
			}
			return "-"
		}},
		{name: "WRC release and acquire", outcome: "110", threads: []thread{
			func(w *cells) string { w.x.StoreRelaxed(1); return "" },
			func(w *cells) string { r := w.x.LoadRelaxed(); w.y.StoreRelease(1); return show(r) },
			func(w *cells) string { return show(w.y.LoadAcquire(), w.x.LoadRelaxed()) },
		}},
	}
}

// I5: each outcome that tells the models apart comes up under those that allow it, and in no run of the others, over all runs there are.
func TestMemoryModelsAllowWhatTheySay(t *testing.T) {
	for _, l := range litmuses() {
		for _, model := range []sim.Memory{sim.SC, sim.TSO, sim.Weak} {
			runs, err := l.check(model)
			if err != nil {
				t.Error(err)
			}
			t.Logf("%s under %v: %d runs", l.name, model, runs)
		}
	}
}

// Each mistake planted in the models lets an outcome come up that a model forbids.
func TestLitmusTestsCatchTheMutants(t *testing.T) {
	defer mutant.Set("")
	for _, c := range []struct {
		id    mutant.ID
		model sim.Memory
	}{{"SM-05", sim.TSO}, {"SM-06", sim.Weak}, {"SM-07", sim.Weak}, {"SM-08", sim.Weak}} {
		mutant.Set(c.id)
		caught := slices.ContainsFunc(litmuses(), func(l litmus) bool { return len(l.threads) <= 3 && failed(l.check(c.model)) })
		if !caught {
			t.Errorf("%s under %v: no litmus test fails, its code ran %d times", c.id, c.model, mutant.Executed())
		}
	}
}

// Stores reach memory at the latest when the buffer is full: more stores than it holds lose none, and the last of each word is what stays.
func TestBuffersAreBounded(t *testing.T) {
	l := litmus{threads: []thread{func(w *cells) string {
		for i := range uint32(3) {
			w.x.StoreRelaxed(i + 1)
			w.y.StoreRelaxed(i + 5)
		}
		return show(w.x.LoadRelaxed(), w.y.LoadRelaxed())
	}}, final: func(w *cells) string { return show(w.x.Load(), w.y.Load()) }}
	for _, model := range both {
		for _, depth := range []int{1, 2, 8} {
			seen, runs, err := l.outcomes(sim.Options{Memory: model, Buffer: depth})
			if err != nil || len(seen) != 1 || seen["3737"] != runs || runs < 2 {
				t.Errorf("%v, buffer of %d: outcomes %v of %d runs, %v", model, depth, seen, runs, err)
			}
		}
	}
}
