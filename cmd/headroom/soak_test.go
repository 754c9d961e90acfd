//go:build !sim && !race

package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// A soak passes over every variant in the same way each time, finds nothing in them, and counts what some are known for.
func TestSoakPassesWhatIsRight(t *testing.T) {
	dir := t.TempDir()
	first := headroom(t, dir, "soak", "--executions", "400", "--slice", "200")
	second := headroom(t, dir, "soak", "--executions", "400", "--slice", "200")
	if first.status != 0 || first.stdout != second.stdout {
		t.Fatalf("status %d and %d: %s%s%s", first.status, second.status, first.stdout, second.stdout, first.stderr)
	}
	lines := strings.Split(strings.TrimSpace(first.stdout), "\n")[1:]
	if got := len(soakable()); len(lines) != got || got < 30 {
		t.Errorf("%d lines for %d variants", len(lines), got)
	}
	for _, line := range lines {
		if strings.Fields(line)[1] != "400" {
			t.Errorf("%s: want 400 executions", line)
		}
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}

// With a planted mistake the soak goes on after a failure, keeps replay files that repeat it, and ends with status 1.
func TestSoakKeepsWhatItFinds(t *testing.T) {
	dir := t.TempDir()
	e := headroom(t, dir, "soak", "--executions", "400", "--slice", "200", "--mutant", "BM-01", "--json")
	var list []soaked
	if err := json.Unmarshal([]byte(e.stdout), &list); err != nil || e.status != exitFound {
		t.Fatalf("status %d, %v: %s%s", e.status, err, e.stdout, e.stderr)
	}
	found := 0
	for _, s := range list {
		found += len(s.Found)
		if strings.HasPrefix(s.Variant, "sbitmap") {
			continue
		}
		if len(s.Found) > 0 || s.Executions != 400 {
			t.Errorf("%+v", s)
		}
	}
	kept := files(t, dir)
	if found == 0 || len(kept) != found {
		t.Fatalf("%d findings, and the files %v", found, kept)
	}
	if e := headroom(t, dir, "replay", kept[0]); e.status != 0 {
		t.Errorf("replay ends with status %d: %s%s", e.status, e.stdout, e.stderr)
	}
}

// What the lock checker says is a failure too, and the command beside it says it again.
func TestSoakTellsOfLocks(t *testing.T) {
	dir := t.TempDir()
	e := headroom(t, dir, "soak", "--executions", "400", "--slice", "200", "--mutant", "PT-14")
	at := strings.Index(e.stdout, "FAILURE lockdep: order: percputags.")
	_, command, _ := strings.Cut(e.stdout[max(0, at):], "repeat it: bin/headroom ")
	command, _, _ = strings.Cut(command, "\n")
	if at < 0 || e.status != exitFound || !strings.HasPrefix(command, "soak --executions ") {
		t.Fatalf("status %d: %s%s", e.status, e.stdout, e.stderr)
	}
	line, _, _ := strings.Cut(e.stdout[at:], "\n")
	if again := headroom(t, dir, strings.Fields(command)...); again.status != exitFound || !strings.Contains(again.stdout, line+"\n") {
		t.Errorf("%s ends with status %d: %s", command, again.status, again.stdout)
	}
}

// What cannot be used is refused in one line.
func TestSoakRefuses(t *testing.T) {
	for _, arguments := range []string{"--slice 0", "--seconds -1", "--strategy none", "--mutant XX-99"} {
		e := headroom(t, t.TempDir(), append([]string{"soak"}, strings.Fields(arguments)...)...)
		if e.status != exitUnusable || strings.Count(e.stderr, "\n") != 1 {
			t.Errorf("%s: status %d, %q", arguments, e.status, e.stderr)
		}
	}
}
