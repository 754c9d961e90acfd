package workload

import (
	"fmt"
	"strconv"

	"headroom/harness/driver"
	"headroom/harness/result"
	"headroom/harness/trace"
)

// Spec is one measurement to take: everything a fresh process needs to know. Lengths and counts that a workload does not use are 0.
type Spec struct {
	Workload   string         `json:"workload"`
	Design     string         `json:"design"`
	Variant    string         `json:"variant"`
	CPUs       int            `json:"cpus"`                 // count of CPUs to use
	Placement  string         `json:"placement,omitempty"`  // policy by which the processors were chosen, when it is not the standard one
	Processors []int          `json:"processors,omitempty"` // the system's numbers of the processors, one for each CPU; none lets the process choose
	Room       int            `json:"room,omitempty"`       // items' worth of memory below the allocator; 0 is just enough for its items
	Knobs      map[string]int `json:"knobs"`                // the variant's own parameters
	DurationNs int64          `json:"durationNs"`           // length of the measured interval
	SlowerPct  float64        `json:"slowerPct"`            // control: lengthen every operation by so many per cent
	Dispatch   bool           `json:"dispatch"`             // call through the Allocator interface
	Twin       string         `json:"twin"`                 // control: tells identical cells apart
	Latency    string         `json:"latency,omitempty"`    // result.EveryOperation or result.Sampled: time single operations; "" does not
	Touch      int            `json:"touch"`                // bytes written behind each item that is a tag or an id: 0, or a multiple of 64

	Hold     int     `json:"hold"`               // window, hotplug, phase-shift, preempted-holder, false-share: items a CPU holds at a time
	Shift    string  `json:"shift,omitempty"`    // phase-shift: what moves, ShiftCPUs or ShiftQueues
	Bytes    int     `json:"bytes,omitempty"`    // false-share: size of an item, or of the record behind it
	Crowd    int     `json:"crowd,omitempty"`    // preempted-holder: CPUs on one processor
	Keep     int     `json:"keep,omitempty"`     // bulk-keep: items kept by each CPU
	Bulk     int     `json:"bulk,omitempty"`     // bulk-keep: items taken at a time
	Distance string  `json:"distance,omitempty"` // cross-cpu: how far apart its two processors are
	Burst    int     `json:"burst,omitempty"`    // start-storm: items each CPU takes from a fresh allocator
	Ratio    float64 `json:"ratio"`              // tag-exhaust, exhaust-recover, irq-alloc-fails, the situations: items for each CPU
	Tasks    int     `json:"tasks"`              // the same: tasks on each CPU
	Flight   Flight  `json:"flight,omitzero"`    // bio-inflight

	OnRefusal driver.Action `json:"onRefusal,omitempty"` // irq-alloc-fails: what becomes of a write without an item
	FailEvery int           `json:"failEvery,omitempty"` // irq-alloc-fails: every so many allocations in interrupts fail by order

	Way string `json:"way,omitempty"` // of the situations: which of its ways

	File string  `json:"file"` // trace: the recording
	Kind string  `json:"kind"` // trace: tag or page lifetimes of it
	Pace float64 `json:"pace"` // trace: times the recorded speed; 0 is flat out
}

// Params are the parameters of a spec that are part of the benchmark's name.
func (s *Spec) Params() []result.Pair {
	var p []result.Pair
	add := func(key, value string) { p = append(p, result.Pair{Key: key, Value: value}) }
	switch s.Workload {
	case Window:
		add("hold", strconv.Itoa(s.Hold))
	case BulkKeep:
		add("keep", strconv.Itoa(s.Keep))
		add("bulk", strconv.Itoa(s.Bulk))
	case CrossCPU:
		add(ParamDistance, s.Distance)
	case StartStorm:
		add("burst", strconv.Itoa(s.Burst))
	case TagExhaust, ExhaustRecover:
		add("items-per-cpu", strconv.FormatFloat(s.Ratio, 'g', -1, 64))
	case BioInflight:
		p = append(p, s.Flight.params()...)
	case IRQAllocFails:
		add("on-refusal", string(s.OnRefusal))
		add("fail-every", strconv.Itoa(s.FailEvery))
		add("items-per-cpu", strconv.FormatFloat(s.Ratio, 'g', -1, 64))
	case Hotplug:
		add("hold", strconv.Itoa(s.Hold))
	case PhaseShift:
		add("hold", strconv.Itoa(s.Hold))
		add("shift", s.Shift)
	case Preempted:
		add("hold", strconv.Itoa(s.Hold))
		add("per-processor", strconv.Itoa(s.Crowd))
	case FalseShare:
		add("hold", strconv.Itoa(s.Hold))
		add("bytes", strconv.Itoa(s.Bytes))
	case Trace:
		add("kind", s.Kind)
		add("pace", paceName(s.Pace))
	}
	p = append(p, s.situationParams()...)
	if s.Touch > 0 {
		add("touch", strconv.Itoa(s.Touch))
	}
	if s.Placement != "" {
		add("placement", s.Placement)
	}
	if s.Latency != "" {
		add("latency", s.Latency)
	}
	switch {
	case s.Dispatch:
		add(result.ParamCall, "interface")
	case s.Knobs[KnobDirect] != 0:
		add(result.ParamCall, "direct")
	}
	if s.Twin != "" {
		add(result.ParamControl, s.Twin)
	}
	return p
}

