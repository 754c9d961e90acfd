//go:build sim

package gfpnolocks

import (
	"testing"

	"headroom/designs/designtest"
	"headroom/kernel/mutant"
)

// The mistakes in the mechanisms below, which have their own checks there, break the contract of the variants that stand on them.
func TestSuiteKillsTheMutantsBelow(t *testing.T) {
	defer mutant.Set("")
	for _, v := range Variants() {
		for _, id := range map[string][]mutant.ID{
			"null":    {"NL-05"},
			"trylock": {"NL-01", "NL-04", "NL-06"},
			"slab":    {"SO-10"},
		}[v.Name] {
			mutant.Set(id)
			if err := designtest.TrySimulated(v); err == nil {
				t.Errorf("%s passes with %s", v.FullName(), id)
			} else {
				t.Log(err)
			}
			mutant.Set("")
		}
	}
}
