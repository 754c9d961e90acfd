//go:build !sim && !race

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sourceFolder is the module's, from which users start the program.
const sourceFolder = "../.."

// A met expectation ends with status 0, another with 1; the report is printed either way, the same bytes each time, with the command that repeats it, and
// that command does.
func TestScenarioTellsWhetherItsExpectationIsMet(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(sourceFolder, "fuzz", "testdata", "rientjes-abc.scn"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"met.scn": string(text), "unmet.scn": strings.Replace(string(text), "expect livelock lockdep:element", "expect nothing", 1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		status int
		says   string
	}{{"met.scn", 0, "expected livelock lockdep:element: met\n"}, {"unmet.scn", exitFound, "expected nothing: NOT met: "}} {
		first, second := headroom(t, dir, "explore", "--scenario", c.name), headroom(t, dir, "explore", "--scenario", c.name)
		if first != second {
			t.Errorf("%s prints\n%s%s\nand then\n%s%s", c.name, first.stdout, first.stderr, second.stdout, second.stderr)
		}
		if first.status != c.status || !strings.Contains(first.stdout, c.says) || !strings.Contains(first.stdout, "lockdep: element: ") {
			t.Errorf("%s ends with %d, want %d and %q:\n%s%s", c.name, first.status, c.status, c.says, first.stdout, first.stderr)
		}
	}
	met := headroom(t, dir, "explore", "--scenario", "met.scn").stdout
	_, command, _ := strings.Cut(met, "repeat: bin/headroom replay ")
	path, _, _ := strings.Cut(command, "\n")
	again := headroom(t, dir, "replay", path)
	if again.status != 0 || !strings.Contains(again.stdout, "LIVELOCK: ") || !strings.Contains(again.stdout, "met.scn:") {
		t.Errorf("the replay %s ends with %d:\n%s%s", path, again.status, again.stdout, again.stderr)
	}
}

// The command that is printed for the lock checker's reports makes the same search, under the same bound, and prints the same reports.
func TestRepeatedSearchesHaveTheirBound(t *testing.T) {
	dir := t.TempDir()
	const text = "headroom scenario 1\ncpus 1\nmutex m\nmutex n\ntask A cpu 0\n  trylock m\n  lock n\n  unlock n\n  unlock m\n" +
		"task B cpu 0\n  lock n\n  trylock m\n  lock m\n  unlock m\n  unlock m\n  unlock n\nexpect nothing\n"
	if err := os.WriteFile(filepath.Join(dir, "s.scn"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	first := headroom(t, dir, "explore", "--scenario", "s.scn", "--strategy", "dfs", "--preemptions", "1")
	_, command, _ := strings.Cut(first.stdout, "repeat: bin/headroom explore ")
	command, _, _ = strings.Cut(command, "\n")
	again := headroom(t, dir, append([]string{"explore"}, strings.Fields(command)...)...)
	_, want, _ := strings.Cut(first.stdout, "lockdep: ")
	_, got, _ := strings.Cut(again.stdout, "lockdep: ")
	if want == "" || got != want || !strings.Contains(command, "--preemptions 1 ") {
		t.Errorf("%s\n%s\nrepeated by %q:\n%s", first.stdout, first.stderr, command, again.stdout)
	}
}

// A scenario that cannot be used ends with status 2 and one line with file, line and remedy, and so do flags that do not go with one.
func TestUnusableScenariosAreRefused(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"bad.scn":     "headroom scenario 1\ntask A cpu 0\njump\nexpect nothing\n",
		"variant.scn": "headroom scenario 1\nallocator p mempool:none items 1\ntask A cpu 0\nexpect nothing\n",
		"mutant.scn":  "headroom scenario 1\nmutant XX-99\ntask A cpu 0\nexpect nothing\n",
		"entry.scn":   "headroom scenario 1\nallocator p mempool:mainline items 1\ntask A cpu 0\nnolocks p\nexpect nothing\n",
		"knob.scn":    "headroom scenario 1\ntask A cpu 0\nallocator t percpu_tags:lock items 4 max=0\nexpect nothing\n",
		"reach.scn":   "headroom scenario 1\ntask A cpu 0\nexpect nothing\nreach staling\n",
		"good.scn":    "headroom scenario 1\ntask A cpu 0\nexpect nothing\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ arguments, says string }{
		{"--scenario none.scn", "give the path of a scenario"},
		{"--scenario bad.scn", `bad.scn:3: unknown word "jump"`},
		{"--scenario variant.scn", `variant.scn:2: allocator p: design mempool has no variant "none"`},
		{"--scenario mutant.scn", "mutant.scn:2: mutant XX-99: there is none of that name"},
		{"--scenario knob.scn", "knob.scn:3: allocator t: percpu_tags: knob max is 0: give 1 to "},
		{"--scenario reach.scn", "reach.scn:4: reach staling: no allocator of this file has a slow path of that name"},
		{"--scenario entry.scn", "entry.scn:4: nolocks p: p has no entry that takes no locks"},
		{"--scenario good.scn --design ida", "--scenario: leave --design out: what goes with it is --strategy"},
		{"--scenario good.scn --json", "--scenario: leave --json out"},
		{"--scenario good.scn --memory tso --vary --twice --bare", "--scenario: leave --bare, --memory, --twice, --vary out"},
		{"--drivers --strategy pct --variant lock", "--drivers: leave --strategy, --variant out: what goes with it is --programs"},
		{"--bench --scenario good.scn", "--bench: leave --scenario out"},
		{"--scenario good.scn --without tea", "--without tea: what can be left out is completions"},
		{"--scenario good.scn --strategy tea", "--strategy: no strategy is called"},
		{"--drivers --scenario good.scn", "--drivers: leave --scenario out"},
		{"--design ida --without tea", "--without tea: what can be left out is lockdep"},
	} {
		e := headroom(t, dir, append([]string{"explore"}, strings.Fields(c.arguments)...)...)
		if e.status != exitUnusable || !strings.Contains(e.stderr, c.says) || strings.Count(e.stderr, "\n") != 1 || e.stdout != "" {
			t.Errorf("%s: status %d, %q, %q; want one line that says %q", c.arguments, e.status, e.stdout, e.stderr, c.says)
		}
	}
}

// Generated drivers are drawn from the seed, and the checker warns of those that deadlock.
func TestDriversAreCounted(t *testing.T) {
	dir := t.TempDir()
	e := headroom(t, dir, "explore", "--drivers", "--programs", "10", "--seed", "3")
	if e.status != 0 || !strings.HasPrefix(e.stdout, "10 drivers, ") || e != headroom(t, dir, "explore", "--drivers", "--programs", "10", "--seed", "3") {
		t.Errorf("status %d: %s%s", e.status, e.stdout, e.stderr)
	}
}

// An inverted lock order is a finding of a hunt, with the command that makes it again.
func TestExploreReportsLockOrder(t *testing.T) {
	e := headroom(t, t.TempDir(), "explore", "--design", "percpu_tags", "--mutant", "PT-14", "--seed", "3", "--executions", "20000")
	if e.status != exitFound || !strings.Contains(e.stdout, "FAILURE lockdep: order: percputags.") ||
		!strings.Contains(e.stdout, "repeat: bin/headroom explore --design percpu_tags --variant lock --mutant PT-14 --strategy swarm --preemptions 2 --seed 3 --executions ") {
		t.Errorf("status %d: %s%s", e.status, e.stdout, e.stderr)
	}
}
