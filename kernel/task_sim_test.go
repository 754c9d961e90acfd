//go:build sim

package kernel_test

import (
	"testing"

	"headroom/kernel"
)

// In the sim build masks and lock counts nest, forbid waiting and preemption, and must balance.
func TestMasksNest(t *testing.T) {
	_, a, _ := setup(kernel.Process)
	state := func(irqsOff, preemptible bool, wait string) {
		t.Helper()
		got := ""
		if err := a.MayWait(); err != nil {
			got = err.Error()
		}
		if a.IRQsOff() != irqsOff || a.Preemptible() != preemptible || got != wait {
			t.Errorf("interrupts off %v, preemptible %v, wait %q; want %v, %v, %q", a.IRQsOff(), a.Preemptible(), got, irqsOff, preemptible, wait)
		}
	}
	state(false, true, "")
	a.IRQSave()
	a.IRQSave()
	state(true, false, "wait with interrupts masked")
	a.SpinEnter()
	a.IRQRestore()
	a.IRQRestore()
	state(false, false, "wait with 1 spinning locks held")
	a.SpinExit()
	state(false, true, "")
	if said := misused(a.IRQRestore); said != "a: interrupts restored more often than masked" {
		t.Errorf("an unbalanced IRQRestore: %q", said)
	}
	_, a, _ = setup(kernel.Process)
	if said := misused(a.SpinExit); said != "a: more spinning locks released than taken" {
		t.Errorf("an unbalanced SpinExit: %q", said)
	}
}
