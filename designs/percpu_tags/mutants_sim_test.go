//go:build sim

package percputags

import (
	"testing"

	"headroom/designs/designtest"
	"headroom/kernel/mutant"
)

// Every planted mistake breaks the contract where the suite sees it; without one the variants pass (TestVariantsConform).
func TestSuiteKillsEveryMutant(t *testing.T) {
	defer mutant.Set("")
	killed := 0
	for _, m := range mutant.All() {
		if m.Host != host {
			continue
		}
		killed++
		t.Run(string(m.ID), func(t *testing.T) {
			mutant.Set(m.ID)
			for _, v := range Variants() {
				if err := designtest.TrySimulated(v); err == nil {
					t.Errorf("%s passes with %s: %s", v.FullName(), m.ID, m.Story)
				} else {
					t.Log(err)
				}
			}
		})
	}
	if killed == 0 {
		t.Errorf("no mutant has the host %s", host)
	}
}
