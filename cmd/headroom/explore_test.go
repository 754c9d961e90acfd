//go:build !sim && !race

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// explored is what headroom explore --json prints, as far as the tests look.
type explored struct {
	Executions             int
	Reached                map[string]int
	Class, Message, Replay string
	Finished               bool
	Search                 *searchOutcome
	Shrunk                 *shrunkOutcome
}

// exploreJSON explores and reads what is printed.
func exploreJSON(t *testing.T, dir string, arguments ...string) (ended, explored) {
	t.Helper()
	e := headroom(t, dir, append([]string{"explore", "--json", "--design", "percpu_tags"}, arguments...)...)
	var x explored
	if err := json.Unmarshal([]byte(e.stdout), &x); err != nil {
		t.Fatalf("status %d, %v: %s%s", e.status, err, e.stdout, e.stderr)
	}
	return e, x
}

// A planted mistake is found with status 1 and written to a file, and the file repeats it: status 0, and the same bytes each time.
func TestExploreFindsAndReplayRepeats(t *testing.T) {
	dir := t.TempDir()
	e, x := exploreJSON(t, dir, "--mutant", "PI-01", "--seed", "3", "--executions", "200000")
	if e.status != exitFound || x.Class == "" || x.Message == "" || !x.Finished {
		t.Fatalf("status %d: %s", e.status, e.stdout)
	}
	if left := files(t, dir); len(left) != 1 || left[0] != x.Replay || !strings.HasPrefix(x.Replay, filepath.Join("build", "findings", "percpu_tags-lock-PI-01-")) {
		t.Errorf("the files are %v, and the replay is said to be %s", left, x.Replay)
	}
	first, second := headroom(t, dir, "replay", x.Replay), headroom(t, dir, "replay", x.Replay)
	if first.status != 0 || first != second || first.stderr != "" {
		t.Errorf("status %d and %d, and the listings are\n%s%s\n%s%s", first.status, second.status, first.stdout, first.stderr, second.stdout, second.stderr)
	}
	if !strings.Contains(first.stdout, x.Class+": "+x.Message) {
		t.Errorf("the listing does not end with %s: %s\n%s", x.Class, x.Message, first.stdout)
	}
	text := headroom(t, dir, "explore", "--design", "percpu_tags", "--mutant", "PI-01", "--seed", "3", "--executions", "200000")
	if text.status != exitFound || !strings.Contains(text.stdout, "bin/headroom replay "+x.Replay+"\n") || !strings.Contains(text.stdout, "FAILURE "+x.Class) {
		t.Errorf("status %d: %s", text.status, text.stdout)
	}
}

