package stats

import (
	"github.com/HdrHistogram/hdrhistogram-go"

	"headroom/harness/result"
)

// LeastGapNs is the shortest gap that Gaps counts: well above a reading of the clock, well below a tick of the kernel.
const LeastGapNs = 1000

// Gaps is what the machine itself took away from one CPU, as a spinning loop saw it, summed up over the samples of a run that have it.
type Gaps struct {
	CPU       int      // of the sample, from 0
	ReadingNs Estimate // usual turn of the loop: one reading of the clock
	PerSecond Estimate // gaps of LeastGapNs and more in a second
	LostPct   Estimate // share of the time that they took, per cent
	LongestNs Estimate // the longest of a sample
}

// GapsOf sums up the floors of a run's kept samples, one row for each CPU. Floors that cannot be read are left out: the rows of their cells warn of
// them.
func GapsOf(run *result.Run) []Gaps {
	var values [][4][]float64
	for i := range run.Cells {
		for _, s := range run.Cells[i].Kept {
			for _, f := range s.Floors {
				h, err := hdrhistogram.Decode([]byte(f.Histogram))
				if err != nil || f.SpunNs <= 0 || f.CPU < 0 || f.CPU >= run.Cells[i].CPUs {
					continue
				}
				for len(values) <= f.CPU {
					values = append(values, [4][]float64{})
				}
				for k, v := range gapsIn(h, f.SpunNs) {
					values[f.CPU][k] = append(values[f.CPU][k], v)
				}
			}
		}
	}
	var out []Gaps
	for cpu, v := range values {
		out = append(out, Gaps{cpu, Of(v[0]), Of(v[1]), Of(v[2]), Of(v[3])})
	}
	return out
}

// gapsIn gives the figures of one floor, in the order of Gaps.
func gapsIn(h *hdrhistogram.Histogram, spunNs float64) [4]float64 {
	const half = 50
	usual := float64(h.ValueAtPercentile(half)) * result.LatencyUnitNs
	count, lost := 0.0, 0.0
	for _, b := range h.Distribution() {
		gap := float64(b.From+b.To)/2*result.LatencyUnitNs - usual
		if gap >= LeastGapNs {
			count += float64(b.Count)
			lost += gap * float64(b.Count)
		}
	}
	const nsPerSecond, whole = 1e9, 100
	return [4]float64{usual, count / spunNs * nsPerSecond, lost / spunNs * whole, max(0, float64(h.Max())*result.LatencyUnitNs-usual)}
}
