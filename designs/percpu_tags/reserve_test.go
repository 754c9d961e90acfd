package percputags

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/designs/designtest"
	"headroom/internal/rng"
	"headroom/kernel"
	"headroom/kernel/machine"
)

// The numbers of the small composition that these tests look at.
const (
	ordinaryTags = 5
	reserveTags  = 2
)

// compose makes the small composition of two pools on a machine: small lists, so that tags move between them all the time.
func compose(place kernel.Place, noWait bool) (r *Reserved, ordinary, reserve *Pool, err error) {
	if ordinary, err = New(place, Config{Tags: ordinaryTags, Max: 2, Batch: 1}); err != nil {
		return nil, nil, nil, err
	}
	if reserve, err = New(place, Config{Tags: reserveTags, Max: 1, Batch: 1}); err != nil {
		return nil, nil, nil, err
	}
	r, err = NewReserved(place, Composition{Ordinary: ordinary, OrdinaryTags: ordinaryTags, Reserve: reserve, ReserveTags: reserveTags, NoWait: noWait})
	return r, ordinary, reserve, err
}

// askers are the callers that may not wait, and whether they have the right to the reserve: by their flags, or where not waiting gives it.
var askers = []struct {
	gfp             kernel.GFP
	always, noWaits bool
}{
	{0, false, true}, {kernel.NoWait, false, true}, {kernel.NoWait | kernel.NoMemalloc, false, true},
	{kernel.Atomic, true, true}, {kernel.NoWait | kernel.High, true, true}, {kernel.NoWait | kernel.Memalloc, true, true}, {kernel.Reserve, true, true},
}

// checkPools makes random calls on changing CPUs, one at a time, and compares each answer and both pools with two plain numbers: what is free in each.
func checkPools(t *testing.T, seed uint64, noWait bool) (err error) {
	defer func() {
		if said := recover(); said != nil {
			err = fmt.Errorf("panic: %v", said)
		}
	}()
	b := newBench(t, 3)
	r, ordinary, reserve, err := compose(b, noWait)
	if err != nil {
		return err
	}
	random := rng.New(seed)
	var held []designs.Item
	free, kept, drawn, failed := ordinaryTags, reserveTags, 0, 0
	for range 300 {
		on := b.on(random.Below(3))
		if len(held) > 0 && random.Below(9) < 4 {
			at := random.Below(len(held))
			it := held[at]
			held = slices.Delete(held, at, at+1)
			r.Free(on, it)
			if it < ordinaryTags {
				free++
			} else {
				kept++
			}
		} else {
			a := askers[random.Below(len(askers))]
			right := a.always || noWait && a.noWaits
			it, err := r.Alloc(on, a.gfp)
			switch {
			case free > 0 && err == nil && it < ordinaryTags: // I7
				free--
			case free == 0 && right && kept > 0 && err == nil && it >= ordinaryTags && it < ordinaryTags+reserveTags:
				kept--
				drawn++
			case free == 0 && (!right || kept == 0) && errors.Is(err, kernel.ErrWouldBlock): // I5
				failed++
				continue
			default:
				return fmt.Errorf("flags %v, right %t, with %d ordinary tags free and %d in reserve: tag %d, %v", a.gfp, right, free, kept, it, err)
			}
			if slices.Contains(held, it) {
				return fmt.Errorf("tag %d was handed out twice", it)
			}
			held = append(held, it)
		}
		if err := r.Check(); err != nil || ordinary.FreeTags() != free || reserve.FreeTags() != kept { // I6
			return fmt.Errorf("%d ordinary tags are free and %d in reserve, want %d and %d; %v", ordinary.FreeTags(), reserve.FreeTags(), free, kept, err)
		}
	}
	if r.Drawn() != uint64(drawn) || r.Stats().Failed != uint64(failed) || drawn == 0 || failed == 0 {
		return fmt.Errorf("%d tags of the reserve and %d refusals are counted, want %d and %d, more than none", r.Drawn(), r.Stats().Failed, drawn, failed)
	}
	return nil
}

// Ordinary tags go to everybody, those of the reserve, once there are no others, to callers with the right alone, and each goes back to where it came
// from (I5, I6, I7).
func TestReserveIsForThoseWithTheRight(t *testing.T) {
	for seed := range uint64(40) {
		for _, noWait := range []bool{false, true} {
			if err := checkPools(t, seed, noWait); err != nil {
				t.Fatalf("seed %d, right of all who may not wait %t: %v", seed, noWait, err)
			}
		}
	}
}

