//go:build sim

package mutant

import "testing"

// In the sim build one mutant at a time is on.
func TestSetSwitchesOneMutantOn(t *testing.T) {
	defer Set("")
	Set("XX-01")
	if !On("XX-01") || On("XX-02") || Active() != "XX-01" {
		t.Errorf("XX-01 is set, and %q is active", Active())
	}
	Set("XX-02")
	if On("XX-01") || !On("XX-02") {
		t.Error("setting a mutant left the one before on")
	}
	Set("")
	if On("XX-02") || Active() != "" {
		t.Error("the empty ID leaves a mutant on")
	}
}
