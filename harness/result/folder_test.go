package result_test

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"headroom/harness/result"
)

// Whatever run is written, the same run is read.
func TestReadGivesWhatWasWritten(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(root, "run")
		if err != nil {
			t.Fatal(err)
		}
		env, run := anyEnv(t), anyRun(t)
		if err := result.Write(dir, env, run); err != nil {
			t.Fatal(err)
		}
		env2, run2, err := result.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(env, env2) {
			t.Fatalf("environment\n%#v\nbecame\n%#v", env, env2)
		}
		if !reflect.DeepEqual(run, run2) {
			t.Fatalf("run\n%+v\nbecame\n%+v", run, run2)
		}
	})
}

var word = rapid.StringMatching(`[a-zA-Z0-9_.:+-]{1,12}`)

func anyEnv(t *rapid.T) result.Env {
	keys := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z][a-z0-9-]{0,8}`), 0, 6, rapid.ID[string]).Draw(t, "keys")
	var env result.Env
	for _, k := range keys {
		env = append(env, result.Pair{Key: k, Value: rapid.StringMatching(`([!-~]([ -~µ]{0,20}[!-~])?)?`).Draw(t, "value")})
	}
	return env
}

func anyRun(t *rapid.T) *result.Run {
	run := &result.Run{
		Command:     rapid.StringMatching(`[ -~\n]{0,20}`).Draw(t, "command"),
		Started:     time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
		Interrupted: rapid.Bool().Draw(t, "interrupted"),
		Warnings:    rapid.SliceOfN(rapid.String(), 0, 2).Draw(t, "warnings"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "cells") {
		c := result.Cell{
			Workload: word.Draw(t, "workload"), Design: word.Draw(t, "design"), CPUs: rapid.IntRange(1, 512).Draw(t, "cpus"),
			IRQPairs: float64(rapid.IntRange(0, 4).Draw(t, "irq")), OwnLocks: float64(rapid.IntRange(0, 4).Draw(t, "own locks")),
			Guarantee: rapid.String().Draw(t, "guarantee"), Over: rapid.String().Draw(t, "over"),
		}
		if rapid.Bool().Draw(t, "has variant") {
			c.Variant = word.Draw(t, "variant")
		}
		for range rapid.IntRange(0, 2).Draw(t, "params") {
			c.Params = append(c.Params, result.Pair{Key: word.Draw(t, "key"), Value: word.Draw(t, "value")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "kept") {
			c.Kept = append(c.Kept, anySample(t))
		}
		for range rapid.IntRange(0, 1).Draw(t, "dropped") {
			c.Dropped = append(c.Dropped, anySample(t))
		}
		run.Cells = append(run.Cells, c)
	}
	return run
}

// anySample has figures of any size, zero and negative ones too: a bad figure must not cost the rest of a run.
func anySample(t *rapid.T) result.Sample {
	figure := rapid.Float64Range(-1, 1e12)
	s := result.Sample{
		Ops: rapid.Int64Range(0, 1<<50).Draw(t, "ops"), WallNs: figure.Draw(t, "wall"), NsPerOp: figure.Draw(t, "ns"),
		CASNs: rapid.Float64Range(0, 500).Draw(t, "cas"), OpsPerSec: figure.Draw(t, "rate"), PerCPU: []int64{1, 2},
	}
	if s.CASNs > 0 && s.CASNs < 1e-200 {
		s.CASNs = 1
	}
	if rapid.Bool().Draw(t, "has counters") {
		s.Counters = map[string]float64{"steals": 3}
	}
	return s
}

// Each damage gives one line that names file, line and remedy.
func TestDamagedFilesAreNamed(t *testing.T) {
	const again = "one of the two files was changed or cut short: copy the folder again"
	for name, c := range map[string]struct {
		file string
		harm func(string) string // "" removes the file
		want string
	}{
		"no env":       {result.EnvFile, gone, "env.txt: missing; a run folder has env.txt, raw.txt and cells.json: copy the folder again, or repeat the run"},
		"no cells":     {result.CellsFile, gone, "cells.json: missing; a run folder has env.txt, raw.txt and cells.json: copy the folder again, or repeat the run"},
		"env junk":     {result.EnvFile, line(3, "what is this"), `env.txt:3: "what is this" is not "key: value"; remove or mend the line`},
		"env key":      {result.EnvFile, line(2, "GOOS: linux"), `env.txt:2: key "GOOS" does not begin with a lower-case letter; remove or mend the line`},
		"env twice":    {result.EnvFile, line(2, "commit: 1"), `env.txt:2: key "commit" stands on line 1 already; remove one of the two`},
		"raw junk":     {result.RawFile, line(7, "\x00\x01\x02"), `raw.txt:7: "\x00\x01\x02" is not Go benchmark format; remove the line, or copy the folder again`},
		"raw number":   {result.RawFile, swap("12.5 ns/op", "x ns/op"), "raw.txt:10: parsing measurement: invalid syntax; remove the line, or copy the folder again"},
		"raw value":    {result.RawFile, swap("12.5 ns/op", "11.5 ns/op"), "raw.txt:10: Window/hold=32/design=percpu_tags:lock/cpus=2: 11.5 ns/op, cells.json has 12.5; " + again},
		"raw unit":     {result.RawFile, swap("12.5 ns/op", "12.5 us/op"), "raw.txt:10: Window/hold=32/design=percpu_tags:lock/cpus=2: no ns/op; " + again},
		"raw name":     {result.RawFile, swap("design=channel", "design=chan"), "raw.txt:12: benchmark Window/hold=32/design=chan/cpus=2 where cells.json has Window/hold=32/design=channel/cpus=2; " + again},
		"raw short":    {result.RawFile, upTo("BenchmarkWindow/hold=32/design=channel"), "raw.txt:11: ends after 2 samples, cells.json has 3; " + again},
		"raw long":     {result.RawFile, func(s string) string { return s + "BenchmarkX 1 1 ns/op\n" }, "raw.txt:13: sample 4, but cells.json has only 3; " + again},
		"cells cut":    {result.CellsFile, upTo(`"lacking"`), "cells.json:147: the file ends in the middle of a value; copy the folder again, or repeat the run"},
		"cells empty":  {result.CellsFile, func(string) string { return "\n" }, "cells.json:1: the file is empty; copy the folder again, or repeat the run"},
		"cells junk":   {result.CellsFile, line(3, "@"), "cells.json:3: not JSON: invalid character '@' looking for beginning of object key string; copy the folder again, or repeat the run"},
		"cells type":   {result.CellsFile, swap(`"cells": [`, `"cells": 7, "x": [`), "cells.json:6: cells is a number, not a []result.Cell; copy the folder again, or repeat the run"},
		"cells future": {result.CellsFile, swap(`"format": 1`, `"format": 9`), "cells.json:1: form 9, this headroom reads up to 1; build a newer headroom"},
		"cells alien":  {result.CellsFile, func(string) string { return "{}" }, `cells.json:1: no "format" in it, so it is not a run of headroom; copy the folder again, or repeat the run`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := result.Write(dir, sampleEnv(), sampleRun()); err != nil {
				t.Fatal(err)
			}
			harm(t, filepath.Join(dir, c.file), c.harm)
			_, _, err := result.Read(dir)
			if want := dir + "/" + c.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestMissingFolderIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	_, _, err := result.Read(dir)
	if want := dir + ": no such run folder; give a folder that has env.txt, raw.txt and cells.json"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func gone(string) string { return "" }

func swap(old, new string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, new, 1) }
}

// line puts text in place of line n, from 1.
func line(n int, text string) func(string) string {
	return func(s string) string {
		lines := strings.Split(s, "\n")
		lines[n-1] = text
		return strings.Join(lines, "\n")
	}
}

func upTo(mark string) func(string) string {
	return func(s string) string { return s[:strings.Index(s, mark)] }
}

func harm(t *testing.T, path string, change func(string) string) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := change(string(old))
	if text == string(old) {
		t.Fatalf("nothing was changed in %s", path)
	}
	if text == "" {
		err = os.Remove(path)
	} else {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The last rename is made to fail by a folder that stands where cells.json should go.
func TestFailedWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, result.CellsFile, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := result.Write(dir, sampleEnv(), sampleRun()); err == nil {
		t.Fatal("no error")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, error %v; want only the folder %s", left, err, result.CellsFile)
	}
}

func TestFigureThatIsNoNumberIsNamed(t *testing.T) {
	run := sampleRun()
	run.Cells[0].Kept[1].LoopNs = math.NaN()
	dir := filepath.Join(t.TempDir(), "run")
	want := "write " + dir + "/cells.json: cell Window/hold=32/design=percpu_tags:lock/cpus=2, sample 2: loopNs is infinite or not a number"
	if err := result.Write(dir, nil, run); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A value with line breaks must not be able to add lines of its own.
func TestControlCharactersInAValueBecomeBlanks(t *testing.T) {
	dir := t.TempDir()
	if err := result.Write(dir, result.Env{{Key: "governor", Value: "x\nfake: y\r\n"}}, &result.Run{}); err != nil {
		t.Fatal(err)
	}
	env, _, err := result.Read(dir)
	if err != nil || len(env) != 1 || env[0].Value != "x fake: y" {
		t.Errorf("read %q, error %v", env, err)
	}
}

func TestBadEnvironmentKeysAreNamed(t *testing.T) {
	for key, want := range map[string]string{
		"":     `environment key "" is empty`,
		"GOOS": `environment key "GOOS" does not begin with a lower-case letter`,
		"a b":  `environment key "a b" has a character other than a-z, 0-9 and hyphen`,
		"a:":   `environment key "a:" has a character other than a-z, 0-9 and hyphen`,
	} {
		dir := filepath.Join(t.TempDir(), "run")
		want := "write " + dir + "/env.txt: " + want
		if err := result.Write(dir, result.Env{{Key: key}}, &result.Run{}); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
