//go:build sim

package gfpnolocks

import (
	"testing"

	"headroom/designs"
	"headroom/kernel"
)

// The ordinary path asks for a lock exactly when the CPU's list has nothing (McKenney's point of 2020), and the entry never does: in its place it has
// nothing.
func TestLocksAreAskedForWhenListsAreEmpty(t *testing.T) {
	b := newBench(t, 1)
	n := b.variant("null", designs.Config{Items: 64}).(*Null)
	task := b.on(0)
	var held []designs.Item
	asked, dry := 0, 0
	for range 64 {
		listed := n.pages.ListedPages()
		before := task.LocksAsked()
		it, err := n.AllocNoLocks(task)
		if task.LocksAsked() != before || (err == nil) != (listed > 0) {
			t.Fatalf("with %d pages listed the entry asked for %d locks and answered %v", listed, task.LocksAsked()-before, err)
		}
		if err != nil {
			dry++
			if it, err = n.AllocOrdinary(task, kernel.NoWait); err != nil {
				t.Fatal(err)
			}
		}
		if got := task.LocksAsked() - before; (got > 0) != (listed == 0) {
			t.Fatalf("with %d pages listed the ordinary path asked for %d locks", listed, got)
		} else if got > 0 {
			asked++
		}
		held = append(held, it)
	}
	if asked == 0 || asked != dry {
		t.Errorf("locks were asked for %d times, and lists were empty %d times", asked, dry)
	}
	for _, it := range held {
		n.Free(task, it)
	}
}
