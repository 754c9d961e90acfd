package harness

import (
	"math"
	"math/rand/v2"
	"slices"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// control reads the run's own check: how far identical cells lie apart, whether the planted difference was seen, what a call through the
// interface costs.
func control(cells []result.Cell) result.Control {
	c := result.Control{PlantedPct: slowerByPct}
	var same, sameNs, slower []float64
	for i := range cells {
		cell := &cells[i]
		twin, call := param(cell, "control"), param(cell, "call")
		switch {
		case twin == twinA || twin == twinB:
			same, sameNs = append(same, costs(cell)...), append(sameNs, nanoseconds(cell)...)
			if twin == twinA {
				c.Cell = cell.Name()
			}
		case twin == twinSlower:
			slower = costs(cell)
		case call == "interface":
			if direct := costsOf(cells, cell); len(direct) > 0 && len(cell.Kept) > 0 {
				c.DispatchNs = median(nanoseconds(cell)) - median(direct)
			}
		}
	}
	if len(same) < 2 || len(slower) < 2 {
		return c
	}
	c.AASpreadPct = max(spread(same), spread(sameNs)) // figures are compared in both units
	c.MeasuredPct = 100 * (median(slower)/median(same) - 1)
	planted := stats.Compare(stats.Row{CAS: stats.Of(same)}, stats.Row{CAS: stats.Of(slower)}, stats.CAS, c.AASpreadPct)
	c.PlantedP, c.Distinguished = planted.P, planted.Verdict == stats.Worse
	return c
}

// costsOf are the figures of the cell that is like another one, but called directly and no control.
func costsOf(cells []result.Cell, like *result.Cell) []float64 {
	for i := range cells {
		c := &cells[i]
		if c.Workload == like.Workload && c.DesignName() == like.DesignName() && c.CPUs == like.CPUs && param(c, "call") == "" && param(c, "control") == "" {
			return nanoseconds(c)
		}
	}
	return nil
}

func param(c *result.Cell, key string) string {
	for _, p := range c.Params {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

func costs(c *result.Cell) (v []float64) {
	for i := range c.Kept {
		v = append(v, c.Kept[i].CASPerOp())
	}
	return v
}

func nanoseconds(c *result.Cell) (v []float64) {
	for i := range c.Kept {
		v = append(v, c.Kept[i].NsPerOp)
	}
	return v
}

// spread is how far the medians of two halves of the same samples lie apart, in per cent: the 95th percentile over 1,000 random halvings with a
// fixed seed. A difference below it is no difference.
func spread(same []float64) float64 {
	const halvings, percentile = 1000, 95
	order := rand.New(rand.NewPCG(1, 2))
	values := slices.Clone(same)
	half := len(values) / 2
	var apart []float64
	for range halvings {
		order.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
		a, b := median(values[:half]), median(values[half:])
		apart = append(apart, 100*math.Abs(a/b-1))
	}
	slices.Sort(apart)
	return apart[len(apart)*percentile/100]
}

// median is the middle of the values, which stay as they are.
func median(values []float64) float64 {
	v := slices.Clone(values)
	slices.Sort(v)
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}
