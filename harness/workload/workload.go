// Package workload describes what allocators are put through, and runs one description on any machine and any design that can serve it.
//
// A workload is closed: each task asks for its next item when it is done with the last. Throughput runs carry no clock in the operation: the
// clock is read once in a chunk of operations, so a reading costs less than a hundredth of a nanosecond an operation.
//
// The shape of a run, on every CPU: warm up, measure the CPU's own compare-and-swap and, with two CPUs, the distance between them; wait for all at
// a barrier; work until the time is up; measure both again. Only the part between barrier and end counts.
package workload

import (
	"fmt"
	"strconv"

	"headroom/designs"
	"headroom/harness/result"
	"headroom/harness/trace"
)

// The workloads.
const (
	Fastpath   = "fastpath"
	Window     = "window"
	TagExhaust = "tag-exhaust"
	Trace      = "trace"
)

// Spec is one measurement to take: everything a fresh process needs to know.
type Spec struct {
	Workload   string         `json:"workload"`
	Design     string         `json:"design"`
	Variant    string         `json:"variant"`
	CPUs       int            `json:"cpus"`       // count of CPUs to use
	Hold       int            `json:"hold"`       // window: items held at a time
	Ratio      float64        `json:"ratio"`      // tag-exhaust: items for each CPU
	Tasks      int            `json:"tasks"`      // tag-exhaust: tasks on each CPU
	File       string         `json:"file"`       // trace: the recording
	Kind       string         `json:"kind"`       // trace: tag or page lifetimes of it
	Touch      int            `json:"touch"`      // bytes written behind each item that is a tag or an id: 0, or a multiple of 64
	Pace       float64        `json:"pace"`       // trace: times the recorded speed; 0 is flat out
	Knobs      map[string]int `json:"knobs"`      // the variant's own parameters
	DurationNs int64          `json:"durationNs"` // length of the measured interval
	SlowerPct  float64        `json:"slowerPct"`  // control: lengthen every operation by so many per cent
	Dispatch   bool           `json:"dispatch"`   // call through the Allocator interface
	Twin       string         `json:"twin"`       // control: tells identical cells apart
}

// Description is what lists and reports say of a workload.
type Description struct {
	Name      string `json:"name"`
	StandsFor string `json:"standsFor"` // the situation in a kernel it stands for
	Operation string `json:"operation"` // what one operation is
	Touches   int    `json:"touches"`   // bytes it writes behind each item unless told otherwise (bench --touch)
	Kind      string `json:"kind"`      // item kind it needs, "" for any
	Waits     bool   `json:"waits"`     // it needs Alloc to wait
}

// All lists the workloads.
func All() []Description {
	return []Description{
		{Name: Fastpath, StandsFor: "a driver at queue depth 1 that allocates and completes on one CPU", Operation: "one alloc and the free of the same item, back to back"},
		{Name: Window, StandsFor: "a driver that submits a batch of requests and completes them together", Operation: "one alloc and one free, in runs of as many allocs, then as many frees, as items are held"},
		{Name: TagExhaust, StandsFor: "a device with fewer tags than requests, so that submitters wait for completions", Operation: "one alloc that may wait, a stop in which the CPU's other tasks run, one free", Waits: true},
		{Name: Trace, StandsFor: "the recorded load of a real kernel", Operation: "one recorded lifetime: its alloc and its free, each on the CPU it was recorded on"},
	}
}

// Find returns the description of a workload, or an error that lists what there is.
func Find(name string) (Description, error) {
	var names []string
	for _, d := range All() {
		if d.Name == name {
			return d, nil
		}
		names = append(names, d.Name)
	}
	return Description{}, fmt.Errorf("unknown workload %q: there are %v", name, names)
}

// Lacks says why a variant cannot run a workload, or "" when it can. kind is the kind of the trace's lifetimes, for that workload.
func Lacks(d Description, v designs.Variant, kind string) string {
	c := v.Capabilities
	switch {
	case d.Waits && !c.MayWait:
		return "its Alloc never waits, and answers ErrWouldBlock instead"
	case d.Name == Trace && kind == trace.Page.String() && !c.Memory && c.Kind != designs.Page:
		return fmt.Sprintf("its items are %ss, not memory", c.Kind)
	case d.Name == Trace && kind == trace.Tag.String() && c.Kind != designs.Tag:
		return fmt.Sprintf("its items are %ss, not tags", c.Kind)
	}
	return ""
}

// Params are the parameters of a spec that are part of the benchmark's name.
func (s *Spec) Params() []result.Pair {
	var p []result.Pair
	switch s.Workload {
	case Window:
		p = append(p, result.Pair{Key: "hold", Value: strconv.Itoa(s.Hold)})
	case TagExhaust:
		p = append(p, result.Pair{Key: "items-per-cpu", Value: strconv.FormatFloat(s.Ratio, 'g', -1, 64)})
	case Trace:
		p = append(p, result.Pair{Key: "kind", Value: s.Kind}, result.Pair{Key: "pace", Value: paceName(s.Pace)})
	}
	if s.Touch > 0 {
		p = append(p, result.Pair{Key: "touch", Value: strconv.Itoa(s.Touch)})
	}
	if s.Dispatch {
		p = append(p, result.Pair{Key: "call", Value: "interface"})
	}
	if s.Twin != "" {
		p = append(p, result.Pair{Key: "control", Value: s.Twin})
	}
	return p
}

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
	case s.DurationNs < 1:
		return fmt.Errorf("a sample of %d ns: give a positive time", s.DurationNs)
	case s.Workload == Window && (s.Hold < 1 || s.Hold > maxHold):
		return fmt.Errorf("window of %d items: give 1 to %d", s.Hold, maxHold)
	case s.Workload == TagExhaust && (s.Ratio <= 0 || s.Ratio > maxRatio || s.Tasks < 1 || s.Tasks*s.CPUs > maxTasks):
		return fmt.Errorf("tag-exhaust with %g items and %d tasks for each CPU: give 0 < items <= %d, and 1 to %d tasks in all", s.Ratio, s.Tasks, maxRatio, maxTasks)
	case s.Touch < 0 || s.Touch%64 != 0 || s.Touch > maxTouch || s.Touch > 0 && s.Workload == Trace:
		return fmt.Errorf("%d bytes to touch: give 0, or a multiple of 64 up to %d; a recording touches none", s.Touch, maxTouch)
	case s.Workload == Trace && (s.File == "" || s.Pace < 0):
		return fmt.Errorf("trace %q at pace %g: name a file, and a pace of 0 (flat out) or more", s.File, s.Pace)
	}
	return nil
}

// The limits: far above what a comparison needs, and small enough that a wrong number does not fill the memory.
const (
	maxHold  = 4096
	maxRatio = 4096
	maxTasks = 1024
	maxTouch = 1 << 16
)

// Items is how many items the allocator is made for: enough that only tag-exhaust runs out. depth is the recording's largest, for a trace.
func (s *Spec) Items(depth int) int {
	switch s.Workload {
	case TagExhaust:
		return max(1, int(s.Ratio*float64(s.CPUs)+0.5))
	case Trace:
		return depth + skewWindow*s.CPUs + perCPUSlack*s.CPUs
	}
	// A batch of the original's size in use on each CPU, another on its way, and what is held: nobody runs out.
	return s.CPUs * (s.Hold + perCPUSlack)
}

// perCPUSlack is what a CPU's list may keep: 48 in percpu_tags, rounded up generously.
const perCPUSlack = 128
