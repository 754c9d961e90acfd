package measure

import (
	"testing"

	"headroom/kernel/latency"
	"headroom/kernel/machine"
)

// The loop spins for as long as it was told, and each moment of that is in one of its turns.
func TestGapsAccountForAllTheTime(t *testing.T) {
	const forNs = 2_000_000
	turns := new(latency.Histogram)
	spunNs := Gaps(forNs, turns)
	low, high := 0.0, 0.0
	for b := range turns.Buckets {
		low += float64(b.Low) * float64(b.Count) / machine.TicksPerNs()
		high += float64(b.High) * float64(b.Count) / machine.TicksPerNs()
	}
	if spunNs < forNs || low > spunNs || high < spunNs || turns.Count() < 2 {
		t.Errorf("spun for %.0f ns of %d in %d turns that take %.0f to %.0f ns", spunNs, int(forNs), turns.Count(), low, high)
	}
	if n := testing.AllocsPerRun(5, func() { Gaps(1000, turns) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
