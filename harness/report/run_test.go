package report_test

import (
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"headroom/harness/result"
)

// noise is a fixed sequence of factors around 1.
var noise = []float64{1, 1.012, 0.991, 1.004, 1.021, 0.996, 1.008}

// cell makes a cell of n samples around ns nanoseconds an operation.
func cell(workload, design, variant, kind string, cpus, n int, ns float64, params ...result.Pair) result.Cell {
	c := result.Cell{Workload: workload, Params: params, Design: design, Variant: variant, ItemKind: kind, CPUs: cpus, Guarantee: "may fail, bounded"}
	if design == "percpu_tags" || design == "mempool" {
		c.Guarantee = "waits, bounded"
	}
	if cpus > 1 {
		c.Class = "near"
	}
	for i := range n {
		cost := ns * noise[(i+len(design))%len(noise)]
		c.Kept = append(c.Kept, result.Sample{
			Ops: int64(2e8 * float64(cpus) / cost), WallNs: 2e8, NsPerOp: cost, CASNs: 4.2 * noise[i%len(noise)], LoopNs: 0.41,
			OpsPerSec: 1e9 * float64(cpus) / cost, Class: c.Class,
		})
	}
	return c
}

func pair(key, value string) result.Pair { return result.Pair{Key: key, Value: value} }

var env = result.Env{
	pair("host", "builder"), pair("goos", "linux"), pair("goarch", "amd64"), pair("cpu", "AMD EPYC 7B13"), pair("cpus-allowed", "2"),
	pair("governor", "unknown"), pair("mitigations", "spectre_v2: Retpolines | mds: off"), pair("kernel", "6.12.9"), pair("go", "go1.26.8"),
	pair("commit", "4f2c91d0b7"), pair("modified", "no"), pair("command", "headroom bench -cpus 1,2"),
}

// full is a run that has everything a report may have to show.
func full() *result.Run {
	hold := pair("hold", "32")
	lock := cell("window", "percpu_tags", "lock", "tag", 2, 6, 15.2, hold)
	lock.IRQPairs = 2
	lock.Dropped = far(47.1, 46.2)
	channel := cell("window", "channel", "", "tag", 2, 6, 74.3, hold)
	channel.Warnings = []string{"3 % of the operations failed"}
	none := cell("window", "mutex", "", "tag", 2, 0, 0, hold)
	none.Class, none.Dropped = "near", far(90)
	lock1 := cell("window", "percpu_tags", "lock", "tag", 1, 6, 14.9, hold)
	lock1.IRQPairs = 2
	twin := func(name string, ns float64) result.Cell {
		return cell("fastpath", "sbitmap", "", "tag", 1, 6, ns, pair(result.ParamControl, name))
	}
	run := &result.Run{
		Command: "headroom bench -cpus 1,2", Started: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Warnings: []string{"this is a virtual machine: the host may move its CPUs"},
		Cells: []result.Cell{
			lock, channel, none, cell("window", "sbitmap", "", "tag", 2, 6, 15.25, hold), cell("window", "page", "", "page", 2, 6, 60, hold),
			lock1, cell("window", "channel", "", "tag", 1, 6, 28, hold), cell("window", "sbitmap", "", "tag", 1, 3, 5.9, hold),
			twin("same-a", 5.9), twin("same-b", 5.92), twin("slower", 6.5),
			cell("fastpath", "sbitmap", "", "tag", 1, 6, 5.9), cell("fastpath", "sbitmap", "", "tag", 1, 6, 7.77, pair(result.ParamCall, result.CallInterface)),
		},
		Lacking: []result.Lack{{Workload: "tag-exhaust", Design: "channel", Reason: "its Alloc never waits for an item"}},
		Control: result.Control{
			Cell: "Fastpath/control=same-a/design=sbitmap/cpus=1", AASpreadPct: 1.2, PlantedPct: 10, MeasuredPct: 10.4, PlantedP: 0.0004, DispatchNs: 1.87, Distinguished: true,
		},
	}
	for i, ratio := range []string{"0.5", "1", "2", "4"} {
		for j, v := range []string{"lock", "xchg"} {
			run.Cells = append(run.Cells, cell("tag-exhaust", "percpu_tags", v, "tag", 2, 6, 400/float64(1+i)+50*float64(j), pair("items-per-cpu", ratio)))
		}
	}
	trace := result.Trace{
		File: "blk|req.txt", Format: "ftrace", Kind: "tag", Events: 1234, Pairs: 600, Unmatched: 12, Lost: 2, CrossCPU: 30, SpanNs: 2_000_000_000,
		MaxDepth: 31, CPUs: 2, Description: "4 KiB random reads at depth 32",
	}
	for i := range 40 {
		trace.Depth = append(trace.Depth, result.DepthPoint{AtNs: int64(i) * 50_000_000, Mean: float64(i*(40-i)) / 13, Max: i*(40-i)/13 + 1})
	}
	run.Traces = []result.Trace{trace}
	return run
}

