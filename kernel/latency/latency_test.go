package latency

import (
	"math"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// A value lies in the bucket it is counted in, which is no wider than 1/128 of it, and buckets follow each other without a hole.
func TestBucketsHoldTheirValues(t *testing.T) {
	next := uint64(0)
	for i := range buckets {
		low, high := bounds(i)
		if low != next || high < low {
			t.Fatalf("bucket %d is %d to %d, the one before ended before %d", i, low, high, next)
		}
		next = high + 1
	}
	if next != 0 {
		t.Errorf("the last bucket ends before %d, not at the largest value there is", next)
	}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Uint64().Draw(t, "value") >> rapid.IntRange(0, 63).Draw(t, "shift")
		h := new(Histogram)
		h.Record(value)
		for b := range h.Buckets {
			if value < b.Low || value != b.High || b.Count != 1 || float64(b.High-b.Low) > float64(value)/perOctave {
				t.Fatalf("%d is counted in %+v", value, b)
			}
		}
		if h.Count() != 1 || h.Largest() != value {
			t.Fatalf("one value %d counts %d, and the largest is %d", value, h.Count(), h.Largest())
		}
	})
}

// Buckets come in order with all values in them, until the reader has enough; Reset leaves nothing.
func TestBucketsAreWalkedInOrder(t *testing.T) {
	h := new(Histogram)
	for _, v := range []uint64{300, 3, 3, math.MaxUint64, 301, 0} {
		h.Record(v)
	}
	var got []Bucket
	for b := range h.Buckets {
		got = append(got, b)
	}
	last := uint64(math.MaxUint64)
	want := []Bucket{{0, 0, 1}, {3, 3, 2}, {300, 301, 2}, {last - last>>8, last, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for b := range h.Buckets {
		if b.Low == 3 {
			break
		}
	}
	h.Reset()
	if h.Count() != 0 || h.Largest() != 0 {
		t.Errorf("after Reset there are %d values, up to %d", h.Count(), h.Largest())
	}
}

// One reading ends an operation and starts the next; what began before a Start is forgotten; kinds are kept apart.
func TestOneReadingEndsAndStarts(t *testing.T) {
	r := NewRecorder(1)
	r.Start(1000)
	r.End(Operation, 1010)
	r.End(Operation, 1030)
	r.Start(5000)
	r.End(Alloc, 5005)
	for _, c := range []struct {
		kind  Kind
		times []uint64
	}{{Operation, []uint64{10, 20}}, {Alloc, []uint64{5}}, {Free, nil}} {
		var got []uint64
		s := r.Series(c.kind)
		for b := range s.Times.Buckets {
			got = append(got, b.Low)
		}
		if !slices.Equal(got, c.times) || s.Blocks.Count() != 0 || s.Ops != 0 {
			t.Errorf("kind %d: times %v, want %v; %d blocks, %d operations in them", c.kind, got, c.times, s.Blocks.Count(), s.Ops)
		}
	}
}

// A block lasts from the reading that ended the one before, whatever is sampled in between.
func TestBlocksFollowEachOther(t *testing.T) {
	r := NewRecorder(1)
	r.Start(100)
	r.Sample(Free, 7)
	r.EndBlock(Free, 400, 64)
	r.EndBlock(Free, 1000, 60)
	s := r.Series(Free)
	var blocks []uint64
	for b := range s.Blocks.Buckets {
		blocks = append(blocks, b.High)
	}
	if !slices.Equal(blocks, []uint64{301, 600}) || s.Ops != 124 || s.Times.Count() != 1 || s.Times.Largest() != 7 {
		t.Errorf("blocks of %v ticks with %d operations, %d samples up to %d", blocks, s.Ops, s.Times.Count(), s.Times.Largest())
	}
	r.Reset()
	if s.Ops != 0 || s.Blocks.Count() != 0 || s.Times.Count() != 0 {
		t.Error("Reset left something")
	}
}

// Of each group of at least 64 operations exactly one is picked, each as likely as the others, in blocks of any length.
func TestOneOperationOfAGroupIsPicked(t *testing.T) {
	for _, block := range []int{1, 7, 8, 24, 32, 64, 100} {
		group := (BlockOps + block - 1) / block * block
		const groups = 20_000
		r := NewRecorder(uint64(block))
		seen := make([]int, group)
		for range groups {
			picked := 0
			for first := 0; first < group; first += block {
				if at := r.Pick(Alloc, block); at >= 0 {
					picked++
					seen[first+at]++
				}
			}
			if picked != 1 {
				t.Fatalf("blocks of %d: %d of a group of %d were picked", block, picked, group)
			}
		}
		expected := groups / group
		if least, most := slices.Min(seen), slices.Max(seen); least < expected*2/3 || most > expected*4/3 {
			t.Errorf("blocks of %d: an operation is picked %d to %d times, expected are %d", block, least, most, expected)
		}
	}
}

// Recording makes no garbage.
func TestRecordingAllocatesNothing(t *testing.T) {
	r := NewRecorder(1)
	now := uint64(0)
	if n := testing.AllocsPerRun(100, func() {
		r.Start(now)
		r.Sample(Operation, uint64(r.Pick(Operation, BlockOps)))
		now += 1 << 20
		r.End(Operation, now)
		r.EndBlock(Operation, now, BlockOps)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What a Recorder writes lies a line pair away from its ends, so two that stand side by side share no line.
func TestRecordersShareNoLine(t *testing.T) {
	var r Recorder
	const pair = 128
	first := unsafe.Offsetof(r.last)
	last := unsafe.Offsetof(r.series) + uintptr(Kinds-1)*unsafe.Sizeof(Series{})
	after := unsafe.Sizeof(r) - last - unsafe.Offsetof(Series{}.until) - unsafe.Sizeof(Series{}.until)
	var h Histogram
	if unsafe.Offsetof(h.largest) < pair || unsafe.Sizeof(h)-unsafe.Offsetof(h.counts)-unsafe.Sizeof(h.counts) < pair {
		t.Errorf("a histogram writes within %d bytes of its ends", pair)
	}
	if first < pair || after < pair {
		t.Errorf("a recorder writes %d bytes from its start and %d from its end", first, after)
	}
}

// BenchmarkRecord is the cost of counting one value.
func BenchmarkRecord(b *testing.B) {
	h := new(Histogram)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.Record(uint64(30 + i&63))
	}
}