// A replay file that does not fit the code says so with status 1; one that is damaged is refused with status 2, file and line.
func TestReplayTellsChangedCodeFromADamagedFile(t *testing.T) {
	dir := t.TempDir()
	_, x := exploreJSON(t, dir, "--mutant", "PT-03", "--seed", "3", "--executions", "200000")
	whole, err := os.ReadFile(filepath.Join(dir, x.Replay))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, old, new string
		status         int
		says           string
	}{
		{"repaired", "mutant PT-03\n", "", exitFound, "repaired: the run left the recorded schedule after step "},
		{"unknown-mutant", "mutant PT-03", "mutant PT-99", exitUnusable, "unknown-mutant: mutant PT-99 is not in this build; see headroom list"},
		{"unknown-design", "design percpu_tags", "design sixth", exitUnusable, `unknown-design: no design is called "sixth"`},
		{"cut-short", string(whole[bytes.LastIndex(whole, []byte("\nschedule "))+1:]), "", exitFound, "the code, or the file, has changed"},
		{"fewer-steps", fmt.Sprint("\nsteps ", x.Shrunk.After.Steps), fmt.Sprint("\nsteps ", x.Shrunk.After.Steps-1), exitFound, "by other steps"},
		{"damaged", "\ncpus ", "\ncpus -", exitUnusable, "damaged:4: cpus \"-"},
		{"version", "headroom replay 2", "headroom replay 9", exitUnusable, "version:1: not a replay file"},
	} {
		text := strings.Replace(string(whole), c.old, c.new, 1)
		if err := os.WriteFile(filepath.Join(dir, c.name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		e := headroom(t, dir, "replay", c.name)
		if e.status != c.status || strings.Count(e.stderr, "\n") != 1 || !strings.Contains(e.stderr, c.says) {
			t.Errorf("%s: status %d: %s; want %d, %q", c.name, e.status, e.stderr, c.status, c.says)
		}
	}
}

// A right design passes with status 0; equal seeds count the same.
func TestExplorePassesARightDesign(t *testing.T) {
	dir := t.TempDir()
	e, x := exploreJSON(t, dir, "--executions", "20000", "--seed", "7")
	again, y := exploreJSON(t, dir, "--executions", "20000", "--seed", "7", "--bare")
	if e.status != 0 || again.status != 0 || x.Executions != 20_000 || x.Reached["steal"] == 0 || x.Reached["steal"] != y.Reached["steal"] {
		t.Errorf("status %d, %+v; bare: status %d, %+v", e.status, x, again.status, y)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left behind are %v", left)
	}
	text := headroom(t, dir, "explore", "--design", "percpu_tags", "--executions", "1000")
	if !strings.HasSuffix(text.stdout, "no failure found\n") {
		t.Errorf("it prints %s", text.stdout)
	}
}

// The explorer's speed is measured for each program and strategy that has a bar, and for others.
func TestExploreBenchMeasuresEveryBar(t *testing.T) {
	e := headroom(t, t.TempDir(), "explore", "--bench", "--executions", "2000", "--json")
	var speeds []explorerSpeed
	if err := json.Unmarshal([]byte(e.stdout), &speeds); err != nil || e.status != 0 || len(speeds) != len(speedForms) {
		t.Fatalf("status %d, %v: %s%s", e.status, err, e.stdout, e.stderr)
	}
	bars := 0
	for _, s := range speeds {
		if s.Executions != 2000 || s.ExecutionsPerSecond <= 0 || s.StepsPerExecution < float64(s.Tasks*6) {
			t.Errorf("%+v", s)
		}
		if s.Bar > 0 {
			bars++
		}
	}
	if bars != 7 {
		t.Errorf("%d bars", bars)
	}
	text := headroom(t, t.TempDir(), "explore", "--bench", "--executions", "2000")
	if text.status != 0 || strings.Count(text.stdout, "\n") != 2+len(speedForms) {
		t.Errorf("status %d: %s", text.status, text.stdout)
	}
}

// A depth-first search says whether it was exhausted, in text and in JSON; a budget that is too small, that it was not.
func TestExploreSaysWhetherItIsExhausted(t *testing.T) {
	for _, c := range []struct {
		executions string
		exhausted  bool
		says       string
	}{{"0", true, "\nexhausted at bound 1: every execution with at most 1 preemptions of all 4 programs was made"},
		{"20", false, "\nnot exhausted: the budget ended first; "}} {
		arguments := []string{"--strategy", "dfs", "--preemptions", "1", "--programs", "4", "--executions", c.executions}
		e, x := exploreJSON(t, t.TempDir(), arguments...)
		if e.status != 0 || x.Search == nil || x.Search.Exhausted != c.exhausted || x.Search.Bound != 1 {
			t.Errorf("%s executions: status %d: %s", c.executions, e.status, e.stdout)
		}
		text := headroom(t, t.TempDir(), append([]string{"explore", "--design", "percpu_tags"}, arguments...)...)
		if text.status != 0 || !strings.Contains(text.stdout, c.says) {
			t.Errorf("%s executions: status %d: %s", c.executions, text.status, text.stdout)
		}
	}
}

// What the lock checker finds has no replay file: the command that is printed finds it again, also where everything was made twice.
func TestLockReportsAreFoundAgain(t *testing.T) {
	for _, twice := range []string{"--twice=false", "--twice"} {
		e := headroom(t, t.TempDir(), "explore", "--design", "percpu_tags", "--mutant", "PT-14", "--seed", "3", "--executions", "50000", twice)
		_, command, found := strings.Cut(e.stdout, "repeat: bin/headroom ")
		command, _, _ = strings.Cut(command, "\n")
		if e.status != exitFound || !found {
			t.Fatalf("%s: status %d: %s%s", twice, e.status, e.stdout, e.stderr)
		}
		again := headroom(t, t.TempDir(), strings.Fields(command)...)
		_, was, _ := strings.Cut(e.stdout, "FAILURE")
		_, is, _ := strings.Cut(again.stdout, "FAILURE")
		if again.status != exitFound || was != is {
			t.Errorf("%s: %s ends with status %d: %s", twice, command, again.status, again.stdout)
		}
	}
}

// Every strategy finds a planted mistake; what is found is made small, and equal arguments write equal files.
func TestEveryStrategyWritesASmallReplay(t *testing.T) {
	for _, strategy := range []string{"swarm", "random", "pct", "pos", "dfs"} {
		arguments := []string{"--mutant", "AI-01", "--strategy", strategy, "--seed", "3", "--executions", "200000"}
		dir := t.TempDir()
		e, x := exploreJSON(t, dir, arguments...)
		if e.status != exitFound || x.Shrunk == nil || !x.Shrunk.Finished || x.Shrunk.After.Ops > 6 || x.Shrunk.After.Preemptions > 2 {
			t.Errorf("%s: status %d: %s%s", strategy, e.status, e.stdout, e.stderr)
			continue
		}
		first, err := os.ReadFile(filepath.Join(dir, x.Replay))
		if err != nil {
			t.Fatal(err)
		}
		again := t.TempDir()
		_, y := exploreJSON(t, again, arguments...)
		second, err := os.ReadFile(filepath.Join(again, y.Replay))
		if err != nil || string(first) != string(second) || !strings.Contains(string(first), "\nstrategy "+strategy+"\n") {
			t.Errorf("%s: %v: the same hunt writes\n%s\nand\n%s", strategy, err, first, second)
		}
	}
}

// Replay draws the run into a file, prints JSON, and with --tolerant follows a schedule that no longer fits.
func TestReplayDrawsAndTolerates(t *testing.T) {
	dir := t.TempDir()
	_, x := exploreJSON(t, dir, "--mutant", "PT-03", "--seed", "3", "--executions", "200000")
	e := headroom(t, dir, "replay", x.Replay, "--svg", "out/run.svg")
	drawn, err := os.ReadFile(filepath.Join(dir, "out", "run.svg"))
	if err != nil || e.status != 0 || !strings.Contains(string(drawn), "</svg>") || !strings.Contains(e.stdout, "steps drawn in out/run.svg") {
		t.Errorf("status %d, %v: %s%s", e.status, err, e.stdout, e.stderr)
	}
	before := files(t, dir)
	if e := headroom(t, dir, "replay", x.Replay, "--svg", "out"); e.status != exitUnusable || len(files(t, dir)) != len(before) {
		t.Errorf("drawn into a folder: status %d: %s; left behind are %v of %v", e.status, e.stderr, files(t, dir), before)
	}
	var run replayed
	e = headroom(t, dir, "replay", "--json", x.Replay)
	if err := json.Unmarshal([]byte(e.stdout), &run); err != nil || e.status != 0 || !run.Repeated || run.Class != x.Class || len(run.Steps) < 10 {
		t.Errorf("status %d, %v: %s%s", e.status, err, e.stdout, e.stderr)
	}
	whole, err := os.ReadFile(filepath.Join(dir, x.Replay))
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(whole), "\ntask ", "\ntask 0\ntask ", 1) // a task that does nothing, first: all others have other numbers
	if err := os.WriteFile(filepath.Join(dir, "edited"), []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
	strict, tolerant := headroom(t, dir, "replay", "edited"), headroom(t, dir, "replay", "--tolerant", "edited")
	if strict.status != exitFound || !strings.Contains(strict.stderr, "the run left the recorded schedule after step ") {
		t.Errorf("strictly: status %d: %s", strict.status, strict.stderr)
	}
	if tolerant.status != 0 && !strings.Contains(tolerant.stderr, "the run ") {
		t.Errorf("tolerantly: status %d: %s", tolerant.status, tolerant.stderr)
	}
}

// Beyond faults that a variant is known for the search goes on, to the end of its budget: each class of them is kept once, and counted.
func TestKnownFaultsDoNotEndASearch(t *testing.T) {
	dir := t.TempDir()
	e := headroom(t, dir, "explore", "--json", "--design", "percpu_tags", "--variant", "xchg", "--executions", "40000")
	var x struct {
		Executions int
		Class      string
		Reached    map[string]int
		Known      []knownOutcome
	}
	if err := json.Unmarshal([]byte(e.stdout), &x); err != nil || e.status != exitFound || x.Class != "" || x.Executions != 40_000 || len(x.Known) != 2 || x.Reached["steal"] == 0 {
		t.Fatalf("status %d, %v: %s%s", e.status, err, e.stdout, e.stderr)
	}
	for _, k := range x.Known {
		if again := headroom(t, dir, "replay", k.Replay); again.status != 0 || !strings.Contains(again.stdout, k.Class+": "+k.Message) || k.Times < 2 || k.Why == "" {
			t.Errorf("%+v: replayed with status %d", k, again.status)
		}
	}
	if left := files(t, dir); len(left) != len(x.Known) {
		t.Errorf("left behind are %v", left)
	}
	text := headroom(t, dir, "explore", "--design", "percpu_tags", "--variant", "xchg", "--executions", "40000")
	if text.status != exitFound || strings.Count(text.stdout, "KNOWN FAULT ") != 2 || !strings.HasSuffix(text.stdout, "no other failure found\n") {
		t.Errorf("status %d: %s", text.status, text.stdout)
	}
}

// Clients are explored like designs: nothing is found in one that is right, the mistake planted in another is, and its replay repeats.
func TestClientsAreExplored(t *testing.T) {
	dir := t.TempDir()
	if e := headroom(t, dir, "explore", "--design", "clients", "--variant", "queues", "--executions", "2000"); e.status != 0 ||
		!strings.Contains(e.stdout, "clients:queues: swarm, 2000 executions") || !strings.Contains(e.stdout, "no failure found") {
		t.Errorf("status %d: %s%s", e.status, e.stdout, e.stderr)
	}
	if e := headroom(t, dir, "explore", "--design", "clients", "--executions", "100"); e.status != 0 || !strings.Contains(e.stdout, "clients:aio: ") {
		t.Errorf("without a variant status %d: %s%s", e.status, e.stdout, e.stderr)
	}
	e := headroom(t, dir, "explore", "--design", "clients", "--variant", "owners", "--mutant", "JE-01", "--executions", "100000", "--shrink=false")
	_, path, _ := strings.Cut(e.stdout, "bin/headroom replay ")
	path, _, _ = strings.Cut(path, "\n")
	if e.status != exitFound || path == "" {
		t.Fatalf("with JE-01 status %d: %s%s", e.status, e.stdout, e.stderr)
	}
	if e := headroom(t, dir, "replay", path); e.status != 0 || !strings.Contains(e.stdout, "clients:owners") {
		t.Errorf("the replay ends with %d: %s%s", e.status, e.stdout, e.stderr)
	}
	e = headroom(t, dir, "explore", "--design", "clients", "--variant", "tea")
	if e.status != exitUnusable || !strings.Contains(e.stderr, `--variant: no client is called "tea": there are aio, stack, bio`) || strings.Count(e.stderr, "\n") != 1 {
		t.Errorf("status %d: %s%s", e.status, e.stdout, e.stderr)
	}
}
