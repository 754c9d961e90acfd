//go:build sim

package reservation

import (
	"slices"
	"testing"

	"headroom/designs/designtest"
	"headroom/kernel/mutant"
)

// shown are the variants whose code holds each mistake.
var shown = map[mutant.ID][]string{
	rs01: {"slab"}, rs02: {"strict"}, rs03: {"slab"}, rs04: {"slab"}, rs05: {"slab"}, rs06: {"sheaf"}, rs07: {"sheaf"}, rs08: {"slab"},
	"RV-01": {"page"}, "RV-04": {"strict"}, "RV-05": {"page", "strict"},
}

// Every planted mistake breaks the contract where the suite sees it, those of the page allocator's promises among them; without one the variants pass
// (TestVariantsConform).
func TestSuiteKillsEveryMutant(t *testing.T) {
	defer mutant.Set("")
	for _, m := range mutant.All() {
		if m.Host != host && shown[m.ID] == nil {
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