// ParamDistance is the parameter that says how far apart the processors of a cross-cpu cell are.
const ParamDistance = "distance"

// KnobDirect is the knob of variants that call what they draw on through a pointer, by which they call it directly: a cell of its own shows what the
// pointer costs.
const KnobDirect = "direct"

func paceName(pace float64) string {
	if pace == 0 {
		return "flat-out"
	}
	return strconv.FormatFloat(pace, 'g', -1, 64) + "x"
}

// Check refuses a spec that cannot be run, with the remedy.
func (s *Spec) Check() error {
	if _, err := Find(s.Workload); err != nil {
		return err
	}
	switch {
	case s.CPUs < 1:
		return fmt.Errorf("%d CPUs: give at least 1", s.CPUs)
	case len(s.Processors) > 0 && len(s.Processors) != s.CPUs:
		return fmt.Errorf("%d processors for %d CPUs: name one for each, or none", len(s.Processors), s.CPUs)
	case s.DurationNs < 1:
		return fmt.Errorf("a sample of %d ns: give a positive time", s.DurationNs)
	case s.Room < 0 || s.Room > maxRoom:
		return fmt.Errorf("room for %d items: give 0 to %d", s.Room, maxRoom)
	case s.Touch < 0 || s.Touch%64 != 0 || s.Touch > maxTouch || s.Touch > 0 && !Touches(s.Workload):
		return fmt.Errorf("%d bytes to touch: give 0, or a multiple of 64 up to %d; a recording touches none, and false-share has writes of its own", s.Touch, maxTouch)
	case s.Latency != "" && !s.timeable():
		return fmt.Errorf("latency %q of %s: give %q, or for fastpath and window %q; the other workloads have their own timing or none",
			s.Latency, s.Workload, result.EveryOperation, result.Sampled)
	}
	return s.checkOwn()
}

// Touches reports whether a workload may be told to write behind each item.
func Touches(name string) bool { return name != Trace && name != FalseShare }

// checkOwn refuses what is wrong with the workload's own parameters.
func (s *Spec) checkOwn() error {
	switch {
	case s.Workload == Window && (s.Hold < 1 || s.Hold > maxHold):
		return fmt.Errorf("window of %d items: give 1 to %d", s.Hold, maxHold)
	case s.Workload == BulkKeep && (s.Bulk < 1 || s.Keep < s.Bulk || s.Keep > maxHold):
		return fmt.Errorf("bulk-keep of %d items in bulks of %d: give a bulk of 1 to as many as are kept, and at most %d of those", s.Keep, s.Bulk, maxHold)
	case s.Workload == CrossCPU && s.CPUs != 2:
		return fmt.Errorf("cross-cpu on %d CPUs: give 2", s.CPUs)
	case s.CPUs < 2 && s.shifting():
		return fmt.Errorf("%s on 1 CPU: give 2 or more", s.Workload)
	case s.shifting() && (s.Hold < 1 || s.Hold > maxHold):
		return fmt.Errorf("%s of %d items: give 1 to %d", s.Workload, s.Hold, maxHold)
	case s.Workload == PhaseShift && s.Shift != ShiftCPUs && s.Shift != ShiftQueues:
		return fmt.Errorf("phase-shift of %q: give %s or %s", s.Shift, ShiftCPUs, ShiftQueues)
	case s.Workload == Preempted && (s.Crowd < 1 || s.CPUs%s.Crowd != 0 || s.CPUs < 2*s.Crowd):
		return fmt.Errorf("preempted-holder with %d of %d CPUs on each processor: give a divisor of the CPUs that leaves two processors", s.Crowd, s.CPUs)
	case s.Workload == FalseShare && (s.Bytes < wordBytes || s.Bytes > pageBytes || s.Bytes%wordBytes != 0):
		return fmt.Errorf("false-share with items of %d bytes: give a multiple of %d up to %d", s.Bytes, wordBytes, pageBytes)
	case s.Workload == StartStorm && (s.Burst < 1 || s.Burst > maxHold):
		return fmt.Errorf("start-storm with bursts of %d items: give 1 to %d", s.Burst, maxHold)
	case s.Workload == TagExhaust && (s.Ratio <= 0 || s.Ratio > maxRatio || s.Tasks < 1 || s.Tasks*s.CPUs > maxTasks):
		return fmt.Errorf("tag-exhaust with %g items and %d tasks for each CPU: give 0 < items <= %d, and 1 to %d tasks in all", s.Ratio, s.Tasks, maxRatio, maxTasks)
	case s.Workload == ExhaustRecover && (s.Tasks < 1 || s.Ratio < float64(s.Tasks) || s.Ratio > maxRatio || s.Tasks*s.CPUs > maxTasks):
		return fmt.Errorf("exhaust-recover with %g items and %d tasks for each CPU: give an item or more for each task, at most %d, and 1 to %d tasks in all",
			s.Ratio, s.Tasks, maxRatio, maxTasks)
	case s.Workload == IRQAllocFails:
		return s.checkWriters()
	case s.Workload == BioInflight:
		if err := s.Flight.check(); err != nil {
			return err
		}
		return s.Flight.checkOn(s.CPUs, s.DurationNs)
	case isSituation(s.Workload):
		return s.checkSituation()
	case s.Workload == Trace && s.CPUs > trace.MaxCPUs:
		return fmt.Errorf("trace on %d CPUs: a recording names %d at most; give --cpus a count up to that", s.CPUs, trace.MaxCPUs)
	case s.Workload == Trace && (s.File == "" || s.Pace < 0):
		return fmt.Errorf("trace %q at pace %g: name a file, and a pace of 0 (flat out) or more", s.File, s.Pace)
	}
	return nil
}

