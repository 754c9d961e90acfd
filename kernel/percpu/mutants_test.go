//go:build sim

package percpu_test

import (
	"testing"

	"headroom/kernel/mutant"
)

// Each planted mistake is found by the check of the invariant it breaks.
func TestCheckCatchesTheMutants(t *testing.T) {
	defer mutant.Set("")
	for _, id := range []mutant.ID{"PC-01", "PC-02"} {
		caught := 0
		for i := range 50 {
			mutant.Set(id)
			if checkPlacement(layout.Example(i), 1+i) != nil {
				caught++
			}
			mutant.Set("")
			if err := checkPlacement(layout.Example(i), 1+i); err != nil {
				t.Fatal(err)
			}
		}
		if caught == 0 {
			t.Errorf("%s: the check finds nothing", id)
		}
	}
}
