//go:build sim

package percputags

import (
	"slices"
	"testing"

	"headroom/designs/designtest"
	"headroom/kernel/mutant"
)

// shown are the variants whose code holds each mistake, and in which it breaks a sentence that they keep otherwise.
var shown = map[mutant.ID][]string{
	pi01: {"lock", "flag", "flag-bit"},
	ai01: {"lock", "lock-3.12", "flag-bit"},
	pt02: {"lock", "lock-3.12", "flag", "flag-bit"},
	pt03: {"lock", "flag", "flag-bit"},
	pt04: {"lock", "lock-3.12", "flag", "flag-bit"},
	pt05: {"flag", "flag-bit"},
	pt06: {"flag"},
	pt07: {"xchg"},
}

// Every planted mistake breaks the contract where the suite sees it; without one the variants pass (TestVariantsConform).
func TestSuiteKillsEveryMutant(t *testing.T) {
	defer mutant.Set("")
	for _, m := range mutant.All() {
		if m.Host != host {
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
