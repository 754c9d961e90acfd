package stats

import (
	"fmt"
	"math"

	"headroom/harness/latency"
	"headroom/harness/result"
)

// Shares are the percentiles that a tail is summed up at, as shares; 1 is the longest of all.
var Shares = []float64{0.5, 0.9, 0.99, 0.999, 0.9999, 1}

// Tail is one distribution of single operations, summed up over the kept samples of a cell.
type Tail struct {
	Timed      string     // what was timed, as in result.Latency
	Method     string     // how, as in result.Latency
	Operations int64      // operations that the distributions of all samples stand for
	Quantiles  []Quantile // one for each of Shares
	Spectrum   []Point    // of all samples together, for a picture
}

// Quantile is one percentile of a tail.
type Quantile struct {
	Share float64  // 0.99
	Ns    Estimate // over the samples that have enough operations above it
	Floor bool     // in half of those samples or more the machine's own gaps explain it: the design cannot be told from the machine there
	Thin  bool     // fewer than half of the samples have enough operations above it, so that it is not given
}

// Point is a point of a spectrum.
type Point struct {
	Share float64
	Ns    float64
	Floor bool // as in Quantile, for all samples together
}

// A percentile is given where so many operations of a sample lie above it: of fewer, the next sample might hold none. When operations were
// sampled, one that was timed stands for about blockOperations.
const (
	leastAbove      = 10
	blockOperations = 64
)

// above reports whether enough operations of d lie above a share.
func above(d *latency.Distribution, share float64) bool {
	least := float64(leastAbove)
	if d.Method == result.Sampled {
		least *= blockOperations
	}
	return float64(d.Count())*(1-share) >= least-1e-6
}

// tails sums up the distributions of a cell's kept samples, in the order in which they appear, and adds to the row what could not be read.
func tails(c *result.Cell, row *Row) []Tail {
	type key struct{ timed, method string }
	var keys []key
	sums := make(map[key]*tailSum)
	for i := range c.Kept {
		s := &c.Kept[i]
		if len(s.Latency) == 0 {
			continue
		}
		floor, err := latency.NewFloor(s.Floors)
		if err != nil {
			row.warn(fmt.Sprintf("sample %d has no tails: %v", i+1, err))
			continue
		}
		for _, l := range s.Latency {
			d, err := latency.Merge([]result.Latency{l})
			if err != nil {
				row.warn(fmt.Sprintf("sample %d has no tails: %v", i+1, err))
				continue
			}
			k := key{l.Timed, l.Method}
			if sums[k] == nil {
				keys = append(keys, k)
				sums[k] = &tailSum{values: make([][]float64, len(Shares)), floors: make([]int, len(Shares))}
			}
			sums[k].add(s, l, d, floor)
		}
	}
	var out []Tail
	for _, k := range keys {
		t := Tail{Timed: k.timed, Method: k.method, Operations: sums[k].operations, Quantiles: sums[k].quantiles()}
		points, err := sums[k].spectrum()
		if err != nil {
			row.warn("no spectrum: " + err.Error())
		}
		t.Spectrum = points
		out = append(out, t)
	}
	if len(out) > 0 && len(c.Kept[0].Floors) == 0 {
		row.warn("the machine's own gaps were not recorded: percentiles that are the machine's are not marked")
	}
	return out
}

// tailSum gathers the distributions of one thing timed, sample by sample.
type tailSum struct {
	operations int64
	values     [][]float64 // by place in Shares: one of each sample that has enough operations above
	floors     []int       // how many of them the machine's gaps explain
	stored     []result.Latency
	gaps       []result.Floor
}

func (t *tailSum) add(s *result.Sample, l result.Latency, d *latency.Distribution, floor *latency.Floor) {
	t.operations += d.Count()
	t.stored, t.gaps = append(t.stored, l), append(t.gaps, s.Floors...)
	for i, share := range Shares {
		if share < 1 && !above(d, share) {
			continue
		}
		t.values[i] = append(t.values[i], d.Percentile(100*share))
		if floor.Explains(d, 100*share) {
			t.floors[i]++
		}
	}
}

func (t *tailSum) quantiles() []Quantile {
	var out []Quantile
	for i, share := range Shares {
		n := len(t.values[i])
		thin := 2*n < len(t.stored)
		out = append(out, Quantile{Share: share, Ns: Of(t.values[i]), Thin: thin, Floor: !thin && 2*t.floors[i] >= n})
	}
	return out
}

// spectrum gives ten points for each nine of all samples together, from the median on, as far as enough operations lie above.
func (t *tailSum) spectrum() ([]Point, error) {
	const perNine, median = 10, 3 // 1 - 10^-0.3 is 0.499
	all, err := latency.Merge(t.stored)
	if err != nil {
		return nil, err
	}
	floor, err := latency.NewFloor(t.gaps)
	if err != nil {
		return nil, err
	}
	var out []Point
	for k := median; ; k++ {
		share := 1 - math.Pow(10, -float64(k)/perNine)
		if !above(all, share) {
			return out, nil
		}
		out = append(out, Point{Share: share, Ns: all.Percentile(100 * share), Floor: floor.Explains(all, 100*share)})
	}
}
