package harness

import "headroom/harness/workload"

// situationSpecs are the parameters of a workload that stands for one debate's situation, one spec for each of its ways; base itself for any other.
func situationSpecs(base workload.Spec) (list []workload.Spec) {
	ways := workload.Ways(base.Workload)
	switch base.Workload {
	case workload.StackedPools:
		base.Ratio, base.Tasks = stackedRatio, situationTasks
		if _, ok := workload.Raid1Stack(base.Design, base.Variant); ok {
			ways = append(ways, workload.Raid1)
		}
	case workload.SwapSqueeze:
		base.Ratio, base.Tasks = squeezedRatio, situationTasks
	case workload.ReserveCancel:
		base.Ratio, base.Tasks = promisedRatio, situationTasks
	case workload.RCUFlood:
		base.Ratio, base.Tasks = floodPages, floodTasks
	case workload.ResizeWaiters, workload.FirstIO:
		base.Ratio, base.Tasks = stackedRatio, situationTasks
	}
	for _, way := range ways {
		s := base
		s.Way = way
		list = append(list, s)
	}
	if ways == nil {
		list = append(list, base)
	}
	return list
}