// shifting reports whether the workload needs two CPUs and holds items on each.
func (s *Spec) shifting() bool {
	return s.Workload == Hotplug || s.Workload == PhaseShift || s.Workload == Preempted || s.Workload == FalseShare
}

// timeable reports whether the workload can time single operations by the method asked for.
func (s *Spec) timeable() bool {
	switch s.Workload {
	case Fastpath, Window:
		return s.Latency == result.EveryOperation || s.Latency == result.Sampled
	case TagExhaust, ExhaustRecover:
		return s.Latency == result.EveryOperation
	}
	return false
}

// The limits: far above what a comparison needs, and small enough that a wrong number does not fill the memory.
const (
	maxHold  = 4096
	maxRatio = 4096
	maxTasks = 1024
	maxTouch = 1 << 16
	maxRoom  = 1 << 22
)

// Items is how many items the allocator is made for: enough that only those workloads run out that mean to. depth is the recording's largest, for a
// trace.
func (s *Spec) Items(depth int) int {
	switch s.Workload {
	case TagExhaust, ExhaustRecover, IRQAllocFails:
		return max(1, int(s.Ratio*float64(s.CPUs)+0.5))
	case BioInflight:
		return s.Flight.Depth * s.CPUs
	case Trace:
		return depth + skewWindow*s.CPUs + perCPUSlack*s.CPUs
	case PhaseShift:
		return s.shiftingItems()
	}
	if isSituation(s.Workload) {
		return s.situationItems()
	}
	// A batch of the original's size in use on each CPU, another on its way, and what is held: nobody runs out.
	held := s.Hold
	switch s.Workload {
	case BulkKeep:
		held = s.Keep + s.Bulk
	case CrossCPU:
		held = ringSlots
	case StartStorm:
		held = s.Burst
	}
	return s.CPUs * (held + perCPUSlack)
}

// perCPUSlack is what a CPU's list may keep: 48 in percpu_tags, rounded up generously.
const perCPUSlack = 128

// tasksOn is the number of tasks of a CPU.
func (s *Spec) tasksOn(cpu int) int {
	switch s.Workload {
	case TagExhaust:
		return s.Tasks
	case ExhaustRecover:
		if cpu == 0 {
			return s.Tasks + 1 // the one that holds everything
		}
		return s.Tasks
	case IRQAllocFails:
		return s.Tasks + 1 // the source of the interrupts
	case BioInflight:
		return 2 // who submits, and the device
	}
	if isSituation(s.Workload) {
		return s.situationTasks(cpu)
	}
	return 1
}

// MachineTasks is the number of tasks a machine must have room for.
func (s *Spec) MachineTasks() int {
	n := 0
	for cpu := range s.CPUs {
		n += s.tasksOn(cpu)
	}
	if s.Workload == Hotplug {
		n += hotplugOutages * tasksPerOutage
	}
	return n
}

// Allocators is how many allocators a run makes.
func (s *Spec) Allocators() int {
	switch s.Workload {
	case StartStorm:
		return 1 + stormRounds
	case StackedPools:
		return 1 + stackLevels
	}
	return 1
}
