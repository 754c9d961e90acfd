package sbitmap

import (
	"testing"

	"headroom/designs/designtest"
)

// The bitmap keeps the contract.
func TestVariantsConform(t *testing.T) {
	for _, v := range Variants() {
		t.Run(v.FullName(), func(t *testing.T) { designtest.Run(t, v) })
	}
}
