package explore

import (
	"math/bits"

	"headroom/internal/rng"
)

// Bytes reads a schedule from a fuzzer's data. The lowest bit of the first byte says how to read the others:
//
//	0  pairs of a gap and a pick: after so many choices without a preemption, the pick decides one. Deep bugs, which need a few preemptions far
//	   apart, are found so: a mutation of one byte moves one preemption.
//	1  a byte a choice. Bursts of many tasks are found so.
//
// Where the data ends, the execution goes on without preemptions. Only choices between two or more count, and other questions.
type Bytes struct {
	Data []byte

	at      int // the next byte
	gap     int // choices before the next pair decides, -1 at the end of the data
	pick    byte
	plain   bool
	altered int  // the byte that this execution reads otherwise, 0 for none
	as      byte // and what it reads there
	seed    uint64
}

// Begin reads the data from its start. Seed 0 reads it as it is; any other seed reads one byte of it otherwise, so that an input costs the fuzzer one
// run and gives as many schedules, all near it, as one likes.
func (b *Bytes) Begin(seed uint64, length int) bool {
	b.seed, b.altered, b.at = seed, 0, 1
	if seed != 0 && len(b.Data) > 1 {
		stream := rng.New(seed)
		b.altered = 1 + stream.Below(len(b.Data)-1)
		b.as = byte(stream.Uint64() >> 56)
	}
	b.plain = len(b.Data) > 0 && b.Data[0]&1 != 0
	b.read()
	return true
}

// Again starts the same execution.
func (b *Bytes) Again() { b.Begin(b.seed, 0) }

// read takes the next decision from the data.
func (b *Bytes) read() {
	switch {
	case b.plain && b.at < len(b.Data):
		b.gap, b.pick = 0, b.byte()
	case !b.plain && b.at+1 < len(b.Data):
		b.gap, b.pick = int(b.byte()), b.byte()
	default:
		b.gap = -1
	}
}

func (b *Bytes) byte() byte {
	at := b.at
	b.at++
	if at == b.altered {
		return b.as
	}
	return b.Data[at]
}

// decide returns the pick for this choice, if it is time for one.
func (b *Bytes) decide() (pick int, ok bool) {
	switch {
	case b.gap > 0:
		b.gap--
		return 0, false
	case b.gap < 0:
		return 0, false
	}
	pick = int(b.pick)
	b.read()
	return pick, true
}

// Next takes the pick, or lets the current one go on.
func (b *Bytes) Next(eligible uint64, current int) int {
	if eligible&(eligible-1) == 0 {
		return bits.TrailingZeros64(eligible)
	}
	if b.gap > 0 { // most often
		b.gap--
	} else if pick, ok := b.decide(); ok {
		for n := pick % bits.OnesCount64(eligible); n > 0; n-- {
			eligible &= eligible - 1
		}
		return bits.TrailingZeros64(eligible)
	}
	return onward(eligible, current)
}

// Choose takes the pick as the answer, or 0.
func (b *Bytes) Choose(n int) int {
	pick, _ := b.decide()
	return pick % n
}

// onward lets the current entity go on, or the lowest one where it cannot.
func onward(eligible uint64, current int) int {
	if current >= 0 && eligible>>current&1 != 0 {
		return current
	}
	return bits.TrailingZeros64(eligible)
}
