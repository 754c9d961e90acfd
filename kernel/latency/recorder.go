// Package latency records how long single operations take, in ticks of the clock the caller reads, without disturbing them more than it must.
//
// Two methods. Every operation: one reading of the clock ends an operation and starts the next; about 17 ns an operation, most of it the
// reading. Sampled: operations come in blocks of 64.
// Every operation of one block in 32, drawn at random, is timed as above; of the other blocks one reading ends a block and starts the next. (Runs of
// allocs and of frees are blocks of their own; there one operation of at least 64, drawn at random, is timed by two readings.) That is below 1 ns an
// operation. The samples show what most operations take. A stall that hits an operation nobody times lengthens its block: who evaluates the two
// histograms of a Series (harness/latency) finds it there.
//
// Measuring loops (internal/loopgen writes them) call, for every operation:
//
//	rec.Start(arch.TSC())                          // the first operation begins
//	if rec.End(latency.Operation, arch.TSC()) {    // one ends and the next begins; again and again
//		rec.Count(latency.Operation)               // now and then; it is no operation's time
//		rec.Start(arch.TSC())
//	}
//
// for samples of pairs:
//
//	rec.Start(arch.TSC())                          // the first block begins
//	if !rec.PickBlock(latency.Operation) {
//		... 64 operations
//		rec.EndBlock(latency.Operation, arch.TSC(), 64) // the block ends and the next begins
//	} else {
//		... 64 operations, each ended as above
//		rec.EndTimed(latency.Operation, arch.TSC(), 64)
//	}
//
// and for samples of runs:
//
//	at := rec.Pick(latency.Alloc, n)               // this one of the n is to be timed; -1 for none
//	... begin := arch.TSC(), the operation, rec.Sample(latency.Alloc, arch.TSC()-begin)
//	rec.EndBlock(latency.Alloc, arch.TSC(), n)
//
// A duration holds one reading of the clock, for every operation also the setting aside of the one before. Nothing is subtracted: a processor that
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

const (
	// BlockOps is the number of operations in a block.
	BlockOps = 64
	// LeadOps operations at the start of a block that is timed do not count: they pay for the change to other code.
	LeadOps = 16
	// oneBlockIn so many is timed: 64 operations at 16 ns, and 12 ns for each block's end, are 0.7 ns for each of 32 times 64 operations.
	oneBlockIn = 32
)

// Series is what was recorded of one kind.
type Series struct {
	Times  Histogram // of single operations: of every one, or of the samples
	Blocks Histogram // of blocks none of whose operations, or one, was timed; empty when every operation was
	Ops    uint64    // operations in all blocks; 0 when every operation was timed
	Whole  bool      // blocks were timed whole, so that what held up their operations is in Times, and not in Blocks
	left   int       // operations, or blocks, of the present group that have not been dealt out
	until  int       // those before the one of the group to be timed; negative when that is past

	held    int                // durations set aside
	pending [pendingOps]uint64 // the first held of them
}

// pendingOps durations are set aside before they are counted: 4 KiB, which stay in the nearest cache.
const pendingOps = 512

// settle counts the durations that were set aside.
func (s *Series) settle() {
	for _, ticks := range s.pending[:s.held] {
		s.Times.Record(ticks)
	}
	s.held = 0
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
		s.Ops, s.Whole, s.left, s.until, s.held = 0, false, 0, 0, 0
		clear(s.pending[:])
	}
}

// Start begins an operation or a block at the time now, and forgets the one that was going on.
func (r *Recorder) Start(now uint64) { r.last = now }

// End ends the operation that the last Start or End began, and begins the next. It reports true when there is room for no more: then Count comes
// next, and another Start, since counting takes about a microsecond.
func (r *Recorder) End(kind Kind, now uint64) (full bool) {
	s := &r.series[kind]
	s.pending[s.held] = now - r.last
	r.last = now
	s.held++
	return s.held == pendingOps
}

// Count counts the durations of a kind that End has set aside.
func (r *Recorder) Count(kind Kind) { r.series[kind].settle() }

// PickBlock reports whether every operation of the coming block is to be timed. Of 32 blocks one is.
func (r *Recorder) PickBlock(kind Kind) bool {
	s := &r.series[kind]
	s.Whole = true
	if s.left <= 0 {
		s.left = oneBlockIn
		s.until = r.random.Below(oneBlockIn)
	}
	s.left--
	s.until--
	if s.until != -1 {
		return false
	}
	s.settle() // what comes now is the block alone
	return true
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

// EndTimed ends a block whose operations were timed, of which ops succeeded, and begins the next. The first LeadOps are counted as operations, and
// their durations forgotten.
func (r *Recorder) EndTimed(kind Kind, now uint64, ops int) {
	s := &r.series[kind]
	for i := LeadOps; i < s.held; i++ {
		s.Times.Record(s.pending[i])
	}
	s.held = 0
	s.Ops += uint64(ops)
	r.last = now
}

// Series is what was recorded of a kind. Not while its CPU records.
func (r *Recorder) Series(kind Kind) *Series {
	s := &r.series[kind]
	s.settle()
	return s
}
