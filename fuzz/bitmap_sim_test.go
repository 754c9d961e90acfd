//go:build sim

package fuzz

import (
	"errors"
	"fmt"
	"testing"

	"headroom/kernel/sim"
)

// The planted read-modify-write race is found within 100 executions, whatever the seed; the right program never fails.
func TestBitmapFailsExactlyWhenTorn(t *testing.T) {
	for seed := range uint64(20) {
		for tasks := 2; tasks <= 3; tasks++ {
			torn := &Bitmap{Tasks: tasks, Torn: true, Seed: seed}
			_, made, err := torn.Run(100)
			var f *sim.Failure
			if !errors.As(err, &f) {
				t.Errorf("seed %d, %d tasks: %d executions of the torn program end with %v", seed, tasks, made, err)
			}
			for _, races := range []bool{false, true} {
				right := &Bitmap{Tasks: tasks, Races: races, Seed: seed}
				if steps, made, err := right.Run(500); err != nil || made != 500 || steps < int64(made*tasks*6) {
					t.Errorf("seed %d, %d tasks: %d executions of the right program took %d steps and end with %v", seed, tasks, made, steps, err)
				}
			}
		}
	}
}

func BenchmarkBitmap(b *testing.B) {
	for _, c := range []struct {
		strategy string
		races    bool
	}{{"random", false}, {"random", true}, {"pct", false}, {"pos", false}, {"swarm", false}} {
		for tasks := 2; tasks <= 3; tasks++ {
			checks := "bare"
			if c.races {
				checks = "all"
			}
			b.Run(fmt.Sprintf("tasks=%d/strategy=%s/checks=%s", tasks, c.strategy, checks), func(b *testing.B) {
				program := &Bitmap{Tasks: tasks, Races: c.races, Strategy: c.strategy, Seed: 1}
				steps, made, err := program.Run(b.N)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(made)/b.Elapsed().Seconds(), "executions/s")
				b.ReportMetric(float64(steps)/float64(made), "steps/execution")
			})
		}
	}
}
