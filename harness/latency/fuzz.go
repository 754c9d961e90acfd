package latency

import (
	"fmt"
	"math"
	"strings"

	"headroom/harness/result"
)

// Fuzz is the go-fuzz target of the histogram reader; FuzzDecode calls it too. Whatever the text, reading it must not panic: it gives one line that
// says what is wrong, or a histogram that can be merged, has rising percentiles, and is what it was after it is stored and read again. It returns 1
// for text that is a histogram, so that go-fuzz prefers it.
func Fuzz(data []byte) int {
	h, err := decode(string(data))
	if err != nil {
		if h != nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), remedy) {
			panic(fmt.Sprintf("error %q beside a histogram, or of several lines, or without a remedy", err))
		}
		return 0
	}
	s := newScale(1)
	s.histogram = h
	text, err := s.text()
	if err != nil {
		panic(err)
	}
	stored := result.Latency{Timed: result.TimedOperation, Method: result.Sampled, Count: h.TotalCount(), MaxNs: math.Inf(1), Histogram: text}
	d, err := Merge([]result.Latency{stored})
	if err != nil {
		panic(err)
	}
	if d.Count() != h.TotalCount() {
		panic(fmt.Sprintf("%d operations became %d", h.TotalCount(), d.Count()))
	}
	last := 0.0
	for _, p := range []float64{1, 50, 99, 99.9, 100} {
		now := d.Percentile(p)
		if now < last {
			panic(fmt.Sprintf("percentile %v is %v, a lower one %v", p, now, last))
		}
		last = now
	}
	return 1
}
