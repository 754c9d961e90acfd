package trace

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// written is the recording as a stream file.
func written(t interface{ Fatal(...any) }, r *Recording) []byte {
	var b bytes.Buffer
	if err := r.WriteStream(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// drawTold is a random recording with all that a stream file can hold and text cannot.
func drawTold(t *rapid.T) *Recording {
	r := drawRecording(t)
	if r == nil {
		return nil
	}
	for range rapid.IntRange(0, 4).Draw(t, "tasks") {
		r.Tasks = append(r.Tasks, Task{rapid.Uint32().Draw(t, "pid"), rapid.StringN(0, 15, maxCommBytes).Draw(t, "comm")})
	}
	for i := range r.Lifetimes {
		r.Lifetimes[i].Task = rapid.Uint32Range(0, uint32(len(r.Tasks))).Draw(t, "task")
	}
	r.Source = Source{
		Recorder: rapid.StringN(1, 30, -1).Draw(t, "recorder"), Kernel: rapid.StringN(0, 30, -1).Draw(t, "kernel"), Clock: "mono",
		Command: rapid.StringN(0, 30, -1).Draw(t, "command"), StartedUnix: rapid.Int64Range(0, math.MaxInt64).Draw(t, "started"),
		OnlineCPUs: rapid.IntRange(0, maxCPU+1).Draw(t, "online"), OwnEvents: rapid.IntRange(0, 1<<20).Draw(t, "own"),
	}
	r.Lost, r.Malformed, r.MalformedLine, r.Backwards = rapid.IntRange(0, math.MaxInt).Draw(t, "lost"), 3, 4, 5
	return r
}

// What is written is read back, gzip'd or not, and equal recordings give equal bytes.
func TestStreamFilesGiveBackTheRecording(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawTold(t)
		if r == nil {
			return
		}
		data := written(t, r)
		if !bytes.Equal(data, written(t, r)) {
			t.Fatal("two writings differ")
		}
		want := *r
		want.Name, want.Format = "f", StreamFile
		for _, form := range [][]byte{data, zipped(data)} {
			got, err := Read(bytes.NewReader(form), "f")
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, &want) {
				t.Fatalf("got\n%+v\nwant\n%+v", got, &want)
			}
			if err := got.fuzzCheck(); err != nil {
				t.Fatal(err)
			}
			if again := written(t, got); !bytes.Equal(again, data) {
				t.Fatal("what was read is written differently")
			}
		}
	})
}

// The order of the lifetimes in memory is no matter of the file, and neither are classes that are equally frequent.
func TestConvertedTextNamesItsFormat(t *testing.T) {
	r, err := Read(strings.NewReader(onePage), "f")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(written(t, r)), "g")
	if err != nil || got.Source.Recorder != "ftrace" || got.Name != "g" || got.Format.String() != "stream" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// The bytes of a small file, one by one: docs/STREAM.md walks through the same.
