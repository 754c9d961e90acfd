//go:build !amd64

package arch

import _ "unsafe" // for go:linkname

//go:linkname nanotime runtime.nanotime
func nanotime() int64

//go:linkname procyield runtime.procyield
func procyield(turns uint32)

// TSC reads the monotonic clock in nanoseconds: the stand-in for a time-stamp counter on processors other than x86-64.
func TSC() uint64 { return uint64(nanotime()) }

// Pause tells the processor turns times that this is a spin loop.
func Pause(turns uint32) { procyield(turns) }
