//go:build !sim && !race

package main

import (
	"encoding/json"
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
		arguments := []string{"explore", "--scenario", c.name, "--shrink=false"}
		first, second := headroom(t, dir, arguments...), headroom(t, dir, arguments...)
		if first != second {
			t.Errorf("%s prints\n%s%s\nand then\n%s%s", c.name, first.stdout, first.stderr, second.stdout, second.stderr)
		}
		if first.status != c.status || !strings.Contains(first.stdout, c.says) || !strings.Contains(first.stdout, "lockdep: element: ") {
			t.Errorf("%s ends with %d, want %d and %q:\n%s%s", c.name, first.status, c.status, c.says, first.stdout, first.stderr)
		}
	}
	met := headroom(t, dir, "explore", "--scenario", "met.scn", "--shrink=false").stdout
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
	_, command, _ := strings.Cut(first.stdout, "search again: bin/headroom explore ")
	command, _, _ = strings.Cut(command, "\n")
	again := headroom(t, dir, append([]string{"explore"}, strings.Fields(command)...)...)
	_, want, _ := strings.Cut(first.stdout, "lockdep: ")
	_, got, _ := strings.Cut(again.stdout, "lockdep: ")
	if want == "" || got != want || !strings.Contains(command, "--preemptions 1 ") {
		t.Errorf("%s\n%s\nrepeated by %q:\n%s", first.stdout, first.stderr, command, again.stdout)
	}
}

// What a scenario run finds is printed as JSON too, and each finding, a report of the lock checker among them, leaves a replay file that repeats it: as
// text, as JSON, as a drawing, and followed as far as it fits. A file that was changed says so.
func TestScenarioFindingsLeaveReplays(t *testing.T) {
	dir := t.TempDir()
	name, err := filepath.Abs(filepath.Join(sourceFolder, "fuzz", "testdata", "lock-ranking.scn"))
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Met      bool
		Failures []struct{ Replay string }
		Locks    []struct{ Rule, Summary, Replay, Repeat string }
	}
	e := headroom(t, dir, "explore", "--scenario", name, "--json")
	if err := json.Unmarshal([]byte(e.stdout), &out); err != nil || !out.Met || len(out.Failures) != 0 || len(out.Locks) != 1 {
		t.Fatalf("%v, status %d: %s%s", err, e.status, e.stdout, e.stderr)
	}
	lock := out.Locks[0]
	for _, c := range []struct{ flags, says string }{
		{"", "lockdep: order: " + lock.Summary}, {"--json", `"class": "lockdep:order"`}, {"--tolerant", "lockdep: order: " + lock.Summary}, {"--svg run.svg", "steps drawn in run.svg"},
	} {
		e := headroom(t, dir, append([]string{"replay", lock.Replay}, strings.Fields(c.flags)...)...)
		if e.status != 0 || !strings.Contains(e.stdout, c.says) {
			t.Errorf("replay %s ends with %d, want %q: %s%s", c.flags, e.status, c.says, e.stdout, e.stderr)
		}
	}
	drawing, err := os.ReadFile(filepath.Join(dir, "run.svg"))
	if err != nil || !strings.Contains(string(drawing), ">lockdep:order: ") || lock.Repeat != "bin/headroom replay "+lock.Replay {
		t.Errorf("%v: the drawing does not say what was found, or %q is no command", err, lock.Repeat)
	}
	text, err := os.ReadFile(filepath.Join(dir, lock.Replay))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(text), "|   lock", "|   trylock")
	if err := os.WriteFile(filepath.Join(dir, "changed.replay"), []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	if e := headroom(t, dir, "replay", "--json", "changed.replay"); e.status != exitFound || !strings.Contains(e.stdout, `"repeated": false`) ||
		strings.Count(e.stderr, "\n") != 1 {
		t.Errorf("of a changed file status %d: %s%s", e.status, e.stdout, e.stderr)
	}
}

// A failure of a scenario is made small: the report says what it was and what is left, the scenario that is left lies beside the replay file, and both
// commands that repeat do.
func TestFailingScenariosAreMadeSmall(t *testing.T) {
	dir := t.TempDir()
	name, err := filepath.Abs(filepath.Join(sourceFolder, "fuzz", "testdata", "two-from-one-pool.scn"))
	if err != nil {
		t.Fatal(err)
	}
	e := headroom(t, dir, "explore", "--scenario", name)
	for _, part := range []string{"made small in ", ": tasks 2 to 2, operations 4 to 2, items 2 to 2, CPUs 2 to 1, preemptions ", "nothing more can go",
		"What is left, as build/findings/two-from-one-pool-deadlock-small.scn:\n  headroom scenario 1\n", "two-from-one-pool-deadlock-small.scn:6 alloc p NOIO x2, and has 1 of p"} {
		if e.status != 0 || !strings.Contains(e.stdout, part) {
			t.Fatalf("status %d, and %q is not there:\n%s%s", e.status, part, e.stdout, e.stderr)
		}
	}
	small := filepath.Join("build", "findings", "two-from-one-pool-deadlock-small")
	if !strings.Contains(e.stdout, "repeat: bin/headroom replay "+small+".replay\n") {
		t.Errorf("no command repeats what is left:\n%s", e.stdout)
	}
	if e := headroom(t, dir, "replay", small+".replay"); e.status != 0 || !strings.Contains(e.stdout, "DEADLOCK: ") {
		t.Errorf("the replay of what is left ends with %d:\n%s%s", e.status, e.stdout, e.stderr)
	}
	if e := headroom(t, dir, "explore", "--scenario", small+".scn", "--shrink=false"); e.status != 0 || strings.Contains(e.stdout, "made small in") {
		t.Errorf("what is left, explored, ends with %d:\n%s%s", e.status, e.stdout, e.stderr)
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
		{"--scenario good.scn --out good.scn", "--out good.scn: good.scn is no folder"},
		{"--scenario good.scn --design ida", "--scenario: leave --design out: what goes with it is --strategy"},
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

// An inverted lock order is a finding of a hunt, with the command that makes it again, and a replay file that repeats the report.
func TestExploreReportsLockOrder(t *testing.T) {
	dir := t.TempDir()
	e := headroom(t, dir, "explore", "--design", "percpu_tags", "--mutant", "PT-14", "--seed", "3", "--executions", "20000")
	if e.status != exitFound || !strings.Contains(e.stdout, "FAILURE lockdep: order: percputags.") ||
		!strings.Contains(e.stdout, "repeat: bin/headroom explore --design percpu_tags --variant lock --mutant PT-14 --strategy swarm --preemptions 2 --seed 3 --executions ") {
		t.Errorf("status %d: %s%s", e.status, e.stdout, e.stderr)
	}
	_, path, _ := strings.Cut(e.stdout, "bin/headroom replay ")
	path, _, _ = strings.Cut(path, "\n")
	if !strings.HasPrefix(path, "build/findings/percpu_tags-lock-PT-14-lockdep-order-") {
		t.Fatalf("no replay file: %s", e.stdout)
	}
	for _, c := range []struct{ flags, says string }{{"", "lockdep: order: percputags."}, {"--json", `"rule": "order"`}, {"--svg run.svg", "steps drawn in run.svg"}} {
		e := headroom(t, dir, append([]string{"replay", path}, strings.Fields(c.flags)...)...)
		if e.status != 0 || !strings.Contains(e.stdout, c.says) {
			t.Errorf("replay %s ends with %d, want %q: %s%s", c.flags, e.status, c.says, e.stdout, e.stderr)
		}
	}
}
