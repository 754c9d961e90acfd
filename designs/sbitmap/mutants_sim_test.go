//go:build sim

package sbitmap

import (
	"testing"

	"headroom/designs/designtest"
	"headroom/kernel/mutant"
)

// Every planted mistake but SB-07 breaks the contract where the suite sees it; without one the bitmap passes (TestVariantsConform). That one takes
// a word full of freed tags and a batch of two; it is killed in package fuzz, by a program made for it.
func TestSuiteKillsEveryMutant(t *testing.T) {
	defer mutant.Set("")
	killed := 0
	for _, m := range mutant.All() {
		if m.Host != host || m.ID == sb07 {
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
