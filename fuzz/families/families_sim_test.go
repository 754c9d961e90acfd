//go:build sim

package families

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/fuzz"
	"headroom/fuzz/lockdep"
	"headroom/fuzz/scenario/clients"
	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

var update = flag.Bool("update", false, "write the replay files of known faults anew")

func never() bool { return false }

// seed is that of all hunts here: the command's own, so the executions are those that headroom mutants prints.
const seed = 1

// hunt runs a hunt that must be able to run.
func hunt(t *testing.T, h Hunt) *Found {
	t.Helper()
	h.Seed, h.Stop = seed, never
	found, err := h.Run()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Every mistake of history is found within the budget, and the run that shows it replays.
func TestMistakesOfHistoryAreFound(t *testing.T) {
	defer fuzz.SetMutant("")
	if len(Bugs) != 37 {
		t.Errorf("%d mistakes are listed, want 37", len(Bugs))
	}
	for _, b := range Bugs {
		m, ok := mutant.Find(b.ID)
		if !ok || b.Needs == "" || !slices.Contains([]Class{Safety, Liveness, Policy}, b.Class) {
			t.Errorf("%s: planted %v, needs %q, class %q", b.ID, ok, b.Needs, b.Class)
			continue
		}
		found := hunt(t, Hunt{Mutant: b.ID, Variants: HostsOf(m.Host), Executions: Executions})
		if found.Failure == nil {
			t.Errorf("%s: %d executions do not find that %s", b.ID, found.Executions, m.Story)
			continue
		}
		t.Logf("%s: %d executions, family %s", b.ID, found.Executions, found.Family)
		fuzz.SetMutant(b.ID)
		if _, err := found.Failure.Play(); err != nil {
			t.Errorf("%s: %v", b.ID, err)
		}
		fuzz.SetMutant("")
	}
}

// cleanExecutions reach every family on every variant a few times; headroom mutants goes on for longer.
const cleanExecutions = 3_000

// Nothing is found where nothing is planted, known faults apart.
func TestNothingIsFoundWithoutAMistake(t *testing.T) {
	met := map[string]bool{}
	for _, folder := range Folders() {
		for _, v := range append(HostsOf(folder), Faulty(folder)...) {
			found := hunt(t, Hunt{Variants: []designs.Variant{v}, Executions: cleanExecutions})
			if found.Failure != nil {
				t.Errorf("%s, family %s:\n%s", v.FullName(), found.Family, found.Failure)
			}
			for _, l := range found.Locks {
				t.Errorf("%s, family %s: %v\n%s", l.Variant, l.Family, &l, l.Report.Text)
			}
			for _, f := range found.Known {
				met[f.Variant] = true
			}
		}
	}
	if !met["percpu_tags:xchg"] {
		t.Errorf("no hunt met the faults of xchg, but %v", met)
	}
}

// What the lock checker says in a hunt is kept, and the hunt goes on.
func TestHuntsKeepWhatTheLockCheckerSays(t *testing.T) {
	m, _ := mutant.Find("PT-14")
	found := hunt(t, Hunt{Mutant: m.ID, Variants: HostsOf(m.Host), Executions: Executions})
	if len(found.Locks) == 0 || found.Locks[0].Report.Rule != lockdep.Order || found.Failure == nil || found.Executions <= found.Locks[0].Executions {
		t.Errorf("the hunt for locks in a wrong order found %v, and after %d executions %v", found.Locks, found.Executions, found.Failure)
	}
}

// Equal hunts make the same executions and find the same run; another seed makes others.
func TestEqualSeedsGiveEqualHunts(t *testing.T) {
	m, _ := mutant.Find("SL-01")
	h := Hunt{Mutant: m.ID, Variants: HostsOf(m.Host), Executions: Executions}
	first, again := hunt(t, h), hunt(t, h)
	if first.Failure == nil || first.Executions != again.Executions || first.Failure.String() != again.Failure.String() {
		t.Errorf("the hunt found %+v, and repeated %+v", first, again)
	}
	h.Seed, h.Stop = seed+1, never
	if other, err := h.Run(); err != nil || other.Executions == first.Executions {
		t.Errorf("two seeds both make %d executions, %v", first.Executions, err)
	}
}

// Each family suits some variant, its programs differ, each can be made, and it has an operation that no other has, or a machine, or sizes.
func TestFamiliesSuitSomeVariant(t *testing.T) {
	families := All()
	if len(families) != 13 {
		t.Errorf("%d families, want the generated programs and 12 more", len(families))
	}
	var hosts []*Host
	for _, v := range Everything() {
		host, err := NewHost(v)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, host)
	}
	for _, f := range families {
		suited := 0
		for _, h := range hosts {
			if !f.suits(h) {
				continue
			}
			suited++
			found := hunt(t, Hunt{Variants: []designs.Variant{h.Variant}, Families: []Family{f}, Executions: schedules})
			if found.Executions == 0 && f.Name != "configurations" {
				t.Errorf("family %s, %s: none of %d programs can be made", f.Name, h.Variant.FullName(), found.Programs)
			}
		}
		if suited == 0 {
			t.Errorf("family %s suits no variant", f.Name)
		}
	}
}

