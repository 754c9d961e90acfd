// Package stats turns the samples of a run into medians with confidence intervals, and tells a difference from noise.
//
// Nothing is assumed about the distribution of samples: the centre is the median, its interval comes from order
// statistics, and two cells are compared with the Mann-Whitney U test, all by golang.org/x/perf/benchmath.
//
// Invariants:
//
//	I1  a ratio is taken within one sample, then summed up: the cost in compare-and-swaps is the median of the
//	    samples' own ratios, never a ratio of two medians
//	I2  a difference counts only when it is beyond the run's A/A spread and p is at most alpha; where many cells are judged together, only when it
//	    still stands after correction for their number
//	I3  different item kinds, and different distance classes, are never compared
//	I4  every doubt about a figure travels with it as a warning
//	I5  designs of different guarantees are never ranked against each other
package stats

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"

	"headroom/harness/result"
)

// IRQPairNs is the published cost of one local_irq_save and local_irq_restore in nanoseconds: 37 cycles of an i7-4790K
// at 4 GHz (Linux commits fbd02630c6e3, d0ecd894e3d5, e6cdb58d1c83). User space cannot mask interrupts, so the
// designs run without; reports add this figure in a column of its own.
const IRQPairNs = 9.4

// Confidence is the least confidence of every interval. Order statistics make the true one a little higher.
const Confidence = 0.95

// loopShare is the share of the measuring loop in ns/op from which a warning is due. A quarter: a difference of 10 %
// between two designs then still shows as 7.5 %, well above the A/A spread of a quiet machine.
const loopShare = 0.25

// Metric is one of the figures that a sample gives.
type Metric int

// The metrics of a cell.
const (
	Ns         Metric = iota // CPU time of one operation, ns; which of it counts, the workload decides
	CAS                      // the same in uncontended compare-and-swaps of the same process
	Throughput               // operations a second of all CPUs together
)

// Metrics lists every metric in the order of raw.txt.
var Metrics = []Metric{Ns, CAS, Throughput}

// Unit is the metric's unit as raw.txt has it: ns/op, cas/op or op/s.
func (m Metric) Unit() string {
	return [...]string{result.UnitNs, result.UnitCAS, result.UnitThroughput}[m]
}

// LowerIsBetter reports whether a smaller value of the metric is the better one.
func (m Metric) LowerIsBetter() bool { return m != Throughput }

// of gives the metric of one sample, 0 when the sample does not have it.
func (m Metric) of(s *result.Sample) float64 {
	switch m {
	case Ns:
		return max(s.NsPerOp, 0)
	case CAS:
		if s.CASNs <= 0 {
			return 0
		}
		return max(s.CASPerOp(), 0) // I1
	default:
		return max(s.OpsPerSec, 0)
	}
}

// Estimate is the median of some values with its confidence interval.
type Estimate struct {
	Values     []float64 // ascending
	Median     float64   // NaN without values
	Low, High  float64   // the interval; infinite when there are too few values for one
	Confidence float64   // true confidence of the interval, at least 0.95
	Warnings   []string
}

// Of gives the estimate of values, in any order and of any unit. It does not keep or change the slice.
func Of(values []float64) Estimate {
	if len(values) == 0 {
		return Estimate{Median: math.NaN(), Low: math.Inf(-1), High: math.Inf(1), Warnings: []string{"no samples"}}
	}
	s := benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
	sum := benchmath.AssumeNothing.Summary(s, Confidence)
	return Estimate{
		Values: s.Values, Median: sum.Center, Low: sum.Lo, High: sum.Hi, Confidence: sum.Confidence,
		Warnings: texts(s.Warnings, sum.Warnings),
	}
}

// Count is the number of values behind the estimate.
func (e Estimate) Count() int { return len(e.Values) }

// Bounded reports whether there were enough values for an interval.
func (e Estimate) Bounded() bool { return !math.IsInf(e.Low, 0) && !math.IsInf(e.High, 0) }

// Plus adds a constant of the same unit to the estimate: every value, the median and the interval move by it.
func (e Estimate) Plus(constant float64) Estimate {
	e.Values = slices.Clone(e.Values)
	for i := range e.Values {
		e.Values[i] += constant
	}
	e.Median, e.Low, e.High = e.Median+constant, e.Low+constant, e.High+constant
	return e
}

