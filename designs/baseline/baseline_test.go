package baseline

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/mem"
)

// place is a machine of which only the memory matters.
type place struct{ memory *mem.Memory }

const placeBytes = 1 << 20

func newPlace(t *testing.T) place {
	memory, err := mem.Make(1, placeBytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(memory.Release)
	return place{memory}
}

func (p place) CPUs() int           { return 1 }
func (p place) Node(int) int        { return 0 }
func (p place) Memory() *mem.Memory { return p.memory }

// ofGo are the baselines that stand on Go's own primitives and look at no task.
func ofGo() []designs.Variant {
	return slices.DeleteFunc(Variants(), func(v designs.Variant) bool { return !v.Capabilities.NativeOnly })
}

// take allocates n items.
func take(t *testing.T, a designs.Allocator, n int) []designs.Item {
	t.Helper()
	var items []designs.Item
	for range n {
		it, err := a.Alloc(nil, kernel.NoWait)
		if err != nil {
			t.Fatalf("%d of %d items: %v", len(items), n, err)
		}
		items = append(items, it)
	}
	return items
}

// The order in which items come back is the structure's own: first in first out, last in first out.
func TestItemsComeBackInTheOrderOfTheStructure(t *testing.T) {
	for _, c := range []struct {
		variant designs.Variant
		want    string
	}{
		{Variants()[0], "[0 1 2] then [1 0 2]"},
		{Variants()[1], "[0 1 2] then [2 0 1]"},
	} {
		a, err := c.variant.New(newPlace(t), designs.Config{Items: 3})
		if err != nil {
			t.Fatal(err)
		}
		first := take(t, a, 3)
		for _, it := range []designs.Item{1, 0, 2} {
			a.Free(nil, it)
		}
		if got := fmt.Sprintf("%v then %v", first, take(t, a, 3)); got != c.want {
			t.Errorf("%s gave %s, want %s", c.variant.Design, got, c.want)
		}
	}
}

// An alloc and a free make no garbage once the item was made, with and without memory behind it.
func TestSteadyStateMakesNoGarbage(t *testing.T) {
	for _, v := range ofGo() {
		for _, bytes := range []int{0, 100} {
			a, err := v.New(newPlace(t), designs.Config{Items: 4, Bytes: bytes})
			if err != nil {
				t.Fatal(err)
			}
			pair := func() {
				it, _ := a.Alloc(nil, kernel.NoWait)
				a.Free(nil, it)
			}
			n := testing.AllocsPerRun(2000, pair)
			if _, pooled := a.(*SyncPool); pooled && forgetful() {
				n = 0 // the pool forgets boxes on purpose in this build
			}
			if n != 0 {
				t.Errorf("%s with %d bytes: %v allocations of Go memory for each pair", v.Design, bytes, n)
			}
		}
	}
}

// Objects start on cache lines, those of a page or more on pages, and none reaches into the next.
func TestObjectsAreAligned(t *testing.T) {
	for _, c := range []struct {
		bytes  int
		stride uint64
	}{{1, 64}, {64, 64}, {65, 128}, {200, 256}, {4096, 4096}, {4097, 8192}} {
		s, err := newSlots(newPlace(t), 3, c.bytes)
		if err != nil {
			t.Fatal(err)
		}
		unit := min(c.stride, pageBytes)
		for i := range uint64(3) {
			it := s.item(i)
			if back, ok := s.index(it); !ok || back != i || uint64(it)%unit != 0 || uint64(it) != s.first+i*c.stride || len(s.Bytes(it)) != c.bytes {
				t.Errorf("%d bytes: object %d is at %d with %d bytes, index %d", c.bytes, i, it, len(s.Bytes(it)), back)
			}
			if _, ok := s.index(it + 1); ok {
				t.Errorf("%d bytes: %d passes for an object", c.bytes, it+1)
			}
		}
	}
}

// What does not fit into the machine's memory is refused with the remedy.
func TestNewRefusesMoreThanTheMemory(t *testing.T) {
	for _, v := range ofGo() {
		for _, c := range []designs.Config{{Items: 1000, Bytes: 4096}, {Items: 250, Bytes: 4096}, {Items: 1, Bytes: designs.Most}} {
			if v.Design != syncPoolName && c.Items == 250 {
				continue // fits exactly without spare items
			}
			if _, err := v.New(newPlace(t), c); err == nil || !strings.Contains(err.Error(), "memory") {
				t.Errorf("%s %+v: %v", v.Design, c, err)
			}
		}
	}
}

// A panic says what was wrong with the free.
func TestMisuseSaysWhy(t *testing.T) {
	for _, c := range []struct {
		variant designs.Variant
		held    int
		free    designs.Item
		says    string
	}{
		{Variants()[0], 1, 4, "channel: free of item 4: " + outOfRange},
		{Variants()[0], 0, 1, "channel: free of item 1: " + tooMany},
		{Variants()[1], 1, 4, "mutex: free of item 4: " + outOfRange},
		{Variants()[1], 0, 1, "mutex: free of item 1: " + tooMany},
		{Variants()[2], 1, 1 << 50, "syncpool: free of item 1125899906842624: " + outOfRange},
		{Variants()[2], 1, 3, "syncpool: free of item 3: " + idle},
	} {
		a, err := c.variant.New(newPlace(t), designs.Config{Items: 4})
		if err != nil {
			t.Fatal(err)
		}
		take(t, a, c.held)
		said := func() (said any) {
			defer func() { said = recover() }()
			a.Free(nil, c.free)
			return nil
		}()
		if said != c.says {
			t.Errorf("said %v, want %s", said, c.says)
		}
	}
}

// Check finds an item that is free twice, and one that is none of the allocator's.
func TestCheckFindsDoublesAndStrangers(t *testing.T) {
	channel, err := NewChannel(newPlace(t), designs.Config{Items: 4})
	if err != nil {
		t.Fatal(err)
	}
	take(t, channel, 2)
	channel.Free(nil, 3) // it is free already
	want(t, channel.Check(), "item 3 is free twice")

	mutex, err := NewMutex(newPlace(t), designs.Config{Items: 4})
	if err != nil {
		t.Fatal(err)
	}
	take(t, mutex, 2)
	mutex.Free(nil, 3)
	want(t, mutex.Check(), "item 3 is free twice")
	mutex.free[0] = 9
	want(t, mutex.Check(), "item 9 is none of its 4")

	pool, err := NewSyncPool(newPlace(t), designs.Config{Items: 4})
	if err != nil {
		t.Fatal(err)
	}
	it := take(t, pool, 1)[0]
	pool.entry(uint64(it)).held = &box{number: 7}
	want(t, pool.Check(), "entry 0 has the box of item 7")
	pool.entry(uint64(it)).held = &box{number: uint64(it)}
	want(t, pool.Check(), "another took the place of")
}

func want(t *testing.T, err error, says string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("Check: %v, want %q", err, says)
	}
}

