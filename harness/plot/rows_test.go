package plot_test

import (
	"hash/fnv"
	"math"
	"strconv"

	"headroom/harness/plot"
	"headroom/harness/result"
	"headroom/harness/stats"
)

// eight designs of realistic names; fake gives each its own single-CPU cost and its own way of scaling.
var eight = []string{"percpu_tags:lock", "percpu_tags:xchg", "percpu_tags:flag", "ida:tree", "ida:magazine", "sbitmap", "channel", "mutex"}

var caption = plot.Caption{
	Definition: "One operation is one allocation and the free of an item; each CPU holds a fixed window of items.",
	Commit:     "4f2c91d0b7aa", CPU: "AMD EPYC 7B13 64-Core Processor, 2 x 64 CPUs, SMT off",
}

// fake makes a row of count samples whose throughput follows a plausible law of the design; the noise is a fixed
// function of the names.
func fake(workload, kind, design string, cpus, count int, params ...result.Pair) stats.Row {
	h := fnv.New64a()
	h.Write([]byte(workload + design + strconv.Itoa(cpus)))
	for _, p := range params {
		h.Write([]byte(p.Value))
	}
	state := h.Sum64()
	d := fnv.New32a()
	d.Write([]byte(design))
	cost := 4 + float64(d.Sum32()%60)/2       // ns of one operation on one CPU
	serial := float64(d.Sum32()/64%100) / 150 // share that does not scale
	scale := float64(cpus) / (1 + serial*float64(cpus-1))
	c := result.Cell{Workload: workload, Design: design, ItemKind: kind, CPUs: cpus, Params: params}
	if cpus > 1 {
		c.Class = "near"
	}
	for _, p := range params {
		if v, err := strconv.ParseFloat(p.Value, 64); err == nil {
			scale *= v / (v + 2)
		}
	}
	for range count {
		state = state*6364136223846793005 + 1442695040888963407
		noise := 1 + 0.05*(float64(state>>40)/(1<<24)-0.5)
		rate := 1e9 / cost * scale * noise
		c.Kept = append(c.Kept, result.Sample{Ops: 1e6, NsPerOp: float64(cpus) * 1e9 / rate, CASNs: 4.2, OpsPerSec: rate, Class: c.Class})
	}
	return stats.FromCell(&c)
}

// fakes makes a row for every design, CPU count and value of the parameter; no parameter when key is "".
func fakes(designs []string, cpus []int, count int, key string, values ...float64) []stats.Row {
	var rows []stats.Row
	if key == "" {
		values = []float64{math.NaN()}
	}
	for _, d := range designs {
		for _, n := range cpus {
			for _, v := range values {
				var params []result.Pair
				if key != "" {
					params = []result.Pair{{Key: key, Value: strconv.FormatFloat(v, 'f', -1, 64)}}
				}
				rows = append(rows, fake("window", "tag", d, n, count, params...))
			}
		}
	}
	return rows
}

// timedFakes are rows of 1 and 2 CPUs with an open loop's distributions: a step of twenty at 99.9 %, and the machine's gaps from 99.99 % on.
func timedFakes(designs []string) []stats.Row {
	var rows []stats.Row
	for i, r := range fakes(designs, []int{1, 2}, 6, "rate", 1e6) {
		for k, timed := range []string{result.TimedIntended, result.TimedActual} {
			t := stats.Tail{Timed: timed, Method: result.EveryOperation, Operations: 1e7}
			for n := 3; n <= 50; n++ {
				ns := (20 + 3*float64(i)) * (1 + float64(n)/60) / float64(1+k)
				if n >= 30 {
					ns *= 20
				}
				if n >= 40 {
					ns = 30_000 * float64(n) / 40
				}
				t.Spectrum = append(t.Spectrum, stats.Point{Share: 1 - math.Pow(10, -float64(n)/10), Ns: ns, Floor: n >= 40})
			}
			r.Tails = append(r.Tails, t)
		}
		rows = append(rows, r)
	}
	return rows
}
