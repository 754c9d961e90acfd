package machine

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Allowed lists the CPUs the affinity mask of this process really allows, in ascending order.
func Allowed() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("read the affinity mask: %w", err)
	}
	var cpus []int
	for c := range len(set) * 64 {
		if set.IsSet(c) {
			cpus = append(cpus, c)
		}
	}
	return cpus, nil
}

// pin ties the calling goroutine to its thread and the thread to one processor. The thread is not given back: it ends with the goroutine.
func pin(cpu int) error {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin a thread to CPU %d: %w", cpu, err)
	}
	return nil
}

// Pinned checks that the calling thread may still run on the given processor only. A processor that goes offline silently widens the mask.
func Pinned(cpu int) error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return fmt.Errorf("read the affinity mask: %w", err)
	}
	if set.Count() != 1 || !set.IsSet(cpu) {
		return fmt.Errorf("the thread pinned to CPU %d may now run on %d CPUs: did the CPU go offline?", cpu, set.Count())
	}
	return nil
}

// Realtime asks for SCHED_FIFO priority 1 for the calling thread, or for the ordinary policy back. It returns the system's error when that is
// not permitted (CAP_SYS_NICE, or a real-time limit of at least 1). Hold it for short bursts only: it locks out the rest of that processor.
func Realtime(on bool) error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}
	if on {
		attr.Policy, attr.Priority = unix.SCHED_FIFO, 1
	}
	return unix.SchedSetAttr(0, &attr, 0)
}

// ThreadUsage is what a thread has used of its processor, and how often it lost it.
type ThreadUsage struct {
	ProcessorNs int64
	Preemptions int64 // involuntary switches to another thread, yields included
}

// Usage is that of the calling thread since its start; 0 where the system does not say.
func Usage() ThreadUsage {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &u) != nil {
		return ThreadUsage{ProcessorNs: ProcessorNs()}
	}
	return ThreadUsage{ProcessorNs: ProcessorNs(), Preemptions: int64(u.Nivcsw)}
}

// ProcessorNs is the processor time of the calling thread since its start, in ns; 0 where the system does not say.
func ProcessorNs() int64 {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now) != nil {
		return 0
	}
	return now.Nano()
}
