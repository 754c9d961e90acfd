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

// sampleFile is a shipped recording, as an absolute path.
func sampleFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "harness", "trace", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// What record cannot do ends with status 2 and one line, before anything is recorded, and leaves no file.
func TestRecordRefusesInOneLine(t *testing.T) {
	dir := t.TempDir()
	notes := filepath.Join(dir, "notes")
	if err := os.WriteFile(notes, []byte("No recording.\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, says string }{
		{"record", "name the file to write with --out FILE; see headroom record --help"},
		{"record --seconds 1 true", "name the file to write with --out FILE; see headroom record --help"},
		{"record --print a --out b", "--print takes no other flag and no command; see headroom record --help"},
		{"record --print a -- true", "--print takes no other flag and no command; see headroom record --help"},
		{"record --from a --out b --seconds 1", "--from converts what was recorded before: leave out --seconds and the command"},
		{"record --out x", "nothing says how long to record: give --seconds N, or a command behind --"},
		{"record --out x --seconds -1", "--seconds -1: give a time above 0 and up to 86400"},
		{"record --out x --seconds NaN", "--seconds NaN: give a time above 0 and up to 86400"},
		{"record --out x --events net true", `no events are called "net": give block, kmem or both`},
		{"record --out x --buffer-kb 1 true", "a buffer of 1 KiB a CPU: give 64 to 1048576"},
		{"record --out absent/x true", "absent/x cannot be written: open absent/.headroom-"},
		{"record --out . true", ".: not a plain file: name another"},
		{"record --from notes --out x", "notes:1: not a trace: "},
		{"record --print absent", "open absent: no such file or directory"},
	} {
		e := headroom(t, dir, strings.Fields(c.line)...)
		if e.status != exitUnusable || !strings.HasPrefix(e.stderr, "headroom: "+c.says) || strings.Count(e.stderr, "\n") != 1 || e.stdout != "" {
			t.Errorf("%s: status %d: %s%s", c.line, e.status, e.stdout, e.stderr)
		}
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// A text recording becomes a stream file of the same lifetimes, which is smaller and prints line by line.
func TestRecordConvertsAndPrints(t *testing.T) {
	dir, text := t.TempDir(), sampleFile(t, "sample-block.ftrace.gz")
	e := headroom(t, dir, "record", "--from", text, "--out", "x.stream", "--json")
	var whole wholeRecording
	if err := json.Unmarshal([]byte(e.stdout), &whole); err != nil || e.status != 0 || e.stderr != "" {
		t.Fatalf("status %d, %v: %s%s", e.status, err, e.stdout, e.stderr)
	}
	info, err := os.Stat(filepath.Join(dir, "x.stream"))
	if err != nil || whole.Bytes != info.Size() || info.Size() > 100_000 || len(whole.Kinds) != 1 || whole.Kinds[0].Pairs != 8429 {
		t.Errorf("%v, %v: it says %+v", info, err, whole)
	}
	lines := strings.Split(headroom(t, dir, "record", "--print", "x.stream").stdout, "\n")
	of := strings.Split(headroom(t, dir, "record", "--print", text).stdout, "\n")
	if len(lines) != 8429+2 || strings.Join(lines[1:], "\n") != strings.Join(of[1:], "\n") {
		t.Errorf("%d lines of the stream file, %d of the text", len(lines), len(of))
	}
	var first printedLifetime
	if err := json.Unmarshal([]byte(lines[1]), &first); err != nil || first.Kind != "tag" || first.AllocContext != "process" || first.FreeContext != "softirq" {
		t.Errorf("the first lifetime is %+v, %v", first, err)
	}
	summary := headroom(t, dir, "record", "--from", text, "--out", "y.stream")
	if summary.status != 0 || !strings.Contains(summary.stdout, "8429 tag lifetimes, 5357 freed on another CPU, 4 events without a partner, 0 lost\n") ||
		!strings.Contains(summary.stdout, `allocated by: "interrupts or unknown" 8429`) {
		t.Errorf("status %d: %s%s", summary.status, summary.stdout, summary.stderr)
	}
	compile := headroom(t, dir, "record", "--print", sampleFile(t, "sample-compile.stream")).stdout
	if !strings.Contains(compile, `"comm":"compile","alloc_ns":`) {
		t.Error("the recorded compilation does not name the compiler")
	}
}

// Bench replays a stream file.
func TestBenchTakesAStreamFile(t *testing.T) {
	dir := t.TempDir()
	e := headroom(t, dir, "bench", "--quick", "--trace", sampleFile(t, "sample-directio-qd32.stream"), "--design", "percpu_tags:lock", "--cpus", "1", "--out", "res")
	if e.status != 0 || !strings.Contains(e.stderr, "sample-directio-qd32.stream: stream, 93534 events") {
		t.Fatalf("status %d: %s%s", e.status, e.stdout, e.stderr)
	}
	_, run, err := result.Read(filepath.Join(dir, "res"))
	if err != nil || len(run.Traces) != 1 || run.Traces[0].Format != "stream" || countSamples(run) < 6 {
		t.Errorf("the result is %+v, %v", run, err)
	}
}