func TestStreamFileOfAWorkedExample(t *testing.T) {
	r := &Recording{
		Format: StreamFile, CPUs: 2, Events: 4, SpanNs: 300, Tasks: []Task{{7, "dd"}}, Source: Source{Recorder: "r"},
		Lifetimes: []Lifetime{
			{AllocNs: 0, FreeNs: 300, AllocSequence: 0, FreeSequence: 2, FreeCPU: 1, AllocContext: Process, FreeContext: SoftIRQ, Task: 1},
			{AllocNs: 100, FreeNs: 300, AllocSequence: 1, FreeSequence: 3, FreeCPU: 1, AllocContext: Process, FreeContext: SoftIRQ, Task: 1},
		},
	}
	want := streamMagic + "\x01" + // version
		"\x01r\x00\x00\x00" + // recorder, kernel, clock, command
		"\x00\x00\x00\x02\x04\x00\x00\x00\x00\xac\x02" + // start, online, own, CPUs, events, lost, malformed, first, backwards, span 300
		"\x00\x00\x00\x00" + // unmatched
		"\x01\x07\x02dd" + // one task
		"\x01\x00\x00\x01\x00\x01\x01\x02" + // one class: tag, order 0, task 1, CPU 0 in process, CPU 1 in softirq
		"\x02" + "\x00\x00" + "\x02\x02" + // two lifetimes: classes, distances
		"\x00\x64\xc8\x01\x00" // times
	got := written(t, r)
	if string(got[:len(got)-checksumBytes]) != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// A recording that breaks an invariant, or a limit of the form, is not written.
func TestUnfitRecordingsAreNotWritten(t *testing.T) {
	var b bytes.Buffer
	if err := (&Recording{Lifetimes: []Lifetime{{}}}).WriteStream(&b); err == nil || !strings.HasPrefix(err.Error(), "I2") {
		t.Errorf("two steps at one place: %v", err)
	}
	r := &Recording{Name: "f", SpanNs: math.MaxInt64, Lifetimes: []Lifetime{{FreeSequence: 1}}}
	if err := r.WriteStream(&b); !errors.Is(err, ErrTooLarge) || !strings.HasPrefix(err.Error(), "f: too large: 9223372036854775807 ns") {
		t.Errorf("a long span: %v", err)
	}
	if b.Len() > 0 {
		t.Errorf("%d bytes were written", b.Len())
	}
}

// sound is a recording of one page that can be written.
func sound() *Recording {
	return &Recording{Name: "f", CPUs: 1, Events: 2, SpanNs: 9, Lifetimes: []Lifetime{{FreeNs: 9, FreeSequence: 1, Kind: Page}}}
}

// What is written can be read: each number at its limit passes both, and beyond it neither is tried.
func TestNumbersBeyondALimitAreNotWritten(t *testing.T) {
	for _, c := range []struct {
		says   string // of what is beyond
		change func(r *Recording, by int)
	}{
		{"f: too large: 4097 CPUs online, where a stream file may have 4096; start the kernel with nr_cpus=4096 to record this machine", func(r *Recording, by int) { r.Source.OnlineCPUs = 4096 + by }},
		{"f: too large: 4097 CPUs, where", func(r *Recording, by int) { r.CPUs = 4096 + by }},
		{"f: too large: 1099511627777 unmatched ends, where a stream file may have 1099511627776; record for a shorter time, or one kind only", func(r *Recording, by int) { r.Unmatched[Page].Ends = maxUnmatched + by }},
		{"f: too large: 1099511627777 unmatched starts, where", func(r *Recording, by int) { r.Unmatched[Tag].Starts = maxUnmatched + by }},
		{"f: -1 events lost: a count is never negative", func(r *Recording, by int) { r.Lost = -by }},
		{"f: -1 unmatched ends: a count is never negative", func(r *Recording, by int) { r.Unmatched[Tag].Ends = -by }},
		{"f: 1 lifetimes in 1 events: ", func(r *Recording, by int) { r.Events = 2 - by }},
		{"I5: lifetime 0 is ", func(r *Recording, by int) { r.Lifetimes[0].AllocCPU = uint16(4095 + by) }},
		{"I5: lifetime 0 is ", func(r *Recording, by int) { r.Lifetimes[0].FreeCPU = uint16(4095 + by) }},
		{"I5: lifetime 0 is ", func(r *Recording, by int) { r.Lifetimes[0].Order = uint8(63 + by) }},
		{"I5: lifetime 0 is ", func(r *Recording, by int) { r.Lifetimes[0].Kind = Page + Kind(by) }},
		{"I5: lifetime 0 is ", func(r *Recording, by int) { r.Lifetimes[0].AllocContext = NMI + Context(by) }},
		{"I5: lifetime 0 is ", func(r *Recording, by int) { r.Lifetimes[0].FreeContext = NMI + Context(by) }},
	} {
		r := sound()
		c.change(r, 0)
		if _, err := Read(bytes.NewReader(written(t, r)), "f"); err != nil {
			t.Errorf("at the limit of %q: %v", c.says, err)
		}
		r = sound()
		c.change(r, 1)
		var b bytes.Buffer
		if err := r.WriteStream(&b); err == nil || !strings.HasPrefix(err.Error(), c.says) || b.Len() > 0 {
			t.Errorf("got %v and %d bytes, want %s", err, b.Len(), c.says)
		}
	}
	if err := (&Recording{Name: "f"}).WriteStream(new(bytes.Buffer)); err == nil || !strings.HasPrefix(err.Error(), "f: 0 lifetimes in 0 events: ") {
		t.Errorf("an empty recording: %v", err)
	}
}

// A file longer than a reader takes is not written either.
func TestFilesBeyondTheLargestLengthAreNotWritten(t *testing.T) {
	length := len(written(t, sound()))
	if file, err := sound().sealed(length); err != nil || len(file) != length {
		t.Errorf("at the limit: %d bytes, %v", len(file), err)
	}
	file, err := sound().sealed(length - 1)
	if file != nil || !errors.Is(err, ErrTooLarge) || !strings.HasSuffix(err.Error(), "; record for a shorter time, or one kind only (--events block or --events kmem)") {
		t.Errorf("beyond it: %d bytes, %v", len(file), err)
	}
}
