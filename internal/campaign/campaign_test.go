package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headroom/fuzz/corpus"
	"headroom/fuzz/target"
)

// at is a time so many seconds after the start of a session.
func at(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

// Executions, inputs and rates are read from the fuzzers' own lines; the start of a fuzzer does not count.
func TestSessionsCountWhatTheFuzzersReport(t *testing.T) {
	s := &session{target: target.Target{Name: "schedule", Schedules: 256}, engine: native}
	for i, line := range []string{
		"fuzz: elapsed: 0s, gathering baseline coverage: 0/12 completed",
		"fuzz: elapsed: 0s, gathering baseline coverage: 12/12 completed, now fuzzing with 2 workers",
		"fuzz: elapsed: 3s, execs: 3000 (1000/sec), new interesting: 3 (total: 15)",
		"fuzz: elapsed: 4s, execs: 12000 (4500/sec), new interesting: 5 (total: 17)",
		"fuzz: elapsed: 4s, execs: 12000 (0/sec), new interesting: 5 (total: 17)",
		"PASS",
	} {
		s.nativeLine(line, at(i))
	}
	if s.executions != 12000 || s.corpus != 17 || s.rate() != 6000 || s.row() != "schedule    native          12000          6000       3072000       1536000       17         0" {
		t.Errorf("native: %d executions, %d inputs, %v a second\n%s", s.executions, s.corpus, s.rate(), s.row())
	}
	s = &session{target: target.Target{Name: "trace"}, engine: goFuzz}
	for i, line := range []string{
		"2026/01/02 15:04:05 workers: 2, corpus: 12 (2s ago), crashers: 0, restarts: 1/0, execs: 0 (0/sec), cover: 0, uptime: 3s",
		"2026/01/02 15:04:08 workers: 2, corpus: 30 (0s ago), crashers: 0, restarts: 1/100, execs: 500 (83/sec), cover: 90, uptime: 6s",
		"2026/01/02 15:04:11 workers: 2, corpus: 31 (1s ago), crashers: 1, restarts: 1/900, execs: 1700 (188/sec), cover: 91, uptime: 9s",
		"2026/01/02 15:04:12 shutting down...",
	} {
		s.goFuzzLine(line, at(3*i))
	}
	s.findings = []finding{{}}
	if s.executions != 1700 || s.corpus != 31 || s.workers != 2 || s.rate() != 400 || s.row() != "trace       go-fuzz          1700           400             -             -       31         1" {
		t.Errorf("go-fuzz: %d executions, %d inputs, %d workers, %v a second\n%s", s.executions, s.corpus, s.workers, s.rate(), s.row())
	}
	once := &session{target: target.Target{Name: "schedule", Schedules: 256}, engine: native, executions: 3}
	if once.row() != "schedule    native              3             -           768             -        0         0" || len(bars([]*session{once})) != 0 {
		t.Errorf("of one report comes a rate: %s, %v", once.row(), bars([]*session{once}))
	}
	if (&session{}).rate() != 0 {
		t.Error("a session without reports has a rate")
	}
}

// Of the target with a bar it is said whether its schedules a second reach it, of others nothing.
func TestBarsAreSaid(t *testing.T) {
	with := func(name, engine string, executions int64) *session {
		return &session{target: target.Target{Name: name, Schedules: 256}, engine: engine, first: report{at: at(0)}, last: report{at: at(1), executions: executions}}
	}
	got := bars([]*session{with(barTarget, native, 6000), with(barTarget, goFuzz, 3000), with("program", native, 6000)})
	want := []string{
		"schedule under native: 1.54 million schedules a second, the bar is 1.5: met",
		"schedule under go-fuzz: 0.77 million schedules a second, the bar is 0.8: below",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, ok := target.Find(barTarget); !ok {
		t.Errorf("the bar is that of %q, which is no target", barTarget)
	}
}

// What one fuzzer came by the other starts with: raw files become native ones and come back the same.
func TestInputsGoFromOneFuzzerToTheOther(t *testing.T) {
	raw, native, back := t.TempDir(), filepath.Join(t.TempDir(), "native"), filepath.Join(t.TempDir(), "back")
	inputs := []string{"", "plain", "\x00\xff\"`\n"}
	for _, data := range inputs {
		write(t, filepath.Join(raw, inputName([]byte(data))), data)
	}
	if err := convert(raw, native, func(data []byte) ([]byte, error) { return corpus.Native(data), nil }); err != nil {
		t.Fatal(err)
	}
	if err := convert(native, back, corpus.Raw); err != nil {
		t.Fatal(err)
	}
	before, err := read(raw)
	if err != nil {
		t.Fatal(err)
	}
	after, err := read(back)
	if err != nil || len(after) != len(inputs) || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("%q comes back as %q, %v", before, after, err)
	}
	if err := convert(raw, back, corpus.Raw); err == nil || !strings.Contains(err.Error(), raw) {
		t.Errorf("raw files taken for native ones: %v", err)
	}
	if err := convert(filepath.Join(raw, "none"), back, corpus.Raw); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// go-fuzz's findings are the inputs that have their words beside them, with the first line of those; after its end the others too.
func TestCrashersAreRead(t *testing.T) {
	dir := t.TempDir()
	if list, err := crashers(dir, false); err != nil || len(list) != 0 {
		t.Errorf("without a folder: %v, %v", list, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "crashers"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "crashers", "aa"), "data")
	write(t, filepath.Join(dir, "crashers", "aa.quoted"), `"data"`)
	write(t, filepath.Join(dir, "crashers", "aa.output"), "panic: it broke\n\ngoroutine 1\n")
	write(t, filepath.Join(dir, "crashers", "bb"), "not described yet")
	list, err := crashers(dir, false)
	if err != nil || len(list) != 1 || string(list[0].data) != "data" || list[0].says != "it broke" {
		t.Errorf("got %q, %v", list, err)
	}
	list, err = crashers(dir, true)
	if err != nil || len(list) != 2 || string(list[1].data) != "not described yet" || list[1].says != "go-fuzz ended before it said why" {
		t.Errorf("after its end: %q, %v", list, err)
	}
}

// A finding is kept under the name of its target, and repeat runs that target on it: it says whether the failure is still there.
func TestKeptFindingsRepeat(t *testing.T) {
	dir := t.TempDir()
	path, err := keep(dir, "replay", []byte("not a replay file"))
	if err != nil || !strings.HasPrefix(filepath.Base(path), "replay-") {
		t.Fatalf("kept as %s, %v", path, err)
	}
	if err := repeat(path); err != nil {
		t.Errorf("an input that does not fail: %v", err)
	}
	if err := repeat(filepath.Join(dir, "nothing-1")); err == nil || !strings.Contains(err.Error(), "no target is called") {
		t.Errorf("a file of no target: %v", err)
	}
	if err := repeat(filepath.Join(dir, "replay-1")); err == nil || !strings.Contains(err.Error(), "replay-1") {
		t.Errorf("no file: %v", err)
	}
	if says := panics(func([]byte) int { panic("two\nlines") }, nil); says != "two lines" {
		t.Errorf("a panic says %q", says)
	}
}

// A process that is told to end has a moment for it, and nothing of its group is left.
func TestProcessesAreEnded(t *testing.T) {
	dir := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var lines []string
	p := process{args: []string{"sh", "-c", `trap 'echo told; exit 3' INT; echo one; echo two >&2; while :; do sleep 0.01; done`},
		log: filepath.Join(dir, "log", "x.txt"), temp: filepath.Join(dir, "tmp"), line: func(line string) {
			if lines = append(lines, line); line == "two" {
				stop()
			}
		}}
	status, err := p.run(ctx)
	if err != nil || status != 3 || !slices.Equal(lines, []string{"one", "two", "told"}) {
		t.Errorf("status %d, %v, lines %q", status, err, lines)
	}
	log, err := os.ReadFile(p.log)
	if err != nil || !bytes.Equal(log, []byte("one\ntwo\ntold\n")) {
		t.Errorf("the log is %q, %v", log, err)
	}
	if _, err := (process{args: []string{filepath.Join(dir, "none")}, log: p.log, temp: p.temp}).run(context.Background()); err == nil {
		t.Error("a program that is not there is started")
	}
}

// What cannot be run is refused before anything is built.
func TestBadCommandsAreRefused(t *testing.T) {
	c := newCampaign(time.Second)
	for want, err := range map[string]error{
		`no target is called "nothing"`:      c.run(context.Background(), []string{"trace", "nothing"}, []string{native}),
		`no fuzzer is called "other"`:        c.run(context.Background(), nil, []string{"other"}),
		"1ms for each target: give at least": newCampaign(time.Millisecond).run(context.Background(), nil, []string{native}),
		"-3s for each target: give at least": newCampaign(-3*time.Second).loopback(context.Background(), "trace"),
		`no target is called "": there are `: c.loopback(context.Background(), ""),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	list, err := pick(nil)
	if err != nil || len(list) != len(target.All)-1 || slices.ContainsFunc(list, func(t target.Target) bool { return t.Canary }) {
		t.Errorf("without names %d of %d targets, %v", len(list), len(target.All), err)
	}
}
