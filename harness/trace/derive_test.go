package trace

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawRecording reads a random history back; nil if it has no lifetime.
func drawRecording(t *rapid.T) *Recording {
	s := style{format: Ftrace, nanos: rapid.Bool().Draw(t, "nanos")}
	r, err := Read(strings.NewReader(s.text(drawHistory(t, s.unitNs(), 0).events)), "drawn")
	if err != nil {
		return nil
	}
	return r
}

// Summary's depth equals a count made the slow way: overlap of every lifetime with every slice, and lifetimes open after
// every step.
func TestDepthIsTheNumberOfOpenLifetimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecording(t)
		if r == nil {
			return
		}
		depth := r.Summary().Depth
		for i, point := range depth {
			endNs := r.SpanNs
			if i+1 < len(depth) {
				endNs = depth[i+1].AtNs
			}
			largest, area := 0, int64(0)
			for _, l := range r.Lifetimes {
				area += max(0, min(l.FreeNs, endNs)-max(l.AllocNs, point.AtNs))
			}
			for sequence, s := range r.steps() {
				inSlice := r.at(s) >= point.AtNs && (r.at(s) < endNs || i == len(depth)-1)
				// The step before the slice leaves the depth that the slice begins with.
				isLastBefore := r.at(s) < point.AtNs && (sequence+1 == 2*len(r.Lifetimes) || r.at(r.steps()[sequence+1]) >= point.AtNs)
				if inSlice || isLastBefore {
					largest = max(largest, r.openAfter(uint32(sequence)))
				}
			}
			if point.Max != largest {
				t.Fatalf("slice %d: largest depth %d, want %d", i, point.Max, largest)
			}
			if width := endNs - point.AtNs; width > 0 && math.Abs(point.Mean*float64(width)-float64(area)) > 1e-6*float64(area+1) {
				t.Fatalf("slice %d: mean %v over %d ns, want area %d", i, point.Mean, width, area)
			}
		}
	})
}

// openAfter counts the lifetimes open after the step of the given sequence.
func (r *Recording) openAfter(sequence uint32) int {
	open := 0
	for _, l := range r.Lifetimes {
		if l.AllocSequence <= sequence && sequence < l.FreeSequence {
			open++
		}
	}
	return open
}

// Streams holds every step once, on the CPU that the rule names; fuzzCheck has shown the order.
func TestStreamsPutEveryStepOnItsCPU(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecording(t)
		if r == nil {
			return
		}
		cpus := rapid.IntRange(1, 6).Draw(t, "cpus")
		streams := r.Streams(cpus)
		if err := r.checkStreams(streams); err != nil {
			t.Fatal(err)
		}
		total := 0
		for cpu, stream := range streams {
			total += len(stream.Operations)
			for _, op := range stream.Operations {
				l := r.Lifetimes[op.Lifetime]
				want := Operation{AtNs: l.AllocNs, Sequence: l.AllocSequence, Lifetime: op.Lifetime, Context: l.AllocContext}
				recorded := l.AllocCPU
				if op.Free {
					want = Operation{AtNs: l.FreeNs, Sequence: l.FreeSequence, Lifetime: op.Lifetime, Free: true, Context: l.FreeContext}
					recorded = l.FreeCPU
				}
				if op != want || stream.CPU != cpu || rankOf(r, recorded)%cpus != cpu {
					t.Fatalf("CPU %d of %d: got %+v, want %+v, recorded on CPU %d", cpu, cpus, op, want, recorded)
				}
			}
		}
		if len(streams) != cpus || total != 2*len(r.Lifetimes) {
			t.Fatalf("%d streams with %d operations for %d lifetimes", len(streams), total, len(r.Lifetimes))
		}
	})
}

// rankOf numbers the CPUs of a recording the slow way (S1).
func rankOf(r *Recording, cpu uint16) int {
	below := map[uint16]bool{}
	for _, l := range r.Lifetimes {
		for _, c := range [2]uint16{l.AllocCPU, l.FreeCPU} {
			if c < cpu {
				below[c] = true
			}
		}
	}
	return len(below)
}

