package workload

import (
	"headroom/designs"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/latency"
	"headroom/kernel/machine"
)

// recorderSeed makes samples of operations repeatable; any value would do.
const recorderSeed = 0x68656164

func newRecorders(cpus int) []*latency.Recorder {
	list := make([]*latency.Recorder, cpus)
	for i := range list {
		list[i] = latency.NewRecorder(recorderSeed + uint64(i))
	}
	return list
}

// tick is the clock by which single operations are timed: the time-stamp counter natively, the virtual clock on a simulated machine.
func (r *run) tick() uint64 {
	if r.native() {
		return arch.TSC()
	}
	return uint64(r.now())
}

// ticksPerNs is the rate of tick.
func (r *run) ticksPerNs() float64 {
	if r.native() {
		return machine.TicksPerNs()
	}
	return 1
}

// timedAlloc allocates an item, and records how long that took if the CPU has a recorder.
func (r *run) timedAlloc(t *kernel.Task, s *seat, gfp kernel.GFP) (designs.Item, error) {
	if s.recorder == nil {
		return r.allocator.Alloc(t, gfp)
	}
	began := r.tick()
	it, err := r.allocator.Alloc(t, gfp)
	if err == nil {
		s.recorder.Sample(latency.Alloc, r.tick()-began)
	}
	return it, err
}

// describe adds the distribution that recorders of all CPUs hold together to a sample.
func (r *run) describe(o *result.Sample, recorders []*latency.Recorder, kind latency.Kind, timed string) {
}
