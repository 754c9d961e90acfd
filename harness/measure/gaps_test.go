package measure

import (
	"math"
	"testing"

	"headroom/kernel/latency"
	"headroom/kernel/machine"
)

// The loop spins for as long as it was told, and each moment of that is in one of its turns.
func TestGapsAccountForAllTheTime(t *testing.T) {
	const forNs = 2_000_000
	turns := new(latency.Histogram)
	spunNs := Gaps(forNs, turns)
	spun := uint64(math.Round(spunNs * machine.TicksPerNs()))
	low, high := uint64(0), uint64(0)
	for b := range turns.Buckets {
		low += uint64(b.Low) * uint64(b.Count)
		high += uint64(b.High) * uint64(b.Count)
	}
	if spunNs < forNs || low > spun || high < spun || turns.Count() < 2 {
		t.Errorf("spun for %.0f ns of %d, %d ticks, in %d turns that take %d to %d", spunNs, int(forNs), spun, turns.Count(), low, high)
	}
	if n := testing.AllocsPerRun(5, func() { Gaps(1000, turns) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