// Row is a cell summed up.
type Row struct {
	Name       string        // benchmark name: Window/hold=32/design=percpu_tags:lock/cpus=2
	Workload   string        // window
	Params     []result.Pair // hold=32
	Design     string        // with its variant: percpu_tags:lock
	ItemKind   string        // tag, id, page, object; "" when unknown
	CPUs       int           // count of CPUs that run the workload
	Class      string        // distance class of the samples, "" on one CPU
	Guarantee  string        // result.GuaranteeClass of the design, "" when unknown
	Over       string        // full name of the variant the design is a layer over, "" for none
	IRQPairs   float64       // interrupt save/restore pairs of the kernel's form, per operation
	OwnLocks   float64       // locks of the CPU's own that one operation takes on the fast path, as the design declares
	Ns         Estimate      // ns/op
	CAS        Estimate      // cas/op, paired within each sample
	MaskedCAS  Estimate      // cas/op with IRQPairs x IRQPairNs added to the sample's ns: published, not measured
	Throughput Estimate      // op/s
	Fairness   Estimate      // operations of the slowest CPU over those of the fastest; empty on one CPU
	Counters   []Counter     // what the design and the workload counted, by name
	Tails      []Tail        // distributions of single operations, one for each thing timed
	LoopNs     Estimate      // the measuring loop's own cost, ns/op; part of Ns
	Dropped    int           // samples set aside
	Exhausted  bool          // open loop: in most samples more than one operation in 1,000 was refused or had to sleep, so that tails and mean cost are of the queue
	Warnings   []string      // doubts about any of the figures
}

// Estimate gives the row's estimate of the metric m.
func (r *Row) Estimate(m Metric) Estimate {
	return [...]Estimate{r.Ns, r.CAS, r.Throughput}[m]
}

// Rows sums up every cell of a run, in the run's order.
func Rows(run *result.Run) []Row {
	rows := make([]Row, len(run.Cells))
	for i := range run.Cells {
		rows[i] = FromCell(&run.Cells[i])
	}
	return rows
}

// FromCell sums up one cell. A cell without kept samples gives a row whose estimates are empty and warn of it.
func FromCell(c *result.Cell) Row {
	r := Row{
		Name: c.Name(), Workload: c.Workload, Params: c.Params, Design: c.DesignName(), ItemKind: c.ItemKind,
		CPUs: c.CPUs, Class: c.Class, Guarantee: c.Guarantee, Over: c.Over, IRQPairs: c.IRQPairs, OwnLocks: c.OwnLocks,
		Dropped: len(c.Dropped), Warnings: slices.Clone(c.Warnings),
	}
	var values [3][]float64
	var loop, masked []float64
	for i := range c.Kept {
		s := &c.Kept[i]
		for _, m := range Metrics {
			if v := m.of(s); v > 0 {
				values[m] = append(values[m], v)
			}
		}
		if s.CASNs > 0 && s.NsPerOp > 0 {
			masked = append(masked, (s.NsPerOp+c.IRQPairs*IRQPairNs)/s.CASNs) // I1
		}
		loop = append(loop, s.LoopNs)
		if s.Class != c.Class {
			r.warn(fmt.Sprintf("kept samples of class %q in a cell of class %q", s.Class, c.Class))
		}
	}
	r.Ns, r.CAS, r.Throughput, r.LoopNs = Of(values[Ns]), Of(values[CAS]), Of(values[Throughput]), Of(loop)
	r.MaskedCAS, r.Fairness, r.Counters = Of(masked), fairness(c), counters(c)
	r.Tails = tails(c, &r)
	r.Exhausted = r.OpenLoop() && exhausted(c)
	for _, m := range Metrics {
		if n := len(values[m]); n < len(c.Kept) {
			r.warn(fmt.Sprintf("%d of %d samples have no %s", len(c.Kept)-n, len(c.Kept), m.Unit()))
		}
		r.warn(r.Estimate(m).Warnings...)
	}
	if share := r.LoopNs.Median / r.Ns.Median; share > loopShare {
		r.warn(fmt.Sprintf("the measuring loop is %.0f %% of ns/op", 100*share))
	}
	return r
}

// warn adds warnings that the row does not have yet.
func (r *Row) warn(warnings ...string) {
	for _, w := range warnings {
		if !slices.Contains(r.Warnings, w) {
			r.Warnings = append(r.Warnings, w)
		}
	}
}

// texts gives the messages of several lists of warnings.
func texts(lists ...[]error) []string {
	var out []string
	for _, list := range lists {
		for _, err := range list {
			out = append(out, err.Error())
		}
	}
	return out
}
