package ida

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/internal/rng"
	"headroom/kernel"
)

// model is the set of taken ids the plain way.
type model map[uint32]bool

// lowest is the lowest free id from low to high.
func (m model) lowest(low, high uint32) (id uint32, ok bool) {
	for id = low; id <= high; id++ {
		if !m[id] {
			return id, true
		}
	}
	return 0, false
}

// compare makes random calls on a tree and on the model, and reports the first difference. Ranges begin and end near chunks, and ids lie close
// together or far apart, so that words, bitmaps and levels come and go.
func compare(b *bench, seed uint64, calls int) error {
	const limit = 70 * chunkIDs
	t := b.tree(limit, 0)
	task := b.on(0)
	m := model{}
	random := rng.New(seed)
	var held []uint32
	for id := range uint32(seed % 2 * (chunkIDs + 40)) { // every other time with a chunk that is full
		if got, err := t.Alloc(task, kernel.NoWait); got != designs.Item(id) || err != nil {
			return fmt.Errorf("id %d, %v; want %d", got, err, id)
		}
		m[id] = true
		held = append(held, id)
	}
	for range calls {
		if random.Below(5) == 0 {
			id := uint32(random.Below(limit))
			if len(held) > 0 && random.Below(2) == 0 {
				i := random.Below(len(held))
				id = held[i]
				held[i] = held[len(held)-1]
				held = held[:len(held)-1]
			} else if m[id] {
				continue // of the taken ones, those in held only are freed
			}
			warned := t.Warned()
			t.Free(task, designs.Item(id))
			if (t.Warned() > warned) == m[id] {
				return fmt.Errorf("the free of id %d, taken: %t, is noted %d times", id, m[id], t.Warned()-warned)
			}
			delete(m, id)
		} else {
			low := uint32(random.Below(3) * random.Below(limit))
			high := low + uint32(random.Below(3)*random.Below(2*chunkIDs))
			got, err := t.AllocRange(task, kernel.NoWait, designs.Item(low), designs.Item(high))
			want, ok := m.lowest(low, min(high, limit-1))
			if low >= limit {
				ok = false
			}
			if ok != (err == nil) || ok && got != designs.Item(want) || !ok && !errors.Is(err, kernel.ErrNoSpace) {
				return fmt.Errorf("from %d to %d: id %d, %v; want %d, %t", low, high, got, err, want, ok)
			}
			if ok {
				m[want] = true
				held = append(held, want)
			}
		}
		if err := t.Check(); err != nil {
			return err
		}
		if t.Taken() != len(m) {
			return fmt.Errorf("%d ids are taken, want %d", t.Taken(), len(m))
		}
	}
	for _, id := range held {
		t.Free(task, designs.Item(id))
	}
	if t.root.entry.Load() != 0 || t.root.levels.Load() != 0 {
		return fmt.Errorf("the tree of no ids has the entry %#x and %d levels", t.root.entry.Load(), t.root.levels.Load())
	}
	return t.Check()
}

