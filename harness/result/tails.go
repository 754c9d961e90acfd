package result

import (
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/perf/benchfmt"
)

// percentiles are those that raw.txt has of a distribution, with the word that their unit begins with.
var percentiles = []struct {
	percent float64
	word    string
}{{50, "p50"}, {90, "p90"}, {99, "p99"}, {99.9, "p999"}, {99.99, "p9999"}}

// unitsPerNs is 1 / LatencyUnitNs: dividing by it gives the decimal that is meant, multiplying by a tenth does not.
const unitsPerNs = 10

// leastAbove is the count of operations that must lie above a percentile for raw.txt to have it.
const leastAbove = 10

// tailValues gives the percentiles of a sample's distributions in ns, with units such as p99-ns. Those of the first distribution stand for the
// cell; the others have in front what they timed: actual-p99-ns. A percentile that the machine's own gaps explain is in it as well: only the
// report knows of floors. A distribution that cannot be read gives none.
func tailValues(s *Sample) []benchfmt.Value {
	var values []benchfmt.Value
	for i, l := range s.Latency {
		h, err := hdrhistogram.Decode([]byte(l.Histogram))
		if err != nil {
			continue
		}
		prefix := ""
		if i > 0 {
			prefix = l.Timed + "-"
		}
		for _, p := range percentiles {
			const whole = 100
			if float64(h.TotalCount())*(1-p.percent/whole) < leastAbove-1e-6 {
				continue
			}
			unit := prefix + p.word + "-ns"
			if slices.ContainsFunc(values, func(v benchfmt.Value) bool { return v.Unit == unit }) {
				continue
			}
			values = append(values, benchfmt.Value{Value: float64(h.ValueAtPercentile(p.percent)) / unitsPerNs, Unit: unit})
		}
	}
	return values
}

// tailUnits lists the units of percentiles that a run's raw.txt has, in the order of their first appearance.
func tailUnits(run *Run) []unit {
	var list []unit
	for i := range run.Cells {
		for j := range run.Cells[i].Kept {
			for _, v := range tailValues(&run.Cells[i].Kept[j]) {
				if u := (unit{v.Unit, "lower"}); !slices.Contains(list, u) {
					list = append(list, u)
				}
			}
		}
	}
	return list
}
