//go:build !sim && !race

package main

import (
	"encoding/json"
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
		{"unknown-design", "design percpu_tags", "design sixth", exitUnusable, `no design is called "sixth"`},
		{"damaged", "\ncpus ", "\ncpus -", exitUnusable, "damaged:4: cpus \"-"},
		{"version", "headroom replay 1", "headroom replay 9", exitUnusable, "version:1: not a replay file"},
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

// The explorer's speed is measured for two and three tasks, bare and with all checks.
func TestExploreBenchMeasuresFourForms(t *testing.T) {
	e := headroom(t, t.TempDir(), "explore", "--bench", "--executions", "2000", "--json")
	var speeds []explorerSpeed
	if err := json.Unmarshal([]byte(e.stdout), &speeds); err != nil || e.status != 0 || len(speeds) != 4 {
		t.Fatalf("status %d, %v: %s%s", e.status, err, e.stdout, e.stderr)
	}
	for _, s := range speeds {
		if s.Executions != 2000 || s.ExecutionsPerSecond <= 0 || s.StepsPerExecution < float64(s.Tasks*6) {
			t.Errorf("%+v", s)
		}
	}
	text := headroom(t, t.TempDir(), "explore", "--bench", "--executions", "2000")
	if text.status != 0 || strings.Count(text.stdout, "\n") != 6 {
		t.Errorf("status %d: %s", text.status, text.stdout)
	}
}