// The tree answers as a plain set does, whatever ranges are asked for and whatever is freed, and is empty in the end.
func TestTreeAnswersAsASetDoes(t *testing.T) {
	for seed := range uint64(20) {
		if err := compare(newBench(t, 1), seed, 1000); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// A chunk is filled to its last id, marked, and opened again by the first free.
func TestFullChunksArePassedOver(t *testing.T) {
	b := newBench(t, 1)
	tree := b.tree(3*chunkIDs, 0)
	for want := range designs.Item(2*chunkIDs + 1) {
		if got, err := tree.Alloc(b.on(0), kernel.NoWait); got != want || err != nil {
			t.Fatalf("id %d, %v; want %d", got, err, want)
		}
	}
	if err := tree.Check(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []designs.Item{chunkIDs + 7, 5} {
		tree.Free(b.on(0), id)
		if got, err := tree.Alloc(b.on(0), kernel.NoWait); got != id || err != nil {
			t.Errorf("after the free of %d: %d, %v", id, got, err)
		}
	}
	if tree.Stats().Locks == 0 || tree.Stats().Failed != 0 {
		t.Errorf("the counts are %+v", tree.Stats())
	}
}

// Without memory the tree hands out what fits into its first word, says what it lacks, and is none the worse for it.
func TestTreeWithoutMemory(t *testing.T) {
	b := newBench(t, 1)
	tree := b.tree(1<<20, 1)
	for tree.pages.FreePages()+tree.pages.ListedPages() > 0 { // somebody else takes all pages
		if _, err := tree.pages.Alloc(b.on(0), kernel.Reserve, 0); err != nil {
			break
		}
	}
	for want := range designs.Item(inlineIDs) {
		if got, err := tree.Alloc(b.on(0), kernel.Atomic); got != want || err != nil {
			t.Fatalf("id %d, %v; want %d", got, err, want)
		}
	}
	for _, low := range []designs.Item{0, chunkIDs, 1 << 19} {
		if got, err := tree.AllocRange(b.on(0), kernel.Atomic, low, 1<<20); !errors.Is(err, kernel.ErrNoMemory) {
			t.Errorf("from %d on: %d, %v", low, got, err)
		}
	}
	if err := tree.Check(); err != nil || tree.Taken() != inlineIDs {
		t.Errorf("%d ids are taken, %v", tree.Taken(), err)
	}
}

// A free out of range is refused before anything changes; one of an idle id changes nothing.
func TestFreesOfWhatIsNotTaken(t *testing.T) {
	b := newBench(t, 1)
	tree := b.tree(100, 0)
	for _, it := range []designs.Item{100, 1 << 32, ^designs.Item(0)} {
		said := func() (said any) {
			defer func() { said = recover() }()
			tree.Free(b.on(0), it)
			return nil
		}()
		if want := fmt.Sprintf("ida: free of id %d of 100", it); said != want {
			t.Errorf("free of %d: panic %v, want %q", it, said, want)
		}
	}
	tree.Free(b.on(0), 99)
	if tree.Warned() != 1 || tree.Taken() != 0 || tree.Check() != nil {
		t.Errorf("%d frees are noted, %d ids taken, %v", tree.Warned(), tree.Taken(), tree.Check())
	}
}

// What is out of range is refused, and why.
func TestNewRefusesWhatIsOutOfRange(t *testing.T) {
	for _, c := range []struct {
		options Options
		says    string
	}{
		{Options{IDs: 0}, "0 ids over 0 pages: give 1 to 2^31 ids"},
		{Options{IDs: maxIDs + 1}, "give 1 to 2^31 ids"},
		{Options{IDs: 1, Pages: -1}, "1 ids over -1 pages"},
		{Options{IDs: 1, Size: -1}, "magazines of -1 ids"},
		{Options{IDs: 1, Depot: 1 << 17}, "131072 in the depot"},
		{Options{IDs: maxIDs}, "ida: 2147483648 ids: "},
	} {
		if _, err := NewWrapped(newBench(t, 2), c.options); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.options, err, c.says)
		}
	}
}

// Private magazines of CPUs other than the caller's keep no more than half of the ids; with few ids there are none.
func TestPrivateMagazinesStayBelowHalf(t *testing.T) {
	for _, c := range []struct {
		ids, cpus, size int
		locked          bool
		want            uint32
	}{{1000, 2, 32, false, 32}, {100, 2, 32, false, 12}, {7, 2, 32, false, 0}, {100, 2, 32, true, 32}} {
		w, err := NewWrapped(newBench(t, c.cpus), Options{IDs: c.ids, Size: c.size, Depot: 2, Locked: c.locked})
		if err != nil || w.size != c.want {
			t.Errorf("%+v: magazines of %d, %v", c, w.size, err)
		}
	}
}
