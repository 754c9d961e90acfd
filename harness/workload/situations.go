package workload

import (
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/harness/result"
	"headroom/kernel"
)

// The workloads that stand for one debate's own situation.
const (
	StackedPools  = "stacked-pools"
	SwapSqueeze   = "swap-squeeze"
	ReserveCancel = "reserve-cancel"
	RCUFlood      = "rcu-flood"
	ResizeWaiters = "resize-waiters"
	FirstIO       = "blkcg-first-io"
)

// situations describes them.
func situations() []Description {
	return []Description{
		{Name: StackedPools, StandsFor: "raid1 over a lower driver: a request needs an item of each of four pools, and holds those above while it waits for the next",
			Operation: "one request: an item of each level, a stop in which the CPU's other tasks run before each and after the last, and their frees", Drains: true},
		{Name: SwapSqueeze, StandsFor: "swapping to an encrypted device when memory is full: reclaim itself needs memory to write pages out",
			Operation: "one page written out: an item from the memory that is short, 100 us of the device, the item's free", OnZones: true},
		{Name: ReserveCancel, StandsFor: "writers that reserve for the worst case, use a part and give the rest up, beside others who reserve nothing",
			Operation: "one promise of 16 items, the draw of 4 with a stop before each next, the cancelling of 12, the frees; and 4 items taken without a promise", Promises: true},
		{Name: RCUFlood, StandsFor: "callers of kfree_rcu under raw spin locks that give objects up faster than grace periods pass",
			Operation: "one object: its alloc, its kfree_rcu under a raw lock, and, when its grace period has passed, its free by the worker", Pages: true},
		{Name: ResizeWaiters, StandsFor: "an administrator who resizes a pool, as raid does for more devices, while requests wait for its items",
			Operation: "one alloc that may wait, a stop in which the CPU's other tasks run, one free, while the size changes all the time", Resizes: true},
		{Name: FirstIO, StandsFor: "the first I/O of a control group to a device, which needs per-CPU statistics where nothing may be allocated that does I/O",
			Operation: "one group: it is made, does 8 I/Os, of which the first needs an item or does without, and is gone", HoldsBack: true},
	}
}

// Ways are the ways in which a workload is run on every design that can, in the order of tables; nil for one that has but one.
func Ways(name string) []string {
	switch name {
	case StackedPools:
		return []string{OwnPools, SharedPool}
	case RCUFlood:
		return []string{Unthrottled, Throttled}
	case FirstIO:
		return []string{FirstWaits, FirstPolls, FirstDefers, Preallocated}
	}
	return nil
}

// OnMost reports whether a workload is run on the largest number of CPUs only: its question is not how a design scales.
func OnMost(name string) bool { return isSituation(name) }

// wayKey is the parameter that names the way of a workload, "" where there is but one.
func wayKey(name string) string {
	switch name {
	case StackedPools:
		return "pools"
	case RCUFlood:
		return "callers"
	case FirstIO:
		return "first"
	}
	return ""
}

// isSituation reports whether the workload is one of these.
func isSituation(name string) bool {
	return slices.ContainsFunc(situations(), func(d Description) bool { return d.Name == name })
}

// situationParams are the parameters in a cell's name.
func (s *Spec) situationParams() []result.Pair {
	var p []result.Pair
	if key := wayKey(s.Workload); key != "" {
		p = append(p, result.Pair{Key: key, Value: s.Way})
	}
	return p
}

// checkSituation refuses what is wrong with a situation's parameters.
func (s *Spec) checkSituation() error {
	ways := Ways(s.Workload)
	if s.Workload == StackedPools {
		ways = append(ways, Raid1)
	}
	switch {
	case ways != nil && !slices.Contains(ways, s.Way):
		return fmt.Errorf("%s in the way %q: give one of %v", s.Workload, s.Way, ways)
	case s.Tasks < 1 || s.Tasks*s.CPUs > maxTasks:
		return fmt.Errorf("%s with %d tasks for each CPU: give 1 to %d in all", s.Workload, s.Tasks, maxTasks)
	case !(s.Ratio > 0 && s.Ratio <= maxRatio):
		return fmt.Errorf("%s with %g items for each CPU: give more than 0, and at most %d", s.Workload, s.Ratio, maxRatio)
	}
	return nil
}

