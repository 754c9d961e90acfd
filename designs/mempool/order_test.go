package mempool

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"headroom/designs"
	"headroom/kernel"
)

// attempt is one row of the order's table: a caller, how full the pool of four is, and what the backing is asked before he is served or refused.
type attempt struct {
	config   Config
	gfp      kernel.GFP
	victim   bool
	elements int
	asked    []kernel.GFP
	ok       bool
}

// What the mainline order adds: always, and to bar the reserves.
const (
	always = kernel.NoRetry | kernel.NoWarn
	barred = kernel.NoMemalloc | always
)

var (
	mainline  = Config{Least: 4}
	molnar    = Config{Least: 4, Order: Molnar, Threshold: halfFull}
	optIn     = Config{Least: 4, Reserves: OptIn}
	whenEmpty = Config{Least: 4, Reserves: WhenEmpty}
	victims   = Config{Least: 4, Reserves: VictimsOnly}
)

const low = kernel.KswapdReclaim

var attempts = []attempt{
	{mainline, kernel.Kernel, false, 4, []kernel.GFP{low | kernel.FS | barred}, true},
	{mainline, kernel.Kernel, false, 1, []kernel.GFP{low | kernel.FS | barred}, true},
	{mainline, kernel.NoIO, false, 1, []kernel.GFP{low | barred}, true},
	{mainline, kernel.NoWait, false, 0, []kernel.GFP{low | barred}, false},
	{mainline, kernel.Atomic, false, 0, []kernel.GFP{kernel.Atomic | barred}, false},
	{mainline, kernel.Atomic, true, 0, []kernel.GFP{kernel.Atomic | barred}, false},
	{mainline, kernel.IO, false, 0, []kernel.GFP{barred, kernel.IO | barred}, false}, // without DirectReclaim: two rounds, since the flags differ
	{molnar, kernel.Kernel, false, 4, []kernel.GFP{low | kernel.FS}, true},
	{molnar, kernel.Kernel, false, 2, []kernel.GFP{low | kernel.FS}, true}, // half full
	{molnar, kernel.Kernel, false, 1, []kernel.GFP{low | kernel.FS, kernel.Kernel}, true},
	{molnar, kernel.Atomic, false, 4, []kernel.GFP{kernel.Atomic}, true},
	{molnar, kernel.Atomic, false, 0, []kernel.GFP{kernel.Atomic}, false},
	{optIn, kernel.IO, true, 4, []kernel.GFP{always}, true},
	{optIn, kernel.IO, false, 0, []kernel.GFP{always, kernel.IO | always}, false},
	{optIn, kernel.IO | kernel.NoMemalloc, false, 0, []kernel.GFP{barred, kernel.IO | barred}, false},
	{whenEmpty, kernel.IO, true, 4, []kernel.GFP{barred}, true},
	{whenEmpty, kernel.IO, false, 0, []kernel.GFP{always, kernel.IO | always}, false},
	{victims, kernel.IO, true, 4, []kernel.GFP{barred}, true},
	{victims, kernel.IO, false, 0, []kernel.GFP{barred, kernel.IO | barred}, false},
	{victims, kernel.IO, true, 0, []kernel.GFP{always, kernel.IO | always}, false},
	{victims, kernel.IO | kernel.NoMemalloc, true, 0, []kernel.GFP{always, kernel.IO | always}, false}, // his own bar goes too
}

// Each order asks the backing what its table says, with which flags, before it takes from the pool or refuses (I6, I7, I8, I9).
func TestOrdersAskAsTheyShould(t *testing.T) {
	if err := checkAttempts(t); err != nil {
		t.Error(err)
	}
}

func checkAttempts(t *testing.T) error {
	for _, c := range attempts {
		m := oneCPU(t)
		s := newStock(4)
		s.victim = c.victim
		p := pool(t, m, s, c.config)
		var failure error
		run := play(m, func(t *kernel.Task) {
			for range 4 - c.elements {
				_, _ = p.Alloc(t, kernel.NoWait)
			}
			s.attempts = nil
			_, err := p.Alloc(t, c.gfp)
			if !slices.Equal(s.attempts, c.asked) || (err == nil) != c.ok || !c.ok && !errors.Is(err, kernel.ErrWouldBlock) {
				failure = fmt.Errorf("%+v, %v, victim %v, %d of 4 elements: the backing was asked with %v and the answer was %v; want %v, served %v",
					c.config, c.gfp, c.victim, c.elements, s.attempts, err, c.asked, c.ok)
			}
		})
		if err := errors.Join(run, failure); err != nil {
			return err
		}
	}
	return nil
}

