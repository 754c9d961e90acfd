package baseline

import (
	"testing"

	"headroom/designs/designtest"
)

// Every baseline keeps the contract.
func TestVariantsConform(t *testing.T) {
	for _, v := range Variants() {
		t.Run(v.Design, func(t *testing.T) { designtest.Run(t, v) })
	}
}
