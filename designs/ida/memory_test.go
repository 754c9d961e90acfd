package ida

import (
	"errors"
	"testing"

	"headroom/designs"
	"headroom/kernel"
)

// What the tree took of memory for many ids it gives back with the last of them: chunk by chunk while it is used, and every page in the end, once the
// CPUs' lists are emptied.
func TestMemoryComesBack(t *testing.T) {
	const chunks = 70 // two levels of nodes
	b := newBench(t, 2)
	tree := b.tree(chunks*chunkIDs, 0)
	free := func() int { return tree.pages.FreePages() + tree.pages.ListedPages() }
	before := free()
	for id := range designs.Item(chunks * chunkIDs) {
		if got, err := tree.Alloc(b.on(int(id)%2), kernel.NoWait); got != id || err != nil {
			t.Fatalf("id %d, %v; want %d", got, err, id)
		}
	}
	full := free()
	if got, err := tree.Alloc(b.on(0), kernel.Kernel); !errors.Is(err, kernel.ErrNoSpace) {
		t.Errorf("with every id taken: %d, %v", got, err)
	}
	for id := range designs.Item(chunks / 2 * chunkIDs) {
		tree.Free(b.on(0), id)
	}
	half := free()
	for id := designs.Item(chunks / 2 * chunkIDs); id < chunks*chunkIDs; id++ {
		tree.Free(b.on(0), id)
	}
	if full >= before || half <= full {
		t.Errorf("of %d pages %d are free with every id taken, and %d with half of them", before, full, half)
	}
	for cpu := range 2 {
		tree.CPUDead(b.on(0), cpu)
	}
	if after := free(); after != before || tree.Check() != nil {
		t.Errorf("of %d free pages %d came back, %v", before, after, tree.Check())
	}
}

// Memory is asked for a second time outside the lock, with the caller's flags: where only the reserve has any, one without a right to it gets
// kernel.ErrNoMemory although ids are free, and one with it gets the next id.
func TestCallersFlagsDecideOverMemory(t *testing.T) {
	b := newBench(t, 1)
	tree := b.tree(1<<20, 1)
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
