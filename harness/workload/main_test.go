package workload

import (
	"os"
	"testing"
)

// The tests of this package take hundreds of samples and ask none of them for a time, so they warm up for less, and look for gaps for less.
func TestMain(m *testing.M) {
	warmOps, leastGapsNs = 256, 500_000
	os.Exit(m.Run())
}
