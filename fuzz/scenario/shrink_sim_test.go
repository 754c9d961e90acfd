//go:build sim

package scenario

import (
	"slices"
	"strings"
	"testing"

	"headroom/fuzz/explore"
	"headroom/fuzz/shrink"
	"headroom/internal/rng"
)

// shrunk makes the failures of a stored scenario small.
func shrunk(t *testing.T, f *File) []*Small {
	t.Helper()
	var list []*Small
	for _, r := range search(t, f, 1, storedExecutions, false).Failures {
		small, err := (&Shrinker{Stop: func() bool { return false }}).Run(r, "small.scn")
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		list = append(list, small)
	}
	return list
}

// Failing scenarios shrink to what their question needs, and no further: the three tasks of 2016 to the operations that the mail has. What is left is a
// scenario that meets its expectation, and a replay that repeats; making it small once more changes nothing.
func TestFailingScenariosShrink(t *testing.T) {
	for _, c := range []struct {
		name string
		left string // the operations that are left, a line an actor
		size shrink.Extent
	}{
		{"rientjes-abc", "A: alloc a NOIO, lock b, unlock b; B: lock b, alloc zone, unlock b; C: fill zone, alloc a NOIO",
			shrink.Extent{Tasks: 3, Ops: 8, Items: 1, CPUs: 1, Preemptions: 1}},
		{"victim-barred", "B: alloc a NOIO, alloc zone; C: fill zone, alloc a NOIO", shrink.Extent{Tasks: 2, Ops: 4, Items: 1, CPUs: 1, Preemptions: 1}},
		{"two-from-one-pool", "A: alloc p NOIO x2; B: alloc p NOIO x2", shrink.Extent{Tasks: 2, Ops: 2, Items: 2, CPUs: 1, Preemptions: 1}},
		{"two-from-one-pool-under-pressure", "A: alloc p NOIO x2", shrink.Extent{Tasks: 1, Ops: 1, Items: 1, CPUs: 1, Acts: 3, Preemptions: 3}},
		{"queues-moved-sleeper", "A: alloc t NOIO, wait asleep; B: alloc t NOIO; C: signal asleep, alloc t NOIO",
			shrink.Extent{Tasks: 3, Ops: 5, Items: 1, CPUs: 2, Acts: 1}},
		{"irq-unsafe", "A: lock s, unlock s; I: lock s, unlock s", shrink.Extent{Tasks: 2, Ops: 4, CPUs: 1, Preemptions: 1}},
	} {
		for _, s := range shrunk(t, stored(t, c.name)) {
			f := s.Replay.File
			after := s.Shrunk.After
			after.Segments, after.Steps = 0, 0
			if got := operationsOf(f); got != c.left || after != c.size || !s.Shrunk.Finished || !s.Replay.Minimal {
				t.Errorf("%s shrinks to %q, %+v, finished %v, minimal %v; want %q, %+v", c.name, got, after, s.Shrunk.Finished, s.Replay.Minimal, c.left, c.size)
			}
			back, err := ParseReplay("f.replay", s.Replay.String())
			if err != nil {
				t.Fatal(err)
			}
			if played, err := back.Play(); err != nil || !slices.Equal(played.Again[0].Situation, s.Replay.Situation) {
				t.Errorf("%s: what is left does not repeat: %v", c.name, err)
			}
			if found := search(t, f, 1, 2*storedExecutions, false); !found.Met() {
				t.Errorf("%s: what is left does not meet its expectation: %v", c.name, found.Unmet)
			}
			if c.size.Ops > 4 {
				continue // twice is shown by the others
			}
			again, err := (&Shrinker{Stop: func() bool { return false }}).Run(s.Replay, "small.scn")
			if err != nil || again.Replay.File.Title != f.Title || operationsOf(again.Replay.File) != c.left || again.Shrunk.After != s.Shrunk.After {
				t.Errorf("%s shrinks further, to %+v, %v", c.name, again.Shrunk.After, err)
			}
		}
	}
}

// operationsOf lists who does what.
func operationsOf(f *File) string {
	var actors []string
	for i := range f.Actors {
		var ops []string
		for _, o := range f.Actors[i].Ops {
			ops = append(ops, o.String())
		}
		actors = append(actors, f.Actors[i].Name+": "+strings.Join(ops, ", "))
	}
	return strings.Join(actors, "; ")
}

