package trace

import "fmt"

// Operation is one allocation or free to replay, in 24 bytes.
type Operation struct {
	AtNs     int64  // from the first event of the recording
	Sequence uint32 // place in the order of all streams' operations, from 0, without gaps
	Lifetime uint32 // index in Recording.Lifetimes: ties a free to its allocation
	Free     bool
	Context  Context // the operation was recorded in
}

// Stream is what one CPU does, in order of time, then of sequence.
type Stream struct {
	CPU        int // of the replaying machine, from 0
	Operations []Operation
}

// Streams turns the lifetimes into one stream for each CPU of a machine of cpus CPUs. What was recorded on CPU c goes to
// CPU c mod cpus: with fewer CPUs than the recording had, some frees from another CPU become local; with more, the rest
// stay idle. An allocation precedes its own free by Sequence, in whatever streams the two are. It panics if cpus is not
// positive.
func (r *Recording) Streams(cpus int) []Stream {
	if cpus < 1 {
		panic(fmt.Sprintf("trace: streams for %d CPUs", cpus))
	}
	counts := make([]int, cpus)
	for _, l := range r.Lifetimes {
		counts[int(l.AllocCPU)%cpus]++
		counts[int(l.FreeCPU)%cpus]++
	}
	streams := make([]Stream, cpus)
	for cpu := range streams {
		streams[cpu] = Stream{CPU: cpu, Operations: make([]Operation, 0, counts[cpu])}
	}
	for sequence, s := range r.steps() {
		l := &r.Lifetimes[s.lifetime()]
		operation := Operation{AtNs: l.AllocNs, Sequence: uint32(sequence), Lifetime: s.lifetime(), Context: l.AllocContext}
		cpu := l.AllocCPU
		if s.isFree() {
			operation.AtNs, operation.Free, operation.Context = l.FreeNs, true, l.FreeContext
			cpu = l.FreeCPU
		}
		stream := &streams[int(cpu)%cpus]
		stream.Operations = append(stream.Operations, operation)
	}
	return streams
}
