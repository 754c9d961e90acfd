package stats

import (
	"fmt"
	"math"
	"strconv"

	"headroom/harness/latency"
	"headroom/harness/result"
	kernellatency "headroom/kernel/latency"
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

// A percentile is given where so many independent draws of a sample lie above it: of fewer, the next sample might hold none. Where every operation
// was timed, each is a draw.
const leastAbove = 10

// Where alloc and free were sampled together, the draw is the block: one of timedBlockIn is timed whole, and if slow operations come together, those
// above a percentile may be all in one.
const timedBlockIn = 32

// A sampled operation longer than a usual block, and than stallOverP99 of the p99, is a stall that its block showed whether it was timed or not (package
// harness/latency): there every operation is a draw again.
const stallOverP99 = 4

// operationsADraw is how many operations one draw of a distribution stands for, at most. Allocs and frees that are sampled by themselves are drawn one by
// one, from runs of hold joined to groups of at least a block.
func operationsADraw(d *latency.Distribution, hold int) float64 {
	switch {
	case d.Method != result.Sampled:
		return 1
	case d.Timed == result.TimedOperation:
		return timedBlockIn * kernellatency.BlockOps
	}
	return float64(kernellatency.BlockOps - 1 + hold)
}

// above reports whether enough draws of d lie above a share.
func above(d *latency.Distribution, share float64, hold int) bool {
	const p50, p99, rounding = 50, 99, 1e-6
	draw := operationsADraw(d, hold)
	if v := d.Percentile(100 * share); v > kernellatency.BlockOps*d.Percentile(p50) && v > stallOverP99*d.Percentile(p99) {
		draw = 1
	}
	return float64(d.Count())*(1-share) >= leastAbove*draw-rounding
}

// holdOf is the number of items that a cell holds at a time, 1 where it does not say.
func holdOf(c *result.Cell) int {
	hold, err := strconv.Atoi(result.Env(c.Params).Get("hold"))
	if err != nil {
		return 1
	}
	return hold
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
				sums[k] = &tailSum{hold: holdOf(c), values: make([][]float64, len(Shares)), floors: make([]int, len(Shares))}
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
	hold       int // items held at a time
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
		if share < 1 && !above(d, share, t.hold) {
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

// spectrum gives ten points for each nine of all samples together, from the median on, as far as leastAbove operations lie above; those are left out
// above which there are not enough draws.
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
		if float64(all.Count())*(1-share) < leastAbove {
			return out, nil
		}
		if !above(all, share, t.hold) {
			continue
		}
		out = append(out, Point{Share: share, Ns: all.Percentile(100 * share), Floor: floor.Explains(all, 100*share)})
	}
}
