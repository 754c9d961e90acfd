package result_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/perf/benchfmt"

	"headroom/harness/result"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// sampleEnv is the environment of sampleRun.
func sampleEnv() result.Env {
	return result.Env{
		{Key: "commit", Value: "4f2c91d"}, {Key: "goarch", Value: "amd64"}, {Key: "goos", Value: "linux"},
		{Key: "cpu", Value: "AMD EPYC 7B13"}, {Key: "governor", Value: ""}, {Key: "command", Value: "headroom bench -workload window"},
	}
}

// sampleRun has two cells, one of them with a sample set aside, and a third without any sample.
func sampleRun() *result.Run {
	sample := func(ns, cas float64) result.Sample {
		return result.Sample{Ops: 40_000_000, WallNs: 2e8, NsPerOp: ns, CASNs: cas, LoopNs: 0.4, OpsPerSec: 2e9 / ns, PerCPU: []int64{2e7, 2e7}, Class: "near"}
	}
	far := sample(31.5, 4.25)
	far.Class, far.Dropped = "far", "far class, most samples are near"
	hold := []result.Pair{{Key: "hold", Value: "32"}}
	return &result.Run{
		Command: "headroom bench -workload window", Started: time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC),
		Cells: []result.Cell{
			{Workload: "window", Params: hold, Design: "percpu_tags", Variant: "lock", ItemKind: "tag", CPUs: 2, Class: "near", IRQPairs: 2,
				Kept: []result.Sample{sample(12.5, 4.25), sample(12.75, 4.125)}, Dropped: []result.Sample{far}},
			{Workload: "window", Params: hold, Design: "channel", ItemKind: "tag", CPUs: 2, Class: "near",
				Kept: []result.Sample{sample(74, 4)}, Warnings: []string{"one sample <only>"}},
			{Workload: "tag-exhaust", Design: "channel", ItemKind: "tag", CPUs: 1},
		},
		Lacking:  []result.Lack{{Workload: "window", Design: "mempool", Reason: "gives objects, not tags"}},
		Warnings: []string{"governor unknown"},
		Control:  result.Control{Cell: "Window/hold=32/design=channel/cpus=2", AASpreadPct: 1.5, PlantedPct: 10, MeasuredPct: 9.5, PlantedP: 0.002, Distinguished: true},
	}
}

// The golden file is what benchstat is given.
func TestRawFileIsTheGoldenOne(t *testing.T) {
	dir := t.TempDir()
	if err := result.Write(dir, sampleEnv(), sampleRun()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{result.RawFile, result.EnvFile, result.CellsFile} {
		have, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, have, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s differs from %s; after review: go test ./harness/result -update\n%s", name, golden, have)
		}
	}
}

// benchfmt takes every line, knows which way is better, and sees design and cpus as keys of the name.
func TestBenchfmtAcceptsTheRawFile(t *testing.T) {
	dir := t.TempDir()
	if err := result.Write(dir, sampleEnv(), sampleRun()); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, result.RawFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := benchfmt.NewReader(f, result.RawFile)
	lines := 0
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(rec)
		case *benchfmt.Result:
			lines++
			if got := rec.GetConfig("cpu"); got != "AMD EPYC 7B13" {
				t.Errorf("cpu is %q", got)
			}
			if base, parts := rec.Name.Parts(); string(base) != "Window" || len(parts) != 3 {
				t.Errorf("name %s has base %s and parts %q", rec.Name, base, parts)
			}
		}
	}
	if r.Err() != nil || lines != 3 {
		t.Errorf("%d results, error %v; want 3", lines, r.Err())
	}
	for unit, better := range map[string]int{result.UnitNs: -1, result.UnitCAS: -1, result.UnitThroughput: 1} {
		if got := r.Units().GetBetter(unit); got != better {
			t.Errorf("unit %s: better is %d, want %d", unit, got, better)
		}
	}
}

// A name that would break its line is refused, and the error says which part of which cell.
func TestNamesThatBreakTheFormatAreRefused(t *testing.T) {
	const blank = `cell "Window/hold=a b/design=channel/cpus=1": the value of hold "a b" has a blank, a slash or an equals sign`
	for _, c := range []struct {
		cell result.Cell
		want string
	}{
		{result.Cell{Workload: "window", Design: "channel", CPUs: 1, Params: []result.Pair{{Key: "hold", Value: "a b"}}}, blank},
		{result.Cell{Workload: "window", CPUs: 1}, "cell Window/design=/cpus=1: the design is empty"},
		{result.Cell{Workload: "window", Design: "a/b", CPUs: 1}, `cell "Window/design=a/b/cpus=1": the design "a/b" has a blank, a slash or an equals sign`},
		{result.Cell{Workload: "window", Design: "a", Variant: "x\u00a0y", CPUs: 1},
			"cell \"Window/design=a:x\\u00a0y/cpus=1\": the variant \"x\\u00a0y\" has a blank, a slash or an equals sign"},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		err := result.Write(dir, nil, &result.Run{Cells: []result.Cell{c.cell}})
		if want := "write " + filepath.Join(dir, result.RawFile) + ": " + c.want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s was made", dir)
		}
	}
}

// The percentiles of the first distribution stand under their own names, those of a second under what it timed; what has fewer than ten operations
// above it, or cannot be read, is left out.
func TestPercentilesStandInTheRawFile(t *testing.T) {
	stored := func(ns float64, count int64) string {
		h := hdrhistogram.New(1, 1e13, 3)
		if err := h.RecordValues(int64(ns*10), count); err != nil {
			t.Fatal(err)
		}
		text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	run := &result.Run{Cells: []result.Cell{{Workload: "bio-inflight", Design: "mutex", CPUs: 1, Kept: []result.Sample{{
		Ops: 2000, NsPerOp: 9, CASNs: 3, OpsPerSec: 1e8,
		Latency: []result.Latency{
			{Timed: result.TimedIntended, Count: 2000, Histogram: stored(87.6, 2000)},
			{Timed: result.TimedActual, Count: 20, Histogram: stored(12.3, 20)},
			{Timed: result.TimedFree, Histogram: "damaged"},
		},
	}}}}}
	dir := t.TempDir()
	if err := result.Write(dir, nil, run); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, result.RawFile))
	if err != nil {
		t.Fatal(err)
	}
	const want = `
Unit ns/op better=lower
Unit cas/op better=lower
Unit op/s better=higher
Unit p50-ns better=lower
Unit p90-ns better=lower
Unit p99-ns better=lower
Unit actual-p50-ns better=lower
BenchmarkBioInflight/design=mutex/cpus=1 2000 9 ns/op 3 cas/op 1e+08 op/s 87.6 p50-ns 87.6 p90-ns 87.6 p99-ns 12.3 actual-p50-ns
`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if _, _, err := result.Read(dir); err != nil {
		t.Errorf("what was written cannot be read: %v", err)
	}
}
