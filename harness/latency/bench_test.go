package latency

import (
	"fmt"
	"slices"
	"testing"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/latency"
	"headroom/kernel/machine"
)

// BenchmarkRecording is what recording adds to a pair of percpu_tags, in ns: with every operation timed, and sampled. Chunks of the three loops
// take turns, so that what else runs on the machine hits them alike; the figures are medians of the chunks and of their differences.
func BenchmarkRecording(b *testing.B) {
	v, err := catalog.Default("percpu_tags")
	if err != nil {
		b.Fatal(err)
	}
	const chunk = 4096
	bench := newBench(b, v)
	rec := latency.NewRecorder(1)
	var untimed, every, sampled []float64
	bench.do(b, func(t *kernel.Task) {
		nsPerOp := func(loop func()) float64 {
			begun := arch.TSC()
			loop()
			return float64(arch.TSC()-begun) / machine.TicksPerNs() / chunk
		}
		for b.Loop() {
			plain := nsPerOp(func() { v.Loops.Pair(bench.allocator, t, kernel.NoWait, chunk, nil) })
			untimed = append(untimed, plain)
			every = append(every, nsPerOp(func() { v.Loops.Every.Pair(bench.allocator, t, kernel.NoWait, chunk, nil, rec) })-plain)
			sampled = append(sampled, nsPerOp(func() { v.Loops.Sampled.Pair(bench.allocator, t, kernel.NoWait, chunk, nil, rec) })-plain)
		}
	})
	for unit, list := range map[string][]float64{"pair-ns": untimed, "every-adds-ns": every, "sampled-adds-ns": sampled} {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], unit)
	}
}

// stalling holds up one free in so many, by a busy wait.
type stalling struct {
	designs.Allocator
	period, left int
	waitTicks    uint64
}

func (s *stalling) Free(t *kernel.Task, it designs.Item) {
	s.Allocator.Free(t, it)
	if s.left--; s.left == 0 {
		s.left = s.period
		for begun := arch.TSC(); arch.TSC()-begun < s.waitTicks; {
			continue
		}
	}
}

// BenchmarkAgree shows p99.9 and p99.99 of pairs as both methods give them on the real clock, with a busy wait of 20 us planted in every 501st
// operation, and in every 5,003rd. The two take turns. With 100 million operations a method and period it takes some 10 s:
//
//	go test ./harness/latency -run '^$' -bench Agree -benchtime 2000x
func BenchmarkAgree(b *testing.B) {
	for _, period := range []int{501, 5003} {
		b.Run(fmt.Sprintf("period=%d", period), func(b *testing.B) { agree(b, period) })
	}
}

func agree(b *testing.B, period int) {
	const stallNs, chunk = 20_000, 50_048 // a multiple of 64
	v, err := catalog.Default("percpu_tags")
	if err != nil {
		b.Fatal(err)
	}
	bench := newBench(b, v)
	bench.allocator = &stalling{Allocator: bench.allocator, period: period, left: period, waitTicks: uint64(stallNs * machine.TicksPerNs())}
	every, sampled := latency.NewRecorder(1), latency.NewRecorder(2)
	loops := Interface()
	bench.do(b, func(t *kernel.Task) {
		for b.Loop() {
			loops.Every.Pair(bench.allocator, t, kernel.NoWait, chunk, nil, every)
			loops.Sampled.Pair(bench.allocator, t, kernel.NoWait, chunk, nil, sampled)
		}
	})
	for method, r := range map[string]*latency.Recorder{result.EveryOperation: every, result.Sampled: sampled} {
		stored, err := Of([]*latency.Recorder{r}, latency.Operation, method, machine.TicksPerNs())
		if err != nil {
			b.Fatal(err)
		}
		d := merged(b, stored)
		b.ReportMetric(d.Percentile(50), "p50-"+method+"-ns")
		b.ReportMetric(d.Percentile(99), "p99-"+method+"-ns")
		b.ReportMetric(d.Percentile(99.9), "p99.9-"+method+"-ns")
		b.ReportMetric(d.Percentile(99.99), "p99.99-"+method+"-ns")
	}
}
