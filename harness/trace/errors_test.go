package trace

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

const onePage = "a-1 [000] ..... 1.000001: mm_page_alloc: page=0x1 pfn=0x1 order=0 migratetype=0\n" +
	"a-1 [000] ..... 1.000002: mm_page_free: page=0x1 pfn=0x1 order=0\n"

// Every way in which a file cannot be read, with the exact line a user sees.
func TestErrorsNameFileLineAndRemedy(t *testing.T) {
	const record = "; record one with `headroom record`, `trace-cmd report` or cat /sys/kernel/tracing/trace"
	const needs = ": needs block_rq_issue with block_rq_complete, or mm_page_alloc with mm_page_free, of one request or page; found "
	long := zipped([]byte(strings.Repeat(onePage, 2000)))
	flipped := bytes.Clone(long)
	flipped[len(flipped)-8] ^= 1 // in the checksum
	for _, c := range []struct {
		name, data string
		is         error
		want       string
	}{
		{"empty", "", ErrNotTrace, "f:1: not a trace: no ftrace, trace-cmd or perf script event in an empty file" + record},
		{"prose", "# Title\n\nSome words.\n", ErrNotTrace, "f:1: not a trace: no ftrace, trace-cmd or perf script event in its 3 lines" + record},
		{"headers only", "# tracer: nop\n#\n", ErrNotTrace, "f:1: not a trace: no ftrace, trace-cmd or perf script event in its 2 lines" + record},
		{"much prose", "# Title\n" + strings.Repeat("word\n", 5000), ErrNotTrace,
			"f:1: not a trace: no ftrace, trace-cmd or perf script event in its first 1001 lines" + record},
		{"one long line", strings.Repeat("x", maxLineBytes+1), ErrNotTrace, "f:1: not a trace: a line of more than 1048576 bytes" + record},
		{"ticks", "# tracer: nop\na-1 [000] ..... 123456: mm_page_alloc: page=0x1 pfn=0x1 order=0 m\n", ErrNotTrace,
			"f:2: not a trace: its times count ticks, not seconds; echo mono > trace_clock and record again"},
		{"trace.dat", "\x17\x08\x44tracing6\x00", ErrNotTrace, "f:1: not a trace: the binary file of trace-cmd; print it with `trace-cmd report -i`"},
		{"perf.data", "PERFILE2h\x00\x00", ErrNotTrace, "f:1: not a trace: the binary file of perf; print it with `perf script -i`"},
		{"other events", "a-1 [000] ..... 1.000001: sched_switch: x\na-1 [000] ..... 1.000002: kfree: y\n", ErrNoLifetimes,
			"f:2: no lifetime in 2 events" + needs + "none of these"},
		{"starts only", strings.SplitAfter(onePage, "\n")[0], ErrNoLifetimes, "f:1: no lifetime in 1 events" + needs + "mm_page_alloc 1 times"},
		{"no partners", strings.Replace(onePage, "pfn=0x1 ", "pfn=0x2 ", 1), ErrNoLifetimes,
			"f:2: no lifetime in 2 events" + needs + "mm_page_alloc 1 times, mm_page_free 1 times"},
		{"gzip without header", "\x1f\x8b", ErrDamaged, "f:1: damaged gzip: it is cut short here; copy it again, or keep what is there with `gzip -dc`"},
		{"gzip of an odd method", "\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x00", ErrDamaged, "f:1: damaged gzip: gzip: invalid header; copy it again"},
		{"gzip cut at its end", string(long[:len(long)-8]), ErrDamaged,
			"f:4000: damaged gzip: it is cut short here; copy it again, or keep what is there with `gzip -dc`"},
		{"gzip with a wrong checksum", string(flipped), ErrDamaged, "f:4000: damaged gzip: gzip: invalid checksum; copy it again"},
		{"gzip of garbage", string(long[:10]) + "\x07\x07\x07", ErrDamaged, "f:1: damaged gzip: flate: corrupt input before offset 1; copy it again"},
	} {
		r, err := Read(strings.NewReader(c.data), "f")
		if r != nil || !errors.Is(err, c.is) || err.Error() != c.want {
			t.Errorf("%s: got %v, %v\nwant %s", c.name, r, err, c.want)
		}
	}
}

