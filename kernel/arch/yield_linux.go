//go:build linux

package arch

import "syscall"

// Yield lets another thread that waits for this processor run (sched_yield(2)). About 0.5 us when none waits.
func Yield() { _, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }
