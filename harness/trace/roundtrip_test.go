package trace

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// history is a made-up past: the events a recorder would have seen, and the lifetimes in them.
type history struct {
	events    []printed
	lifetimes []Lifetime // times absolute, sequences by place in events
	unmatched [kinds]Unmatched
	open      []openItem
	nowNs     int64
	nextKey   uint64
}

// openItem is a lifetime under way, and the event that started it, with the sectors that remain.
type openItem struct {
	lifetime Lifetime
	start    printed
}

var contexts = []Context{Process, SoftIRQ, HardIRQ, NMI}

// drawHistory makes a history of up to 60 steps, each at least stepNs after the one before.
func drawHistory(t *rapid.T, unitNs int64, stepUnits int64) *history {
	h := &history{nowNs: rapid.Int64Range(0, 1e5).Draw(t, "start") * 1e6, nextKey: 1}
	steps := rapid.IntRange(2, 60).Draw(t, "steps")
	for range steps {
		h.nowNs += unitNs * rapid.Int64Range(stepUnits, 50).Draw(t, "pause")
		e := printed{
			atNs:    h.nowNs,
			cpu:     rapid.Uint16Range(0, 3).Draw(t, "cpu"),
			context: rapid.SampledFrom(contexts).Draw(t, "context"),
			comm:    rapid.StringMatching(`[ -~]{1,15}`).Draw(t, "comm"),
		}
		switch action := rapid.IntRange(0, 9).Draw(t, "action"); {
		case action == 0:
			h.events = append(h.events, e) // of no interest
		case action == 1:
			h.stray(t, e)
		case action <= 5 && len(h.open) > 0:
			h.free(t, e)
		default:
			h.alloc(t, e)
		}
	}
	for _, item := range h.open {
		h.unmatched[item.lifetime.Kind].Starts++
	}
	return h
}

// alloc starts a lifetime under a key that no open one has.
func (h *history) alloc(t *rapid.T, e printed) {
	l := Lifetime{AllocNs: e.atNs, AllocSequence: uint32(len(h.events)), AllocCPU: e.cpu, AllocContext: e.context}
	e.key = h.nextKey
	h.nextKey += 64
	if rapid.Bool().Draw(t, "page") {
		e.op, e.order = pageAlloc, rapid.Uint8Range(0, 10).Draw(t, "order")
		l.Kind, l.Order = Page, e.order
	} else {
		e.op, e.sectors = issue, rapid.Uint32Range(1, 64).Draw(t, "sectors")
		e.device = rapid.SampledFrom([]uint32{8 << 20, 254<<20 | 7, 4095<<20 | 1<<19}).Draw(t, "device")
	}
	h.events = append(h.events, e)
	h.open = append(h.open, openItem{l, e})
}

// free ends a lifetime, or completes a part of its sectors.
func (h *history) free(t *rapid.T, e printed) {
	i := rapid.IntRange(0, len(h.open)-1).Draw(t, "which")
	item := &h.open[i]
	e.key, e.device, e.order, e.op, e.sectors = item.start.key, item.start.device, item.start.order, pageFree, item.start.sectors
	if item.lifetime.Kind == Tag {
		e.op = complete
		if part := rapid.Uint32Range(1, 64).Draw(t, "part"); part < e.sectors {
			e.sectors = part
			item.start.key += uint64(part)
			item.start.sectors -= part
			h.events = append(h.events, e)
			return
		}
	}
	l := item.lifetime
	l.FreeNs, l.FreeSequence, l.FreeCPU, l.FreeContext = e.atNs, uint32(len(h.events)), e.cpu, e.context
	h.lifetimes = append(h.lifetimes, l)
	h.events = append(h.events, e)
	h.open = slices.Delete(h.open, i, i+1)
}

// stray ends what never started.
func (h *history) stray(t *rapid.T, e printed) {
	e.key, e.sectors, e.op = 1<<60, 8, complete
	kind := Tag
	if rapid.Bool().Draw(t, "strayPage") {
		kind, e.op = Page, pageFree
	}
	h.unmatched[kind].Ends++
	h.events = append(h.events, e)
}

