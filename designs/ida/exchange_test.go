package ida

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"headroom/designs"
	"headroom/internal/rng"
	"headroom/kernel"
)

// wrapped makes a tree with magazines on the bench.
func (b *bench) wrapped(o Options) *Wrapped {
	w, err := NewWrapped(b, o)
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// drain takes ids on a CPU until it is refused.
func (b *bench) drain(w *Wrapped, cpu int) (got []designs.Item) {
	for {
		it, err := w.Alloc(b.on(cpu), kernel.NoWait)
		if errors.Is(err, kernel.ErrWouldBlock) {
			return got
		}
		if err != nil {
			b.Fatal(err)
		}
		got = append(got, it)
	}
}

// The two magazines of a CPU change places, a full one goes to the depot, and with the depot full into the tree; on the way back the ids come from the
// loaded magazine, the one before, the depot and the tree, in this order. With magazines of two every step shows.
func TestMagazinesChangePlaces(t *testing.T) {
	for _, locked := range []bool{false, true} {
		b := newBench(t, 1)
		w := b.wrapped(Options{IDs: 1000, Size: 2, Depot: 1, Locked: locked})
		for want := range designs.Item(7) {
			if got, err := w.Alloc(b.on(0), kernel.NoWait); got != want || err != nil {
				t.Fatalf("id %d, %v; want %d", got, err, want)
			}
		}
		for i, c := range []struct{ loaded, before, depot, taken int }{
			{1, 0, 0, 7}, {2, 0, 0, 7}, {1, 2, 0, 7}, {2, 2, 0, 7}, {1, 2, 1, 7}, {2, 2, 1, 7}, {1, 2, 1, 5},
		} {
			w.Free(b.on(0), designs.Item(i))
			got := fmt.Sprint(w.cpus[0].count.Load(), w.cpus[0].filled.Load(), w.shared.full.Load(), w.tree.Taken())
			if want := fmt.Sprint(c.loaded, c.before, c.depot, c.taken); got != want || w.Check() != nil {
				t.Errorf("locked %t: after the free of %d there are %s ids, want %s; %v", locked, i, got, want, w.Check())
			}
		}
		var order []designs.Item
		for range 8 {
			it, err := w.Alloc(b.on(0), kernel.NoWait)
			if err != nil {
				t.Fatal(err)
			}
			order = append(order, it)
		}
		if want := []designs.Item{6, 1, 0, 3, 2, 4, 5, 7}; !slices.Equal(order, want) {
			t.Errorf("locked %t: ids come as %v, want %v", locked, order, want)
		}
		if s := w.Stats(); s.Refills != 1 || s.Spills != 1 {
			t.Errorf("locked %t: %+v, want one magazine from the depot and one emptied into the tree", locked, s)
		}
	}
}

// With magazines of every usual size random calls on two CPUs hand out no id twice and lose none. What a CPU that goes idle keeps from the other is two
// private magazines, and nothing where they can be robbed; its death gives that back.
func TestMagazinesOfEverySize(t *testing.T) {
	const ids, depot = 2000, 2
	for _, size := range []int{8, 16, 32, 64, 128} {
		for _, locked := range []bool{false, true} {
			b := newBench(t, 2)
			w := b.wrapped(Options{IDs: ids, Size: size, Depot: depot, Locked: locked})
			random := rng.New(uint64(size))
			held := map[designs.Item]bool{}
			var list []designs.Item
			for step := range 4000 {
				cpu := random.Below(2)
				if len(list) > 0 && random.Below(400) >= 200-min(step/8, 150) {
					last := len(list) - 1
					at := random.Below(last + 1)
					it := list[at]
					list[at] = list[last]
					list = list[:last]
					delete(held, it)
					w.Free(b.on(cpu), it)
				} else if it, err := w.Alloc(b.on(cpu), kernel.NoWait); err == nil {
					if held[it] || it >= ids {
						t.Fatalf("size %d, locked %t: id %d of %d, held before: %t", size, locked, it, ids, held[it])
					}
					held[it] = true
					list = append(list, it)
				}
				if step%500 == 0 && w.Check() != nil {
					t.Fatalf("size %d, locked %t: %v", size, locked, w.Check())
				}
			}
			for _, it := range list {
				w.Free(b.on(0), it)
			}
			mine := b.drain(w, 1)
			for _, it := range mine[:5*size] { // fills what CPU 1 can keep, and the depot, and more
				w.Free(b.on(1), it)
			}
			rest := b.drain(w, 0)
			kept := 0
			if !locked {
				kept = 2 * size
			}
			if len(rest) < 5*size-kept || !locked && len(b.drain(w, 1)) != kept {
				t.Errorf("size %d, locked %t: of the %d ids that CPU 1 gave back CPU 0 gets %d; %d should be out of its reach", size, locked, 5*size, len(rest), kept)
			}
			if err := w.Check(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A dead CPU's private magazines are within everybody's reach again.
func TestDeadCPUsMagazinesAreEmptied(t *testing.T) {
	const ids = 13 * 16 // so that both magazines are full in the end
	b := newBench(t, 2)
	w := b.wrapped(Options{IDs: ids, Size: 16, Depot: 1})
	for _, it := range b.drain(w, 1) {
		w.Free(b.on(1), it)
	}
	got := b.drain(w, 0)
	if want := ids - 2*16; len(got) != want {
		t.Errorf("beside a CPU with two magazines of 16 there are %d ids of %d, want %d", len(got), ids, want)
	}
	w.CPUDead(b.on(0), 1)
	if more := b.drain(w, 0); len(more) != 2*16 || w.Check() != nil {
		t.Errorf("when it is dead there are %d more, want %d; %v", len(more), 2*16, w.Check())
	}
}