// checkSleep puts a caller with the given flags to sleep in a composition whose tags are all out, then frees a tag of the first pool named, and one of
// the second. It must be served by the free that serves, and woken by no other. On one CPU every step is determined.
func checkSleep(t *testing.T, gfp kernel.GFP, frees []designs.Item, serves int) error {
	m := oneCPU(t)
	r, _, _, err := compose(m, false)
	if err != nil {
		return err
	}
	var failure error
	var got designs.Item
	served := false
	m.Spawn(nil, machine.Spec{Name: "owner", Body: func(t *kernel.Task) {
		held := map[designs.Item]bool{}
		for range ordinaryTags + reserveTags {
			it, err := r.Alloc(t, kernel.Atomic)
			failure = errors.Join(failure, err)
			held[it] = true
		}
		var sleeper *kernel.Task
		m.Spawn(t, machine.Spec{Name: "sleeper", Body: func(t *kernel.Task) {
			sleeper = t
			it, err := r.Alloc(t, gfp)
			failure = errors.Join(failure, err)
			got, served = it, true
		}})
		settle(t)
		for i, it := range frees {
			if served || sleeper == nil || !sleeper.Parked() {
				failure = errors.Join(failure, fmt.Errorf("before free %d, of tag %d, the caller does not sleep", i, it))
			}
			r.Free(t, it)
			delete(held, it)
			settle(t)
			if want := i == serves; served != want || r.Stats().Waits != 1 {
				failure = errors.Join(failure, fmt.Errorf("after the free of tag %d: served %t, want %t; it went to sleep %d times", it, served, want, r.Stats().Waits))
			}
		}
		if got != frees[serves] {
			failure = errors.Join(failure, fmt.Errorf("the caller got tag %d, want %d", got, frees[serves]))
		}
		for it := range designs.Item(ordinaryTags + reserveTags) { // whatever happened, nobody is left waiting
			if held[it] {
				r.Free(t, it)
			}
		}
		settle(t)
		r.Free(t, got)
	}})
	return errors.Join(m.Run(), failure, r.Check())
}

// sleeps are the callers that may wait, and which free serves them.
var sleeps = []struct {
	gfp    kernel.GFP
	frees  []designs.Item
	serves int
}{
	{kernel.NoIO, []designs.Item{ordinaryTags, ordinaryTags + 1, 3}, 2},    // an ordinary caller is not woken by frees into the reserve (I8)
	{kernel.NoIO | kernel.Memalloc, []designs.Item{ordinaryTags + 1}, 0},   // one with the right is served by them (I9)
	{kernel.NoIO | kernel.High, []designs.Item{2, 4, ordinaryTags + 1}, 2}, // and not woken by the others: it has found its queue
}

// Who waits, waits for the pool it may take from: without the right for an ordinary tag, with it for one of the reserve.
func TestSleepersHearOfTheirOwnPoolOnly(t *testing.T) {
	for _, c := range sleeps {
		if err := checkSleep(t, c.gfp, c.frees, c.serves); err != nil {
			t.Errorf("%v: %v", c.gfp, err)
		}
	}
}

// A caller with the right that may wait takes what there is before it sleeps: an ordinary tag, then one of the reserve.
func TestRightComesBeforeSleep(t *testing.T) {
	m := oneCPU(t)
	r, _, _, err := compose(m, false)
	if err != nil {
		t.Fatal(err)
	}
	m.Spawn(nil, machine.Spec{Name: "writer", Body: func(task *kernel.Task) {
		for n := range ordinaryTags + reserveTags {
			if it, err := r.Alloc(task, kernel.NoIO|kernel.Memalloc); err != nil || (it < ordinaryTags) != (n < ordinaryTags) {
				t.Errorf("allocation %d: tag %d, %v", n, it, err)
			}
		}
	}})
	if err := m.Run(); err != nil || r.Stats().Waits != 0 {
		t.Errorf("%d waits, %v", r.Stats().Waits, err)
	}
}

