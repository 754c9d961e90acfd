//go:build sim

package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headroom/fuzz/explore"
)

// storedExecutions is enough for each of the stored scenarios that expects something, with room; those that expect nothing take all of it.
const storedExecutions = 600

// Every scenario of testdata meets its expectation.
func TestStoredScenariosMeetTheirExpectations(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "*.scn"))
	if err != nil || len(files) < 15 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, path := range files {
		found := search(t, stored(t, strings.TrimSuffix(filepath.Base(path), ".scn")), 1, storedExecutions, false)
		for _, why := range found.Unmet {
			t.Errorf("%s: %s", path, why)
		}
	}
}

// The three tasks of 2016 bring each other to a stop, and the report names the lines of the scenario and of the allocator, who has what and waits for what.
func TestRientjesTasksLivelock(t *testing.T) {
	found := search(t, stored(t, "rientjes-abc"), 1, storedExecutions, false)
	var text bytes.Buffer
	if err := found.Print(&text, "swarm", 1, func(r *Replay) string { return "replay " + string(r.Class) }, "again"); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"LIVELOCK: no progress",
		"lock b, and has 1 of a",
		"alloc zone, and has mutex b",
		"is the out-of-memory killer's victim",
		"repeat: replay livelock",
		"lockdep: element: blocking page allocation -> element of a -> mutex b -> blocking page allocation",
		"rientjes-abc.scn:21 alloc a NOIO",
		"rientjes-abc.scn:22 lock b",
		"kernel/page/page.go:",
		"repeat: replay lockdep:element",
		"Seen in execution 1 of",
		"search again: again --executions",
		"expected livelock lockdep:element: met",
	} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("the report lacks %q:\n%s", part, text.String())
		}
	}
}

// Equal searches print equal bytes.
func TestEqualSearchesPrintAlike(t *testing.T) {
	for _, name := range []string{"rientjes-abc", "heo-refill-under-lock", "lock-ranking-inverted", "stealing-against-free"} {
		var texts []string
		for range 2 {
			found := search(t, stored(t, name), 7, 200, false)
			var text bytes.Buffer
			if err := found.Print(&text, "swarm", 7, func(r *Replay) string { return r.String() }, "again"); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, text.String())
		}
		if texts[0] != texts[1] {
			t.Errorf("%s prints\n%s\nand then\n%s", name, texts[0], texts[1])
		}
	}
}

// A replay file holds all that is needed: it reads back equal, and the run it makes is the recorded one, step for step.
func TestReplaysOfScenariosRepeat(t *testing.T) {
	for _, name := range []string{"rientjes-abc", "two-from-one-pool", "heo-refill-under-lock"} {
		for _, r := range search(t, stored(t, name), 1, storedExecutions, false).Failures {
			text := r.String()
			back, err := ParseReplay("f.replay", text)
			if err != nil {
				t.Fatal(err)
			}
			if back.String() != text {
				t.Errorf("%s reads back as\n%s", text, back)
			}
			played, err := back.Play()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if !slices.Equal(played.Again[0].Short, r.Short) || played.Failure.Message != r.Message {
				t.Errorf("%s: the replay takes another way", name)
			}
		}
	}
}

