package mempool

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
)

// A bulk is the backing's items first; of the pool it takes all that it lacks or none; who may not wait, or wants more than the pool keeps, gets what
// there is and an error.
func TestBulkTakesAllOrNoneOfThePool(t *testing.T) {
	for _, c := range []struct {
		config Config
		gfp    kernel.GFP
		shelf  int // items of the backing beside the pool's
		want   int
		got    []designs.Item
		left   int // elements
	}{
		{Config{Least: 2}, kernel.NoWait, 3, 2, []designs.Item{3, 4}, 2},
		{Config{Least: 2}, kernel.NoWait, 1, 3, []designs.Item{3, 2, 1}, 0},
		{Config{Least: 2}, kernel.NoWait, 1, 4, []designs.Item{3, 2, 1}, 0}, // all there is
		{Config{Least: 2}, kernel.NoIO, 0, 3, []designs.Item{2, 1}, 0},      // more than the pool keeps: nobody could promise that
		{Config{Least: 2, Order: Molnar}, kernel.NoIO, 0, 3, []designs.Item{2, 1}, 0},
		{Config{Least: 2}, kernel.NoWait, 0, 0, nil, 2},
		{Config{Least: 3, Refill: 1, Polls: true}, kernel.NoIO, 0, 4, []designs.Item{3, 2, 1}, 0},
	} {
		m := oneCPU(t)
		p := pool(t, m, newStock(c.config.Least+c.shelf), c.config)
		if err := play(m, func(task *kernel.Task) {
			items := make([]designs.Item, c.want)
			n, err := p.AllocBulk(task, c.gfp, items)
			if !slices.Equal(items[:n], c.got) || p.Elements() != c.left || (err == nil) != (n == c.want) || err != nil && !errors.Is(err, kernel.ErrWouldBlock) {
				t.Errorf("%+v, %d beside it, %d wanted: got %v, %v, and left %d", c.config, c.shelf, c.want, items[:n], err, p.Elements())
			}
		}); err != nil {
			t.Error(err)
		}
	}
}

// Who wants several sleeps until the pool has as many as he lacks, and holds none of its elements meanwhile.
func TestBulkSleepsForAll(t *testing.T) {
	m := oneCPU(t)
	s := newStock(3)
	p := pool(t, m, s, Config{Least: 3})
	if err := play(m, func(task *kernel.Task) {
		var held [3]designs.Item
		if _, err := p.AllocBulk(task, kernel.NoWait, held[:]); err != nil {
			t.Error(err)
		}
		got := 0
		m.Spawn(task, machine.Spec{Name: "bulk", Body: func(task *kernel.Task) {
			var items [2]designs.Item
			got, _ = p.AllocBulk(task, kernel.NoIO, items[:])
		}})
		settle(task)
		p.Free(task, held[0])
		settle(task)
		if got != 0 || p.Elements() != 1 {
			t.Errorf("beside 1 element a caller who wants 2 has %d, and the pool %d", got, p.Elements())
		}
		p.Free(task, held[1])
		settle(task)
		if got != 2 || p.Elements() != 0 {
			t.Errorf("beside 2 elements a caller who wants 2 has %d, and the pool %d", got, p.Elements())
		}
	}); err != nil {
		t.Error(err)
	}
}

// Who sleeps for more elements than a pool that became smaller keeps is not left asleep: no free could serve him. He gets what there is (I17).
func TestShrinkingEndsTheSleepOfABulk(t *testing.T) {
	if err := shrinkWakes(t); err != nil {
		t.Error(err)
	}
}

func shrinkWakes(t *testing.T) error {
	m := oneCPU(t)
	s := newStock(4)
	p := pool(t, m, s, Config{Least: 4})
	got, asked, back := 0, error(nil), false
	var failure error
	run := play(m, func(task *kernel.Task) {
		held, err := p.Alloc(task, kernel.NoWait)
		failure = errors.Join(failure, err)
		m.Spawn(task, machine.Spec{Name: "bulk", Body: func(task *kernel.Task) {
			var items [4]designs.Item
			got, asked = p.AllocBulk(task, kernel.NoIO, items[:])
			back = true
			for _, it := range items[:got] {
				p.Free(task, it)
			}
		}})
		settle(task)
		if back {
			failure = errors.Join(failure, fmt.Errorf("beside 3 elements of 4 a caller who wants 4 does not sleep"))
		}
		failure = errors.Join(failure, p.Resize(task, 2))
		settle(task)
		if !back || got != 3 || !errors.Is(asked, kernel.ErrWouldBlock) {
			failure = errors.Join(failure, fmt.Errorf("in a pool of 2, with one in the backing, a caller who wants 4 has %d, %v", got, asked))
		}
		p.Free(task, held)
	})
	return errors.Join(run, failure)
}
