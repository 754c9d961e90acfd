package mempool

import (
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/page"
)

// A pool made over zones that others use takes its elements from them, and hands out their pages; variants that stand on no pages cannot be made so.
func TestPoolsShareZones(t *testing.T) {
	made := 0
	for _, v := range Variants() {
		if v.NewOver == nil {
			continue
		}
		made++
		m := newBench(t)
		pages, err := page.New(m, page.Config{Pages: 8, PageBytes: 64, Marks: &page.Marks{Min: 1, Low: 1, High: 1}, High: 1, Drift: 1})
		if err != nil {
			t.Fatal(err)
		}
		before := pages.FreePages()
		a, err := v.NewOver(m, pages, designs.Config{Items: 2, Room: 2})
		if err != nil {
			t.Errorf("%s: %v", v.FullName(), err)
			continue
		}
		if taken := before - pages.FreePages(); taken < 1 {
			t.Errorf("%s: its elements took %d pages of the zone", v.FullName(), taken)
		}
		it, err := a.Alloc(m.task, kernel.Kernel)
		if err != nil {
			t.Errorf("%s: %v", v.FullName(), err)
			continue
		}
		a.Free(m.task, it)
		if err := a.Check(); err != nil {
			t.Errorf("%s: %v", v.FullName(), err)
		}
	}
	if made < 5 {
		t.Errorf("%d variants can be made over shared zones", made)
	}
}

// Whoever sleeps tries again when his time is over, and then gets what has come to the backing meanwhile, which nobody woke him for.
func TestExpiryMakesSleepersTryAgain(t *testing.T) {
	for _, order := range []Order{Mainline, Molnar} {
		m := oneCPU(t)
		s := newStock(1)
		p := pool(t, m, s, Config{Least: 1, Order: order, Threshold: halfFull})
		served := false
		m.Spawn(nil, machine.Spec{Name: "sleeper", Body: func(task *kernel.Task) {
			if _, err := p.AllocPreallocated(task); err != nil {
				t.Error(err)
			}
			if _, err := p.Alloc(task, kernel.NoIO); err != nil {
				t.Error(err)
			}
			served = true
		}})
		m.Spawn(nil, machine.Spec{Name: "clock", Body: func(task *kernel.Task) {
			s.shelf = append(s.shelf, 2)
			p.Expire(task)
		}})
		if err := m.Run(); err != nil || !served {
			t.Errorf("order %d: served %v, %v", order, served, err)
		}
	}
}
