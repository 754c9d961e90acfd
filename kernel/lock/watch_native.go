//go:build !sim

package lock

import (
	"unsafe"

	"headroom/kernel"
)

func asks(*kernel.Task, unsafe.Pointer, WaitType) {}

func tried(*kernel.Task, unsafe.Pointer, WaitType) {}

func releases(*kernel.Task, unsafe.Pointer) {}

// Awaits says that t may be made to wait here for what is done within a scope. Any context. Natively nobody listens.
func Awaits(*kernel.Task, *kernel.Scope) {}

// Enters says that what t does from here on belongs to a scope, until it Leaves. Natively nobody listens.
func Enters(*kernel.Task, *kernel.Scope) {}

// Leaves ends what Enters began. Natively nobody listens.
func Leaves(*kernel.Task, *kernel.Scope) {}
