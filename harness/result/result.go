// Package result is the form of one finished run on disk: what was measured, where, and how far it can be trusted.
//
// A run is a folder:
//
//	env.txt     the environment, one "key: value" a line
//	raw.txt     every kept sample in Go benchmark format, with Unit lines
//	cells.json  every cell with its samples, its dropped samples and its warnings
//	report.md   the report, beside the pictures it shows
//	report.html the same in one file, pictures included
//
// raw.txt is what benchstat reads; cells.json holds what the benchmark format has no place for.
package result

import "time"

// File names inside a run's folder.
const (
	EnvFile    = "env.txt"
	RawFile    = "raw.txt"
	CellsFile  = "cells.json"
	ReportFile = "report.md"
	PageFile   = "report.html"
)

// Env is the environment a run was taken in, as ordered key and value pairs, so that env.txt and the report list it alike.
type Env []Pair

// Pair is one line of the environment. Key is lower-case words joined by hyphens.
type Pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Get returns the value of key, or "" when the environment does not have it.
func (e Env) Get(key string) string {
	for _, p := range e {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

// Run is one finished (or interrupted) run.
type Run struct {
	Command     string    `json:"command"`     // the command line that repeats it
	Started     time.Time `json:"started"`     // wall clock, UTC
	Interrupted bool      `json:"interrupted"` // true when it was stopped early and holds only the complete samples
	Cells       []Cell    `json:"cells"`
	Lacking     []Lack    `json:"lacking"`  // designs that cannot run a workload, with the reason
	Warnings    []string  `json:"warnings"` // doubts about the run as a whole
	Control     Control   `json:"control"`
	Traces      []Trace   `json:"traces"` // recordings replayed, with what was found in each
}

// Cell is one combination measured: a workload with its parameters, on a design, on a number of CPUs.
type Cell struct {
	Workload string   `json:"workload"` // fastpath, window, tag-exhaust, trace
	Params   []Pair   `json:"params"`   // for example hold=32, items-per-cpu=0.5; part of the benchmark name
	Design   string   `json:"design"`   // percpu_tags
	Variant  string   `json:"variant"`  // lock; "" for a design of one variant
	ItemKind string   `json:"itemKind"` // tag, id, page, object: different kinds are never ranked against each other
	CPUs     int      `json:"cpus"`     // count of CPUs that run the workload
	Kept     []Sample `json:"kept"`     // samples that count, all of one distance class
	Dropped  []Sample `json:"dropped"`  // samples set aside, each with its reason
	Class    string   `json:"class"`    // distance class of Kept: "near", "far", the distance of cross-cpu, or "" on one CPU
	IRQPairs float64  `json:"irqPairs"` // interrupt save/restore pairs the kernel's form of the variant makes in one operation; free here
	// What the variant declares: its guarantee in a word or two (GuaranteeClass), the locks of the CPU's own that one operation takes on the
	// fast path, and the full name of the variant it is a layer over, "" for none.
	Guarantee string   `json:"guarantee"`
	OwnLocks  float64  `json:"ownLocks"`
	Over      string   `json:"over"`
	Warnings  []string `json:"warnings"`
}

// Name is the benchmark name of the cell, without the Benchmark prefix: Window/hold=32/design=percpu_tags:lock/cpus=2.
func (c *Cell) Name() string {
	name := benchmarkWord(c.Workload)
	for _, p := range c.Params {
		name += "/" + p.Key + "=" + p.Value
	}
	return name + "/design=" + c.DesignName() + "/cpus=" + itoa(c.CPUs)
}

// DesignName is the design with its variant: percpu_tags:lock, or channel when there is one variant only.
func (c *Cell) DesignName() string {
	if c.Variant == "" {
		return c.Design
	}
	return c.Design + ":" + c.Variant
}

// Sample is what one fresh process measured.
type Sample struct {
	Ops       int64              `json:"ops"`               // operations completed by all CPUs; one operation is one alloc and its free
	WallNs    float64            `json:"wallNs"`            // measured interval, barrier to barrier
	NsPerOp   float64            `json:"nsPerOp"`           // CPU time of one operation; which of it counts, the workload decides
	CASNs     float64            `json:"casNs"`             // uncontended compare-and-swap of the same process
	LoopNs    float64            `json:"loopNs"`            // cost of the measuring loop itself, per operation
	OpsPerSec float64            `json:"opsPerSec"`         // throughput of all CPUs together
	RTTNs     [2]float64         `json:"rttNs"`             // line round trip between the CPUs before and after; 0 on one CPU
	Class     string             `json:"class"`             // distance class, "" on one CPU
	PerCPU    []int64            `json:"perCpu"`            // operations of each CPU
	Counters  map[string]float64 `json:"counters"`          // waits, steals, refills, spills, failures: counts over the interval
	Latency   []Latency          `json:"latency,omitempty"` // distributions of single operations; none in a run without a clock in the operation
	Floors    []Floor            `json:"floors,omitempty"`  // what the machine itself took away from each CPU, beside Latency
	Dropped   string             `json:"dropped"`           // why it was set aside, "" when kept
}

// What a Latency timed.
const (
	TimedOperation = "operation" // one alloc and its free
	TimedAlloc     = "alloc"     // one alloc
	TimedFree      = "free"      // one free
	TimedIntended  = "intended"  // open loop: one alloc, from the moment it was due
	TimedStart     = "start"     // irq-alloc-fails: from the submission of a write until it had its item
	TimedServed    = "served"    // exhaust-recover: from the release of all items until one task was served
	TimedActual    = "actual"    // open loop: the same from the moment it began; it leaves out what the wait for its turn took
)

// How a Latency was taken.
const (
	EveryOperation = "every"   // each operation timed, one clock reading ending it and starting the next
	Sampled        = "sampled" // one random operation of each block, and each block as a whole
)

// Latency is the distribution of the times of single operations in one sample, over all CPUs.
type Latency struct {
	Timed     string  `json:"timed"`  // TimedOperation, TimedAlloc, TimedFree, TimedIntended, TimedStart, TimedActual or TimedServed
	Method    string  `json:"method"` // EveryOperation or Sampled
	Count     int64   `json:"count"`  // operations it stands for
	MaxNs     float64 `json:"maxNs"`
	Histogram string  `json:"histogram"` // HdrHistogram, V2 compressed encoding in base64; its values are counts of LatencyUnitNs
}

// LatencyUnitNs is the unit of the values in histograms, in ns.
const LatencyUnitNs = 0.1

// Floor is what a spinning loop that does nothing else saw on one CPU: the times for which it was held up. No percentile of an operation can be
// told from the machine inside it.
type Floor struct {
	CPU       int     `json:"cpu"`       // of the sample, from 0
	SpunNs    float64 `json:"spunNs"`    // how long the loop ran
	Histogram string  `json:"histogram"` // of the times its turns took, as in Latency: most of them are one reading of the clock, the rest gaps
}

// CASPerOp is the cost of one operation in units of the process's own uncontended compare-and-swap.
func (s *Sample) CASPerOp() float64 { return s.NsPerOp / s.CASNs }

// Lack says that a design cannot run a workload.
type Lack struct {
	Workload string `json:"workload"`
	Design   string `json:"design"`
	Reason   string `json:"reason"`
}

// Control is the run's own check of its ruler: the same cell twice (A/A), and once with every operation lengthened.
type Control struct {
	Cell          string  `json:"cell"`          // benchmark name of the controlled cell
	AASpreadPct   float64 `json:"aaSpreadPct"`   // 95th percentile of the relative difference of medians between random identical halves, percent
	PlantedPct    float64 `json:"plantedPct"`    // by how much the planted-slower twin was lengthened, percent
	MeasuredPct   float64 `json:"measuredPct"`   // by how much it came out slower, percent
	PlantedP      float64 `json:"plantedP"`      // Mann-Whitney p-value of that difference
	DispatchNs    float64 `json:"dispatchNs"`    // cost of calling through the Allocator interface, ns per operation
	Distinguished bool    `json:"distinguished"` // the planted difference was told from noise
}

// Trace sums up a recording: what was read and what could not be used.
type Trace struct {
	File        string       `json:"file"`
	Format      string       `json:"format"`      // ftrace, trace-cmd, perf or stream
	Events      int          `json:"events"`      // events read, of any kind
	Pairs       int          `json:"pairs"`       // lifetimes found
	Kind        string       `json:"kind"`        // tag (block requests) or page
	Unmatched   int          `json:"unmatched"`   // starts without an end, and ends without a start
	Lost        int          `json:"lost"`        // events the recorder says it lost
	CrossCPU    int          `json:"crossCpu"`    // lifetimes freed on another CPU than the allocating one
	SpanNs      int64        `json:"spanNs"`      // first to last event
	MaxDepth    int          `json:"maxDepth"`    // most lifetimes open at once
	Depth       []DepthPoint `json:"depth"`       // open lifetimes over time
	CPUs        int          `json:"cpus"`        // CPUs seen in the recording
	Description string       `json:"description"` // one line for the report
}

// DepthPoint is the number of lifetimes open in one slice of the recording.
type DepthPoint struct {
	AtNs int64   `json:"atNs"` // start of the slice, from the first event
	Mean float64 `json:"mean"` // time-weighted mean in the slice
	Max  int     `json:"max"`
}
