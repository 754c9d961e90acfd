package workload

import (
	"errors"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/machine"
)

// timed is a machine whose clock goes only when it is told to.
type timed struct {
	machine.Machine
	ns int64
}

func (m *timed) Now(*kernel.Task) int64 { return m.ns }

// A chunk takes about 30 us whatever an operation takes, within its bounds, and is a multiple of its unit; what few of the chunks of the warm-up
// suffer from does not count.
func TestChunksAreSizedByTime(t *testing.T) {
	for _, c := range []struct {
		name       string
		nsPerOp    int64
		unit, want int
	}{
		{"cheap operations", 1, 64, mostChunk},
		{"a fast path", 10, 64, 2944},
		{"windows of 40", 10, 40, 3000},
		{"under contention", 300, 64, 64},
		{"bulks", 100, 16, 288},
		{"dear operations", 1_000_000, 1, leastChunk},
		{"a window that takes long by itself", 10_000, 500, 500},
	} {
		m := &timed{}
		r := &run{machine: m}
		ran := 0
		got := r.sized(c.unit, func(ops int) {
			m.ns += c.nsPerOp * int64(ops)
			if ran++; ran%3 == 0 {
				m.ns += 1_000_000_000 // an interruption
			}
		})
		if got != c.want || ran != warmChunks {
			t.Errorf("%s: a chunk is %d operations, want %d, after %d chunks", c.name, got, c.want, ran)
		}
	}
}

// Throughput is the operations over the time from the first CPU's start to the last one's end: a CPU that is held up while the others are done lowers it.
func TestThroughputIsOfTheWholeInterval(t *testing.T) {
	r := &run{seats: []seat{{ops: 600, started: 1000, ended: 2000}, {ops: 200, started: 1500, ended: 5000}}}
	s := &result.Sample{Ops: 800}
	if r.rates(s); s.WallNs != 4000 || s.OpsPerSec != 800/4000e-9 {
		t.Errorf("%v ns and %v operations a second", s.WallNs, s.OpsPerSec)
	}
}

// A sample of a closed workload does not count when it took half as long again as it should, but for a chunk; no such thing holds for samples that end
// otherwise, or on a simulated clock.
func TestOverrunSamplesDoNotCount(t *testing.T) {
	const asked = 20_000_000
	for _, c := range []struct {
		name     string
		workload string
		osCPUs   []int
		wallNs   float64
		chunk    int
		drop     bool
	}{
		{"in time", Fastpath, []int{0, 1}, 1.01 * asked, 64, false},
		{"just so", Window, []int{0, 1}, 1.5 * asked, 64, false},
		{"late", Window, []int{0, 1}, 1.6 * asked, 64, true},
		{"late by a long chunk", TagExhaust, []int{0, 1}, 1.6 * asked, 4000, false},
		{"late by more than that", TagExhaust, []int{0, 1}, 1.8 * asked, 4000, true},
		{"bulks", BulkKeep, []int{0}, 2 * asked, 64, true},
		{"across", CrossCPU, []int{0, 1}, 2 * asked, 64, true},
		{"a whole pass", Trace, []int{0, 1}, 10 * asked, 0, false},
		{"a backlog", BioInflight, []int{0, 1}, 10 * asked, 0, false},
		{"cycles", ExhaustRecover, []int{0, 1}, 10 * asked, 0, false},
		{"rounds", StartStorm, []int{0, 1}, 10 * asked, 0, false},
		{"simulated", Fastpath, nil, 10 * asked, 64, false},
	} {
		r := &run{spec: Spec{Workload: c.workload, DurationNs: asked}, load: loadOf(c.workload), osCPUs: c.osCPUs, seats: []seat{{}, {chunk: c.chunk}}}
		got := r.overran(&result.Sample{WallNs: c.wallNs, NsPerOp: 1000})
		if (got != "") != c.drop || c.drop && !strings.HasPrefix(got, "the sample of 20 ms took 3") && !strings.HasPrefix(got, "the sample of 20 ms took 4") {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// Real-time priority is for short samples of designs that do their own waiting: Go's scheduler has threads of ordinary priority, which those would lock
// out. On one CPU nobody else is waited for.
func TestRealtimeIsNotForEverybody(t *testing.T) {
	heavy := Flight{Rate: 1e5, Depth: 1, ServiceUs: 100} // ten times what it can serve
	for _, c := range []struct {
		name   string
		spec   Spec
		native bool
		want   error
	}{
		{"a design on kernel words", Spec{Workload: Window, CPUs: 2, DurationNs: burstNs}, false, nil},
		{"one on Go's primitives", Spec{Workload: Window, CPUs: 2, DurationNs: 1}, true, errGoScheduler},
		{"the same on one CPU", Spec{Workload: Window, CPUs: 1, DurationNs: 1}, true, nil},
		{"a long sample", Spec{Workload: Window, CPUs: 1, DurationNs: burstNs + 1}, false, errTooLong},
		{"threads to be preempted", Spec{Workload: Preempted, CPUs: 4, DurationNs: 1}, false, errToBePreempted},
		{"a flight that keeps up", Spec{Workload: BioInflight, CPUs: 1, DurationNs: burstNs / 2, Flight: light}, false, nil},
		{"a flight with a backlog", Spec{Workload: BioInflight, CPUs: 1, DurationNs: burstNs / 2, Flight: heavy}, false, errTooLong},
	} {
		r := &run{spec: c.spec, variant: designs.Variant{Capabilities: designs.Capabilities{NativeOnly: c.native}}}
		if got := r.unfit(); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	long := &run{spec: Spec{Workload: Trace, DurationNs: 1, Pace: 0.5}, replay: &replay{spanNs: burstNs/2 + 1}}
	if got := long.unfit(); !errors.Is(got, errTooLong) {
		t.Errorf("a recording at half its pace: %v", got)
	}
}