// Every mistake is hunted or has a test, and the test is there.
func TestEveryMistakeIsHuntedOrTested(t *testing.T) {
	for _, m := range mutant.All() {
		folder, name, tested := strings.Cut(TestOf(m.ID), " ")
		_, historical := BugOf(m.ID)
		switch {
		case tested && historical:
			t.Errorf("%s is of history, and left to a test", m.ID)
		case !tested && len(HostsOf(m.Host)) == 0:
			t.Errorf("%s, planted in %s, is neither hunted nor tested", m.ID, m.Host)
		case tested && !declares(t, folder, name):
			t.Errorf("%s: package %s has no %s", m.ID, folder, name)
		}
	}
	for _, test := range tests {
		for _, id := range test.kills {
			if _, ok := mutant.Find(id); !ok && test.folder != "internal/coro" && test.folder != "kernel/machine" {
				t.Errorf("%s is said to be killed, and there is none of that name", id)
			}
		}
	}
}

// declares reports whether a test file of a package has a test of that name.
func declares(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "func "+name+"(t *testing.T)")
	})
}

// A run that shows each known fault is kept, and fails as it did, with no mistake planted. With -update the files are written anew.
func TestKnownFaultsAreThere(t *testing.T) {
	for _, f := range KnownFaults {
		path := filepath.Join("..", "corpus", "replay", f.File)
		if *update {
			if err := os.WriteFile(path, []byte(show(t, f).String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r, err := fuzz.ReadReplay(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := r.Play(); err != nil || r.Mutant != "" {
			t.Errorf("%s: mutant %q, %v", f.File, r.Mutant, err)
		}
		if known := Known(r); known == nil || known.File != f.File {
			t.Errorf("%s: the run is not known: %s", f.File, r.Message)
		}
	}
}

// A variant that is known for one fault is not excused from others of the same class.
func TestOtherFaultsAreNotKnown(t *testing.T) {
	for message, known := range map[string]bool{
		"with everything free a sole caller got 3 of 4 guaranteed items, then: would block": true,
		"T0 sleeps in Alloc beside 2 free items, and nothing is left that could wake it":    true,
		"percpu_tags: tag 3 is in two places":                                               false,
	} {
		r := &fuzz.Replay{Program: fuzz.Program{Design: "percpu_tags", Variant: "xchg"}, Class: sim.Conservation, Message: message}
		if got := Known(r) != nil; got != known {
			t.Errorf("%s: known %v, want %v", message, got, known)
		}
	}
}

// show finds a run that shows a fault, and makes it small.
func show(t *testing.T, f Fault) *fuzz.Replay {
	t.Helper()
	design, name, _ := strings.Cut(f.Variant, ":")
	v, err := catalog.Find(design, name)
	if err != nil {
		t.Fatal(err)
	}
	known := KnownFaults
	KnownFaults = nil // so that it is a finding
	defer func() { KnownFaults = known }()
	found := hunt(t, Hunt{Variants: []designs.Variant{v}, Executions: Executions})
	if found.Failure == nil {
		t.Fatalf("%d executions do not show the known fault of %s", found.Executions, f.Variant)
	}
	small, _, err := (&fuzz.Shrinker{Variant: v, Executions: 50_000, Stop: never}).Run(found.Failure)
	if err != nil {
		t.Fatal(err)
	}
	return small
}

// The clients are found by the names that replay files have, and no design has those.
func TestClientsHaveNames(t *testing.T) {
	for _, v := range clients.Variants() {
		p := fuzz.Program{Design: v.Design, Variant: v.Name}
		if got, err := p.Find(); err != nil || got.FullName() != v.FullName() {
			t.Errorf("%s is found as %s, %v", v.FullName(), got.FullName(), err)
		}
		if _, err := catalog.Find(v.Design, v.Name); err == nil {
			t.Errorf("%s is in the catalog, too", v.FullName())
		}
	}
}
