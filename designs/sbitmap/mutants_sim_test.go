//go:build sim

package sbitmap

import (
	"testing"

	"headroom/designs/designtest"
	"headroom/kernel/mutant"
)

// Every planted mistake but two breaks the contract where the suite sees it; without one the bitmap passes (TestVariantsConform). SB-07 takes a word
// full of freed tags and a batch of two, and SB-01 a memory with store buffers; they are killed in package fuzz, by programs made for them.
func TestSuiteKillsEveryMutant(t *testing.T) {
	defer mutant.Set("")
	killed := 0
	for _, m := range mutant.All() {
		if m.Host != host || m.ID == sb07 || m.ID == sb01 {
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
