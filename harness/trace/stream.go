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

// Streams turns the lifetimes into one stream for each CPU of a machine of cpus CPUs, by rules S1 and S2: with more CPUs
// than the recording uses the rest stay idle, unless Scaled laid the recording out for them. An allocation precedes its own
// free by Sequence, in whatever streams the two are. It panics if cpus is not positive.
func (r *Recording) Streams(cpus int) []Stream {
	if cpus < 1 {
		panic(fmt.Sprintf("trace: streams for %d CPUs", cpus))
	}
	ranks, _ := r.cpuRanks()
	counts := make([]int, cpus)
	for _, l := range r.Lifetimes {
		counts[ranks[l.AllocCPU]%cpus]++
		counts[ranks[l.FreeCPU]%cpus]++
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
		stream := &streams[ranks[cpu]%cpus]
		stream.Operations = append(stream.Operations, operation)
	}
	return streams
}

// cpuRanks numbers the CPUs that allocate or free (S1): the number of each of them, and how many they are. The numbers of
// other CPUs mean nothing.
func (r *Recording) cpuRanks() (ranks []int, used int) {
	ranks = make([]int, maxCPU+1)
	for _, l := range r.Lifetimes {
		ranks[l.AllocCPU], ranks[l.FreeCPU] = 1, 1
	}
	for cpu, is := range ranks {
		ranks[cpu] = used
		used += is
	}
	return ranks, used
}
