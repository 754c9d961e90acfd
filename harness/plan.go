package harness

import (
	"slices"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/harness/result"
	"headroom/harness/trace"
	"headroom/harness/workload"
	"headroom/kernel/machine"
)

// Plan says what a run measures and how often.
type Plan struct {
	Cells   []workload.Spec
	Lacking []result.Lack
	Traces  []result.Trace
	Left    []string // what a longer run has and this one has not
	Samples int      // samples a cell
	Most    int      // samples a cell at most, when samples fall into different distance classes
	RestNs  int64    // pause after each sample, for the rest of the machine
	LimitNs int64    // no further samples of cells that have the fewest, or for a distance class, after so long; 0 is no limit
}

// Request is what the user asked to have measured. The zero value asks for everything.
type Request struct {
	Quick     bool               // short samples, few parameters
	Workloads []string           // only these
	Designs   []string           // only these, as design or design:variant
	CPUs      []int              // CPU counts; empty means 1, 2, 4 ... and all of them
	Allowed   int                // CPUs there are
	Topology  machine.Topology   // the processors; an empty one leaves the choice to each sample
	Placement string             // policy by which processors are chosen; "" is the standard one
	Recording []*trace.Recording // recordings to replay, each of one kind; their Name is the file
	Pace      float64            // of the replay; 0 is flat out
	Touch     int                // bytes to write behind each tag or id; 0, or a multiple of 64
	SlowerPct float64            // lengthen every operation of every design
	Keep      int                // bulk-keep: items kept; 0 is the usual number, likewise below
	Bulk      int                // bulk-keep: items taken at a time
	FailEvery int                // irq-alloc-fails: every so many allocations fail by order
	Burst     int                // start-storm: items each CPU takes
	Flight    *workload.Flight   // bio-inflight: one point in place of the usual two
	Latency   string             // timed cells: "" for those of a full run, LatencyOff for none, or a method for all that know it
}

// LatencyOff leaves the cells out in which single operations are timed.
const LatencyOff = "off"

// NewPlan turns a request into cells, and fits the samples into the time there is.
func NewPlan(q Request) Plan {
	p := sweeps(q, q.sweep())
	budget := fullBudget
	switch {
	case q.Quick:
		budget = quickBudget
		full := q
		full.Quick = false
		p.Left = left(sweeps(full, fullSweep), p)
	case !budget.holds(&p):
		few := sweeps(q, fewSweep)
		few.Left = left(p, few)
		p = few
	}
	budget.fit(&p)
	return p
}

// sweep is the parameters of a request's run.
func (q *Request) sweep() sweep {
	if q.Quick {
		return quickSweep
	}
	return fullSweep
}

// sweeps makes the cells of all workloads and variants that are wanted.
func sweeps(q Request, sweep sweep) Plan {
	p := Plan{}
	c := newChoice(q)
	for _, r := range q.Recording {
		p.Traces = append(p.Traces, r.Summary())
	}
	for _, d := range workload.All() {
		if !wanted(q, d) {
			continue
		}
		for _, v := range catalog.All() {
			if picked(q, d, v) {
				p.add(q, c, sweep, d, v)
			}
		}
	}
	p.addControls()
	return p
}

// AllWorkloads among the names of a request stands for all there are; in a quick run for those it has time for.
const AllWorkloads = "all"

// quickWorkloads are those a quick run takes unless others are named.
var quickWorkloads = []string{workload.Fastpath, workload.Window, workload.TagExhaust, workload.Trace}

// wanted: a recording is replayed if there is one.
func wanted(q Request, d workload.Description) bool {
	if d.Name == workload.Trace && len(q.Recording) == 0 {
		return false
	}
	all := len(q.Workloads) == 0 || slices.Contains(q.Workloads, AllWorkloads)
	if all && q.Quick {
		return slices.Contains(quickWorkloads, d.Name)
	}
	return all || slices.Contains(q.Workloads, d.Name) || d.Name == workload.Trace
}

// picked: a quick run takes one variant of each design, unless designs are named.
func picked(q Request, d workload.Description, v designs.Variant) bool {
	if len(q.Designs) > 0 {
		return slices.Contains(q.Designs, v.FullName()) || slices.Contains(q.Designs, v.Design)
	}
	return !q.Quick || v.Name == quickVariant(q, d, v.Design)
}

// quickVariant is the variant of a design that a quick run takes: the first, or of a workload that is named the first that can run it, if there is one.
func quickVariant(q Request, d workload.Description, design string) string {
	able := func(v designs.Variant) bool {
		return v.Design == design && (d.Name == workload.Trace || !slices.Contains(q.Workloads, d.Name) || workload.Lacks(d, v, "") == "")
	}
	variants := catalog.All()
	if i := slices.IndexFunc(variants, able); i >= 0 {
		return variants[i].Name
	}
	first, err := catalog.Default(design)
	if err != nil {
		return ""
	}
	return first.Name
}

func (p *Plan) lack(name, design, why string) {
	lack := result.Lack{Workload: name, Design: design, Reason: why}
	if !slices.Contains(p.Lacking, lack) {
		p.Lacking = append(p.Lacking, lack)
	}
}

// The names of the control cells.
const (
	twinA       = "same-a"
	twinB       = "same-b"
	twinSlower  = "slower"
	slowerByPct = 10
)

// addControls adds the run's check of its own ruler, on its first cell: the same thing twice, once with every operation lengthened, and once called
// through the interface.
func (p *Plan) addControls() {
	if len(p.Cells) == 0 {
		return
	}
	s := p.Cells[0]
	for _, twin := range []string{twinA, twinB, twinSlower} {
		c := s
		c.Twin = twin
		if twin == twinSlower {
			c.SlowerPct += slowerByPct
		}
		p.Cells = append(p.Cells, c)
	}
	if s.Workload == workload.Fastpath {
		s.Dispatch = true
		p.Cells = append(p.Cells, s)
	}
}

// cpuCounts are the powers of two up to all CPUs, and all of them.
func cpuCounts(allowed int) []int {
	var counts []int
	for n := 1; n < allowed; n *= 2 {
		counts = append(counts, n)
	}
	return append(counts, max(1, allowed))
}