// Without a reserve the layer is the ordinary pool, for callers with any flags.
func TestReserveOfNoneIsTheOrdinaryPool(t *testing.T) {
	b := newBench(t, 1)
	r, err := NewReserved(b, Composition{Ordinary: b.pool(Config{Tags: 2}), OrdinaryTags: 2, NoWait: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, gfp := range []kernel.GFP{kernel.Atomic, kernel.Kernel | kernel.Memalloc} {
		if _, err := r.Alloc(b.on(0), gfp); err != nil {
			t.Errorf("%v: %v", gfp, err)
		}
	}
	if _, err := r.Alloc(b.on(0), kernel.Atomic); !errors.Is(err, kernel.ErrWouldBlock) || r.Stats().Failed != 1 || r.Check() != nil {
		t.Errorf("an empty pool without a reserve: %v, %+v, %v", err, r.Stats(), r.Check())
	}
}

// What is out of range is refused, and why; a free out of range before anything changes.
func TestReservedRefusesWhatIsOutOfRange(t *testing.T) {
	b := newBench(t, 1)
	p, q := b.pool(Config{Tags: 4}), b.pool(Config{Tags: 4})
	for _, c := range []struct {
		composition Composition
		says        string
	}{
		{Composition{Ordinary: p, OrdinaryTags: 0}, "0 ordinary tags and 0 in reserve: give at least 1 and 0"},
		{Composition{Ordinary: p, OrdinaryTags: 4, Reserve: q, ReserveTags: -1}, "-1 in reserve"},
		{Composition{Ordinary: p, OrdinaryTags: maxTags, Reserve: q, ReserveTags: 1}, "at most 2^31 together"},
		{Composition{OrdinaryTags: 4}, "a pool of the composition is missing"},
		{Composition{Ordinary: p, OrdinaryTags: 4, ReserveTags: 1}, "a pool of the composition is missing"},
		{Composition{Ordinary: p, OrdinaryTags: 4, Reserve: q}, "a pool of the composition is missing"},
	} {
		if _, err := NewReserved(b, c.composition); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.composition, err, c.says)
		}
	}
	r, err := NewReserved(b, Composition{Ordinary: p, OrdinaryTags: 4, Reserve: q, ReserveTags: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range []designs.Item{8, 1 << 32, ^designs.Item(0)} {
		said := func() (said any) {
			defer func() { said = recover() }()
			r.Free(b.on(0), it)
			return nil
		}()
		if want := fmt.Sprintf("percpu_tags: free of tag %d of a pool of 8", it); said != want || p.FreeTags() != 4 || q.FreeTags() != 4 {
			t.Errorf("free of %d: panic %v, want %q; %d and %d tags are free", it, said, want, p.FreeTags(), q.FreeTags())
		}
	}
}

// The configured reserve is made, as far as it leaves half of the tags to everybody.
func TestReserveLeavesHalfToEverybody(t *testing.T) {
	for _, c := range []struct{ items, knob, want int }{{1, 4, 0}, {2, 4, 1}, {7, 4, 3}, {64, 4, 4}, {64, 0, 0}, {64, 40, 32}} {
		config := designs.Config{Items: c.items, Knobs: map[string]int{knobReserve: c.knob}}
		v := reserved(false)
		a, err := v.New(newBench(t, 2), config)
		if err != nil {
			t.Fatal(err)
		}
		r := a.(*Reserved)
		if int(r.tags-r.border) != c.want || int(r.tags) != c.items || v.Guaranteed(config) != c.items-c.want || (r.reserve == nil) != (c.want == 0) {
			t.Errorf("%d tags, knob %d: %d in reserve of %d, %d guaranteed", c.items, c.knob, r.tags-r.border, r.tags, v.Guaranteed(config))
		}
	}
}

// Any two allocators of tags compose: here one of flags, called through the interface, over a reserve of skipping locks.
func TestAnyTwoPoolsCompose(t *testing.T) {
	v := reserved(true)
	v.Name, v.Loops, v.Knobs = "flag-over-flag-bit", nil, v.Knobs[2:] // the reserve's
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		if err := c.Validate(v.Knobs); err != nil {
			return nil, err
		}
		parts := Composition{ReserveTags: reservedOf(c), NoWait: true}
		parts.OrdinaryTags = c.Items - parts.ReserveTags
		ordinary, err := NewFlagged(place, Config{Tags: parts.OrdinaryTags, Max: 2, Batch: 1})
		if err != nil {
			return nil, err
		}
		parts.Ordinary = ordinary
		if parts.ReserveTags > 0 {
			if parts.Reserve, err = New(place, Config{Tags: parts.ReserveTags, Skip: true}); err != nil {
				return nil, err
			}
		}
		r, err := NewReserved(place, parts)
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	designtest.Run(t, v)
}

// Neither pool's path makes garbage.
func TestReservedMakesNoGarbage(t *testing.T) {
	b := newBench(t, 1)
	r, _, _, err := compose(b, false)
	if err != nil {
		t.Fatal(err)
	}
	var held [ordinaryTags + reserveTags + 1]designs.Item
	if n := testing.AllocsPerRun(100, func() {
		for i := range held {
			held[i], _ = r.Alloc(b.on(0), kernel.Atomic)
		}
		for _, it := range held[:ordinaryTags+reserveTags] {
			r.Free(b.on(0), it)
		}
	}); n != 0 {
		t.Errorf("all tags, a refusal and the frees make %g objects", n)
	}
}

// oneCPU is a machine on which tasks run one at a time, each until it waits or stops between operations.
func oneCPU(t testing.TB) *machine.Native {
	t.Helper()
	allowed, err := machine.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	topology, err := machine.ReadTopology("/sys", allowed)
	if err != nil {
		t.Fatal(err)
	}
	m, err := machine.NewNative(machine.Options{CPUs: topology.CPUs[:1], MemoryBytes: benchMemoryBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// settle lets the other tasks of the CPU run until they wait: what was spawned or woken takes a turn or two to arrive.
func settle(t *kernel.Task) {
	for range 16 {
		t.Resched()
	}
}
