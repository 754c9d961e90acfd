//go:build sim

package ida

import (
	"slices"
	"testing"

	"headroom/designs/designtest"
	"headroom/kernel/mutant"
)

// shown are the variants whose code holds each mistake, and in which it breaks a sentence of the contract. Those of the tree alone that need a
// range, a full chunk, or a free of what is not taken, are killed by TestTreeKillsItsMutants; ID-09 by
// TestIDsFreedWhileCallersWaitReachThem.
var shown = map[mutant.ID][]string{
	id04: {"tree"},
	id05: {"tags", "magazine-steal"},
	id06: {"magazine-steal"},
	id08: {"magazine"},
}

// Every planted mistake breaks the contract where the suite sees it; without one the variants pass (TestVariantsConform).
func TestSuiteKillsEveryMutant(t *testing.T) {
	defer mutant.Set("")
	for _, m := range mutant.All() {
		if m.Host != host || slices.Contains(inTree, m.ID) || m.ID == id09 {
			continue
		}
		t.Run(string(m.ID), func(t *testing.T) {
			mutant.Set(m.ID)
			tried := 0
			for _, v := range Variants() {
				if !slices.Contains(shown[m.ID], v.Name) {
					continue
				}
				tried++
				if err := designtest.TrySimulated(v); err == nil {
					t.Errorf("%s passes with %s: %s", v.FullName(), m.ID, m.Story)
				} else {
					t.Log(err)
				}
			}
			if tried == 0 {
				t.Errorf("no variant shows %s", m.ID)
			}
		})
	}
}
