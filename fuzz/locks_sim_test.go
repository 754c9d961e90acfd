//go:build sim

package fuzz

import (
	"testing"

	"headroom/designs/catalog"
	"headroom/kernel"
)

// No variant takes its locks in an order, or a context, from which a deadlock can come: not in generated programs, on machines that do what they like.
func TestVariantsTakeTheirLocksInOrder(t *testing.T) {
	for _, v := range catalog.All() {
		if v.Capabilities.NativeOnly {
			continue
		}
		h := &Hunt{Variant: v, Seed: 1, Vary: true, Executions: lockExecutions, Stop: func() bool { return false }}
		found, err := h.Run()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range found.Reports {
			t.Errorf("%s:\n%s", v.FullName(), r.Text)
		}
	}
	_ = kernel.Process
}

const lockExecutions = 2000