// A file cut in mid-stream names the line it got to.
func TestTruncatedGzipNamesTheLineReached(t *testing.T) {
	whole := zipped([]byte(strings.Repeat(onePage, 5000)))
	_, err := Read(bytes.NewReader(whole[:len(whole)/2]), "half.gz")
	if !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), "half.gz:") || strings.HasPrefix(err.Error(), "half.gz:1:") {
		t.Errorf("got %v", err)
	}
}

// The reader's own errors come through, at the first byte and later.
func TestReadErrorsPassThrough(t *testing.T) {
	broken := errors.New("disk on fire")
	if _, err := Read(iotest.ErrReader(broken), "f"); !errors.Is(err, broken) || err.Error() != "f:1: disk on fire" {
		t.Errorf("at once: got %v", err)
	}
	late := func(text string) *bufio.Reader {
		// Small reads, so that the error does not come with the first bytes.
		return bufio.NewReader(&afterwards{strings.NewReader(text), broken})
	}
	if _, err := Read(late(onePage), "f"); !errors.Is(err, broken) || err.Error() != "f:2: disk on fire" {
		t.Errorf("later: got %v", err)
	}
	long := onePage + strings.Repeat("x", 3*maxLineBytes)
	if _, err := Read(late(long), "f"); !errors.Is(err, broken) || err.Error() != "f:3: disk on fire" {
		t.Errorf("in an over-long line: got %v", err)
	}
	if _, err := Read(late(string(zipped([]byte(onePage))[:20])), "f"); !errors.Is(err, broken) || err.Error() != "f:1: disk on fire" {
		t.Errorf("in a gzip: got %v", err)
	}
}

// afterwards gives the text and then the error instead of the end.
type afterwards struct {
	text *strings.Reader
	err  error
}

func (a *afterwards) Read(p []byte) (int, error) {
	if a.text.Len() == 0 {
		return 0, a.err
	}
	return a.text.Read(p)
}

func TestOpenReportsAMissingFileAndADirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent")
	if _, err := Open(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("absent: got %v", err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.HasPrefix(err.Error(), path+":1: ") {
		t.Errorf("directory: got %v", err)
	}
}

// The bound on memory, with a small number in its place.
func TestTooManyEventsAreRefused(t *testing.T) {
	p := parser{name: "f", limit: 2, contextColumn: defaultContextColumn}
	text := onePage + "a-1 [000] ..... 1.000003: kfree: not counted\n"
	if err := p.readLines(bufio.NewReader(strings.NewReader(text))); err != nil {
		t.Fatal(err)
	}
	err := p.readLines(bufio.NewReader(strings.NewReader(onePage)))
	const want = "f:4: too large: more than 2 events that pair; read a part of it, or record for a shorter time"
	if !errors.Is(err, ErrTooLarge) || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// Each line is one a reader must not take for an event; the trace around it reads on.
func TestMalformedLinesAreCounted(t *testing.T) {
	for _, line := range []string{
		"a-1 [4096] ..... 1.000002: kfree: x",
		"a-1 [99999999999999999999] ..... 1.000002: kfree: x",
		"a-1 [-1] ..... 1.000002: kfree: x",
		"a-1 [000] ..... -1.000002: kfree: x",
		"a-1 [000] ..... 1.00002: kfree: x",
		"a-1 [000] ..... 1.0000000002: kfree: x",
		"a-1 [000] ..... 9223372036.000000: kfree: x",
		"a-1 [000] ..... 99999999999999999999.000000: kfree: x",
		"a-1 [000] ..... 123456: kfree: x",
		"a-1 [000] ..... 1.000002:kfree: x",
		"a-1 [000] ..... 1.000002: kfree",
		"a-1 [000] ..... 1.000002:",
		"a-1 [000] ..... 1.000002: : x",
		"a-1 [000] ............ 1.000002: kfree: x",
		"a-1 [000]",
		"a-1 [000",
		"a1 [000] ..... 1.000002: kfree: x",
		"a-1 ) [000] ..... 1.000002: kfree: x",
		"a-1 [000] ..... 1.000002: kmem:kfree: x", // as perf prints, in an ftrace recording
		"a-1 [000] ..... 1.000002: mm_page_free: page=0x1 pfn=0x1",
		"a-1 [000] ..... 1.000002: mm_page_free: page=0x1 pfn= order=0",
		"a-1 [000] ..... 1.000002: mm_page_free: page=0x1 pfn=0x order=0",
		"a-1 [000] ..... 1.000002: mm_page_free: page=0x1 pfn=-1 order=0",
		"a-1 [000] ..... 1.000002: mm_page_free: page=0x1 pfn=0x10000000000000000 order=0",
		"a-1 [000] ..... 1.000002: mm_page_free: page=0x1 pfn=0x1 order=64",
		"a-1 [000] ..... 1.000002: mm_page_free: page=0x1 pfn=0x1 order=1x",
		"a-1 [000] ..... 1.000002: mm_page_free: page=0x1 xpfn=0x1 order=0",
		"a-1 [000] ..... 1.000002: block_rq_issue: 8,0 R 4096 () 64 + 8 [a",
		"a-1 [000] ..... 1.000002: block_rq_issue: 8,0 R 4096 () 64 + [a]",
		"a-1 [000] ..... 1.000002: block_rq_issue: 8,0 R 4096 () 64 + 8]",
		"a-1 [000] ..... 1.000002: block_rq_issue: 8,0 R 4096 () 64 8 [a]",
		"a-1 [000] ..... 1.000002: block_rq_issue: 8,0 R 4096 () -64 + 8 [a]",
		"a-1 [000] ..... 1.000002: block_rq_issue: 8,0 R 4096 64 + 8 [a]",
		"a-1 [000] ..... 1.000002: block_rq_issue: 8,0 R 4096 (64 + 8 [a]",
		"a-1 [000] ..... 1.000002: block_rq_issue: 8 R 4096 () 64 + 8 [a]",
		"a-1 [000] ..... 1.000002: block_rq_issue: 4096,0 R 4096 () 64 + 8 [a]",
		"a-1 [000] ..... 1.000002: block_rq_issue: 8,1048576 R 4096 () 64 + 8 [a]",
		"a-1 [000] ..... 1.000002: block_rq_issue: 8,0 R 4096 () 64 + 4294967296 [a]",
		"a-1 [000] ..... 1.000002: block_rq_issue: 8,0 R 4096 () 18446744073709551616 + 8 [a]",
		"CPU:1 [LOST EVEN",
		"CPU:1 LOST 3 EVENTS",
		"CPU:1 [SOME EVENTS]",
		"LOST in thought",
		"4011d main (/bin/a)", // a frame of perf has a tab before it
		strings.Repeat("y", 2*maxLineBytes+5),
	} {
		r, err := Read(strings.NewReader(onePage+line+"\n"+strings.ReplaceAll(onePage, " 1.", " 2.")), "f")
		if err != nil {
			t.Errorf("%.90s: %v", line, err)
			continue
		}
		if r.Malformed != 1 || r.MalformedLine != 3 || r.Lost != 0 || len(r.Lifetimes) != 2 || r.Events != 4 {
			t.Errorf("%.90s: got %+v", line, r)
		}
	}
}

// A header may claim anything; the sum of losses stays a number.
func TestLossesSaturate(t *testing.T) {
	const huge = "99999999999999999999999"
	text := "# tracer: nop\n# entries-in-buffer/entries-written: 5/9223372036854775807   #P:2\n" +
		"# entries-in-buffer/entries-written: 9/5   #P:2\n# entries-in-buffer/entries-written: x/5\n" +
		"# entries-in-buffer/entries-written: 5 5\nCPU:0 [LOST " + huge + " EVENTS]\nCPU:0 [LOST 5 EVENTS]\n" + onePage
	r, err := Read(strings.NewReader(text), "f")
	if err != nil || r.Lost != math.MaxInt || r.Malformed != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}
