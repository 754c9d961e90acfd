package harness

import (
	"cmp"
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/harness/driver"
	"headroom/harness/result"
	"headroom/harness/workload"
	"headroom/kernel/machine"
)

// sweep is the parameters that a run goes through.
type sweep struct {
	holds   []int     // window
	ratios  []float64 // tag-exhaust
	timed   bool      // cells of their own in which single operations are timed
	waiting []float64 // of ratios, those that are timed
}

// A full run looks at both sides of a list's size, and of the number of tasks.
var (
	quickSweep = sweep{holds: []int{timedHold}, ratios: []float64{0.5, 2, 16, 64}}
	fullSweep  = sweep{holds: []int{8, timedHold, 64}, ratios: []float64{0.5, 1, 2, 16, 64},
		timed: true, waiting: []float64{0.5, 2, 16}}
	// fewSweep is for a full run with so many cells that there is no time for all parameters.
	fewSweep = sweep{holds: []int{timedHold, 64}, ratios: []float64{0.5, 2, 16, 64}, timed: true, waiting: []float64{2}}
)

// flights are the two points of bio-inflight. At the first 10 requests are in flight on the mean, of at most 32: few wait. At the second the device
// takes four times as long, so 40 would be: it is overloaded, and items run out. 200,000 requests a second are one in 5 us, ten times what it takes
// to issue and complete one.
var flights = []workload.Flight{
	{Rate: 200_000, Arrival: workload.Poisson, Depth: 32, ServiceUs: 50, Service: workload.Random},
	{Rate: 200_000, Arrival: workload.Poisson, Depth: 32, ServiceUs: 200, Service: workload.Random},
}

// standardBulks of bulk-keep: a device's usual batch, which a list can still serve, and half the queue, which it cannot.
var standardBulks = []int{16, 256}

// StandardFlight is the first of the two points of bio-inflight.
func StandardFlight() workload.Flight { return flights[0] }

const (
	timedHold     = 32  // window: the hold that every run has, and in which single operations are timed
	standardKeep  = 512 // bulk-keep: ten times what a list of percpu_tags holds
	standardBurst = 64  // start-storm: more than a list holds
	tasksPerCPU   = 16  // tag-exhaust: the sweep's ratios lie on both sides of it
	writeTasks    = 3   // irq-alloc-fails: with the two writes on the device one more than there are items
	writeItems    = 4   // irq-alloc-fails: items for each CPU
	writeFails    = 100 // irq-alloc-fails: every so many allocations fail by order
	thirstyTasks  = 8   // exhaust-recover
	thirstyRatio  = 16  // exhaust-recover: items for each CPU, enough that nobody waits before and after the drought
	shiftingHold  = 64  // phase-shift, preempted-holder: more than a list of percpu_tags holds, so that what CPUs share is used
	crowd         = 2   // preempted-holder: CPUs on a processor
	smallBytes    = 16  // false-share: four items to a line
	// situationTasks of each CPU in the workloads of one debate's situation, and the items of a level of stacked-pools for them: half.
	situationTasks = 8
	stackedRatio   = 4
	promisedRatio  = 64 // half of what the tasks of reserve-cancel want promised
	floodPages     = 64 // of rcu-flood, on each CPU: twice as many as hold the pointers to its objects
	floodTasks     = 2
	squeezedRatio  = 8 // elements of the encrypting layer's pool

	// zonePages is the memory below allocators of memory, on each CPU's way to it: 1 GiB, the smallest zone whose lists have the sizes they have on a
	// server. stormPages is that of start-storm, which needs a zone for every round, and of the workloads that count how
	// much of it can be had: 64 MiB.
	zonePages  = 262144
	stormPages = 16384
)

// choice is which processors cells run on.
type choice struct {
	order     []machine.CPU // by the placement; none leaves the choice to each sample
	placement string        // "" for the standard
	counts    []int
}

func newChoice(q Request) choice {
	c := choice{counts: q.CPUs}
	allowed := q.Allowed
	if len(q.Topology.CPUs) > 0 {
		policy := q.Placement
		if policy == "" {
			policy = SMTLast
		}
		if order, err := Place(q.Topology, policy); err == nil { // who asks has checked the name
			c.order, allowed = order, len(order)
		}
		if policy != SMTLast {
			c.placement = policy
		}
	}
	if len(c.counts) == 0 {
		c.counts = cpuCounts(allowed)
	}
	return c
}

