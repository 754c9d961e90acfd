//go:build !sim && !race

package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"headroom/fuzz/families"
)

// mutantsJSON hunts and reads what is printed.
func mutantsJSON(t *testing.T, arguments ...string) (ended, mutantsReport) {
	t.Helper()
	e := headroom(t, t.TempDir(), append([]string{"mutants", "--json"}, arguments...)...)
	var r mutantsReport
	if err := json.Unmarshal([]byte(e.stdout), &r); err != nil {
		t.Fatalf("status %d, %v: %s%s", e.status, err, e.stdout, e.stderr)
	}
	return e, r
}

// A mistake that is found gives status 0, the same executions each time; one that is not, for want of a budget, gives status 1 and is named.
func TestMutantsSaysWhatIsFound(t *testing.T) {
	e, r := mutantsJSON(t, "--id", "MP-06")
	if e.status != 0 || len(r.Mutants) != 1 || len(r.Missed) != 0 {
		t.Fatalf("status %d: %s", e.status, e.stdout)
	}
	row := r.Mutants[0]
	if !row.Found || !row.History || row.Needs != "FI" || row.Harm != "liveness" || row.On != "clients:stack" || row.Executions == 0 || row.Ops == 0 {
		t.Errorf("MP-06 is %+v", row)
	}
	if _, again := mutantsJSON(t, "--id", "MP-06"); again.Mutants[0].Executions != row.Executions {
		t.Errorf("%d executions, and again %d", row.Executions, again.Mutants[0].Executions)
	}
	e, r = mutantsJSON(t, "--id", "MP-06", "--executions", "2")
	if e.status != exitFound || len(r.Missed) != 1 || r.Missed[0] != "MP-06" {
		t.Errorf("status %d, missed %v", e.status, r.Missed)
	}
	text := headroom(t, t.TempDir(), "mutants", "--id", "LK-02")
	if text.status != 0 || !strings.Contains(text.stdout, "kernel/lock TestChecksCatchTheMutants") || !strings.Contains(text.stdout, "1 are killed by tests") {
		t.Errorf("status %d: %s", text.status, text.stdout)
	}
}

// The matrix has a row for each mistake that is hunted, whether of history or not, and a column for each strategy.
func TestMutantsMatrix(t *testing.T) {
	for _, id := range []string{"AI-02", "PO-03"} {
		e := headroom(t, t.TempDir(), "mutants", "--matrix", "--id", id, "--executions", "200", "--json")
		var rows []matrixRow
		if err := json.Unmarshal([]byte(e.stdout), &rows); err != nil || e.status != 0 || len(rows) != 1 || rows[0].Executions["swarm"] == 0 {
			t.Errorf("%s: status %d, %v: %s", id, e.status, err, e.stdout)
		}
	}
}

// The report names every known fault with the replay file that shows it, whether these hunts met it or not, and headroom replay shows it.
func TestKnownFaultsAreNamedWithTheirFiles(t *testing.T) {
	rows := knownFaults([]cleanRow{{Host: "designs/percpu_tags", Known: []string{"percpu_tags:xchg"}}})
	if len(rows) != len(families.KnownFaults) || len(rows) == 0 {
		t.Fatalf("%d rows of %d known faults", len(rows), len(families.KnownFaults))
	}
	for _, row := range rows {
		if row.Met != (row.Variant == "percpu_tags:xchg") || row.Why == "" {
			t.Errorf("%+v", row)
		}
		path, err := filepath.Abs(filepath.Join(sourceFolder, row.Replay))
		if err != nil {
			t.Fatal(err)
		}
		if e := headroom(t, t.TempDir(), "replay", path); e.status != 0 {
			t.Errorf("%s: replay ends with status %d: %s%s", row.Variant, e.status, e.stdout, e.stderr)
		}
	}
}

// What cannot be used is refused in one line.
func TestMutantsRefusesBadInput(t *testing.T) {
	for _, c := range []struct{ arguments, says string }{
		{"--id XX-99", "--id XX-99: there is none of that name"},
		{"--matrix --id LK-02", "--matrix --id LK-02: it is killed by kernel/lock TestChecksCatchTheMutants"},
		{"--strategy best", `no strategy is called "best"`},
		{"--executions -1", "give a number of executions"},
		{"--seconds 0", "more than 0 seconds"},
	} {
		e := headroom(t, t.TempDir(), append([]string{"mutants"}, strings.Fields(c.arguments)...)...)
		if e.status != exitUnusable || !strings.Contains(e.stderr, c.says) || strings.Count(e.stderr, "\n") != 1 {
			t.Errorf("%s: status %d: %s", c.arguments, e.status, e.stderr)
		}
	}
}
