package ida

import (
	"errors"
	"testing"

	"headroom/designs"
	"headroom/kernel"
)

// keptSlabs is how many slabs without an object in use the caches of nodes and of bitmaps keep together at most: slabs of a page here.
const keptSlabs = 2 * 5

// What the tree takes of memory for ids that lie far apart goes back with the last of them, but for the slabs that its caches keep at hand; time and again
// it is the same memory.
func TestMemoryComesBack(t *testing.T) {
	const chunks, beyondInline = 1024, 100
	b := newBench(t, 2)
	tree := b.tree(chunks*chunkIDs, 0)
	free := func() int { return tree.pages.FreePages() + tree.pages.ListedPages() }
	before, least := free(), free()
	kept := -1
	for round := range 4 {
		for chunk := range designs.Item(chunks) {
			id := chunk*chunkIDs + beyondInline // a bitmap each
			if got, err := tree.AllocRange(b.on(int(chunk)%2), kernel.NoWait, id, id); got != id || err != nil {
				t.Fatalf("id %d, %v; want %d", got, err, id)
			}
		}
		least = min(least, free())
		for chunk := range designs.Item(chunks) {
			tree.Free(b.on(int(chunk+1)%2), chunk*chunkIDs+beyondInline)
		}
		for cpu := range 2 {
			tree.CPUDead(b.on(0), cpu) // empties the lists of CPUs
		}
		if tree.Taken() != 0 || tree.root.entry.Load() != 0 || tree.Check() != nil {
			t.Errorf("round %d: %d ids are taken, %v", round, tree.Taken(), tree.Check())
		}
		if kept < 0 {
			kept = before - free()
		}
		if now := before - free(); now != kept || now > keptSlabs || before-least < 2*keptSlabs {
			t.Errorf("round %d: of %d pages in use %d did not come back, and %d after the first round", round, before-least, now, kept)
		}
	}
}

// Every id can be taken, one more is refused for want of ids, and the first that comes back is handed out again.
func TestRangeIsExhaustedExactly(t *testing.T) {
	for _, ids := range []int{1, inlineIDs, inlineIDs + 1, chunkIDs, chunkIDs + 1, nodeSlots*chunkIDs + 1} {
		b := newBench(t, 1)
		tree := b.tree(ids, 0)
		for id := range designs.Item(ids) {
			if got, err := tree.Alloc(b.on(0), kernel.Kernel); got != id || err != nil {
				t.Fatalf("of %d ids: %d, %v; want %d", ids, got, err, id)
			}
		}
		if got, err := tree.Alloc(b.on(0), kernel.Kernel); !errors.Is(err, kernel.ErrNoSpace) {
			t.Errorf("with all %d ids taken: %d, %v", ids, got, err)
		}
		back := designs.Item(ids / 2)
		tree.Free(b.on(0), back)
		if got, err := tree.AllocRange(b.on(0), kernel.Kernel, 0, designs.Item(ids)+5); got != back || err != nil {
			t.Errorf("after the free of %d of %d ids: %d, %v", back, ids, got, err)
		}
	}
}

// Memory is asked for a second time outside the lock, with the caller's flags: where only the reserve has any, one without a right to it gets
// kernel.ErrNoMemory although ids are free, and one with it gets the next id.
func TestCallersFlagsDecideOverMemory(t *testing.T) {
	b := newBench(t, 1)
	tree := b.tree(1<<20, 512) // enough for a reserve of some pages
	for {
		if _, err := tree.pages.Alloc(b.on(0), kernel.NoWait, 0); err != nil { // somebody else takes all above the reserve
			break
		}
	}
	for range inlineIDs {
		if _, err := tree.Alloc(b.on(0), kernel.NoWait); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := tree.Alloc(b.on(0), kernel.NoWait); !errors.Is(err, kernel.ErrNoMemory) {
		t.Errorf("without memory and without a right to the reserve: %d, %v", got, err)
	}
	if got, err := tree.Alloc(b.on(0), kernel.Atomic); got != inlineIDs || err != nil {
		t.Errorf("with a right to the reserve: %d, %v", got, err)
	}
	if tree.Stats().Failed != 1 || tree.Check() != nil {
		t.Errorf("%+v, %v", tree.Stats(), tree.Check())
	}
}
