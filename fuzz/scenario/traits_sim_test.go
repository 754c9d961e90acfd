//go:build sim

package scenario

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"headroom/fuzz"
	"headroom/fuzz/explore"
	"headroom/kernel/sim"
)

// traitLine is a line that lets the machine do something by itself.
var traitLine = regexp.MustCompile(`(?m)^(memory|nested|faults|migrations|hotplugs|kills) .*\n`)

// acting are the stored scenarios whose machine does something by itself, and by which line.
var acting = []struct{ name, line string }{
	{"sbitmap-buffered-store", "memory tso"},
	{"two-from-one-pool-under-pressure", "faults 3"},
	{"queues-moved-sleeper", "migrations 1"},
	{"tags-of-a-dead-cpu", "hotplugs 2"},
	{"nested-interrupts", "nested true"},
}

// Scenarios that let the machine do something by itself need it: without that line no execution is as expected. What is found repeats from its replay file.
func TestActingMachinesMakeTheDifference(t *testing.T) {
	for _, c := range acting {
		f := stored(t, c.name)
		if got := traitLine.FindAllString(f.Source, -1); !slices.Equal(got, []string{c.line + "\n"}) {
			t.Errorf("%s lets the machine do %q; want %q", c.name, got, c.line)
		}
		found := search(t, f, 1, storedExecutions, false)
		if !found.Met() {
			t.Errorf("%s: %v", c.name, found.Unmet)
		}
		for _, r := range found.Failures {
			back, err := ParseReplay("f.replay", r.String())
			if err != nil {
				t.Fatal(err)
			}
			if played, err := back.Play(); err != nil || played.Failure.Message != r.Message {
				t.Errorf("%s: the replay of %s: %v", c.name, r.Message, err)
			}
		}
		without, err := Read(c.name, []byte(traitLine.ReplaceAllString(f.Source, "")))
		if err != nil {
			t.Fatal(err)
		}
		if search(t, without, 1, 2*storedExecutions, false).Met() {
			t.Errorf("%s meets its expectation without %s", c.name, c.line)
		}
	}
}

// The store that is seen late is so under the weaker model too.
func TestWeakerMemorySeesStoresLateToo(t *testing.T) {
	f := stored(t, "sbitmap-buffered-store")
	f.Traits.Memory = sim.Weak
	if found := search(t, f, 1, storedExecutions, false); !found.Met() {
		t.Errorf("%v", found.Unmet)
	}
}

// What is right stays so on a machine that does something by itself: scenarios that expect nothing find nothing there, also where tasks of all flags and
// rights go down to their marks.
func TestActingMachinesAccuseNobody(t *testing.T) {
	files := []*File{read(t, "cpus 3\nzone pages 12 min 4\nallocator p mempool:mainline-page items 1 over zone\ntask A cpu 0\nfill zone NOWAIT\n"+
		"task B cpu 1\nfill zone ATOMIC\ntask C cpu 2 rights memalloc\nalloc p NOWAIT x4\nfill zone NOWAIT|NOMEMALLOC\nexpect nothing\n")}
	for _, name := range []string{"rientjes-abc-fixed", "heo-polling", "stealing-against-free", "kfree-rcu-nolocks", "lock-ranking-tags", "tags-of-a-dead-cpu"} {
		files = append(files, stored(t, name))
	}
	for _, f := range files {
		for _, traits := range []fuzz.Traits{{Memory: sim.TSO}, {Memory: sim.Weak}, {Nested: true}, {Faults: 3}, {Migrations: 3}, {Hotplugs: 3}, {Kills: 2},
			{Memory: sim.Weak, Nested: true, Faults: 2, Migrations: 2, Hotplugs: 2, Kills: 1}} {
			f.Traits, f.Reach = traits, nil
			if found := search(t, f, 3, storedExecutions/8, false); !found.Met() {
				t.Errorf("%s, %+v: %v\n%+v\n%+v", f.Name, traits, found.Unmet, found.Failures, found.Reports)
			}
		}
	}
}

// A task that is killed does nothing new, frees what it holds and ends, wherever that happens to it, and others get it.
func TestKilledTasksEnd(t *testing.T) {
	f := read(t, "cpus 2\nkills 1\nallocator p mempool:mainline items 1\nmutex m\ntask A cpu 0\nlock m\nalloc p NOIO\nfree p\nalloc p NOIO\nunlock m\n"+
		"task B cpu 1\nlock m\nalloc p NOIO\nunlock m\nexpect nothing\n")
	killed := 0
	r, err := newRunner(f, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for seed := range uint64(400) {
		strategy := &explore.Random{}
		strategy.Begin(seed, 0)
		if err := r.run(strategy); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, a := range r.actors {
			if a.killed(a.task) {
				killed++
			}
			if !a.ended || len(a.held)+len(a.has) > 0 {
				t.Errorf("seed %d: %s has not ended, or holds something", seed, a.spec.Name)
			}
		}
	}
	if killed < 100 {
		t.Errorf("%d tasks were killed in 400 runs", killed)
	}
}

// Lines of the machine that cannot be are refused with the line and the remedy.
func TestBadTraitsAreRefused(t *testing.T) {
	for _, c := range []struct{ lines, says string }{
		{"cpus 2\nmemory arm\n", "f.scn:3: "},
		{"cpus 2\nmemory tso\nmemory weak\n", `f.scn:4: a second line "memory"`},
		{"nested yes\n", `f.scn:2: nested "yes": want true`},
		{"faults -1\n", `f.scn:2: faults "-1": want a number from 0 to 1000`},
		{"faults\n", `f.scn:2: faults "": want a number`},
		{"kills many\n", `f.scn:2: kills "many": want a number`},
		{"migrations 1\ntask A cpu 0\nexpect nothing\n", "f.scn:2: migrations or hotplugs on a machine of one CPU"},
		{"task A cpu 0\nexpect nothing\nhotplugs 1\n", "f.scn:4: migrations or hotplugs on a machine of one CPU"},
	} {
		if _, err := Read("f.scn", []byte(Header+"\n"+c.lines)); err == nil || !strings.HasPrefix(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want %s", c.lines, err, c.says)
		}
	}
}