// A report of the lock checker leaves a replay file too, whether any execution fails or not: of those executions alone that it rests on, which make the same
// report, and none of which can be left out.
func TestReportsOfTheLockCheckerRepeat(t *testing.T) {
	several := 0
	for _, c := range []struct {
		name    string
		without bool
	}{{"lock-ranking", false}, {"kfree-rcu-under-raw-lock", false}, {"irq-unsafe", false}, {"rientjes-abc", false}, {"heo-direct", true}, {"orders", false}} {
		f := read(t, orderInTwoExecutions)
		if c.name != "orders" {
			f = stored(t, c.name)
		}
		found := search(t, f, 1, storedExecutions, c.without)
		if len(found.Chains) != len(found.Reports) || len(found.Reports) == 0 {
			t.Errorf("%s: %d replays of %d reports", c.name, len(found.Chains), len(found.Reports))
		}
		for i, r := range found.Chains {
			text := r.String()
			back, err := ParseReplay("f.replay", text)
			if err != nil || back.String() != text {
				t.Fatalf("%v: %s reads back as\n%s", err, text, back)
			}
			played, err := back.Play()
			if err != nil || played.report() == nil || played.report().Summary != found.Reports[i].Summary {
				t.Errorf("%s: the replay of %s: %v", c.name, found.Reports[i].Summary, err)
				continue
			}
			if tolerant, err := back.PlayTolerant(); err != nil || tolerant.Hash != played.Hash {
				t.Errorf("%s: followed as far as it fits: %v", c.name, err)
			}
			for k := range r.Earlier {
				less := *back
				less.Earlier = slices.Delete(slices.Clone(r.Earlier), k, k+1)
				if _, err := less.Play(); err == nil {
					t.Errorf("%s: %s is reported without execution %d of %d too", c.name, r.Message, k+1, len(r.Earlier)+1)
				}
			}
			several += len(r.Earlier)
		}
	}
	if several == 0 {
		t.Error("no report rests on several executions, so little was shown")
	}
}

// Under every strategy reports leave replays that repeat.
func TestReportsUnderEveryStrategyRepeat(t *testing.T) {
	for _, name := range explore.Names {
		for _, f := range []*File{read(t, orderInTwoExecutions), stored(t, "lock-ranking"), stored(t, "irq-unsafe"), stored(t, "heo-direct")} {
			s := &Search{File: f, Strategy: name, Bound: 2, Seed: 5, Executions: 300, Stop: func() bool { return false }}
			found, err := s.Run()
			if err != nil {
				t.Errorf("%s, %s: %v", name, f.Name, err)
				continue
			}
			if len(found.Reports) == 0 {
				t.Errorf("%s reports nothing of %s", name, f.Name)
			}
			for _, r := range found.Chains {
				if _, err := r.Play(); err != nil {
					t.Errorf("%s, %s: %v", name, f.Name, err)
				}
			}
		}
	}
}

// What a replay gives can be drawn: a run, and several executions one below the other.
func TestReplaysOfScenariosAreDrawn(t *testing.T) {
	found := search(t, read(t, orderInTwoExecutions), 1, storedExecutions, false)
	for _, r := range append(slices.Clone(found.Failures), found.Chains...) {
		played, err := r.Play()
		if err != nil {
			t.Fatal(err)
		}
		var drawing, listing bytes.Buffer
		if err := errors.Join(played.Draw(&drawing), played.Trace.Print(&listing)); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"test.scn: no title", "CPU 1", "A: trylock first, lock a", ">line 7 trylock first", string(r.Class)} {
			if !strings.Contains(drawing.String(), part) {
				t.Errorf("%s: %q is not drawn", r.Class, part)
			}
		}
		for i := range r.Earlier {
			head := fmt.Sprintf("execution %d of %d", i+2, len(r.Earlier)+1)
			if !strings.Contains(drawing.String(), head) || !strings.Contains(listing.String(), head) {
				t.Errorf("%s: %q is not drawn, or not listed", r.Class, head)
			}
		}
	}
}

// A replay whose schedule was cut, or whose scenario was changed, says so.
func TestReplaysOfOtherRunsAreRefused(t *testing.T) {
	r := search(t, stored(t, "two-from-one-pool"), 1, storedExecutions, false).Failures[0]
	text := r.String()
	for _, c := range []struct{ from, to, says string }{
		{"items 2", "items 4", "did not fail"},
		{"hash 0x", "hash 0x1", "want a number"},
		{ReplayHeader, "headroom replay 2", "not a replay file"},
		{"| headroom scenario 1", "| headroom scenario 9", "not a scenario"},
		{"\nclass", "\nclasses", "unknown line"},
		{"class deadlock", "class lockdep:tea", `the lock checker has no rule "tea"`},
	} {
		back, err := ParseReplay("f.replay", strings.Replace(text, c.from, c.to, 1))
		if err == nil {
			_, err = back.Play()
		}
		if err == nil || !strings.Contains(err.Error(), c.says) && !strings.Contains(err.Error(), "schedule") {
			t.Errorf("%s in the place of %s: %v; want it to say %q", c.to, c.from, err, c.says)
		}
	}
}
