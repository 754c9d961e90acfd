package mempool

import (
	"errors"
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/page"
)

// What a task with a right to the reserves gets from a pool of 8 over 8 pages above a reserve of 2, by each policy: the order of 2001 and callers who
// may opt in hand it the reserve, and so does a pool that is empty; to a victim half of it is open (I7, I9).
func TestRightsOpenTheReservesAsThePolicySays(t *testing.T) {
	for _, c := range []struct {
		config Config
		rights kernel.Rights
		items  int
	}{
		{Config{}, kernel.RightMemalloc, 8},
		{Config{}, kernel.RightVictim, 8},
		{Config{Order: Molnar}, kernel.RightMemalloc, 10},
		{Config{Reserves: OptIn}, kernel.RightMemalloc, 10},
		{Config{Reserves: OptIn}, kernel.RightVictim, 9},
		{Config{Reserves: WhenEmpty}, kernel.RightMemalloc, 10},
		{Config{Reserves: WhenEmpty}, kernel.RightVictim, 9},
		{Config{Reserves: VictimsOnly}, kernel.RightMemalloc, 8},
		{Config{Reserves: VictimsOnly}, kernel.RightVictim, 9},
	} {
		got, err := takeWithRights(t, c.config, c.rights)
		if err != nil || got != c.items {
			t.Errorf("%+v, rights %d: %d items of 8 above a reserve of 2, %v; want %d", c.config, c.rights, got, err, c.items)
		}
	}
}

// A pool says of whom its policy lets draw on the reserves when it is empty.
func TestPoolsSayWhomTheReservesAreOpenTo(t *testing.T) {
	const both = kernel.RightMemalloc | kernel.RightVictim
	for _, c := range []struct {
		config           Config
		memalloc, victim bool
	}{
		{Config{}, false, false},
		{Config{Order: Molnar}, true, true},
		{Config{Reserves: OptIn}, true, true},
		{Config{Reserves: WhenEmpty}, true, true},
		{Config{Reserves: VictimsOnly}, false, true},
	} {
		c.config.Least = 1
		p := pool(t, oneCPU(t), newStock(1), c.config)
		if p.OpensReserves(kernel.RightMemalloc) != c.memalloc || p.OpensReserves(kernel.RightVictim) != c.victim || p.OpensReserves(both) != (c.memalloc || c.victim) ||
			p.OpensReserves(0) {
			t.Errorf("%+v: to a task that reclaims %v, to a victim %v", c.config, p.OpensReserves(kernel.RightMemalloc), p.OpensReserves(kernel.RightVictim))
		}
	}
}

// takeWithRights is how many items a task with these rights gets from a pool over 8 pages above a reserve of 2.
func takeWithRights(t *testing.T, c Config, rights kernel.Rights) (got int, err error) {
	m := oneCPU(t)
	b, err := NewPages(m, 8, 64)
	if err != nil {
		return 0, err
	}
	c.Least = 8
	p := pool(t, m, b, c)
	m.Spawn(nil, machine.Spec{Name: "entitled", Body: func(task *kernel.Task) {
		task.SetRights(rights)
		for {
			if _, err := p.Alloc(task, kernel.NoWait); err != nil {
				return
			}
			got++
		}
	}})
	return got, m.Run()
}

// Of two policies that differ in nothing else, the victim of the page allocator's killer is refused by one, and by the other gets a page of the reserve
// with which it comes to its end, so that the caller for whom it was killed is served. The pool's elements go first.
func TestEmptyPoolOpensTheReserveToTheKillersVictim(t *testing.T) {
	for _, c := range []struct {
		reserves Reserves
		served   bool
	}{{Barred, false}, {WhenEmpty, true}, {VictimsOnly, true}} {
		m := oneCPU(t)
		doomed := -1
		pages, err := page.New(m, page.Config{Pages: 6, PageBytes: 64, Marks: &page.Marks{Min: 2, Low: 2, High: 2}, High: 1, Drift: 1,
			Kill: func(*kernel.Task) (int, bool) { return doomed, doomed >= 0 }})
		if err != nil {
			t.Fatal(err)
		}
		b, err := NewPagesOf(m, pages, 64)
		if err != nil {
			t.Fatal(err)
		}
		p := pool(t, m, b, Config{Least: 1, Reserves: c.reserves})
		m.Spawn(nil, machine.Spec{Name: "victim", Body: func(task *kernel.Task) {
			var held []designs.Item
			take := func() (got bool) {
				it, err := p.Alloc(task, kernel.NoWait)
				if err == nil {
					held = append(held, it)
				}
				return err == nil
			}
			for take() {
			}
			if len(held) != 4 || p.Elements() != 0 {
				t.Errorf("the task got %d items of 4 above the reserve, and left %d in the pool", len(held), p.Elements())
			}
			for doomed = task.Index(); !pages.Victim(task); {
				task.Resched()
			}
			if take() != c.served || take() {
				t.Errorf("policy %d: as a victim it has %d items; one more for it is %v", c.reserves, len(held), c.served)
			}
			for _, it := range held {
				p.Free(task, it)
			}
			doomed = -1
			pages.Exit(task)
		}})
		m.Spawn(nil, machine.Spec{Name: "other", Body: func(task *kernel.Task) {
			at, err := pages.Alloc(task, kernel.Kernel, 0)
			if err != nil {
				t.Errorf("policy %d: the caller for whom a task was killed: %v", c.reserves, err)
				return
			}
			pages.Free(task, at, 0)
		}})
		if err := errors.Join(m.Run(), p.Check()); err != nil {
			t.Errorf("policy %d: %v", c.reserves, err)
		}
	}
}

// Slabs, size classes, chunks and other pools ask the killer of the zones below them.
func TestEveryBackingKnowsTheVictim(t *testing.T) {
	m := newBench(t)
	for _, v := range Variants() {
		p := build1(t, m, v.Name, designs.Config{Items: 1})
		if p.Victim(m.task) {
			t.Errorf("%s: a task is a victim before anybody was killed", v.Name)
		}
		m.task.SetRights(kernel.RightVictim)
		if !p.Victim(m.task) {
			t.Errorf("%s: a task with a victim's rights is none", v.Name)
		}
		m.task.SetRights(0)
	}
}
