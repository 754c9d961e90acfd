package percputags

import (
	"fmt"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/internal/rng"
	"headroom/kernel"
)

// The configuration that is refused, and why; the defaults shrink to a small pool instead.
func TestNewRefusesWhatBreaksI4(t *testing.T) {
	for _, c := range []struct {
		config Config
		says   string // "" when it is taken
	}{
		{Config{Tags: 1}, ""},
		{Config{Tags: 1, Max: 48, Batch: 32}, ""},
		{Config{Tags: 100, Max: 1}, ""},
		{Config{Tags: 0}, "0 tags: give 1 to 2^31"},
		{Config{Tags: -1}, "-1 tags"},
		{Config{Tags: maxTags + 1}, "tags: give 1 to 2^31"},
		{Config{Tags: 100, Max: -1}, "max -1"},
		{Config{Tags: 100, Max: 4, Batch: 5}, "batch 5: the batch must be at least 1 and at most max"},
		{Config{Tags: 100, Batch: -2}, "batch -2"},
		{Config{Tags: 100, Batch: 49}, "max 48, batch 49"},
		{Config{Tags: benchMemoryBytes}, "1048576 tags: mem: "},
		{Config{Tags: 1, Max: benchMemoryBytes, Batch: 1}, "words of CPU 0"},
	} {
		p, err := New(newBench(t, 2), c.config)
		switch {
		case c.says == "" && (err != nil || p.Check() != nil):
			t.Errorf("%+v: %v", c.config, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%+v: %v, want %q", c.config, err, c.says)
		}
	}
}

// A tag out of range is refused before anything changes.
func TestFreeOfATagOutOfRangePanics(t *testing.T) {
	b := newBench(t, 1)
	p := b.pool(Config{Tags: 4})
	before := p.lists()
	for _, it := range []designs.Item{4, 1 << 32, ^designs.Item(0)} {
		said := func() (said any) {
			defer func() { said = recover() }()
			p.Free(b.on(0), it)
			return nil
		}()
		if want := fmt.Sprintf("percpu_tags: free of tag %d of a pool of 4", it); said != want {
			t.Errorf("free of %d: panic %v, want %q", it, said, want)
		}
		if after := p.lists(); after != before {
			t.Errorf("free of %d changed\n%sto\n%s", it, before, after)
		}
	}
}

// Check finds each fault it is there for: the words are spoilt by hand, one way in each case.
func TestCheckFindsEachCorruption(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(p *Pool)
		says  string
	}{
		{"nothing", func(*Pool) {}, ""},
		{"a tag twice on a list", func(p *Pool) { p.cpus[0].stack[1].Store(p.cpus[0].stack[0].Load()) }, "on two lists, one of them CPU 0's list (I1)"},
		{"a tag on two lists", func(p *Pool) { p.cpus[1].stack[0].Store(p.cpus[0].stack[0].Load()) }, "on two lists, one of them CPU 1's list (I1)"},
		{"a listed tag on the shared stack", func(p *Pool) { p.cpus[0].stack[0].Store(p.stack[0].Load()) }, "(I1)"},
		{"a shared tag twice", func(p *Pool) { p.stack[1].Store(p.stack[0].Load()) }, "on two lists, one of them the shared stack (I1)"},
		{"a tag out of range on a list", func(p *Pool) { p.cpus[1].stack[0].Store(16) }, "CPU 1's list holds tag 16 of a pool of 16"},
		{"a tag out of range on the shared stack", func(p *Pool) { p.stack[0].Store(99) }, "the shared stack holds tag 99"},
		{"a list without its bit", func(p *Pool) { p.clearBit(1) }, "CPU 1's list holds 2 tags and its bit is clear (I2)"},
		{"a list beyond its maximum", func(p *Pool) { p.cpus[0].free.Store(5) }, "CPU 0's list holds 5 of at most 4 (I4)"},
		{"more shared tags than there are", func(p *Pool) { p.shared.free.Store(17) }, "17 tags on the shared stack of 16 (I4)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 2)
			p := b.pool(Config{Tags: 16, Max: 4, Batch: 2})
			for cpu := range 2 { // leaves two tags on each list
				it, _ := p.Alloc(b.on(cpu), kernel.NoWait)
				p.Free(b.on(cpu), it)
			}
			c.spoil(p)
			err := p.Check()
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("Check: %v, want %q", err, c.says)
			}
		})
	}
}

// A lock that somebody holds is no quiescence.
func TestCheckFindsAHeldLock(t *testing.T) {
	b := newBench(t, 1)
	p := b.pool(Config{Tags: 2})
	p.shared.lock.Lock(b.on(0))
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "pool's lock is held") {
		t.Errorf("pool's lock held: %v", err)
	}
	p.shared.lock.Unlock(b.on(0))
	p.cpus[0].lock.Lock(b.on(0))
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "CPU 0's lock is held") {
		t.Errorf("CPU's lock held: %v", err)
	}
}

// The next victim is the first CPU behind the given one whose bit is set, going round: compared with a look at one CPU after the other.
func TestNextVictimGoesRound(t *testing.T) {
	stream := rng.New(1)
	for _, cpus := range []int{1, 2, 63, 64, 65, 128, 130} {
		b := newBench(t, cpus)
		p := b.pool(Config{Tags: 1})
		for range 50 {
			for i := range p.haveTags {
				p.haveTags[i].Store(stream.Uint64() & stream.Uint64() & stream.Uint64() & stream.Uint64() & (1<<min(63, cpus-64*i) - 1))
			}
			for after := range cpus {
				if got, want := p.nextWithTags(after), p.nextByLooking(after); got != want {
					t.Fatalf("%d CPUs: after CPU %d comes %d, want %d", cpus, after, got, want)
				}
			}
		}
	}
}

func (p *Pool) nextByLooking(after int) int {
	for step := 1; step <= len(p.cpus); step++ {
		if cpu := (after + step) % len(p.cpus); p.haveTags[cpu/64].Load()>>(cpu%64)&1 != 0 {
			return cpu
		}
	}
	return -1
}

// Neither the fast path nor refill, spill and steal make garbage.
func TestNoPathMakesGarbage(t *testing.T) {
	b := newBench(t, 2)
	p := b.pool(Config{Tags: 16, Max: 4, Batch: 2})
	var held [16]designs.Item
	pair := func() {
		it, _ := p.Alloc(b.on(0), kernel.NoWait)
		p.Free(b.on(0), it)
	}
	rounds := func() {
		for cpu := range 2 { // what one CPU frees, the other has to fetch
			for i := range held {
				held[i], _ = p.Alloc(b.on(cpu), kernel.NoWait)
			}
			_, _ = p.Alloc(b.on(cpu), kernel.NoWait)
			for _, it := range held {
				p.Free(b.on(cpu), it)
			}
		}
	}
	if n := testing.AllocsPerRun(1000, pair); n != 0 {
		t.Errorf("a pair allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, rounds); n != 0 {
		t.Errorf("the slow paths allocate %v times", n)
	}
	if s := p.Stats(); s.Refills == 0 || s.Spills == 0 || s.Steals == 0 || s.Failed == 0 {
		t.Errorf("a slow path was not taken: %+v", s)
	}
}