// Split loses nothing and gives each part one kind and sequences of its own.
func TestSplitSeparatesTheKinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecording(t)
		if r == nil {
			return
		}
		lifetimes, names := 0, []string{}
		for _, part := range r.Split() {
			if err := part.Check(); err != nil {
				t.Fatal(err)
			}
			kind := part.Lifetimes[0].Kind
			for _, l := range part.Lifetimes {
				if l.Kind != kind {
					t.Fatalf("a part of kinds %v and %v", kind, l.Kind)
				}
			}
			sum := part.Summary()
			if want := r.Unmatched[kind].Starts + r.Unmatched[kind].Ends; sum.Kind != kind.String() || sum.Unmatched != want {
				t.Fatalf("summary %+v, want kind %v with %d unmatched", sum, kind, want)
			}
			lifetimes += len(part.Lifetimes)
			names = append(names, sum.Kind)
		}
		if got := r.Summary(); lifetimes != len(r.Lifetimes) || got.Kind != strings.Join(names, "+") {
			t.Fatalf("%d lifetimes in parts %v of %d, %s", lifetimes, names, len(r.Lifetimes), got.Kind)
		}
	})
}

// Summary by hand: two tags over 400 us, so each slice is 10 us long.
func TestSummaryOfAWorkedExample(t *testing.T) {
	const us = 1000
	r := &Recording{
		Name: "a.gz", Format: Perf, Events: 9, Lost: 2, Malformed: 1, MalformedLine: 4, Backwards: 3, CPUs: 2, SpanNs: 400 * us,
		Unmatched: [kinds]Unmatched{{Starts: 2, Ends: 1}},
		Lifetimes: []Lifetime{
			{AllocNs: 5 * us, FreeNs: 400 * us, AllocSequence: 0, FreeSequence: 3, FreeCPU: 1},
			{AllocNs: 12 * us, FreeNs: 13 * us, AllocSequence: 1, FreeSequence: 2},
		},
	}
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	sum := r.Summary()
	if len(sum.Depth) != 40 || sum.Depth[0].Mean != 0.5 || sum.Depth[1].Mean != 1.1 || sum.Depth[1].Max != 2 || sum.Depth[39].AtNs != 390*us ||
		sum.Depth[39].Mean != 1 || sum.MaxDepth != 2 || sum.CrossCPU != 1 || sum.Unmatched != 3 || sum.File != "a.gz" || sum.Format != "perf" {
		t.Errorf("got %+v", sum)
	}
	const want = "perf recording of 400µs on 2 CPUs: 2 tag lifetimes, 50.0% of them freed on another CPU; left out for want of a partner: starts 2, " +
		"ends 1; events lost 2, so some lifetimes are missing or joined wrongly; sorted by time, which went back 3 times; " +
		"malformed lines 1, first at line 4"
	if sum.Description != want {
		t.Errorf("description %q\nwant %q", sum.Description, want)
	}
}

// A recording of one instant and one of 3 ns have fewer slices than 40, none of them without length but the only one.
func TestShortRecordingsHaveFewerSlices(t *testing.T) {
	for spanNs, want := range map[int64]int{0: 1, 1: 1, 3: 3, 40: 40, 41: 40, math.MaxInt64: 40} {
		r := &Recording{SpanNs: spanNs, Lifetimes: []Lifetime{{FreeNs: spanNs, FreeSequence: 1}}}
		depth := r.Summary().Depth
		if len(depth) != want {
			t.Errorf("%d ns: %d slices, want %d", spanNs, len(depth), want)
		}
		for i, point := range depth {
			if point.Mean != 1 || point.Max != 1 || i > 0 && point.AtNs <= depth[i-1].AtNs {
				t.Errorf("%d ns: slice %d is %+v", spanNs, i, point)
			}
		}
	}
}
