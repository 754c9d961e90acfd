package trace

import (
	"bytes"
	"fmt"
)

// Fuzz is the go-fuzz target of the reader; FuzzRead calls it too. Whatever the data, reading it must not panic, and what
// it yields must keep the package's invariants. It returns 1 for data that is a recording, so that go-fuzz prefers it.
func Fuzz(data []byte) int {
	r, err := Read(bytes.NewReader(data), "fuzz")
	if err != nil {
		if r != nil || err.Error() == "" {
			panic(fmt.Sprintf("error %q beside recording %v", err, r))
		}
		return 0
	}
	for _, part := range append(r.Split(), r) {
		if err := part.fuzzCheck(); err != nil {
			panic(err)
		}
	}
	return 1
}

// fuzzCheck adds to Check what holds for the things derived from a recording.
func (r *Recording) fuzzCheck() error {
	if err := r.Check(); err != nil {
		return err
	}
	sum := r.Summary()
	if sum.Unmatched < 0 || sum.Lost < 0 || sum.MaxDepth < 1 || sum.MaxDepth > sum.Pairs || sum.Pairs*2 > sum.Events {
		return fmt.Errorf("summary makes no sense: %+v", sum)
	}
	for i, point := range sum.Depth {
		if point.Mean < 0 || point.Mean > float64(point.Max)*(1+1e-9) {
			return fmt.Errorf("slice %d has mean depth %v and largest %d", i, point.Mean, point.Max)
		}
	}
	for cpus := 1; cpus <= 3; cpus++ {
		if err := r.checkStreams(r.Streams(cpus)); err != nil {
			return fmt.Errorf("%d CPUs: %w", cpus, err)
		}
	}
	return nil
}

// checkStreams merges streams by sequence and checks that each lifetime is allocated once, then freed once, in time.
func (r *Recording) checkStreams(streams []Stream) error {
	next := make([]int, len(streams))
	freed := map[uint32]bool{} // present: allocated
	lastNs := int64(0)
	for sequence := range uint32(2 * len(r.Lifetimes)) {
		cpu := 0
		for cpu < len(streams) && (next[cpu] == len(streams[cpu].Operations) || streams[cpu].Operations[next[cpu]].Sequence != sequence) {
			cpu++
		}
		if cpu == len(streams) {
			return fmt.Errorf("no stream goes on with sequence %d", sequence)
		}
		op := streams[cpu].Operations[next[cpu]]
		next[cpu]++
		done, allocated := freed[op.Lifetime]
		if op.AtNs < lastNs || allocated != op.Free || done {
			return fmt.Errorf("operation %+v on CPU %d is out of order", op, cpu)
		}
		freed[op.Lifetime], lastNs = op.Free, op.AtNs
	}
	return nil
}
