//go:build !sim && !race

package main

import (
	"os"
	"path/filepath"
	"testing"

	"headroom/harness/result"
)

// Report writes a result's report, page and pictures where there are none, and the same bytes when asked again.
func TestReportIsWrittenAnew(t *testing.T) {
	dir := t.TempDir()
	c := result.Cell{Workload: "fastpath", Design: "mutex", ItemKind: "tag", CPUs: 1}
	for range 6 {
		c.Kept = append(c.Kept, result.Sample{Ops: 1000, NsPerOp: 20, CASNs: 4, OpsPerSec: 5e7})
	}
	run := filepath.Join(dir, "run")
	if err := result.Write(run, result.Env{{Key: "cpu", Value: "some"}}, &result.Run{Cells: []result.Cell{c}}); err != nil {
		t.Fatal(err)
	}
	first := map[string]string{}
	for pass := range 2 {
		if e := headroom(t, dir, "report", "run"); e.status != 0 || e.stderr != "" || e.stdout != "run/report.md\n" {
			t.Fatalf("status %d: %s%s", e.status, e.stdout, e.stderr)
		}
		list := files(t, run)
		if want := 3 + 2 + 2; len(list) != want { // of the run, the report in two forms, one picture in two forms
			t.Errorf("%d files: %v", len(list), list)
		}
		for _, name := range list {
			data, err := os.ReadFile(filepath.Join(run, name))
			if err != nil {
				t.Fatal(err)
			}
			if pass == 0 {
				first[name] = string(data)
			} else if first[name] != string(data) {
				t.Errorf("%s changed", name)
			}
		}
	}
}
