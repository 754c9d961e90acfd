//go:build sim

package slab

import (
	"fmt"
	"strings"
	"testing"

	"headroom/kernel"
	"headroom/kernel/mutant"
)

// Each planted mistake is found by the check of the invariant it breaks, and for what it breaks: under schedules where it takes several tasks, by one
// caller else.
func TestChecksCatchTheMutants(t *testing.T) {
	checked := map[mutant.ID]bool{}
	for _, c := range []struct {
		id    mutant.ID
		found string // what the finding must say
		check func() error
	}{
		{sl03, "was handed out twice", schedulesOf(sharing())},
		{so01, "has no owner and is not free (I1)", schedulesOf(churning(1, 4, several))},
		{so02, "are linked (I2)", func() error { return allComeBack(t) }},
		{so03, "of node 0 0 slabs have come back, want 8", func() error { return farObjects(t) }},
		{so04, "has an owner, and the pages of its slab were given back", schedulesOf(churning(1, 4, several))},
		{so05, "slabs have every object free, and 2 at most are to be kept (I5)", func() error { return allComeBack(t) }},
		{so06, "after a CPU's death", schedulesOf(death())},
		{so07, "CPU 1 got 8 objects of two nodes' 16", func() error { return farObjects(t) }},
		{so08, "a caller on CPU 1 freed an object, and CPU 0 has it", func() error { return movedCaller(t) }},
		{so09, "of 6 pages are idle or in slabs in the end", schedulesOf(lockless())},
		{so10, "contract: a path that takes no locks asked for 1", schedulesOf(lockless())},
		{so11, "has no owner and is not free (I1)", schedulesOf(bulk())},
	} {
		checked[c.id] = true
		if err := with(c.id, c.check); err == nil || !strings.Contains(err.Error(), c.found) {
			t.Errorf("%s: want a finding with %q: %v", c.id, c.found, err)
		} else {
			t.Logf("%s: %v", c.id, err)
		}
	}
	for _, m := range mutant.All() {
		if m.Host == host && !checked[m.ID] {
			t.Errorf("%s has no check", m.ID)
		}
	}
}

func schedulesOf(p program) func() error { return func() error { return explore(p) } }

// movedCaller: I1: a caller who comes to another CPU just as he masks interrupts uses that CPU's list.
func movedCaller(t testing.TB) error {
	b := newBench(t, 1, 2, 1<<16)
	c := b.cache(4, Config{ObjectBytes: 16, Order: -1, High: 4, Batch: 1})
	o := b.take(c, 0, 1)[0]
	b.masked = func(t *kernel.Task) { t.Move(1) }
	b.free(c, 0, o) // the task of CPU 0, until it moves
	for cpu, want := range []uint32{0, 1} {
		if n := c.lists[cpu].words.length.Load(); n != want {
			return fmt.Errorf("a caller on CPU 1 freed an object, and CPU %d has it", cpu)
		}
	}
	b.sound(c)
	return nil
}

// A free goes to the list of the CPU on which interrupts are masked.
func TestMovedCallerUsesTheNewCPU(t *testing.T) {
	if err := movedCaller(t); err != nil {
		t.Error(err)
	}
}

// with runs a check with a mutant on; a panic is an error that says so.
func with(id mutant.ID, check func() error) (err error) {
	mutant.Set(id)
	defer mutant.Set("")
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return check()
}