// on puts a spec on n CPUs.
func (c *choice) on(s workload.Spec, n int) workload.Spec {
	s.CPUs, s.Placement = n, c.placement
	if len(c.order) >= n {
		s.Processors = numbers(c.order[:n])
	}
	return s
}

// add appends the cells of one workload on one variant.
func (p *Plan) add(q Request, c choice, sweep sweep, d workload.Description, v designs.Variant) {
	if q.Touch > 0 && workload.Touches(d.Name) && v.Capabilities.Unbounded {
		p.lack(d.Name, v.FullName(), "its items have no bound, so there is no record for each to touch")
		return
	}
	base := workload.Spec{Workload: d.Name, Design: v.Design, Variant: v.Name, SlowerPct: q.SlowerPct, Room: room(d, v)}
	if workload.Touches(d.Name) {
		base.Touch = q.Touch
	}
	for _, s := range specs(q, sweep, base) {
		if why := cmp.Or(workload.Lacks(d, v, s.Kind), workload.LacksWay(d.Name, v, s.Way)); why != "" {
			p.lack(d.Name, v.FullName(), why)
			continue
		}
		if d.Name == workload.CrossCPU {
			p.addPairs(c, s)
			continue
		}
		if d.TwoCPUs {
			p.addFromTwo(c, s)
			continue
		}
		for i, n := range c.counts {
			if i < len(c.counts)-1 && onMostOnly(q, s) {
				continue
			}
			p.Cells = append(p.Cells, c.on(s, n))
		}
	}
	if d.Name == workload.Fastpath && slices.ContainsFunc(v.Knobs, func(k designs.Knob) bool { return k.Name == workload.KnobDirect }) {
		base.Knobs = map[string]int{workload.KnobDirect: 1}
		p.Cells = append(p.Cells, c.on(base, 1))
	}
}

// onMostOnly reports whether a spec is for the largest count of CPUs alone: what a write waits for there says more than how that grows, and costs less
// than a second sweep.
func onMostOnly(q Request, s workload.Spec) bool {
	return q.Quick && overloaded(s) || (s.Workload == workload.IRQAllocFails || workload.OnMost(s.Workload)) && len(q.CPUs) == 0
}

// overloaded reports whether a spec is of the second point of bio-inflight, which a quick run takes on most CPUs only.
func overloaded(s workload.Spec) bool {
	return s.Workload == workload.BioInflight && s.Flight == flights[1]
}

// room is the memory below an allocator of memory in items, where a workload is not about running out of that.
func room(d workload.Description, v designs.Variant) int {
	switch {
	case v.Capabilities.Kind != designs.Page && v.Capabilities.Kind != designs.Object:
		return 0
	case d.Name == workload.StartStorm, d.Name == workload.Hotplug, d.Name == workload.PhaseShift:
		return stormPages
	case d.Waits || d.Bounded || workload.OnMost(d.Name):
		return 0
	}
	return zonePages
}

// addFromTwo appends the cells of a workload that one CPU cannot run: on each other number of them. Where several CPUs share a processor there is one
// cell, on all processors.
func (p *Plan) addFromTwo(c choice, s workload.Spec) {
	counts := slices.DeleteFunc(slices.Clone(c.counts), func(n int) bool { return n < 2 })
	switch {
	case len(counts) == 0:
		p.lack(s.Workload, everyDesign, "it needs two CPUs, and the run uses one")
		return
	case s.Crowd == 0:
		for _, n := range counts {
			p.Cells = append(p.Cells, c.on(s, n))
		}
		return
	case len(c.order) == 0:
		p.lack(s.Workload, everyDesign, "the run leaves the choice of processors to its samples, and this puts several CPUs on each")
		return
	}
	processors := slices.Max(counts)
	s = c.on(s, processors)
	s.CPUs, s.Processors = processors*s.Crowd, slices.Repeat(s.Processors, s.Crowd)
	p.Cells = append(p.Cells, s)
}

