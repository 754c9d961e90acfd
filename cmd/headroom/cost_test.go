//go:build !sim && !race

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What cannot be used is one line that names it and says what to do, before anything is measured.
func TestCostRefusesWhatItCannotUse(t *testing.T) {
	dir := t.TempDir()
	for arguments, want := range map[string]string{
		"cost --kernel nowhere": "--kernel nowhere: it has none of lib/sbitmap.c",
		"cost --samples 0":      "--samples 0: give 1 to 1000",
		"cost tree":             "headroom cost takes 0 arguments, and 1 were given",
	} {
		e := headroom(t, dir, strings.Fields(arguments)...)
		if e.status != exitUnusable || e.stdout != "" || strings.Count(e.stderr, "\n") != 1 || !strings.Contains(e.stderr, want) {
			t.Errorf("%s: status %d, %s%s", arguments, e.status, e.stdout, e.stderr)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "tree/lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tree/lib/objpool.c"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c := start(dir, "cost", "--kernel", "tree")
	c.Env = []string{"PATH=" + dir}
	out, err := c.CombinedOutput()
	if err == nil || c.ProcessState.ExitCode() != exitUnusable || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "make cost-tools") {
		t.Errorf("without a compiler: %v, %s", err, out)
	}
}

// One sample of each gives figures and no verdict, and the published ones are named as such.
func TestCostWithoutATree(t *testing.T) {
	e := headroom(t, t.TempDir(), "cost", "--samples", "1", "--json")
	var table struct {
		Command string
		Tree    any
		Lines   []struct {
			Name       string
			OursNs     struct{ Median float64 }
			OriginalNs struct{ Samples int }
		}
	}
	if err := json.Unmarshal([]byte(e.stdout), &table); err != nil || e.status != 0 {
		t.Fatalf("status %d, %v: %s", e.status, err, e.stderr)
	}
	if table.Tree != nil || len(table.Lines) == 0 || !strings.Contains(table.Command, "cost --samples 1 --json") {
		t.Errorf("%+v", table)
	}
	for _, l := range table.Lines {
		if l.Name == "percpu_tags:lock" && l.OursNs.Median <= 0 || l.OriginalNs.Samples != 0 {
			t.Errorf("%+v", l)
		}
	}
}
