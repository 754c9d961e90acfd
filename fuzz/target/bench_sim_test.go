//go:build sim

package target_test

import (
	"testing"

	"headroom/fuzz/corpus"
	"headroom/fuzz/target"
)

// How many schedules a second a target makes of its corpus, without a fuzzer around it: what a fuzzer brings it down to is for campaigns to show.
func BenchmarkSchedules(b *testing.B) {
	for _, x := range target.All {
		if x.Schedules < 2 || x.Canary {
			continue
		}
		list, err := corpus.Files(x.Name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(x.Name, func(b *testing.B) {
			for i := range b.N {
				x.Run(list[i%len(list)].Data)
			}
			b.ReportMetric(float64(b.N*x.Schedules)/b.Elapsed().Seconds(), "schedules/s")
		})
	}
}
