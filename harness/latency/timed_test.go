package latency

import (
	"runtime"
	"runtime/debug"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/latency"
	"headroom/kernel/machine"
)

// items are enough for every loop here, and few enough that a window of one more can be asked for.
const items = 64

// bench is one CPU of a native machine with an allocator on it.
type bench struct {
	*machine.Native
	allocator designs.Allocator
	records   *designs.Records // nil for items without a limit
}

func newBench(t testing.TB, v designs.Variant) *bench {
	t.Helper()
	ids, err := machine.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	topology, err := machine.ReadTopology("/sys", ids)
	if err != nil {
		t.Fatal(err)
	}
	m, err := machine.NewNative(machine.Options{CPUs: topology.CPUs[:1], MemoryBytes: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	b := &bench{Native: m}
	if b.allocator, err = v.New(m, designs.Config{Items: items}); err != nil {
		t.Fatal(err)
	}
	if c := v.Capabilities; !c.Unbounded && (c.Kind == designs.Tag || c.Kind == designs.ID) {
		if b.records, err = designs.NewRecords(m, items, 64); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// do runs body as the one task of the CPU, once.
func (b *bench) do(t testing.TB, body func(*kernel.Task)) {
	t.Helper()
	b.Spawn(nil, machine.Spec{Name: "loops", Body: body})
	if err := b.Run(); err != nil {
		t.Fatal(err)
	}
}

// loopsOf are a variant's own loops and those through the interface.
func loopsOf(v designs.Variant) map[string]*designs.Loops {
	return map[string]*designs.Loops{v.FullName(): v.Loops, v.FullName() + " through the interface": Interface()}
}

// expect checks how many operations of each kind were recorded, by times and by blocks.
func expect(t *testing.T, name string, rec *latency.Recorder, kind latency.Kind, method string, ops uint64) {
	t.Helper()
	s := rec.Series(kind)
	stands, samples := s.Times.Count(), s.Times.Count()
	if method == result.Sampled {
		stands = s.Ops
	}
	if stands != ops || method == result.Sampled && (samples != (ops+latency.BlockOps-1)/latency.BlockOps || (s.Blocks.Count() == 0) != (ops == 0)) {
		t.Errorf("%s, kind %d, %s: %d operations, %d timed, %d blocks, of %d", name, kind, method, stands, samples, s.Blocks.Count(), ops)
	}
}

// The timed loops of every variant run and record each operation once, touch the records, leave nothing held, and make no garbage.
func TestTimedLoopsRecordEachOperation(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const pairs, hold = 20 * latency.BlockOps, 32
	for _, v := range catalog.All() {
		for name, loops := range loopsOf(v) {
			b := newBench(t, v)
			held := make([]designs.Item, hold)
			b.do(t, func(task *kernel.Task) {
				for method, timed := range map[string]designs.TimedLoops{result.EveryOperation: loops.Every, result.Sampled: loops.Sampled} {
					for _, records := range []*designs.Records{nil, b.records} {
						rec := latency.NewRecorder(1)
						failed := timed.Pair(b.allocator, task, kernel.NoWait, pairs, records, rec)
						failed += timed.Window(b.allocator, task, kernel.NoWait, held, pairs, records, rec)
						for kind := range latency.Kinds {
							expect(t, name, rec, kind, method, pairs)
						}
						if err := b.allocator.Check(); failed > 0 || err != nil {
							t.Errorf("%s, %s: %d failed; %v", name, method, failed, err)
						}
					}
				}
			})
			touched := uint64(0)
			for it := designs.Item(0); b.records != nil && it < items; it++ {
				touched += b.records.Touched(it)
			}
			if want := uint64(4 * pairs); b.records != nil && touched != want {
				t.Errorf("%s: %d records touched by %d operations", name, touched, want)
			}
		}
	}
}

// An operation that fails is counted as failed and not recorded.
func TestFailuresAreNotRecorded(t *testing.T) {
	v, err := catalog.Default("percpu_tags")
	if err != nil {
		t.Fatal(err)
	}
	const over, rounds = 3, 10
	for name, loops := range loopsOf(v) {
		for method, timed := range map[string]designs.TimedLoops{result.EveryOperation: loops.Every, result.Sampled: loops.Sampled} {
			b := newBench(t, v)
			rec := latency.NewRecorder(1)
			held := make([]designs.Item, items+over)
			failed, refused := 0, 0
			b.do(t, func(task *kernel.Task) {
				failed = timed.Window(b.allocator, task, kernel.NoWait, held, rounds*len(held), nil, rec)
				for i := range items {
					if held[i], err = b.allocator.Alloc(task, kernel.NoWait); err != nil {
						return
					}
				}
				refused = timed.Pair(b.allocator, task, kernel.NoWait, latency.BlockOps, nil, rec)
			})
			stands := func(kind latency.Kind) uint64 {
				if method == result.Sampled {
					return rec.Series(kind).Ops
				}
				return rec.Series(kind).Times.Count()
			}
			if err != nil || failed != over*rounds || refused != latency.BlockOps {
				t.Fatalf("%s, %s: %d of the windows and %d of the pairs failed, %v", name, method, failed, refused, err)
			}
			const done = items * rounds
			if a, f, o := stands(latency.Alloc), stands(latency.Free), stands(latency.Operation); a != done || f != done || o != 0 {
				t.Errorf("%s, %s: %d allocs and %d frees recorded of %d, and %d pairs of none", name, method, a, f, done, o)
			}
		}
	}
}

// The timed loops allocate nothing, or the collector's work would be in the figures.
func TestTimedLoopsAllocateNothing(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	v, err := catalog.Default("percpu_tags")
	if err != nil {
		t.Fatal(err)
	}
	for name, loops := range loopsOf(v) {
		for method, timed := range map[string]designs.TimedLoops{result.EveryOperation: loops.Every, result.Sampled: loops.Sampled} {
			b := newBench(t, v)
			rec := latency.NewRecorder(1)
			held := make([]designs.Item, 32)
			least := ^uint64(0) // of a few tries, since the rest of the process allocates too
			b.do(t, func(task *kernel.Task) {
				for range 5 {
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					timed.Pair(b.allocator, task, kernel.NoWait, 100*latency.BlockOps, nil, rec)
					timed.Window(b.allocator, task, kernel.NoWait, held, 100*len(held), nil, rec)
					runtime.ReadMemStats(&after)
					least = min(least, after.Mallocs-before.Mallocs)
				}
			})
			if least > 0 {
				t.Errorf("%s, %s: %d allocations", name, method, least)
			}
		}
	}
}
