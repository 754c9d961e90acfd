//go:build sim

package mem_test

import (
	"testing"

	"headroom/kernel/mutant"
)

// Each planted mistake is found by the check of the invariant it breaks.
func TestChecksCatchTheMutants(t *testing.T) {
	defer mutant.Set("")
	for _, c := range []struct {
		id    mutant.ID
		check func(example int) error
	}{
		{"MM-01", func(i int) error { _, err := checkLayout(requests.Example(i)); return err }},
		{"MM-02", func(int) error { return checkPointers() }},
		{"MM-03", func(i int) error { _, err := checkSnapshots(actions.Example(i)); return err }},
	} {
		const examples = 100
		caught := 0
		for i := range examples {
			mutant.Set("")
			if err := c.check(i); err != nil {
				t.Fatalf("without a mutant, example %d: %v", i, err)
			}
			mutant.Set(c.id)
			if err := c.check(i); err != nil {
				caught++
			}
		}
		if caught == 0 {
			t.Errorf("%s: none of %d examples finds it", c.id, examples)
		}
	}
}
