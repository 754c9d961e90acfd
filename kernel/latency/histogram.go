package latency

import "math/bits"

// Values below 256 have a bucket each. Above, every power of two is divided into 128, so a bucket is at most 1/128 of its values wide: 0.8 %.
const (
	fractionBits = 7
	perOctave    = 1 << fractionBits
	octaves      = 64 - fractionBits // the whole range of uint64: nothing has to be cut off
	buckets      = (octaves + 1) * perOctave
)

// Histogram counts values, for instance durations in ticks of the time-stamp counter, in buckets at most 0.8 % wide. It is written by one CPU at a
// time and holds 58 KiB; the lines it writes most lie apart from whatever stands before and behind it.
type Histogram struct {
	_       [128]byte // the compiler may check a pointer by reading the first byte: of a line that nobody writes
	largest uint64
	counts  [buckets]uint64
	_       [128]byte
}

// Record counts a value: 1 to 1.5 ns.
func (h *Histogram) Record(value uint64) {
	shift := (bits.Len64(value|perOctave) - fractionBits - 1) & 63
	h.counts[shift*perOctave+int(value>>shift)]++
	if value > h.largest { // a branch that is hardly ever taken: max would store each time
		h.largest = value
	}
}

// Reset forgets all values. It writes every page of the histogram, so that none is missing from memory when the next value comes.
func (h *Histogram) Reset() {
	clear(h.counts[:])
	h.largest = 0
}

// Count is the number of values recorded.
func (h *Histogram) Count() uint64 {
	n := uint64(0)
	for _, count := range h.counts {
		n += count
	}
	return n
}

// Largest is the largest value recorded, exactly; 0 when there is none.
func (h *Histogram) Largest() uint64 { return h.largest }

// Bucket is a range of values and how many were recorded in it.
type Bucket struct {
	Low, High uint64 // the smallest and the largest value that fall into it
	Count     uint64
}

// Buckets yields the buckets that hold values, the smallest first. High of the last is the largest value itself.
func (h *Histogram) Buckets(yield func(Bucket) bool) {
	for i, count := range h.counts {
		if count == 0 {
			continue
		}
		low, high := bounds(i)
		if !yield(Bucket{Low: low, High: min(high, h.largest), Count: count}) {
			return
		}
	}
}

// bounds are the smallest and the largest value of a bucket.
func bounds(i int) (low, high uint64) {
	shift := max(0, i/perOctave-1)
	low = uint64(i-shift*perOctave) << shift
	return low, low + (1<<shift - 1)
}
