package mempool

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/kernel"
)

// The configuration that is refused, and why.
func TestNewRefusesWhatItCannotKeep(t *testing.T) {
	m := newBench(t)
	for _, c := range []struct {
		config  Config
		backing Backing
		says    string // "" when it is taken
	}{
		{Config{Least: 4}, newStock(4), ""},
		{Config{Least: 4}, newStock(3), "the backing gives 3 of 4 elements: the shelf is bare; give it more room"},
		{Config{Least: 0}, newStock(4), ""},
		{Config{Least: 4, Most: 3}, newStock(4), "4 elements of at most 3"},
		{Config{Least: 4, Reserves: VictimsOnly + 1}, newStock(4), "policy 4 for reserves"},
		{Config{Least: 4, Reserves: WhenEmpty, Direct: true}, newStock(4), "leave Direct out"},
		{Config{Least: 4, Order: Molnar, Reserves: OptIn}, newStock(4), "the order of 2001 has neither"},
		{Config{Least: 4, Order: Molnar, Refill: 5}, newStock(4), "the order of 2001 has neither"},
		{Config{Least: 4, Refill: 11}, newStock(4), "a worker below 11 tenths"},
		{Config{Least: 4, Polls: true}, newStock(4), "a worker to who polls"},
		{Config{Least: -1}, newStock(4), "-1 elements"},
		{Config{Least: mostElements + 1}, newStock(4), "give 0 to 2^31 elements"},
		{Config{Least: 4, Order: Molnar + 1}, newStock(4), "order 2"},
		{Config{Least: 4, Order: Molnar, Threshold: 10}, newStock(4), ""},
		{Config{Least: 4, Order: Molnar, Threshold: 11}, newStock(4), "threshold 11"},
		{Config{Least: 4, Threshold: -1}, newStock(4), "threshold -1"},
		{Config{Least: 4, Direct: true}, newStock(4), "a *mempool.stock cannot be called by its type"},
		{Config{Least: 1 << 24}, newStock(4), "16777216 elements: mem: "},
	} {
		p, err := New(m, c.backing, c.config)
		switch {
		case c.says == "" && (err != nil || p.Check() != nil):
			t.Errorf("%+v: %v", c.config, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%+v: %v, want %q", c.config, err, c.says)
		}
	}
	lazy := struct{ kernel.Place }{m} // a machine without workers
	if _, err := New(lazy, newStock(4), Config{Least: 4, Refill: 5}); err == nil || !strings.Contains(err.Error(), "the machine does no queued work") {
		t.Errorf("a worker on a machine that has none: %v", err)
	}
	for _, c := range []struct {
		count, bytes int
		says         string
	}{
		{0, 64, "give at least 1"}, {4, 0, "of 0 bytes"}, {4, 4097, "of 4097 bytes"}, {1 << 24, 4096, "mem: "},
	} {
		if _, err := NewPages(m, c.count, c.bytes); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%d pages of %d bytes: %v", c.count, c.bytes, err)
		}
		if _, err := NewSlab(m, c.count, c.bytes); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%d objects of %d bytes: %v", c.count, c.bytes, err)
		}
	}
}

// A backing has at least the room asked for, all of it for one caller on one CPU, and not much more.
func TestBackingsHaveTheRoomAskedFor(t *testing.T) {
	for _, c := range []struct{ room, bytes, most int }{
		{1, 256, 1}, {5, 256, 5}, {6, 200, 6}, {7, 4096, 7}, {64, 200, 67}, {64, 4096, 64}, {1000, 200, 1020}, {1000, 24, 1020},
	} {
		pages, err := NewPages(newBench(t), c.room, c.bytes)
		if err != nil {
			t.Fatal(err)
		}
		slab, err := NewSlab(newBench(t), c.room, c.bytes)
		if err != nil {
			t.Fatal(err)
		}
		if got := takeAll(pages); got != c.room {
			t.Errorf("%d pages for items of %d bytes: %d are to be had", c.room, c.bytes, got)
		}
		if got := takeAll(slab); got < c.room || got > c.most {
			t.Errorf("%d objects of %d bytes: %d are to be had, want at most %d", c.room, c.bytes, got, c.most)
		}
	}
}

func takeAll(b Backing) (got int) {
	task := kernel.NewBoot(0)
	for {
		it, err := b.Alloc(task, kernel.NoWait)
		if err != nil {
			return got
		}
		got++
		clear(b.Bytes(it))
	}
}

