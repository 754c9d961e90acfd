//go:build !linux

package arch

import "runtime"

// Yield lets another thread that waits for this processor run.
func Yield() { runtime.Gosched() }
