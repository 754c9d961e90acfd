//go:build !sim && !race

package main

import (
	"encoding/json"
	"strings"
	"testing"
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

// The matrix has a row for the mistake and a column for each strategy.
func TestMutantsMatrix(t *testing.T) {
	e := headroom(t, t.TempDir(), "mutants", "--matrix", "--id", "AI-02", "--executions", "200", "--json")
	var rows []matrixRow
	if err := json.Unmarshal([]byte(e.stdout), &rows); err != nil || e.status != 0 || len(rows) != 1 || rows[0].Executions["swarm"] == 0 {
		t.Errorf("status %d, %v: %s", e.status, err, e.stdout)
	}
}

// What cannot be used is refused in one line.
func TestMutantsRefusesBadInput(t *testing.T) {
	for _, c := range []struct{ arguments, says string }{
		{"--id XX-99", "--id XX-99: there is none of that name"},
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