// timed is a run with what full lacks: distributions, open loop, layers, counters, and cells of several guarantees.
var timed = sync.OnceValue(func() *result.Run {
	run := &result.Run{Command: "headroom bench", Started: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	direct := pair(result.ParamCall, result.CallDirect)
	for i, cpus := range []int{1, 2} {
		slab, pool := cell("fastpath", "slab", "", "object", cpus, 8, 10+float64(i)), cell("fastpath", "mempool", "molnar", "object", cpus, 8, 16+float64(i))
		plain := cell("fastpath", "mempool", "molnar", "object", cpus, 8, 14+float64(i), direct)
		pool.Over, plain.Over, pool.IRQPairs, slab.OwnLocks = "slab", "slab", 1, 1
		run.Cells = append(run.Cells, slab, pool, plain)
		for j, design := range []string{"slab", "mempool"} {
			c := cell("fastpath", design, map[string]string{"mempool": "molnar"}[design], "object", cpus, 8, 40, pair(result.ParamLatency, result.EveryOperation))
			withLatency(&c, 25+10*float64(j), result.TimedOperation)
			run.Cells = append(run.Cells, c)
		}
		for _, rate := range []string{"100000", "1000000"} {
			for j, design := range []string{"slab", "mempool"} {
				c := cell("bio-inflight", design, map[string]string{"mempool": "molnar"}[design], "object", cpus, 8, 200, pair("rate", rate))
				withLatency(&c, 60+float64(30*j)+float64(len(rate)), result.TimedIntended, result.TimedActual)
				if rate == "100000" && cpus == 1 {
					few(&c)
				}
				count(&c, map[string]float64{"failed": 0, "waits": 200 * float64(j), "locks": 1500, "bytes-per-item": 4160, "handover-ns": 310})
				run.Cells = append(run.Cells, c)
			}
		}
	}
	return run
})

// count gives every sample of a cell counters around those, each CPU a share of the operations.
func count(c *result.Cell, counters map[string]float64) {
	for i := range c.Kept {
		s := &c.Kept[i]
		s.Counters = make(map[string]float64)
		for name, v := range counters {
			s.Counters[name] = v * noise[i%len(noise)]
		}
		for cpu := range c.CPUs {
			s.PerCPU = append(s.PerCPU, s.Ops/int64(c.CPUs)-int64(cpu*1000*(i+1)))
		}
	}
}

// withLatency gives every sample of a cell distributions around ns, with a tail of a thousandth twenty times as long, and and gaps of the machine
// of 30 us in one of ten thousand operations, which the loop saw as well.
func withLatency(c *result.Cell, ns float64, what ...string) {
	const operations, each = 20_000, 10
	for i := range c.Kept {
		s := &c.Kept[i]
		for k, timed := range what {
			h := hdrhistogram.New(1, 1e13, 3)
			for op := range operations {
				v := ns * noise[(i+op)%len(noise)] * (1 + float64(op%97)/150) / float64(1+k)
				switch {
				case op%10_000 == 0:
					v += 30_000
				case op%1000 < 3:
					v *= 20
				}
				if err := h.RecordValues(int64(v/result.LatencyUnitNs), each); err != nil {
					panic(err)
				}
			}
			s.Latency = append(s.Latency, result.Latency{
				Timed: timed, Method: result.EveryOperation, Count: operations * each, MaxNs: float64(h.Max()) * result.LatencyUnitNs, Histogram: encoded(h),
			})
		}
		for cpu := range c.CPUs {
			gaps := hdrhistogram.New(1, 1e13, 3)
			for _, turn := range []struct {
				ns    float64
				count int64
			}{{10, 90_000_000}, {30_200, 100 + int64(10*i)}, {41_000, 1}} {
				if err := gaps.RecordValues(int64(turn.ns/result.LatencyUnitNs), turn.count); err != nil {
					panic(err)
				}
			}
			s.Floors = append(s.Floors, result.Floor{CPU: cpu, SpunNs: 1e9, Histogram: encoded(gaps)})
		}
	}
}

// few leaves a cell with distributions of a thousand sampled operations, of which the higher percentiles cannot be given.
func few(c *result.Cell) {
	h := hdrhistogram.New(1, 1e13, 3)
	if err := h.RecordValues(int64(80/result.LatencyUnitNs), 1000); err != nil {
		panic(err)
	}
	for i := range c.Kept {
		c.Kept[i].Latency = []result.Latency{{Timed: result.TimedIntended, Method: result.Sampled, Count: 1000, MaxNs: 80, Histogram: encoded(h)}}
	}
}

func encoded(h *hdrhistogram.Histogram) string {
	text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// far makes samples that were set aside because they are of class far.
func far(ns ...float64) []result.Sample {
	var out []result.Sample
	for _, v := range ns {
		out = append(out, result.Sample{Ops: 1000, NsPerOp: v, CASNs: 4.2, OpsPerSec: 2e9 / v, Class: "far", Dropped: fmt.Sprintf("distance class %s: the run compares class near", "far")})
	}
	return out
}
