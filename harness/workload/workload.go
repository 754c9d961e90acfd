// Package workload describes what allocators are put through, and runs one description on any machine and any design that can serve it.
//
// A workload is closed, but for bio-inflight and a paced trace: each task asks for its next item when it is done with the last. Throughput runs
// carry no clock in the operation: the clock is read once in a chunk of operations, so a reading costs less than a hundredth of a nanosecond an
// operation. Each workload has a file of its own, in which its load says how it runs.
//
// The shape of a run, on every CPU: warm up, measure the CPU's own compare-and-swap and, with two CPUs, the distance between them; wait for all at
// a barrier; work until the time is up; measure both again. Only the part between barrier and end counts.
package workload

import (
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/harness/trace"
	"headroom/kernel"
)

// The workloads.
const (
	Fastpath       = "fastpath"
	Window         = "window"
	BulkKeep       = "bulk-keep"
	CrossCPU       = "cross-cpu"
	StartStorm     = "start-storm"
	TagExhaust     = "tag-exhaust"
	ExhaustRecover = "exhaust-recover"
	BioInflight    = "bio-inflight"
	IRQAllocFails  = "irq-alloc-fails"
	Hotplug        = "hotplug"
	PhaseShift     = "phase-shift"
	Preempted      = "preempted-holder"
	FalseShare     = "false-share"
	Trace          = "trace"
)

// Description is what lists and reports say of a workload.
type Description struct {
	Name      string `json:"name"`
	StandsFor string `json:"standsFor"` // the situation in a kernel it stands for
	Operation string `json:"operation"` // what one operation is
	Touches   int    `json:"touches"`   // bytes it writes behind each item unless told otherwise (bench --touch)
	Kind      string `json:"kind"`      // item kind it needs, "" for any
	Waits     bool   `json:"waits"`     // it needs Alloc to wait
	HardIRQ   bool   `json:"hardIrq"`   // it calls Free from a hard interrupt
	AllocIRQ  bool   `json:"allocIrq"`  // it calls Alloc from a hard interrupt
	Bounded   bool   `json:"bounded"`   // it needs items to run out
	TwoCPUs   bool   `json:"twoCpus"`   // it needs two CPUs at least
	OnZones   bool   `json:"onZones"`   // the allocator is to stand on memory that others use as well
	Promises  bool   `json:"promises"`  // it needs promises ahead of use
	Resizes   bool   `json:"resizes"`   // it needs an allocator whose size can change
	HoldsBack bool   `json:"holdsBack"` // it needs items that a caller who may not wait can be refused where others get them
	Pages     bool   `json:"pages"`     // it needs pages of memory
	Drains    bool   `json:"drains"`    // it takes all items but a few first: it needs items, or the memory for them, to run out
}

// All lists the workloads.
func All() []Description {
	return append([]Description{
		{Name: Fastpath, StandsFor: "a driver at queue depth 1 that allocates and completes on one CPU", Operation: "one alloc and the free of the same item, back to back"},
		{Name: Window, StandsFor: "a driver that submits a batch of requests and completes them together", Operation: "one alloc and one free, in runs of as many allocs, then as many frees, as items are held"},
		{Name: BulkKeep, StandsFor: "a driver that keeps a long queue of items, more than a CPU's list holds, and takes them in bulk", Operation: "one item of a bulk taken, and the free of the oldest kept"},
		{Name: CrossCPU, StandsFor: "a request that is submitted on one CPU and completed on another", Operation: "one alloc on the first CPU, its hand-over through a ring, and the free on the second"},
		{Name: StartStorm, StandsFor: "all CPUs beginning at once on a device that was just opened", Operation: "one alloc from a fresh allocator; the frees are not timed"},
		{Name: TagExhaust, StandsFor: "a device with fewer tags than requests, so that submitters wait for completions", Operation: "one alloc that may wait, a stop in which the CPU's other tasks run, one free", Waits: true},
		{Name: ExhaustRecover, StandsFor: "a device that stalls with all its tags out, and then completes everything at once",
			Operation: "one task served after the release of all items, and its free", Bounded: true},
		{Name: BioInflight, StandsFor: "block I/O that arrives when it likes, and is completed by an interrupt on another CPU",
			Operation: "one alloc, from the moment the request comes, and its free in the completion; not the time in flight", HardIRQ: true, Bounded: true},
		{Name: IRQAllocFails, StandsFor: "a driver that starts writes in interrupts, where it may not wait, beside tasks that use up the tags, and that puts off or ends with EIO what it has none for",
			Operation: "one write: its alloc and its free, each in an interrupt, with the attempts in vain; not the time on the device", HardIRQ: true, AllocIRQ: true, Bounded: true},
		{Name: Hotplug, StandsFor: "CPUs that are taken offline and brought back, to save power or by a hypervisor, while the rest of the system works",
			Operation: "one alloc and one free, in runs of 32 allocs, then as many frees, on whatever CPU the task is by then", TwoCPUs: true},
		{Name: PhaseShift, StandsFor: "a load that moves from some CPUs to others, as threads are migrated or queues drain while others fill",
			Operation: "one alloc and its free, on the CPUs whose phase it is", TwoCPUs: true},
		{Name: Preempted, StandsFor: "more runnable threads than processors, as in a guest whose virtual CPUs are taken away while they hold items or locks",
			Operation: "one alloc and one free, in runs of 64 allocs, then as many frees", TwoCPUs: true},
		{Name: FalseShare, StandsFor: "objects, or a driver's records behind tags, of less than a cache line that several CPUs take in turn and then write",
			Operation: "one write of one word to an item held; the allocs and frees are not timed", TwoCPUs: true},
		{Name: Trace, StandsFor: "the recorded load of a real kernel", Operation: "one recorded lifetime: its alloc and its free, each on the CPU that stands for the recorded one"},
	}, situations()...)
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

// neverWoken is the sentence of the contract (package designs) that a caller is not left waiting while an item is free. A sample of a variant that breaks
// it may never end.
const neverWoken = "C5"

// Lacks says why a variant cannot run a workload, or "" when it can. kind is the kind of the trace's lifetimes, for that workload.
func Lacks(d Description, v designs.Variant, kind string) string {
	c := v.Capabilities
	switch {
	case d.Waits && !c.MayWait:
		return "its Alloc never waits for an item"
	case (d.Waits || d.Bounded) && c.MayWait && slices.Contains(v.Breaks, neverWoken):
		return "a caller of it can wait for ever beside free items: " + c.KnownFaults
	case d.HardIRQ && !slices.Contains(c.FreeIn, kernel.HardIRQ):
		return "its Free may not be called in a hard interrupt"
	case d.AllocIRQ && !slices.Contains(c.AllocIn, kernel.HardIRQ):
		return "its Alloc may not be called in a hard interrupt"
	case d.Bounded && c.Unbounded:
		return "its items never run out"
	case d.Name == FalseShare && c.Unbounded && !inMemory(v):
		return "its items have no bound, so there is no record for each to write"
	case d.Name == Trace && kind == trace.Page.String() && !c.Memory && c.Kind != designs.Page:
		return fmt.Sprintf("its items are %ss, not memory", c.Kind)
	case d.Name == Trace && kind == trace.Tag.String() && c.Kind != designs.Tag:
		return fmt.Sprintf("its items are %ss, not tags", c.Kind)
	}
	return lacksForSituation(d, v)
}

// inMemory reports whether a variant's items are memory themselves; what belongs to the others lies in records behind them.
func inMemory(v designs.Variant) bool {
	return v.Capabilities.Kind == designs.Page || v.Capabilities.Kind == designs.Object
}
