package latency

import (
	"fmt"
	"math"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"headroom/harness/result"
)

// The form of stored histograms: 0.1 ns to 1,000 s, three digits. All have it, so that each can be merged into each.
const (
	lowestUnits  = 1
	highestUnits = 1e13
	digits       = 3
)

// scale gathers durations in ticks into a histogram of stored units.
type scale struct {
	ticksPerUnit float64
	histogram    *hdrhistogram.Histogram
	largest      uint64 // ticks
	err          error
}

func newScale(ticksPerNs float64) *scale {
	return &scale{ticksPerUnit: ticksPerNs * result.LatencyUnitNs, histogram: hdrhistogram.New(lowestUnits, highestUnits, digits)}
}

func (s *scale) add(c counted) {
	for _, b := range c.buckets {
		units := math.Round(float64(middle(b)) / s.ticksPerUnit)
		if err := s.histogram.RecordValues(int64(min(max(units, lowestUnits), highestUnits)), int64(b.Count)); err != nil && s.err == nil {
			s.err = fmt.Errorf("%d operations of %g units: %w", b.Count, units, err)
		}
	}
	s.largest = max(s.largest, c.largest)
}

// text is the histogram in its stored form.
func (s *scale) text() (string, error) {
	if s.err != nil {
		return "", s.err
	}
	text, err := s.histogram.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return string(text), err
}

func (s *scale) stored(timed, method string) (result.Latency, error) {
	text, err := s.text()
	return result.Latency{
		Timed: timed, Method: method, Count: s.histogram.TotalCount(),
		MaxNs: float64(s.largest) / s.ticksPerUnit * result.LatencyUnitNs, Histogram: text,
	}, err
}

// Distribution is the durations of operations, over one sample or several.
type Distribution struct {
	Timed     string // as in result.Latency
	Method    string // as in result.Latency
	MaxNs     float64
	histogram *hdrhistogram.Histogram
}

// Merge reads stored distributions of one kind and method, such as those of all samples of a cell, and adds them up. It returns an error when there
// are none, when they differ in what they are, or when one is damaged.
func Merge(stored []result.Latency) (*Distribution, error) {
	if len(stored) == 0 {
		return nil, fmt.Errorf("no latency was recorded: take the run again with it")
	}
	d := &Distribution{Timed: stored[0].Timed, Method: stored[0].Method, histogram: hdrhistogram.New(lowestUnits, highestUnits, digits)}
	for _, s := range stored {
		if s.Timed != d.Timed || s.Method != d.Method {
			return nil, fmt.Errorf("latency of %s, timed by %q, cannot be added to %s, timed by %q: merge like with like", s.Timed, s.Method, d.Timed, d.Method)
		}
		h, err := decode(s.Histogram)
		if err != nil {
			return nil, fmt.Errorf("latency of %s: %w", s.Timed, err)
		}
		if h.TotalCount() != s.Count {
			return nil, fmt.Errorf("latency of %s: the histogram holds %d operations, the sample says %d; %s", s.Timed, h.TotalCount(), s.Count, remedy)
		}
		if dropped := d.histogram.Merge(h); dropped > 0 {
			return nil, fmt.Errorf("latency of %s: %d operations are too many to add; %s", s.Timed, dropped, remedy)
		}
		d.MaxNs = max(d.MaxNs, s.MaxNs)
	}
	return d, nil
}

// remedy is what to do about a damaged histogram.
const remedy = "copy the folder again, or repeat the run"

// decode reads a stored histogram. The error is one line with the remedy.
func decode(text string) (*hdrhistogram.Histogram, error) {
	h, err := hdrhistogram.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("damaged histogram (%s); %s", strings.ReplaceAll(err.Error(), "\n", " "), remedy)
	}
	if h.LowestTrackableValue() != lowestUnits || h.HighestTrackableValue() != highestUnits || h.SignificantFigures() != digits {
		return nil, fmt.Errorf("histogram from %d to %d with %d digits, not one of headroom, from %d to %.0f with %d; %s",
			h.LowestTrackableValue(), h.HighestTrackableValue(), h.SignificantFigures(), lowestUnits, float64(highestUnits), digits, remedy)
	}
	return h, nil
}

// Count is the number of operations the distribution stands for.
func (d *Distribution) Count() int64 { return d.histogram.TotalCount() }

// Percentile is the duration in ns that p per cent of the operations do not exceed, p from above 0 to 100; 0 when there are none.
func (d *Distribution) Percentile(p float64) float64 {
	ns := float64(d.histogram.ValueAtPercentile(p)) * result.LatencyUnitNs
	return min(ns, d.MaxNs) // a bucket's upper end may lie above the longest of all
}

// MeanNs is the mean duration in ns.
func (d *Distribution) MeanNs() float64 { return d.histogram.Mean() * result.LatencyUnitNs }

// Bar is a range of durations and the number of operations in it.
type Bar struct {
	LowNs, HighNs float64
	Count         int64
}

// Bars are the ranges that hold operations, the shortest first, each at most 0.1 % wide.
func (d *Distribution) Bars() []Bar {
	var bars []Bar
	for _, b := range d.histogram.Distribution() {
		if b.Count > 0 {
			bars = append(bars, Bar{float64(b.From) * result.LatencyUnitNs, float64(b.To+1) * result.LatencyUnitNs, b.Count})
		}
	}
	return bars
}