// situationItems is how many items the allocator of a situation is made for.
func (s *Spec) situationItems() int {
	if s.Workload == StackedPools {
		return s.stackItems() + s.stackSpares()
	}
	return s.usable()
}

// usable is the items there are for the tasks of a level, or of a workload without levels.
func (s *Spec) usable() int { return max(1, int(s.Ratio*float64(s.CPUs)+0.5)) }

// situationRoom is the memory below an allocator in items, 0 for just enough. A pool is to find half as many elements more to grow by, and memory that only some
// callers get is to have more than the pool keeps.
func (s *Spec) situationRoom() int {
	switch s.Workload {
	case ResizeWaiters:
		return s.usable() * 3 / 2
	case FirstIO:
		return s.usable() * 4
	}
	return s.Room
}

// situationTasks is the number of tasks of a CPU.
func (s *Spec) situationTasks(cpu int) int {
	switch {
	case s.Workload == SwapSqueeze, s.Workload == RCUFlood:
		return s.Tasks + 1 // the device, or the worker
	case s.Workload != ReserveCancel && cpu == 0:
		return s.Tasks + 1 // the one that watches, resizes, or gets what others wait for
	}
	return s.Tasks
}

// lacksForSituation says why a variant cannot run one of these workloads, "" when it can.
func lacksForSituation(d Description, v designs.Variant) string {
	c := v.Capabilities
	if d.OnZones && !c.OnZones {
		return "it makes memory of its own, on which nobody else can press"
	}
	switch {
	case d.Promises && !c.Promises:
		return "it promises no items ahead of their use"
	case d.Resizes && !c.Resizes:
		return "its size does not change"
	case d.Resizes && twoPools(v):
		return "who makes its upper pool larger sleeps in the lower one, which gets nothing until the upper one is full: with all its users it waits for ever"
	case d.HoldsBack && !c.HoldsBack:
		return "whoever may not wait gets its items as soon as who may"
	case d.Pages && (c.Kind != designs.Page || !c.Memory):
		return fmt.Sprintf("its items are %ss, not pages of memory", c.Kind)
	}
	if d.Drains && c.Unbounded && (!c.Memory || c.NativeOnly) {
		return "its items never run out"
	}
	if d.Drains && c.MayWait && slices.Contains(v.Breaks, neverWoken) {
		return "a caller of it can wait for ever beside free items: " + c.KnownFaults
	}
	return ""
}

// LacksWay says why a variant cannot run a workload in one of its ways, "" when it can.
func LacksWay(name string, v designs.Variant, way string) string {
	if name == StackedPools && way == SharedPool && twoPools(v) {
		return "shared: who sleeps in the lower of its two pools is woken once the upper one is full, which cannot be where some of its items are held back"
	}
	if name == FirstIO && way == FirstWaits && !v.Capabilities.MayWait {
		return "wait: its Alloc never waits for an item"
	}
	return ""
}

// situationLoad is the load of one of these workloads.
func situationLoad(name string) load {
	switch name {
	case SwapSqueeze:
		return load{body: (*run).squeezeIn, ground: (*run).layZones, lay: (*run).laySqueeze, warm: (*run).unwarmed, figures: (*run).squeezeFigures, uneven: true}
	case ReserveCancel:
		return load{body: (*run).promiseAndCancel, lay: (*run).layPromises, warm: (*run).unwarmed, figures: (*run).promiseFigures}
	case RCUFlood:
		return load{body: (*run).giveUpOrFree, lay: (*run).layFlood, warm: (*run).unwarmed, after: (*run).shrinkClient, check: (*run).checkFlood, figures: (*run).floodFigures}
	case ResizeWaiters:
		return load{body: (*run).workOrResize, lay: (*run).layResizing, warm: (*run).unwarmed, figures: (*run).resizeFigures, uneven: true}
	case FirstIO:
		return load{body: (*run).groupLife, lay: (*run).layFirst, warm: (*run).unwarmed, figures: (*run).firstFigures, uneven: true}
	}
	return load{body: (*run).pileUp, lay: (*run).layStack, warm: (*run).warmStack, check: (*run).checkStack, figures: (*run).stackFigures, uneven: true}
}

// unwarmed leaves everything as it is: what the workload is about comes with the first operations.
func (r *run) unwarmed(*kernel.Task, *seat) {}
