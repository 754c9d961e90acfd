//go:build !sim

package kernel_test

import (
	"testing"

	"headroom/kernel"
)

// Natively masks and lock counts are not kept: they are free, and no check sees them.
func TestMasksAreNotKept(t *testing.T) {
	_, a, _ := setup(kernel.Process)
	a.IRQSave()
	a.SpinEnter()
	if a.IRQsOff() || a.MayWait() != nil {
		t.Error("a mask was recorded")
	}
	a.SpinExit()
	a.IRQRestore()
	a.IRQRestore()
}
