package harness

import (
	"fmt"
	"slices"
	"strings"
)

// budget is the time a run may take, and between which lengths a sample must lie.
type budget struct {
	seconds         float64 // for the samples planned
	limit           float64 // seconds, after which no sample is added for the sake of a distance class
	shortest, most  int64   // ns of a sample
	samples, fewest int     // of a cell
}

// Bursts above 0.4 s at real-time priority stall a shared machine for longer; below 5 ms a sample holds few chunks of operations.
var (
	quickBudget = budget{seconds: 70, limit: 80, shortest: 5_000_000, most: 20_000_000, samples: minSamples, fewest: minSamples}
	fullBudget  = budget{seconds: 19 * 60, limit: 22 * 60, shortest: 20_000_000, most: 100_000_000, samples: 10, fewest: minSamples}
)

// mostSamples is how often a cell is sampled at most when its samples fall into several distance classes.
const mostSamples = 12

const (
	// processSeconds is what a sample takes beside its interval: the start of its process, the calibration of the clock, the warm-up.
	processSeconds = 0.06
	// restShare of a sample's interval is left to the rest of the machine after it, before which real-time bursts go.
	restShare = 1.5
)

// holds reports whether the plan's cells can be sampled in the budget.
func (b budget) holds(p *Plan) bool {
	return b.length(len(p.Cells), b.fewest) >= float64(b.shortest)
}

// length is the ns of a sample with which so many cells and samples take all of the budget.
func (b budget) length(cells, samples int) float64 {
	each := b.seconds / float64(max(1, cells*samples))
	return (each - processSeconds) / (1 + restShare) * 1e9
}

// fit chooses how many samples the plan's cells get, and how long: as many as usual, if they can be the shortest at least, else fewer.
func (b budget) fit(p *Plan) {
	p.Samples, p.Most = b.samples, mostSamples
	for p.Samples > b.fewest && b.length(len(p.Cells), p.Samples) < float64(b.shortest) {
		p.Samples--
	}
	const step = 1_000_000 // whole milliseconds read better
	length := int64(b.length(len(p.Cells), p.Samples)) / step * step
	length = min(max(length, b.shortest), b.most)
	for i := range p.Cells {
		p.Cells[i].DurationNs = length
	}
	p.RestNs, p.LimitNs = int64(restShare*float64(length)), int64(b.limit*1e9)
}

// SecondsPerSample is about how long a sample takes on average, its process and its rest included.
func (p *Plan) SecondsPerSample() float64 {
	total := 0.0
	for i := range p.Cells {
		ns := float64(p.Cells[i].DurationNs)
		for _, t := range p.Traces {
			if c := &p.Cells[i]; c.Pace > 0 && c.File == t.File {
				ns = max(ns, float64(t.SpanNs)/c.Pace)
			}
		}
		total += processSeconds + (ns+float64(p.RestNs))/1e9
	}
	return total / float64(len(p.Cells))
}

// left names the cells that one plan has and the other has not: by workload and parameters where no design is left, else with the designs.
func left(long, short Plan) []string {
	has := map[string]bool{}
	for i := range short.Cells {
		has[cellName(&short, i)] = true
	}
	var heads []string
	designs, any := map[string][]string{}, map[string]bool{} // by head: the designs missing, and whether one is not
	for i := range long.Cells {
		c := newCell(&long.Cells[i])
		head, _, _ := strings.Cut(c.Name(), "/design=")
		if !slices.Contains(heads, head) {
			heads = append(heads, head)
		}
		if has[c.Name()] {
			any[head] = true
		} else if name := c.DesignName(); !slices.Contains(designs[head], name) {
			designs[head] = append(designs[head], name)
		}
	}
	var list []string
	for _, head := range heads {
		switch missing := designs[head]; {
		case len(missing) == 0:
		case any[head]:
			list = append(list, fmt.Sprintf("%s on %s", head, strings.Join(missing, ", ")))
		default:
			list = append(list, head)
		}
	}
	return list
}

func cellName(p *Plan, i int) string {
	c := newCell(&p.Cells[i])
	return c.Name()
}
