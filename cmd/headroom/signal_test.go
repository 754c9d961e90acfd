//go:build !sim && !race

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"headroom/harness/result"
)

// interrupted starts the program, sends it a signal once a line of its error output contains mark, and returns how it ended.
func interrupted(t *testing.T, dir, mark string, signal syscall.Signal, arguments ...string) ended {
	t.Helper()
	return watched(t, dir, mark, func(p *os.Process) error { return p.Signal(signal) }, arguments...)
}

// watched starts the program, calls act once a line of its error output contains mark, and returns how it ended.
func watched(t *testing.T, dir, mark string, act func(p *os.Process) error, arguments ...string) ended {
	t.Helper()
	var out, problem bytes.Buffer
	c := start(dir, arguments...)
	c.Stdout = &out
	pipe, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(io.TeeReader(pipe, &problem))
	for acted := false; lines.Scan(); {
		if !acted && strings.Contains(lines.Text(), mark) {
			acted = true
			if err := act(c.Process); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = c.Wait() // an exit status other than 0 is what is asked for
	return ended{c.ProcessState.ExitCode(), out.String(), problem.String()}
}

// quickBench is a run of about three seconds: 30 samples of five cells on one CPU.
var quickBench = []string{"bench", "--quick", "--workload", "fastpath", "--design", "percpu_tags:lock", "--cpus", "1"}

// countSamples is how many samples a run holds.
func countSamples(run *result.Run) (n int) {
	for _, c := range run.Cells {
		n += len(c.Kept) + len(c.Dropped)
	}
	return n
}

// A run that is interrupted ends with status 130 and keeps the samples that were complete, in a result that says so.
func TestInterruptedBenchKeepsWhatWasMeasured(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		dir := t.TempDir()
		e := interrupted(t, dir, "6 of 30 samples", signal, append(quickBench, "--out", "kept", "--latest")...)
		if e.status != exitInterrupted || !strings.Contains(e.stderr, "headroom: interrupted: the samples completed until then are in kept\n") {
			t.Fatalf("%v: status %d: %s", signal, e.status, e.stderr)
		}
		_, run, err := result.Read(filepath.Join(dir, "kept"))
		if err != nil {
			t.Fatal(err)
		}
		if n := countSamples(run); !run.Interrupted || n < 5 || n >= 30 {
			t.Errorf("%v: interrupted %v with %d of 30 samples", signal, run.Interrupted, n)
		}
		if !strings.HasSuffix(e.stdout, filepath.Join("kept", "report.md")+"\n") {
			t.Errorf("%v: it prints %s", signal, e.stdout)
		}
		if _, err := os.Lstat(filepath.Join(dir, "results", "latest")); err == nil {
			t.Errorf("%v: results/latest points at an interrupted run", signal)
		}
	}
}

// A run that is interrupted before its first sample is complete leaves nothing.
func TestBenchInterruptedAtOnceLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	e := interrupted(t, dir, "30 samples, about", syscall.SIGINT, quickBench...)
	left := files(t, dir)
	switch {
	case e.status != exitInterrupted:
		t.Errorf("status %d: %s", e.status, e.stderr)
	case strings.Contains(e.stderr, "there is nothing to keep") && len(left) > 0:
		t.Errorf("left behind are %v", left)
	case !strings.Contains(e.stderr, "there is nothing to keep") && !slices.ContainsFunc(left, func(f string) bool { return filepath.Base(f) == "report.md" }):
		t.Errorf("there was something to keep: %s, and left are %v", e.stderr, left) // the machine was quick: a sample was complete
	}
}

// An exploration ends at the signal, says how far it came, and exits with status 130.
func TestInterruptedExploreSaysHowFarItCame(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		dir := t.TempDir()
		e := interrupted(t, dir, "exploring percpu_tags:lock", signal, "explore", "--design", "percpu_tags", "--seconds", "10000")
		if e.status != exitInterrupted || !strings.Contains(e.stdout, "percpu_tags:lock: ") || !strings.Contains(e.stdout, "no failure found") {
			t.Errorf("%v: status %d: %s%s", signal, e.status, e.stdout, e.stderr)
		}
		if left := files(t, dir); len(left) != 0 {
			t.Errorf("%v: left behind are %v", signal, left)
		}
	}
}

// A command that does not watch for signals is ended by them like any other program.
func TestSignalsEndOtherCommands(t *testing.T) {
	for _, program := range []string{"headroom", "headroom-sim"} {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			c := exec.Command(filepath.Join(programs, program), "sample") // waits for its description
			input, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = c.Wait() // it is killed: that is what is asked for
			_ = input.Close()
			if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != signal {
				t.Errorf("%s sample ends at %v with %v", program, signal, c.ProcessState)
			}
		}
	}
}

// A whole run ends with status 0, a result folder with a report, and a link to it; compared with itself it shows no difference.
func TestBenchWritesAReport(t *testing.T) {
	dir := t.TempDir()
	e := headroom(t, dir, append(quickBench, "--latest")...)
	lines := strings.Split(strings.TrimSpace(e.stdout), "\n")
	report := lines[len(lines)-1]
	if e.status != 0 || !strings.HasPrefix(report, "results"+string(filepath.Separator)) || filepath.Base(report) != "report.md" {
		t.Fatalf("status %d: %s%s", e.status, e.stdout, e.stderr)
	}
	latest := filepath.Join("results", "latest")
	for _, name := range []string{"report.md", "raw.txt", "cells.json", "env.txt"} {
		if info, err := os.Stat(filepath.Join(dir, latest, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	_, run, err := result.Read(filepath.Join(dir, latest))
	if err != nil || run.Interrupted || countSamples(run) < 30 || run.Control.AASpreadPct <= 0 {
		t.Errorf("the result holds %d samples of at least 30, control %+v, %v", countSamples(run), run.Control, err)
	}
	if same := headroom(t, dir, "compare", latest, latest); same.status != 0 {
		t.Errorf("a run compared with itself: status %d: %s%s", same.status, same.stdout, same.stderr)
	}
}

// A run in which samples fail ends with status 1 and a result: the recording vanishes on the way, so its cell is given up, and the rest is measured.
func TestBenchOutlivesFailingSamples(t *testing.T) {
	dir := t.TempDir()
	const name = "sample-block.ftrace.gz"
	data, err := os.ReadFile(filepath.Join("..", "..", "harness", "trace", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	e := watched(t, dir, " samples, about ", func(*os.Process) error { return os.Remove(file) },
		"bench", "--quick", "--workload", "fastpath", "--workload", "trace", "--trace", name, "--design", "percpu_tags:lock", "--cpus", "1", "--out", "kept")
	const cell = "Trace/kind=tag/pace=flat-out/design=percpu_tags:lock/cpus=1"
	if e.status != exitFound || !strings.Contains(e.stderr, "headroom: warning: "+cell+" is given up: its sample failed in round ") ||
		!strings.Contains(e.stderr, "headroom: given up, since a sample failed: "+cell+"\n") {
		t.Errorf("status %d: %s", e.status, e.stderr)
	}
	_, run, err := result.Read(filepath.Join(dir, "kept"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range run.Cells {
		if kept := len(c.Kept); (kept == 0) != (c.Name() == cell) {
			t.Errorf("%s: %d samples are kept", c.Name(), kept)
		}
	}
}