// expected is what a reader must make of the history: lifetimes in the order of their starts, times from the first event,
// sequences counted anew without the events that have no part in a lifetime.
func (h *history) expected(s style) []Lifetime {
	var used []uint32
	for _, l := range h.lifetimes {
		used = append(used, l.AllocSequence, l.FreeSequence)
	}
	slices.Sort(used)
	rank := func(sequence uint32) uint32 { return uint32(slices.Index(used, sequence)) }
	want := slices.Clone(h.lifetimes)
	slices.SortFunc(want, func(a, b Lifetime) int { return int(a.AllocSequence) - int(b.AllocSequence) })
	for i := range want {
		l := &want[i]
		l.AllocNs -= h.events[0].atNs
		l.FreeNs -= h.events[0].atNs
		l.AllocSequence, l.FreeSequence = rank(l.AllocSequence), rank(l.FreeSequence)
		l.AllocContext, l.FreeContext = s.context(l.AllocContext), s.context(l.FreeContext)
	}
	return want
}

// drawStyle chooses a recorder.
func drawStyle(t *rapid.T) style {
	return style{
		format:  rapid.SampledFrom([]Format{Ftrace, TraceCmd, Perf}).Draw(t, "format"),
		nanos:   rapid.Bool().Draw(t, "nanos"),
		flags:   rapid.Bool().Draw(t, "flags"),
		tgid:    rapid.Bool().Draw(t, "tgid"),
		decimal: rapid.Bool().Draw(t, "decimal"),
		bare:    rapid.Bool().Draw(t, "bare"),
	}
}

func (s style) unitNs() int64 {
	if s.nanos {
		return 1
	}
	return 1000
}

// checkRead reads text and compares what comes out with the history.
func (h *history) checkRead(t *rapid.T, s style, text []byte) {
	r, err := Read(bytes.NewReader(text), "history")
	want := h.expected(s)
	if len(want) == 0 {
		if !errors.Is(err, ErrNoLifetimes) {
			t.Fatalf("no lifetimes, but error %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := r.fuzzCheck(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Lifetimes, want) {
		t.Fatalf("got\n%v\nwant\n%v", r.Lifetimes, want)
	}
	if r.Format != s.format || r.Events != len(h.events) || r.Unmatched != h.unmatched || r.Malformed != 0 ||
		r.SpanNs != h.nowNs-h.events[0].atNs {
		t.Fatalf("counts %+v, want %d events, unmatched %v", r, len(h.events), h.unmatched)
	}
}

// Random lifetimes, printed by each recorder, plain and zipped, read back the same.
func TestWhatARecorderPrintsReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStyle(t)
		h := drawHistory(t, s.unitNs(), 0)
		text := []byte(s.text(h.events))
		if rapid.Bool().Draw(t, "zip") {
			text = zipped(text)
		}
		h.checkRead(t, s, text)
	})
}

// The same when each CPU's events are printed in one piece: sorting by time undoes it. Times are all different here.
func TestPerCPUBuffersAreMerged(t *testing.T) {
	merged := 0
	rapid.Check(t, func(t *rapid.T) {
		s := drawStyle(t)
		h := drawHistory(t, s.unitNs(), 1)
		byCPU := slices.Clone(h.events)
		slices.SortStableFunc(byCPU, func(a, b printed) int { return int(a.cpu) - int(b.cpu) })
		if !slices.Equal(byCPU, h.events) {
			merged++
		}
		h.checkRead(t, s, []byte(s.text(byCPU)))
	})
	if merged == 0 {
		t.Error("no history was out of order, so nothing was shown")
	}
}

// Garbage between the lines changes the counts and nothing else. The first line must be an event, for ErrNotTrace's sake.
func TestGarbageBetweenLinesIsOnlyCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStyle(t)
		h := drawHistory(t, s.unitNs(), 0)
		want := h.expected(s)
		var b strings.Builder
		b.WriteString(s.header())
		bad, lost := 0, 0
		for _, e := range h.events {
			line := s.line(e)
			fmt.Fprintln(&b, line)
			switch rapid.IntRange(0, 5).Draw(t, "noise") {
			case 0:
				bad++
				fmt.Fprintln(&b, rapid.SampledFrom([]string{"?", "\x00\xff", "[001] 1.000000:", "x-1 [000] .... 1.5: a: b"}).Draw(t, "bad"))
			case 1:
				lost += 7
				fmt.Fprintln(&b, rapid.SampledFrom([]string{"CPU:1 [LOST 7 EVENTS]", "CPU:12 [7 EVENTS DROPPED]", "LOST 7 events"}).Draw(t, "loss"))
			case 2:
				fmt.Fprintln(&b)
			}
		}
		r, err := Read(strings.NewReader(b.String()), "noise")
		if len(want) == 0 {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Lifetimes, want) || r.Malformed != bad || r.Lost != lost {
			t.Fatalf("got %+v, want %d malformed, %d lost and lifetimes\n%v", r, bad, lost, want)
		}
	})
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}