// The pool comes first from the threshold on; whether at it is what the mail and the code of 2.5.1 differ in, for an even number of elements.
func TestThresholdIsWhereTheBackingWaits(t *testing.T) {
	m := oneCPU(t)
	for _, c := range []struct {
		least, threshold int
		blocks           bool
		filledFrom       int // elements; least+1 for never
	}{
		{4, halfFull, false, 2}, {4, halfFull, true, 3}, {3, halfFull, false, 2}, {3, halfFull, true, 2}, {1, halfFull, false, 1}, {1, halfFull, true, 1},
		{4, 0, false, 0}, {4, 0, true, 1}, {4, 10, false, 4}, {4, 10, true, 5}, {4, 3, false, 2}, {10, 3, false, 3}, {10, 3, true, 4},
	} {
		p := pool(t, m, newStock(c.least), Config{Least: c.least, Order: Molnar, Threshold: c.threshold, Blocks: c.blocks})
		for n := range c.least + 1 {
			p.head.count.Store(uint32(n))
			if got := p.wellFilled(); got != (n >= c.filledFrom) {
				t.Errorf("%d of %d elements, threshold %d, blocks %v: well filled is %v", n, c.least, c.threshold, c.blocks, got)
			}
		}
	}
}

// Elements come and go last in, first out; a free refills the pool before the backing gets anything, and locks are taken on slow paths only.
func TestFreesRefillThePoolFirst(t *testing.T) {
	m := oneCPU(t)
	s := newStock(4)
	p := pool(t, m, s, Config{Least: 2})
	if err := play(m, func(task *kernel.Task) {
		var got []designs.Item
		for range 4 {
			it, _ := p.Alloc(task, kernel.NoWait)
			got = append(got, it)
		}
		if !slices.Equal(got, []designs.Item{3, 4, 2, 1}) {
			t.Errorf("items came in the order %v; want the backing's, then the pool's from the top", got)
		}
		if stats := p.Stats(); stats.Locks != 2 {
			t.Errorf("two elements of the pool took %d locks", stats.Locks)
		}
		for i, it := range got {
			p.Free(task, it)
			if want := min(i+1, 2); p.Elements() != want || len(s.shelf) != i+1-want {
				t.Errorf("after %d frees the pool has %d elements and the backing %d", i+1, p.Elements(), len(s.shelf))
			}
		}
		if want := (designs.Stats{Locks: 4, Refills: 2}); p.Stats() != want {
			t.Errorf("stats are %+v, want %+v", p.Stats(), want)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// Two callers sleep; one is woken for an element of the pool and served by the backing, which has got an item meanwhile. The other is not left
// beside the element (I4).
func TestSleeperServedByTheBackingWakesTheNext(t *testing.T) {
	for _, order := range []Order{Mainline, Molnar} {
		if err := serveFromBelow(t, order); err != nil {
			t.Errorf("order %d: %v", order, err)
		}
	}
}

func serveFromBelow(t *testing.T, order Order) error {
	m := oneCPU(t)
	s := newStock(1)
	p := pool(t, m, s, Config{Least: 1, Order: order, Threshold: halfFull})
	var both []*sleeper
	err := play(m, func(task *kernel.Task) {
		it, _ := p.Alloc(task, kernel.NoWait)
		both = sleepers(task, m, p, 2, false)
		if n := asleep(both); n != 2 {
			t.Errorf("%d callers sleep beside an empty pool, want 2", n)
		}
		s.shelf = append(s.shelf, 2)
		p.Free(task, it)
	})
	if n := served(both); err == nil && n != 2 {
		return fmt.Errorf("%d of 2 sleepers were served", n)
	}
	return err
}

// A pool over a pool: who may wait sleeps in the lower one, where the upper one's frees do not reach him. He sleeps beside an element of the upper
// pool until that is full and a free goes on to the lower one. In Linux his five seconds of sleep end there too, not here above.
func TestStackedCallerSleepsBelow(t *testing.T) {
	for _, order := range []Order{Mainline, Molnar} {
		m := oneCPU(t)
		c := Config{Least: 1, Order: order, Threshold: halfFull}
		lower := pool(t, m, newStock(2), c)
		upper := pool(t, m, lower, c)
		var one []*sleeper
		if err := play(m, func(task *kernel.Task) {
			first, _ := upper.Alloc(task, kernel.NoWait)
			second, _ := upper.Alloc(task, kernel.NoWait)
			one = sleepers(task, m, upper, 1, false)
			upper.Free(task, first)
			settle(task)
			if asleep(one) != 1 || upper.Elements() != 1 {
				t.Errorf("order %d: %d sleep beside %d elements of the upper pool, want 1 beside 1", order, asleep(one), upper.Elements())
			}
			upper.Free(task, second)
		}); err != nil || served(one) != 1 {
			t.Errorf("order %d: %d served, %v", order, served(one), err)
		}
		if l, u := lower.Stats(), upper.Stats(); l.Waits != 1 || u.Waits != 0 {
			t.Errorf("order %d: %d waits below and %d above, want 1 and 0", order, l.Waits, u.Waits)
		}
	}
}
