package trace

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Fuzz is the fuzz target of the reader. Whatever the data, reading it must not panic, and what
// it yields must keep the package's invariants. It returns 1 for data that is a recording, so that go-fuzz prefers it.
func Fuzz(data []byte) int {
	r, err := Read(bytes.NewReader(data), "fuzz")
	if err != nil {
		if r != nil || !strings.HasPrefix(err.Error(), "fuzz") || strings.Contains(err.Error(), "\n") {
			panic(fmt.Sprintf("error %q beside a recording, or without the file's name, or of several lines", err))
		}
		return 0
	}
	if err := r.fuzzStore(); err != nil {
		panic(err)
	}
	for _, part := range append(r.Split(), r) {
		if err := part.fuzzCheck(); err != nil {
			panic(err)
		}
	}
	return 1
}

// fuzzStore writes the recording as a stream file, which must read as the recording, and be written again as it is. Only the numbers of tasks may
// change: the file has its own order of them.
func (r *Recording) fuzzStore() error {
	var file, second bytes.Buffer
	if err := r.WriteStream(&file); err != nil {
		return err
	}
	again, err := Read(bytes.NewReader(file.Bytes()), r.Name)
	if err != nil {
		return fmt.Errorf("what was written does not read: %w", err)
	}
	if again.SpanNs != r.SpanNs || again.CPUs != r.CPUs || again.Events != r.Events || again.Lost != r.Lost || again.Unmatched != r.Unmatched {
		return fmt.Errorf("the head of the stream file reads as that of another recording")
	}
	same := func(a, b Lifetime) bool {
		named := a.Task == b.Task || r.Tasks[a.Task] == again.Tasks[b.Task]
		a.Task = b.Task
		return named && a == b
	}
	if !slices.EqualFunc(r.Lifetimes, again.Lifetimes, same) {
		return fmt.Errorf("the stream file holds other lifetimes")
	}
	if err := again.WriteStream(&second); err != nil {
		return err
	}
	if !bytes.Equal(file.Bytes(), second.Bytes()) {
		return fmt.Errorf("the stream file is written in other bytes once it was read")
	}
	return nil
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
