// Package latency records how long single operations take, in ticks of the clock the caller reads, without disturbing them more than it must.
//
// Two methods. Every operation: one reading of the clock ends an operation and starts the next; about 17 ns an operation, most of it the
// reading. Sampled: operations come in blocks of 64. One of them, chosen at random, is timed by two readings of its own; one reading ends the block
// and starts the next. That is below 1 ns an operation. The samples show what most operations take. A stall that hits an operation nobody times
// lengthens its block: who evaluates the two histograms of a Series (harness/latency) finds it there.
//
// Measuring loops (internal/loopgen writes them) call, for every operation:
//
//	rec.Start(arch.TSC())                          // the first operation begins
//	... rec.End(latency.Operation, arch.TSC())     // one ends and the next begins; again and again
//
// and for samples:
//
//	rec.Start(arch.TSC())                          // the first block begins
//	at := rec.Pick(latency.Operation, 64)          // this one of the 64 is to be timed; -1 for none
//	... begin := arch.TSC(), the operation, rec.Sample(latency.Operation, arch.TSC()-begin)
//	rec.EndBlock(latency.Operation, arch.TSC(), 64) // the block ends and the next begins
//
// A duration holds one reading of the clock, for every operation also the counting of the one before. Nothing is subtracted: a processor that
// works ahead overlaps them by an amount nobody knows. Operations that fail are left out by the loops.
//
// A Recorder belongs to one CPU. The time is an argument, so a constructed sequence of times serves as well as a clock. On the simulated machine
// there is no clock to read: the loops that time are for the native one.
package latency

import "headroom/internal/rng"

// Kind says what a duration is of.
type Kind int

// The kinds a Recorder keeps apart.
const (
	Operation Kind = iota // one alloc, the writes to its record if there are any, and its free
	Alloc                 // one alloc
	Free                  // one free
	Kinds                 // the number of kinds
)

// BlockOps is the number of operations among which one is sampled.
const BlockOps = 64

// Series is what was recorded of one kind.
type Series struct {
	Times  Histogram // of single operations: of every one, or of the samples
	Blocks Histogram // of whole blocks; empty when every operation was timed
	Ops    uint64    // operations in the blocks; 0 when every operation was timed
	left   int       // operations of the present group of BlockOps that have not been dealt out
	until  int       // operations before the one of the group to be timed; negative when that is past
}

// Recorder keeps the durations of one CPU's operations. It holds 0.4 MiB; none of its lines is shared with another Recorder.
type Recorder struct {
	_      [128]byte
	last   uint64
	random rng.Stream
	series [Kinds]Series
	_      [128]byte
}

// NewRecorder makes an empty Recorder. Equal seeds pick equal samples. Called on the CPU that is to use it, it gives memory of that CPU's node.
func NewRecorder(seed uint64) *Recorder {
	r := &Recorder{random: rng.New(seed)}
	r.Reset() // touches the pages: none is faulted in while an operation is timed
	return r
}

// Reset forgets all durations, for instance those of a warm-up.
func (r *Recorder) Reset() {
	for i := range r.series {
		s := &r.series[i]
		s.Times.Reset()
		s.Blocks.Reset()
		s.Ops, s.left, s.until = 0, 0, 0
	}
}

// Start begins an operation or a block at the time now, and forgets the one that was going on.
func (r *Recorder) Start(now uint64) { r.last = now }

// End ends the operation that the last Start or End began, and begins the next.
func (r *Recorder) End(kind Kind, now uint64) {
	r.series[kind].Times.Record(now - r.last)
	r.last = now
}

// Pick says which operation of the coming block of n is to be timed, from 0, or -1 for none. Of every 64 operations one is: blocks of fewer are put
// together to groups of at least 64, and each longer one has its sample.
func (r *Recorder) Pick(kind Kind, n int) int {
	s := &r.series[kind]
	if s.left <= 0 {
		s.left = (BlockOps + n - 1) / n * n
		s.until = r.random.Below(s.left)
	}
	at := s.until
	s.until -= n
	s.left -= n
	if at >= n {
		return -1
	}
	return max(at, -1)
}

// Sample records the duration of the operation that was picked.
func (r *Recorder) Sample(kind Kind, ticks uint64) { r.series[kind].Times.Record(ticks) }

// EndBlock ends a block in which ops operations succeeded, and begins the next.
func (r *Recorder) EndBlock(kind Kind, now uint64, ops int) {
	s := &r.series[kind]
	s.Blocks.Record(now - r.last)
	s.Ops += uint64(ops)
	r.last = now
}

// Series is what was recorded of a kind. Not while its CPU records.
func (r *Recorder) Series(kind Kind) *Series { return &r.series[kind] }
