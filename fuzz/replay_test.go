package fuzz

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readSeed reads a file of corpus/replay.
func readSeed(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("corpus", "replay", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The target tells replay files from other data, or go-fuzz would not be guided.
func TestFuzzTargetPrefersReplays(t *testing.T) {
	for name, want := range map[string]int{"smallest": 1, "everything": 1, "abilities": 1, "machine": 1, "executions": 1, "cut-short": 0, "other-version": 0, "odd-values": 0} {
		if got := FuzzReplayData([]byte(readSeed(t, name))); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

// A file in the form String gives prints as it was.
func TestReplayPrintsAsItWasRead(t *testing.T) {
	for _, name := range []string{"everything", "abilities", "machine", "executions"} {
		text := readSeed(t, name)
		r, err := ParseReplay(name, text)
		if err != nil || r.String() != text {
			t.Errorf("%v:\n%s\nprints as\n%s", err, text, r)
		}
	}
}

// A damaged file is refused in one line that names the file, the line and the remedy.
func TestDamagedReplaysNameTheLine(t *testing.T) {
	const again = "; find the failure again with headroom explore"
	for _, c := range []struct{ name, old, new, says string }{
		{"not a replay", "headroom replay 2", "nothing of the kind",
			`f:1: not a replay file: the first line must be "headroom replay 2"; headroom explore writes such files`},
		{"unknown line", "bare true", "bear true", `f:14: unknown line "bear"` + again},
		{"blank line", "bare true", "", `f:14: unknown line ""` + again},
		{"twice", "cpus 3", "cpus 3\ncpus 3", `f:5: a second line "cpus"` + again},
		{"too many CPUs", "cpus 3", "cpus 17", `f:4: cpus "17": want a number from 0 to 16` + again},
		{"no CPU", "cpus 3", "cpus 0", `f:8: operation "complete:2": want complete with a CPU from 0 to -1` + again},
		{"items", "items 6", "items many", `f:5: items "many": want a number from 0 to 4096` + again},
		{"knob", "knob max 2", "knob max -2", `f:7: knob max "-2": want a number from 0 to 2147483647` + again},
		{"knob alone", "knob max 2", "knob max", `f:7: knob max "": want a number from 0 to 2147483647` + again},
		{"seed", "seed 18446744073709551615", "seed 18446744073709551616", `f:13: seed "18446744073709551616": want a number of 64 bits` + again},
		{"bare", "bare true", "bare 1", `f:14: bare "1": want true or false` + again},
		{"steps", "steps 101", "steps 10000001", `f:19: steps "10000001": want a number from 0 to 10000000` + again},
		{"hash", "hash 0x00ff34fa2cd9ee00", "hash 0x00ff34fa2cd9ee0g", `f:20: hash "0x00ff34fa2cd9ee0g": want a number of 64 bits` + again},
		{"operation", "try wait", "tri wait", `f:8: unknown operation "tri": the operations are try wait free freelast complete:CPU irqtry:CPU yield unplug:CPU plug:CPU all freeall bulk:NUMBER urgent entitled nolocks resize:NUMBER tune:NUMBER drain bogus:NUMBER read` + again},
		{"operation with CPU", "try wait", "try:1 wait", `f:8: operation "try:1": want try without a CPU` + again},
		{"operation without CPU", "irqtry:0", "irqtry", `f:8: operation "irqtry": want irqtry with a CPU from 0 to 2` + again},
		{"operation elsewhere", "unplug:1", "unplug:3", `f:8: operation "unplug:3": want unplug with a CPU from 0 to 2` + again},
		{"task without a CPU", "task 1\n", "task\n", `f:10: task without a CPU` + again},
		{"task on what", "task 1\n", "task one\n", `f:10: task "one": want a number from 0 to 16` + again},
		{"task elsewhere", "task 1\n", "task 3\n", `f:1: a task starts on CPU 3 of a machine of 3`},
		{"no tasks", "task ", "knob ", `f:8: knob 0 "try wait free freelast complete:2 irqtry:0 yield unplug:1": want a number from 0 to 2147483647` + again},
		{"segment", "2x3", "2*3", `f:23: schedule segment "2*3": want entity x steps, such as 2x4` + again},
		{"entity", "2x3", "64x3", `f:23: schedule segment "64x3": want entity x steps, such as 2x4` + again},
		{"no steps", "2x3", "2x0", `f:23: schedule segment "2x0": want entity x steps, such as 2x4` + again},
		{"digest", "#9f3bcc01", "#0", `f:22: schedule digest "#0": want one number of 32 bits, such as #9f3bcc01` + again},
		{"short digest", "#9f3bcc01", "#1", `f:22: schedule "1x2 #1 @Pool.Alloc": want it written "1x2 #00000001 @Pool.Alloc"` + again},
		{"answer", "?1:1/2", "?1:2/2", `f:24: schedule answer "?1:2/2": want step, answer and number of answers, such as ?3:1/2` + again},
		{"answer of one", "?1:1/2", "?1:0/1", `f:24: schedule answer "?1:0/1": want step, answer and number of answers, such as ?3:1/2` + again},
		{"answer after the segment", "?1:1/2", "?15:1/2", `f:24: schedule answer "?15:1/2": want step, answer and number of answers, such as ?3:1/2` + again},
		{"answers in disorder", "?1:1/2", "?9:1/2", `f:24: schedule "0x14 ?9:1/2 ?4:0/360": want the answers in the order of their steps` + again},
		{"answer of the old form", "2x3", "?1x2", `f:23: schedule segment "?1x2": want entity x steps, such as 2x4` + again},
		{"two segments", "2x3", "2x3 1x1", `f:23: schedule word "1x1": want #digest, ?answer or @place after a segment` + again},
		{"spaces", "2x3", "2x3  #9f3bcc02", `f:23: schedule "2x3  #9f3bcc02": want it written "2x3 #9f3bcc02"` + again},
		{"memory", "bare true", "memory psc", `f:14: memory "psc": the models are sc, tso and weak` + again},
		{"nested", "bare true", "nested false", `f:14: nested "false": want true, or no such line` + again},
		{"budget", "bare true", "kills -1", `f:14: kills "-1": want a number from 0 to 1000` + again},
		{"no segments", "schedule 1x1", "schedule", `f:26: schedule "": want a segment, such as 2x4 #9f3bcc01 @Pool.Alloc` + again},
		{"no design", "design percpu_tags\n", "", `f:25: the line "design ..." is missing: the file was cut short` + again},
		{"empty design", "design percpu_tags", "design", `f:1: no design named: give a line such as: design percpu_tags`},
	} {
		text := readSeed(t, "everything")
		damaged := strings.ReplaceAll(text, c.old, c.new)
		r, err := ParseReplay("f", damaged)
		if damaged == text || err == nil || err.Error() != c.says || r != nil {
			t.Errorf("%s: the error is\n%v, want\n%s", c.name, err, c.says)
		}
	}
}

// A file cut short is refused at its last line, wherever it was cut.
func TestReplaysCutShortAreRefused(t *testing.T) {
	lines := strings.SplitAfter(readSeed(t, "smallest"), "\n")
	for n := 1; n < len(lines)-1; n++ {
		_, err := ParseReplay("f", strings.Join(lines[:n], ""))
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("f:%d: the line ", n)) {
			t.Errorf("the first %d lines read with %v", n, err)
		}
	}
}

// A file that is not there is an error that names it and says what to give.
func TestReadReplayNamesTheFile(t *testing.T) {
	path := filepath.Join("corpus", "replay", "none")
	if _, err := ReadReplay(path); err == nil || !strings.Contains(err.Error(), path) || !strings.HasSuffix(err.Error(), "give the path of a file that headroom explore wrote") {
		t.Errorf("the error is %v", err)
	}
	if r, err := ReadReplay(filepath.Join("corpus", "replay", "everything")); err != nil || r.Class != "waiting-beside-free-item" {
		t.Errorf("a good file reads as %v, %v", r, err)
	}
}
