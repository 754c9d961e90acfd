package trace

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/golden/*.want and testdata/*.want")

// Each file in testdata/golden is read and everything found in it compared with its .want.
func TestGoldenRecordingsReadAsWritten(t *testing.T) {
	paths, err := filepath.Glob("testdata/golden/*.trace")
	if err != nil || len(paths) < 9 {
		t.Fatalf("found %d golden files: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.fuzzCheck(); err != nil {
				t.Error(err)
			}
			compareGolden(t, strings.TrimSuffix(path, ".trace")+".want", dump(r))
		})
	}
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// dump prints a recording with all its lifetimes.
func dump(r *Recording) string {
	var b strings.Builder
	fmt.Fprintf(&b, "format %v\nevents %d on %d cpus in %d ns\nlost %d\nmalformed %d, first line %d\nbackwards %d\n",
		r.Format, r.Events, r.CPUs, r.SpanNs, r.Lost, r.Malformed, r.MalformedLine, r.Backwards)
	for kind, u := range r.Unmatched {
		fmt.Fprintf(&b, "%v unmatched: %d starts, %d ends\n", Kind(kind), u.Starts, u.Ends)
	}
	for _, l := range r.Lifetimes {
		fmt.Fprintf(&b, "%v order %d: at %d ns cpu %d %v sequence %d, to %d ns cpu %d %v sequence %d\n", l.Kind, l.Order,
			l.AllocNs, l.AllocCPU, l.AllocContext, l.AllocSequence, l.FreeNs, l.FreeCPU, l.FreeContext, l.FreeSequence)
	}
	return b.String()
}

// Each shipped stream file reads as its .want says: what Summary finds in it, and who allocated.
func TestStreamSamplesReadAsRecorded(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.stream")
	if err != nil || len(paths) != 2 {
		t.Fatalf("found %v, %v", paths, err)
	}
	for _, path := range paths {
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.fuzzCheck(); err != nil {
			t.Error(err)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%+v\nlost %d\n", r.Source, r.Lost)
		for _, part := range r.Split() {
			sum := part.Summary()
			fmt.Fprintf(&b, "%s, at most %d at once\n", sum.Description, sum.MaxDepth)
			for _, point := range sum.Depth {
				fmt.Fprintf(&b, " %.1f", point.Mean)
			}
			b.WriteByte('\n')
		}
		count := map[string]int{}
		for _, l := range r.Lifetimes {
			comm := "none"
			if l.Task > 0 {
				comm = r.Tasks[l.Task-1].Comm
			}
			count[fmt.Sprintf("%s, in %v, freed in %v", comm, l.AllocContext, l.FreeContext)]++
		}
		for _, who := range slices.Sorted(maps.Keys(count)) {
			fmt.Fprintf(&b, "%s: %d\n", who, count[who])
		}
		compareGolden(t, strings.TrimSuffix(path, ".stream")+".want", b.String())
	}
}

// The shipped samples are whole: their figures were checked once by another program and must not change.
func TestSamplesReadAsRecorded(t *testing.T) {
	for _, want := range []struct {
		file                         string
		kind                         Kind
		events, pairs, starts, ends  int
		crossCPU, maxDepth, softirqs int
		spanNs                       int64
	}{
		{"testdata/sample-block.ftrace.gz", Tag, 16862, 8429, 0, 4, 5357, 8, 8429, 272566000},
		{"testdata/sample-pages.ftrace.gz", Page, 8722, 4201, 271, 49, 1102, 3351, 110, 30311000},
	} {
		r, err := Open(want.file)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.fuzzCheck(); err != nil {
			t.Error(err)
		}
		sum := r.Summary()
		softirqs := 0
		for _, l := range r.Lifetimes {
			if l.FreeContext == SoftIRQ {
				softirqs++
			}
		}
		if sum.Events != want.events || sum.Pairs != want.pairs || sum.CrossCPU != want.crossCPU || sum.MaxDepth != want.maxDepth ||
			sum.SpanNs != want.spanNs || sum.CPUs != 2 || sum.Lost != 0 || r.Malformed != 0 || softirqs != want.softirqs ||
			sum.Kind != want.kind.String() || r.Unmatched[want.kind] != (Unmatched{want.starts, want.ends}) {
			t.Errorf("%s: got %+v, %d freed in softirq, unmatched %v", want.file, sum, softirqs, r.Unmatched)
		}
	}
}
