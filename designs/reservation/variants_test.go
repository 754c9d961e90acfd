package reservation

import (
	"testing"

	"headroom/designs/designtest"
)

// Every variant keeps the contract.
func TestVariantsConform(t *testing.T) {
	for _, v := range Variants() {
		t.Run(v.Name, func(t *testing.T) { designtest.Run(t, v) })
	}
}
