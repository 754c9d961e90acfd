package reservation

import (
	"errors"
	"testing"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/page"
)

// Promised memory holds clean pages until it is drawn: all of it may be cached, a promise of all drops none, and each draw drops one.
func TestPromisedMemoryMayBeCached(t *testing.T) {
	d := newDesk(t, 1, 4<<20)
	task := &d.tasks[0]
	a, err := NewPages(d, designs.Config{Items: 16, Bytes: 64})
	if err != nil {
		t.Fatal(err)
	}
	for key := range uint64(16) {
		it, err := a.Alloc(task, kernel.NoWait)
		if err != nil {
			t.Fatal(err)
		}
		a.Zones().CacheAdd(task, page.Page(it), key)
	}
	if err := a.Reserve(task, kernel.NoWait, 16); err != nil || a.Zones().CleanPages() != 16 {
		t.Fatalf("a promise of all memory: %v, and %d pages are still cached, want 16", err, a.Zones().CleanPages())
	}
	for left := 15; left >= 0; left-- {
		if _, err := a.AllocReserved(task); err != nil || a.Zones().CleanPages() != left {
			t.Errorf("a draw: %v, and %d pages are still cached, want %d", err, a.Zones().CleanPages(), left)
		}
	}
}

// What a caller holds and what is promised never exceed what there is, in every variant and whatever the mixture; nothing is lost by cancelling.
func TestNothingIsOvercommitted(t *testing.T) {
	for _, v := range Variants() {
		d := newDesk(t, 1, 8<<20)
		task := &d.tasks[0]
		a, r := d.reserver(v, designs.Config{Items: 10, Bytes: 64})
		var first int
		for promised := 0; promised <= 10; promised += 5 {
			if err := r.Reserve(task, kernel.NoWait, promised); err != nil {
				t.Fatalf("%s: a promise of %d of 10 items: %v", v.Name, promised, err)
			}
			var held []designs.Item
			for it, err := a.Alloc(task, kernel.NoWait); err == nil; it, err = a.Alloc(task, kernel.NoWait) {
				held = append(held, it)
			}
			if promised == 0 {
				first = len(held)
			}
			for range promised / 2 {
				it, err := r.AllocReserved(task)
				if err != nil {
					t.Fatalf("%s: a draw: %v", v.Name, err)
				}
				held = append(held, it)
			}
			if got := len(held) + promised - promised/2; got != first {
				t.Errorf("%s: %d items held or promised with %d promised at first, and %d without", v.Name, got, promised, first)
			}
			r.Cancel(task, promised-promised/2)
			for _, it := range held {
				a.Free(task, it)
			}
			if err := a.Check(); err != nil {
				t.Error(err)
			}
		}
	}
}

// What can never be promised is refused for good, and misuse panics.
func TestImpossiblePromises(t *testing.T) {
	for _, v := range Variants() {
		d := newDesk(t, 1, 8<<20)
		task := &d.tasks[0]
		_, r := d.reserver(v, designs.Config{Items: 4, Bytes: 64})
		if err := r.Reserve(task, kernel.Kernel, 1000); !errors.Is(err, kernel.ErrNoMemory) {
			t.Errorf("%s: a promise of 1000 items of 4: %v", v.Name, err)
		}
		for name, call := range map[string]func(){
			"draw":              func() { _, _ = r.AllocReserved(task) },
			"less than nothing": func() { _ = r.Reserve(task, kernel.NoWait, -1) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: %s: no panic", v.Name, name)
					}
				}()
				call()
			}()
		}
	}
}
