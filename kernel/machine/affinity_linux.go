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