// Where nothing fails, nothing does with a part less, and where nothing is foreseen, nothing is: no release, signal, item or promise is taken from somebody
// who needs it, and no mask from a lock that interrupts take.
func TestPartsOfRightScenariosAreRight(t *testing.T) {
	texts := []string{
		"cpus 2\nmutex m\nevent e\nallocator p mempool:mainline items 2\nallocator q reservation:page items 4\nwork w cpu 1\nlock m\nunlock m\n" +
			"task A cpu 0\nlock m\nalloc p NOIO\nfree p\nunlock m\nirqoff\nirqon\nsignal e\nreserve q 2\ndraw q\nfree q\ncancel q 1\nqueue w\n" +
			"task B cpu 1\nwait e\nlock m\ntrylock m\nunlock m\nunlock m\nalloc p NOIO\nhand p 0\nalloc p NOIO\nfree p\n",
		"allocator t percpu_tags:lock items 2\ntask A cpu 0\nalloc t NOIO x2\nfree t all\n",
		"cpus 2\nallocator t sbitmap items 3\ntask A cpu 0\nalloc t NOIO x2\nfree t all\ntask B cpu 1\nalloc t NOIO x2\nfree t all\n",
	}
	stream := rng.New(11)
	for range 20 {
		driver, _, _ := strings.Cut(strings.TrimPrefix(GenerateDriver(&stream).String(), Header+"\n"), "expect ")
		texts = append(texts, driver)
	}
	tried, right := 0, 0
	for _, text := range texts {
		f := read(t, text+"expect deadlock livelock lockdep\n") // all three, so that no search ends early
		first := search(t, f, 1, 60, false)
		if len(first.Failures) > 0 {
			continue
		}
		right++
		c := &shrinkable{file: f, unfair: f.unfair()}
		for _, less := range c.Smaller() {
			smaller := less.Case.(*shrinkable).file
			tried++
			if found := search(t, smaller, 2, 30, false); len(found.Failures) > 0 || len(found.Reports) > 0 && len(first.Reports) == 0 {
				t.Errorf("of\n%s\nthis part is wrong: %d failures, reports %v\n%s", f, len(found.Failures), found.Reports, smaller)
			}
		}
	}
	if right < 10 || tried < 100 {
		t.Errorf("%d parts of %d right scenarios: too few to show anything", tried, right)
	}
}

// A stop in another place is another one: of two deadlocks of a scenario each shrinks to its own locks.
func TestAnotherDeadlockIsNotTakenForThis(t *testing.T) {
	const text = "cpus 2\nmutex a\nmutex b\nmutex c\nmutex d\n" +
		"task A cpu 0\nlock c\nlock d\nunlock d\nunlock c\nlock a\nlock b\nunlock b\nunlock a\n" +
		"task B cpu 1\nlock d\nlock c\nunlock c\nunlock d\nlock b\nlock a\nunlock a\nunlock b\nexpect deadlock lockdep\n"
	seen := map[string]bool{}
	for seed := range uint64(30) {
		r, err := newRunner(read(t, text), false)
		if err != nil {
			t.Fatal(err)
		}
		strategy := &explore.Random{}
		strategy.Begin(seed, 0)
		e, f, err := r.record(strategy, nil)
		r.close()
		if err != nil || f == nil {
			continue
		}
		want := "A: lock c, lock d, unlock d, unlock c; B: lock d, lock c, unlock c, unlock d"
		if strings.Contains(e.Situation[0], "has mutex a") {
			want = "A: lock a, lock b, unlock b, unlock a; B: lock b, lock a, unlock a, unlock b"
		}
		seen[want] = true
		small, err := (&Shrinker{Stop: func() bool { return false }}).Run(&Replay{File: read(t, text), Class: f.Class, Execution: *e}, "small.scn")
		if err != nil {
			t.Fatal(err)
		}
		if got := operationsOf(small.Replay.File); got != want {
			t.Errorf("%q shrinks to %s", e.Situation, got)
		}
	}
	if len(seen) != 2 {
		t.Errorf("the scenario came to a stop by %v only", seen)
	}
}
