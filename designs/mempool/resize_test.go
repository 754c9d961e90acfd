package mempool

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/kernel"
)

// A smaller pool gives its surplus to the backing, newest first, and a larger one takes what it lacks; both keep to what is asked for. Nothing is
// lost (I12).
func TestResizeMovesElements(t *testing.T) {
	if err := resizeMoves(t); err != nil {
		t.Error(err)
	}
}

func resizeMoves(t *testing.T) error {
	m := oneCPU(t)
	s := newStock(6)
	p := pool(t, m, s, Config{Least: 4, Most: 6})
	var failure error
	run := play(m, func(task *kernel.Task) {
		for _, c := range []struct {
			to, elements int
			shelf        []designs.Item
		}{
			{4, 4, []designs.Item{5, 6}},
			{2, 2, []designs.Item{5, 6, 4, 3}},
			{5, 5, []designs.Item{3}},
			{6, 6, nil},
			{0, 1, []designs.Item{3, 4, 6, 5, 2}}, // one is kept
		} {
			if err := p.Resize(task, c.to); err != nil {
				failure = errors.Join(failure, err)
			}
			if p.Elements() != c.elements || !slices.Equal(s.shelf, c.shelf) {
				failure = errors.Join(failure, fmt.Errorf("resized to %d it has %d elements, want %d, and the backing %v, want %v",
					c.to, p.Elements(), c.elements, s.shelf, c.shelf))
			}
		}
	})
	return errors.Join(run, failure, p.Check())
}

// A number that the pool was not made for is refused; a backing without more items is no error, and frees complete the pool.
func TestResizeTakesWhatThereIs(t *testing.T) {
	m := oneCPU(t)
	s := newStock(2)
	p := pool(t, m, s, Config{Least: 1, Most: 3})
	if err := play(m, func(task *kernel.Task) {
		for _, items := range []int{-1, 4} {
			if err := p.Resize(task, items); err == nil || !strings.Contains(err.Error(), "give 0 to 3, for which it was made") {
				t.Errorf("resized to %d: %v", items, err)
			}
		}
		it, err := p.Alloc(task, kernel.NoWait)
		if grown := p.Resize(task, 3); err != nil || grown != nil || p.Elements() != 1 {
			t.Errorf("%v, %v: %d elements, want 1", err, grown, p.Elements())
		}
		s.shelf = append(s.shelf, 3)
		p.Free(task, it)
		if p.Elements() != 2 || len(s.shelf) != 1 {
			t.Errorf("the free made %d elements, want 2", p.Elements())
		}
	}); err != nil {
		t.Error(err)
	}
}

// Who sleeps while the pool grows gets one of the new elements; nothing else would wake him (I11).
func TestGrowthWakesSleepers(t *testing.T) {
	for _, order := range []Order{Mainline, Molnar} {
		if err := growthWakes(t, order); err != nil {
			t.Errorf("order %d: %v", order, err)
		}
	}
}

func growthWakes(t *testing.T, order Order) error {
	m := oneCPU(t)
	s := newStock(1)
	p := pool(t, m, s, Config{Least: 1, Most: 3, Order: order, Threshold: halfFull})
	var both []*sleeper
	err := play(m, func(task *kernel.Task) {
		if _, err := p.Alloc(task, kernel.NoWait); err != nil {
			t.Error(err)
		}
		both = sleepers(task, m, p, 2, false)
		if n := asleep(both); n != 2 {
			t.Errorf("%d callers sleep beside an empty pool, want 2", n)
		}
		s.shelf = append(s.shelf, 2, 3)
		if err := p.Resize(task, 3); err != nil {
			t.Error(err)
		}
	})
	if n := served(both); n != 2 {
		return errors.Join(err, fmt.Errorf("%d of 2 sleepers were served", n))
	}
	return err
}

// A pool of none keeps one element all the same, and its free wakes who sleeps (I10).
func TestPoolOfNoneServesItsSleepers(t *testing.T) {
	for _, order := range []Order{Mainline, Molnar} {
		if err := noneServes(t, order); err != nil {
			t.Errorf("order %d: %v", order, err)
		}
	}
}

func noneServes(t *testing.T, order Order) error {
	m := oneCPU(t)
	p := pool(t, m, newStock(1), Config{Order: order, Threshold: halfFull})
	var both []*sleeper
	err := play(m, func(task *kernel.Task) {
		it, err := p.Alloc(task, kernel.NoWait)
		if err != nil {
			t.Error(err)
			return
		}
		both = sleepers(task, m, p, 2, true)
		p.Free(task, it)
	})
	if n := served(both); n != 2 {
		return errors.Join(err, fmt.Errorf("%d of 2 sleepers were served", n))
	}
	return errors.Join(err, p.Check())
}

// AllocPreallocated takes the pool's elements only, and does not wait for more.
func TestPreallocatedComesFromThePoolAlone(t *testing.T) {
	m := oneCPU(t)
	s := newStock(4)
	p := pool(t, m, s, Config{Least: 2})
	s.attempts = nil
	if err := play(m, func(task *kernel.Task) {
		for _, want := range []designs.Item{2, 1} {
			if it, err := p.AllocPreallocated(task); it != want || err != nil {
				t.Errorf("item %d, %v; want %d", it, err, want)
			}
		}
		if it, err := p.AllocPreallocated(task); it != 0 || !errors.Is(err, kernel.ErrWouldBlock) || len(s.attempts) != 0 {
			t.Errorf("an empty pool gave item %d, %v, and asked the backing %d times", it, err, len(s.attempts))
		}
	}); err != nil {
		t.Error(err)
	}
}
