package workload

import (
	"headroom/harness/result"
	"headroom/kernel"
)

// load is how one workload runs. The tasks of a CPU share its seat; their number is Spec.tasksOn.
type load struct {
	body    func(r *run, t *kernel.Task, s *seat, task int) // of each task, from 0, in the measured interval
	ground  func(r *run) error                              // makes what the allocator stands on; nil for nothing
	lay     func(r *run) error                              // places the workload's own words; nil for none
	warm    func(r *run, t *kernel.Task, s *seat)           // before the measured interval, on each CPU's first task
	after   func(r *run, t *kernel.Task, s *seat)           // after it, on each CPU's last task: gives back what is left; nil for nothing
	check   func(r *run) error                              // at quiescence, beside the allocator's own; nil for nothing
	figures func(r *run, o *result.Sample) error            // adds to what is counted for every workload, or corrects it; nil for nothing
	timed   bool                                            // it times operations on its own, whatever the spec says
	inside  bool                                            // ns/op is seat.inside over the operations, not the whole interval
	clocked bool                                            // it ends with the chunk of operations in which the time ran out
	uneven  bool                                            // its CPUs do different things, so that what each did says nothing of fairness
}

// loadOf is the load of a workload that Find knows.
func loadOf(name string) load {
	switch name {
	case BulkKeep:
		return load{body: (*run).keepOn, lay: (*run).layKeepers, warm: (*run).fillKeeper, after: (*run).emptyKeeper, clocked: true}
	case CrossCPU:
		return load{body: (*run).cross, lay: (*run).layRing, warm: (*run).warmRing, figures: (*run).crossFigures, uneven: true, clocked: true}
	case StartStorm:
		return load{body: (*run).stormOn, lay: (*run).layStorm, warm: (*run).warm, check: (*run).checkStorm, figures: (*run).stormFigures, timed: true, inside: true}
	case TagExhaust:
		return load{body: (*run).exhaust, warm: (*run).warm, clocked: true}
	case ExhaustRecover:
		return load{body: (*run).dryOut, lay: (*run).layDrought, warm: (*run).warm, figures: (*run).droughtFigures, uneven: true}
	case BioInflight:
		return load{body: (*run).submitOrServe, lay: (*run).layFlight, warm: (*run).warm, figures: (*run).flightFigures, timed: true, inside: true}
	case IRQAllocFails:
		return load{body: (*run).writeInInterrupts, lay: (*run).layWriters, warm: (*run).warm, check: (*run).accountWrites, figures: (*run).writerFigures,
			timed: true, inside: true}
	case Hotplug:
		return load{body: (*run).hotplug, lay: (*run).layOutages, warm: (*run).warmOutages, check: (*run).checkOutages, figures: (*run).outageFigures,
			inside: true, uneven: true}
	case PhaseShift:
		return load{body: (*run).shiftOn, lay: (*run).layShift, warm: (*run).warmShift, figures: (*run).shiftFigures, inside: true}
	case Preempted:
		return load{body: (*run).crowded, lay: (*run).layCrowd, warm: (*run).warmUp, figures: (*run).crowdFigures, inside: true}
	case FalseShare:
		return load{body: (*run).shareOn, lay: (*run).laySharing, warm: (*run).warm, figures: (*run).sharingFigures, inside: true}
	case Trace:
		return load{body: (*run).replayStream, warm: (*run).warm}
	}
	if isSituation(name) {
		return situationLoad(name)
	}
	return load{body: (*run).closed, warm: (*run).warmUp, clocked: true}
}
