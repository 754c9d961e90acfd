package harness

import (
	"slices"

	"headroom/designs"
	"headroom/designs/catalog"
	"headroom/harness/result"
	"headroom/harness/trace"
	"headroom/harness/workload"
)

// Plan says what a run measures and how often.
type Plan struct {
	Cells   []workload.Spec
	Lacking []result.Lack
	Traces  []result.Trace
	Samples int   // samples a cell
	Most    int   // samples a cell at most, when samples fall into different distance classes
	RestNs  int64 // pause after each sample, for the rest of the machine
}

// Request is what the user asked to have measured. The zero value asks for everything.
type Request struct {
	Quick     bool               // short samples, few parameters
	Workloads []string           // only these
	Designs   []string           // only these, as design or design:variant
	CPUs      []int              // CPU counts; empty means 1, 2, 4 ... and all of them
	Allowed   int                // CPUs there are
	Recording []*trace.Recording // recordings to replay, each of one kind; their Name is the file
	Pace      float64            // of the replay; 0 is flat out
	Touch     int                // bytes to write behind each tag or id; 0, or a multiple of 64
	SlowerPct float64            // lengthen every operation of every design
}

// Lengths of a sample. Bursts above 0.4 s at real-time priority stall a shared machine for longer.
const (
	quickNs = 20_000_000
	fullNs  = 100_000_000
)

var (
	quickHolds  = []int{32}
	fullHolds   = []int{8, 24, 32, 40, 64}
	quickRatios = []float64{0.5, 2, 16, 64}
	fullRatios  = []float64{0.5, 1, 2, 4, 8, 16, 32, 64}
)

// tasksPerCPU is how many tasks of a CPU compete in tag-exhaust: the sweep's ratios lie on both sides of it.
const tasksPerCPU = 16

// NewPlan turns a request into cells.
func NewPlan(q Request) Plan {
	p := Plan{Samples: 10, Most: 20, RestNs: fullNs * 3 / 2}
	duration := int64(fullNs)
	if q.Quick {
		p.Samples, p.Most, p.RestNs, duration = 6, 12, quickNs*3/2, quickNs
	}
	if len(q.CPUs) == 0 {
		q.CPUs = cpuCounts(q.Allowed)
	}
	for _, r := range q.Recording {
		p.Traces = append(p.Traces, r.Summary())
	}
	for _, d := range workload.All() {
		if !wanted(q, d) {
			continue
		}
		for _, v := range catalog.All() {
			if !picked(q.Designs, v) {
				continue
			}
			p.add(q, d, v, duration)
		}
	}
	p.addControls(q, duration)
	return p
}

// wanted: a recording asks for the trace workload alone, unless others are named too.
func wanted(q Request, d workload.Description) bool {
	if d.Name == workload.Trace {
		return len(q.Recording) > 0
	}
	if len(q.Workloads) == 0 {
		return true
	}
	return slices.Contains(q.Workloads, d.Name)
}

func picked(names []string, v designs.Variant) bool {
	return len(names) == 0 || slices.Contains(names, v.FullName()) || slices.Contains(names, v.Design)
}

// add appends the cells of one workload on one variant.
func (p *Plan) add(q Request, d workload.Description, v designs.Variant, duration int64) {
	if q.Touch > 0 && d.Name != workload.Trace && v.Capabilities.Unbounded {
		p.lack(d.Name, v.FullName(), "its items have no bound, so there is no record for each to touch")
		return
	}
	base := workload.Spec{Workload: d.Name, Design: v.Design, Variant: v.Name, DurationNs: duration, SlowerPct: q.SlowerPct}
	if d.Name != workload.Trace {
		base.Touch = q.Touch
	}
	var specs []workload.Spec
	switch d.Name {
	case workload.Fastpath:
		specs = []workload.Spec{base}
	case workload.Window:
		for _, hold := range pick(q.Quick, quickHolds, fullHolds) {
			s := base
			s.Hold = hold
			specs = append(specs, s)
		}
	case workload.TagExhaust:
		for _, ratio := range pick(q.Quick, quickRatios, fullRatios) {
			s := base
			s.Ratio, s.Tasks = ratio, tasksPerCPU
			specs = append(specs, s)
		}
	case workload.Trace:
		for _, r := range q.Recording {
			s := base
			s.File, s.Kind, s.Pace = r.Name, r.Lifetimes[0].Kind.String(), q.Pace
			specs = append(specs, s)
		}
	}
	for _, s := range specs {
		if why := workload.Lacks(d, v, s.Kind); why != "" {
			p.lack(d.Name, v.FullName(), why)
			continue
		}
		for _, n := range q.CPUs {
			s.CPUs = n
			p.Cells = append(p.Cells, s)
		}
	}
}

func (p *Plan) lack(name, design, why string) {
	lack := result.Lack{Workload: name, Design: design, Reason: why}
	if !slices.Contains(p.Lacking, lack) {
		p.Lacking = append(p.Lacking, lack)
	}
}

func pick[T any](quick bool, short, long []T) []T {
	if quick {
		return short
	}
	return long
}

// The names of the control cells.
const (
	twinA       = "same-a"
	twinB       = "same-b"
	twinSlower  = "slower"
	slowerByPct = 10
)

// addControls adds the run's check of its own ruler, on the first cell that a baseline of the run is taken from: the same thing twice, once with
// every operation lengthened, and once called through the interface.
func (p *Plan) addControls(q Request, duration int64) {
	if len(p.Cells) == 0 {
		return
	}
	s := p.Cells[0]
	s.CPUs = q.CPUs[0]
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

// SecondsPerSample is about how long a sample takes on average, its process and its rest included.
func (p *Plan) SecondsPerSample() float64 {
	const process = 0.06 // start, calibration of the clock, warm-up
	total := 0.0
	for i := range p.Cells {
		ns := float64(p.Cells[i].DurationNs)
		for _, t := range p.Traces {
			if c := &p.Cells[i]; c.Pace > 0 && c.File == t.File {
				ns = max(ns, float64(t.SpanNs)/c.Pace)
			}
		}
		total += process + (ns+float64(p.RestNs))/1e9
	}
	return total / float64(len(p.Cells))
}