// What is no element is refused before anything changes, whether it would go to the pool or to the backing.
func TestFreeOfNoElementPanics(t *testing.T) {
	for _, name := range []string{"mainline", "mainline-page", "mainline-mempool"} {
		m := newBench(t)
		p := build1(t, m, name, designs.Config{Items: 2})
		for _, full := range []bool{true, false} {
			if !full {
				for p.Elements() == 2 {
					if _, err := p.Alloc(m.task, kernel.NoWait); err != nil {
						t.Fatal(err)
					}
				}
			}
			elements := p.Elements()
			for _, it := range []designs.Item{1, ^designs.Item(0), designs.Item(m.memory.Bytes())} {
				if said := panics(func() { p.Free(m.task, it) }); said == nil {
					t.Errorf("%s: the free of item %d passes", name, it)
				} else if want := fmt.Sprintf("mempool: free of item %d, which the backing has not given", it); !full && said != want {
					t.Errorf("%s: panic %v, want %q", name, said, want)
				}
			}
			if err := p.Check(); err != nil || p.Elements() != elements {
				t.Errorf("%s: after it there are %d elements of %d, %v", name, p.Elements(), elements, err)
			}
		}
	}
}

func panics(do func()) (said any) {
	defer func() { said = recover() }()
	do()
	return nil
}

// build1 makes a variant's pool.
func build1(t testing.TB, place kernel.Place, name string, c designs.Config) *Pool {
	t.Helper()
	for _, v := range Variants() {
		if v.Name == name {
			a, err := v.New(place, c)
			if err != nil {
				t.Fatal(err)
			}
			return a.(*Pool)
		}
	}
	t.Fatalf("no variant is called %s", name)
	return nil
}

// Check finds each fault it is there for: the words are spoilt by hand, one way in each case.
func TestCheckFindsEachCorruption(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(m *bench, p *Pool)
		says  string
	}{
		{"nothing", func(*bench, *Pool) {}, ""},
		{"a lock held", func(m *bench, p *Pool) { p.head.lock.Lock(m.task) }, "the pool's lock is held"},
		{"a sleeper", func(m *bench, p *Pool) { p.head.waiters.Prepare(m.task, false) }, "1 tasks wait"},
		{"too many elements", func(m *bench, p *Pool) { p.head.count.Store(5) }, "5 elements in a pool of 4 (I1)"},
		{"an element twice", func(m *bench, p *Pool) { p.elements[2].Store(p.elements[0].Load()) }, "is in the pool twice (I2)"},
		{"no element", func(m *bench, p *Pool) { p.elements[1].Store(12345) }, "element 12345 is none that the backing has given (I2)"},
		{"an element in the backing", func(m *bench, p *Pool) { p.backing.Free(m.task, designs.Item(p.elements[3].Load())) }, "(I2)"},
	} {
		for _, name := range []string{"mainline", "molnar-page", "mainline-mempool"} {
			m := newBench(t)
			p := build1(t, m, name, designs.Config{Items: 4})
			c.spoil(m, p)
			switch err := p.Check(); {
			case c.says == "" && err != nil, c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%s, %s: %v, want %q", name, c.name, err, c.says)
			}
		}
	}
}

// Neither the fast path nor pool and refusal make garbage.
func TestNoPathMakesGarbage(t *testing.T) {
	for _, v := range Variants() {
		for direct := range 2 {
			m := newBench(t)
			if direct == 1 && !slices.ContainsFunc(v.Knobs, func(k designs.Knob) bool { return k.Name == knobDirect }) {
				continue
			}
			knobs := map[string]int{knobDirect: direct}
			if direct == 0 {
				knobs = nil
			}
			p := build1(t, m, v.Name, designs.Config{Items: 4, Room: 16, Knobs: knobs})
			var held [64]designs.Item
			pair := func() {
				it, _ := p.Alloc(m.task, kernel.NoWait)
				p.Free(m.task, it)
			}
			rounds := func() {
				n := 0
				for {
					it, err := p.Alloc(m.task, kernel.NoWait)
					if err != nil {
						break
					}
					held[n] = it
					n++
				}
				for _, it := range held[:n] {
					p.Free(m.task, it)
				}
			}
			if n := testing.AllocsPerRun(100, pair); n != 0 {
				t.Errorf("%s, direct %d: a pair allocates %v times", v.Name, direct, n)
			}
			if n := testing.AllocsPerRun(20, rounds); n != 0 {
				t.Errorf("%s, direct %d: the slow paths allocate %v times", v.Name, direct, n)
			}
			if s := p.Stats(); s.Refills == 0 || s.Failed == 0 {
				t.Errorf("%s: a slow path was not taken: %+v", v.Name, s)
			}
		}
	}
}