// Numbers go on beyond what was asked for, each held once, over several extensions of the table.
func TestSyncPoolNumbersNeverRunOut(t *testing.T) {
	a, err := NewSyncPool(newPlace(t), designs.Config{Items: 1})
	if err != nil {
		t.Fatal(err)
	}
	const n = 10_000 // 65 numbers in the first chunk, doubled 8 times
	seen := map[designs.Item]bool{}
	items := take(t, a, n)
	for _, it := range items {
		seen[it] = true
	}
	if len(seen) != n || a.chunks[8] == nil {
		t.Errorf("%d of %d items differ", len(seen), n)
	}
	if err := a.Check(); err != nil {
		t.Error(err)
	}
	for _, it := range items {
		a.Free(nil, it)
	}
	if err := a.Check(); err != nil {
		t.Error(err)
	}
}

// The numbers of boxes that the pool forgot when the collector ran are given out again, before the table is extended.
func TestSyncPoolFindsForgottenNumbers(t *testing.T) {
	a, err := NewSyncPool(newPlace(t), designs.Config{Items: 1000})
	if err != nil {
		t.Fatal(err)
	}
	all := int(a.room)
	for range 5 {
		for _, it := range take(t, a, all) {
			a.Free(nil, it)
		}
		for range collections {
			runtime.GC() // everything in the pool is forgotten
		}
	}
	if a.room != uint64(all) {
		t.Errorf("the table grew from %d to %d numbers", all, a.room)
	}
}

// Objects run out when all that memory was set aside for are held, and not before: the collector finds those that the pool forgot.
func TestSyncPoolObjectsRunOut(t *testing.T) {
	a, err := NewSyncPool(newPlace(t), designs.Config{Items: 10, Bytes: 64})
	if err != nil {
		t.Fatal(err)
	}
	all := int(a.room)
	for range 3 {
		items := take(t, a, all)
		if _, err := a.Alloc(nil, kernel.NoWait); !errors.Is(err, kernel.ErrNoMemory) {
			t.Fatalf("with all %d objects held: %v", all, err)
		}
		for _, it := range items {
			a.Free(nil, it)
		}
	}
}

// forgetful reports whether a sync.Pool drops some of what it is given at once: it does under the race detector.
func forgetful() bool {
	a := SyncPool{}
	for range 100 {
		a.pool.Put(&box{})
		if a.pool.Get() == nil {
			return true
		}
	}
	return false
}
