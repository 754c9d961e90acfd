package workload

import (
	"fmt"
	"slices"

	"headroom/designs"
	"headroom/harness/result"
)

// The workloads that stand for one debate's own situation.
const (
	StackedPools = "stacked-pools"
)

// situations describes them.
func situations() []Description {
	return []Description{
		{Name: StackedPools, StandsFor: "raid1 over a lower driver: a request needs an item of each of four pools, and holds those above while it waits for the next",
			Operation: "one request: an item of each level, a stop in which the CPU's other tasks run before each and after the last, and their frees", Drains: true},
	}
}

// Ways are the ways in which a workload is run on every design that can, in the order of tables; nil for one that has but one.
func Ways(name string) []string {
	switch name {
	case StackedPools:
		return []string{OwnPools, SharedPool}
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
	return s.stackItems() + s.stackSpares()
}

// usable is the items there are for the tasks of a level, or of a workload without levels.
func (s *Spec) usable() int { return max(1, int(s.Ratio*float64(s.CPUs)+0.5)) }

// situationTasks is the number of tasks of a CPU.
func (s *Spec) situationTasks(cpu int) int {
	if cpu == 0 {
		return s.Tasks + 1 // the one that watches
	}
	return s.Tasks
}

// lacksForSituation says why a variant cannot run one of these workloads, "" when it can.
func lacksForSituation(d Description, v designs.Variant) string {
	c := v.Capabilities
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
	return ""
}

// situationLoad is the load of one of these workloads.
func situationLoad(name string) load {
	return load{body: (*run).pileUp, lay: (*run).layStack, warm: (*run).warmStack, check: (*run).checkStack, figures: (*run).stackFigures, uneven: true}
}