// addPairs appends a cell of cross-cpu for each distance at which this machine has two processors.
func (p *Plan) addPairs(c choice, s workload.Spec) {
	if !slices.ContainsFunc(c.counts, func(n int) bool { return n >= 2 }) {
		p.lack(s.Workload, everyDesign, "it needs two CPUs, and the run uses one")
		return
	}
	if len(c.order) == 0 {
		p.lack(s.Workload, everyDesign, "the run leaves the choice of processors to its samples, and this needs two of a distance")
		return
	}
	for _, distance := range Distances() {
		pair, ok := Pair(c.order, distance)
		if !ok {
			p.lack(s.Workload, everyDesign, fmt.Sprintf("no two of the CPUs are at distance %s", distance))
			continue
		}
		s.Distance, s.CPUs, s.Placement, s.Processors = distance, 2, c.placement, numbers(pair)
		p.Cells = append(p.Cells, s)
	}
}

// everyDesign stands in the place of a design where the machine lacks something.
const everyDesign = "every design"

// specs are the parameters of one workload, timed cells last.
func specs(q Request, sweep sweep, base workload.Spec) []workload.Spec {
	var list []workload.Spec
	with := func(change func(s *workload.Spec)) {
		s := base
		change(&s)
		list = append(list, s)
	}
	switch base.Workload {
	case workload.Window:
		for _, hold := range sweep.holds {
			with(func(s *workload.Spec) { s.Hold = hold })
		}
	case workload.BulkKeep:
		bulks := standardBulks
		switch {
		case q.Bulk != 0:
			bulks = []int{q.Bulk}
		case q.Keep != 0 && q.Keep < bulks[1]:
			bulks = bulks[:1]
		}
		for _, bulk := range bulks {
			with(func(s *workload.Spec) { s.Keep, s.Bulk = cmp.Or(q.Keep, standardKeep), bulk })
		}
	case workload.StartStorm:
		with(func(s *workload.Spec) { s.Burst = cmp.Or(q.Burst, standardBurst) })
	case workload.TagExhaust:
		for _, ratio := range sweep.ratios {
			with(func(s *workload.Spec) { s.Ratio, s.Tasks = ratio, tasksPerCPU })
		}
	case workload.ExhaustRecover:
		with(func(s *workload.Spec) { s.Ratio, s.Tasks = thirstyRatio, thirstyTasks })
	case workload.Hotplug:
		with(func(s *workload.Spec) { s.Hold = timedHold })
	case workload.PhaseShift:
		for _, what := range []string{workload.ShiftCPUs, workload.ShiftQueues} {
			with(func(s *workload.Spec) { s.Hold, s.Shift = shiftingHold, what })
		}
	case workload.Preempted:
		with(func(s *workload.Spec) { s.Hold, s.Crowd = shiftingHold, crowd })
	case workload.FalseShare:
		with(func(s *workload.Spec) { s.Hold, s.Bytes = timedHold, smallBytes })
	case workload.BioInflight:
		points := flights
		if q.Flight != nil {
			points = []workload.Flight{*q.Flight}
		}
		for _, flight := range points {
			with(func(s *workload.Spec) { s.Flight = flight })
		}
	case workload.IRQAllocFails:
		for _, action := range driver.Actions() {
			with(func(s *workload.Spec) {
				s.OnRefusal, s.FailEvery, s.Ratio, s.Tasks = action, cmp.Or(q.FailEvery, writeFails), writeItems, writeTasks
			})
		}
	case workload.Trace:
		for _, r := range q.Recording {
			with(func(s *workload.Spec) { s.File, s.Kind, s.Pace = r.Name, r.Lifetimes[0].Kind.String(), q.Pace })
		}
	default:
		list = append(list, situationSpecs(base)...)
	}
	return append(list, timed(q, sweep, list)...)
}

// timed are the cells in which single operations are timed: of each workload that can, those that a full run has, or all when a method is asked for.
func timed(q Request, sweep sweep, list []workload.Spec) []workload.Spec {
	if q.Latency == LatencyOff || q.Latency == "" && !sweep.timed {
		return nil
	}
	var some []workload.Spec
	for _, s := range list {
		switch {
		case s.Workload == workload.Fastpath, s.Workload == workload.Window && (s.Hold == timedHold || q.Latency != ""):
			s.Latency = result.Sampled
			if q.Latency != "" {
				s.Latency = q.Latency
			}
		case s.Workload == workload.ExhaustRecover, s.Workload == workload.TagExhaust && (slices.Contains(sweep.waiting, s.Ratio) || q.Latency != ""):
			s.Latency = result.EveryOperation // these operations take long beside the clock
		default:
			continue
		}
		some = append(some, s)
	}
	return some
}
