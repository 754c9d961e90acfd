//go:build !sim && !race

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headroom/harness/result"
)

// writeRun writes a run of 40 cells, of which the first few cost so many per cent more than the others' 10 compare-and-swaps.
func writeRun(t *testing.T, dir string, slower int, pct float64) {
	t.Helper()
	run := &result.Run{Control: result.Control{AASpreadPct: 2}}
	for i := range 40 {
		c := result.Cell{Workload: "window", Design: "d" + string(rune('A'+i)), ItemKind: "tag", CPUs: 1, Params: []result.Pair{{Key: "hold", Value: "8"}}}
		cost := 10.0
		if i < slower {
			cost *= 1 + pct/100
		}
		for n := range 6 {
			scatter := 1 + float64((7*i+5*n)%6)/200
			c.Kept = append(c.Kept, result.Sample{Ops: 1, NsPerOp: 5 * cost * scatter, CASNs: 5, OpsPerSec: 1e9})
		}
		run.Cells = append(run.Cells, c)
	}
	if err := result.Write(dir, result.Env{{Key: "host", Value: "h"}}, run); err != nil {
		t.Fatal(err)
	}
}

// shorten writes the run of a folder into another, with two samples left in each of the first cells.
func shorten(t *testing.T, from, to string, cells int) {
	t.Helper()
	env, run, err := result.Read(from)
	if err != nil {
		t.Fatal(err)
	}
	for i := range cells {
		run.Cells[i].Kept = run.Cells[i].Kept[:2]
	}
	if err := result.Write(to, env, run); err != nil {
		t.Fatal(err)
	}
}

// Compare exits with 0 for a run and itself and for what is within the gate, with 1 for a single cell of forty that is worse by more, and with 2 and
// one line for a folder that is damaged, or when no cell could be judged.
func TestCompareGatesRuns(t *testing.T) {
	dir := t.TempDir()
	writeRun(t, filepath.Join(dir, "base"), 0, 0)
	writeRun(t, filepath.Join(dir, "within"), 1, 4)
	writeRun(t, filepath.Join(dir, "slow"), 1, 10)
	writeRun(t, filepath.Join(dir, "junk"), 0, 0)
	shorten(t, filepath.Join(dir, "base"), filepath.Join(dir, "partly"), 1)
	shorten(t, filepath.Join(dir, "base"), filepath.Join(dir, "few"), 40)
	if err := os.WriteFile(filepath.Join(dir, "junk", result.RawFile), []byte("junk\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line   string
		status int
		out    string // in what it prints
		err    string // in what it complains of
	}{
		{"compare base base --gate 5", 0, "no difference beyond noise and the A/A spread of 2.0 %, in 40 cells\n", ""},
		{"compare base within --gate 5", 0, "no regression: 1 of 40 cells differ, none", ""},
		{"compare base slow --gate 5", exitFound, "regression: 1 of 40 cells are worse by more than 5 %", ""},
		{"compare slow base --gate 5", 0, "no regression: 1 of 40 cells differ, none", ""},
		{"compare base slow --gate 15", 0, "no regression: 1 of 40 cells differ, none of them worse by more than 15 %", ""},
		{"compare base partly --gate 5", 0, "not judged: 1 x cannot tell: 6 and 2 samples are too few", ""},
		{"compare base partly", 0, "judged 39 of 40 cells\nno difference", ""},
		{"compare few few --gate 5", exitUnusable, "", "none of 40 cells could be judged (40 x cannot tell: 2 and 2 samples"},
		{"compare base junk", exitUnusable, "", "raw.txt:1: "},
	} {
		e := headroom(t, dir, strings.Fields(c.line)...)
		if e.status != c.status || !strings.Contains(e.stdout, c.out) || !strings.Contains(e.stderr, c.err) || strings.Count(e.stderr, "\n") != min(1, len(c.err)) {
			t.Errorf("headroom %s: status %d, printed %q and %q; want %d, %q and %q", c.line, e.status, e.stdout, e.stderr, c.status, c.out, c.err)
		}
	}
	var compared struct{ Cells []struct{ FamilyP float64 } }
	e := headroom(t, dir, "compare", "base", "slow", "--json")
	if err := json.Unmarshal([]byte(e.stdout), &compared); err != nil || e.status != exitFound || len(compared.Cells) != 40 {
		t.Errorf("as JSON: status %d, %v: %.200s", e.status, err, e.stdout)
	}
}
