package latency

import (
	"headroom/kernel/latency"
)

// counted are durations in ticks with the number of operations each bucket stands for, and the longest of all.
type counted struct {
	buckets []latency.Bucket
	largest uint64
}

// all takes a histogram as it is.
func all(h *latency.Histogram) counted {
	c := counted{largest: h.Largest()}
	for b := range h.Buckets {
		c.buckets = append(c.buckets, b)
	}
	return c
}

// farBeyond is how many times longer than the usual a stall has to be to be looked for in the blocks.
const farBeyond = 4

// weigh puts together what a series shows. When every operation was timed that is the histogram of times. When they were sampled:
//
// One operation of 64 was timed, so a sample stands for about 64 operations, and a stall so rare that no sample met it would be missed. But it
// lengthened its block. Let B be the first quartile of the blocks' durations (not the median: half of the blocks may be held up), and a block's
// excess what it took above B. A stall is an excess of more than the largest of
//
//	B                  the block took at least twice its usual time;
//	4 x p99            of the samples: what is no longer than that, samples show well enough;
//	4 x p93.75         of the blocks' excess. When more than a sixteenth of the blocks are held up, blocks with two stalls are common, and would
//	                   be taken for operations of twice the length. Samples show stalls that frequent.
//
// Each stall is one operation of the length of the excess. The other operations are what the samples that are no longer than this limit show, each
// sample with the same weight; longer samples are left out, since the stalls are counted in the blocks already. So nothing is counted twice, and
// every operation once.
func weigh(s *latency.Series) counted {
	times, blocks := all(&s.Times), all(&s.Blocks)
	if len(blocks.buckets) == 0 || len(times.buckets) == 0 {
		return times
	}
	const quartile, most, sixteenth = 0.25, 0.99, 1 - 1.0/16
	usual := blocks.quantile(quartile)
	limit := max(usual, farBeyond*times.quantile(most), farBeyond*(blocks.quantile(sixteenth)-usual))

	var c counted
	stalls := uint64(0)
	for _, b := range blocks.buckets {
		if middle(b) > usual+limit {
			stalls += b.Count
			c.buckets = append(c.buckets, latency.Bucket{Low: b.Low - usual, High: b.High - usual, Count: b.Count})
			c.largest = blocks.largest - usual
		}
	}
	samples := counted{}
	for _, b := range times.buckets {
		if middle(b) <= limit {
			samples.buckets = append(samples.buckets, b)
			samples.largest = min(b.High, times.largest)
		}
	}
	c.largest = max(c.largest, samples.largest)
	c.buckets = append(samples.spread(s.Ops-min(s.Ops, stalls)), c.buckets...)
	return c
}

// spread gives the buckets ops operations in proportion to their counts, none too many and none too few.
func (c counted) spread(ops uint64) []latency.Bucket {
	weight := float64(ops) / float64(c.count())
	var spread []latency.Bucket
	seen, given := uint64(0), uint64(0)
	for _, b := range c.buckets {
		seen += b.Count
		upTo := uint64(weight*float64(seen) + 0.5)
		spread = append(spread, latency.Bucket{Low: b.Low, High: b.High, Count: upTo - given})
		given = upTo
	}
	return spread
}

// count is the number of operations in all buckets.
func (c counted) count() (n uint64) {
	for _, b := range c.buckets {
		n += b.Count
	}
	return n
}

// quantile is the middle of the bucket below which, itself included, lies a share q of the durations.
func (c counted) quantile(q float64) uint64 {
	below, want := 0.0, q*float64(c.count())
	for _, b := range c.buckets {
		below += float64(b.Count)
		if below >= want {
			return middle(b)
		}
	}
	return c.largest
}

func middle(b latency.Bucket) uint64 { return b.Low + (b.High-b.Low)/2 }
