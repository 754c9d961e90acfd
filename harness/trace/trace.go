// Package trace reads kernel trace recordings and turns them into lifetimes that a workload can replay.
//
// The idea: a recording already holds the two moments an allocator sees. A block request carries a tag from
// block_rq_issue to block_rq_complete; a page is held from mm_page_alloc to mm_page_free. Each such pair is a
// Lifetime: who allocated, where and in which context it was freed, and when. Streams lays the lifetimes out as one
// operation stream per CPU; Summary says what was found and what had to be left out.
//
// Formats, told apart by their text, gzip'd or not:
//
//	ftrace     task-pid (tgid) [cpu] flags time: event: args          the tgid column is optional
//	trace-cmd  task-pid [cpu] flags time: event: args                 flags are optional; header cpus=N
//	perf       task pid/tid [cpu] time: subsystem:event: args         tid is optional
//	stream     the binary file that `headroom record` writes: docs/STREAM.md
//
// A Ring reads what the kernel's ring buffer holds, a sub-buffer at a time, while a recording is under way.
//
// Times are seconds with 6 or 9 decimals. Flags are 4 characters in old kernels, 5 in new ones; the header says which of them
// is the hardirq/softirq column, the third if there is no header.
//
// Pairing rules:
//
//	R1  a request is its device and sector. A completion of fewer sectors than remain moves the sector on and ends nothing.
//	R2  a request without a usable sector (a flush, a passthrough command) is matched first in, first out on its device.
//	R3  a requeue ends nothing. The issue that follows it continues the lifetime and is counted as unmatched.
//	R4  any other issue of an open request, or allocation of an open page, means that an end was missed: the older start
//	    becomes unmatched and the newer one opens.
//	R5  a page is its first pfn, whatever the order of the free: of a block allocated whole and freed in pieces the first
//	    piece ends the lifetime, the other pieces are unmatched.
//	R6  an allocation of pfn 0 is one that failed: an event, no start.
//	R7  a start still open at the end of the recording, and an end whose start was before it, are counted and left out.
//
// Invariants, which Check walks:
//
//	I1  0 <= AllocNs <= FreeNs <= SpanNs
//	I2  the sequences of n lifetimes are 0 to 2n-1, each used once, and time never falls along them
//	I3  an allocation's sequence is below that of its own free, so that the number of open lifetimes is never negative
//	I4  a lifetime's task is 0 or one of Tasks, counted from 1
//	I5  kinds and contexts are those below; CPUs are 0 to 4095, orders 0 to 63
//
// CPU rules, by which a recording is replayed on another number of CPUs than it was made on (Streams, Scaled):
//
//	S1  the CPUs that allocate or free in the recording are numbered from 0 in ascending order; u is how many they are.
//	S2  on n <= u CPUs, what happened on CPU c happens on c mod n: some frees from another CPU become local.
//	S3  on n > u CPUs the recording is laid down k = ceil(n/u) times. Copy i has items of its own and CPUs i*u to i*u+u-1; the
//	    last copy, if fewer than u CPUs are left for it, is folded onto those as in S2. Who frees whose items stays the same.
//	S4  copy i starts i/(16k) of the recording's span after the first, so that the copies do not run in lock-step, while at
//	    least 15/16 of each overlaps all the others.
//
// Cost: one pass over the text; 40 bytes an event that pairs, 40 more a lifetime.
package trace

import "fmt"

// Kind says what a lifetime is the lifetime of.
type Kind uint8

// The kinds of lifetime.
const (
	Tag  Kind = iota // a block request, from issue to completion
	Page             // a block of pages, from allocation to free
	kinds
)

// String is the word that result.Trace uses for the kind: tag or page.
func (k Kind) String() string {
	switch k {
	case Tag:
		return "tag"
	case Page:
		return "page"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Context is the kernel context an event was recorded in.
type Context uint8

// The contexts. Unknown stands where the recording has no flags column, as in perf's output.
const (
	Unknown Context = iota
	Process
	SoftIRQ
	HardIRQ
	NMI
)

// String is the context's name in lower case: unknown, process, softirq, hardirq or nmi.
func (c Context) String() string {
	names := [...]string{"unknown", "process", "softirq", "hardirq", "nmi"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("Context(%d)", uint8(c))
}

// Format is the program whose output a recording is.
type Format uint8

// The formats read.
const (
	undecided Format = iota
	Ftrace
	TraceCmd
	Perf
	StreamFile
)

// String is the word that result.Trace uses for the format: ftrace, trace-cmd, perf or stream.
func (f Format) String() string {
	names := [...]string{"undecided", "ftrace", "trace-cmd", "perf", "stream"}
	if int(f) < len(names) {
		return names[f]
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// Lifetime is one allocation with its free. Times are nanoseconds from the first event of the recording; sequences are
// places in the order of all allocations and frees of the recording, which settles equal times.
type Lifetime struct {
	AllocNs, FreeNs             int64
	AllocSequence, FreeSequence uint32
	AllocCPU, FreeCPU           uint16 // 0 to 4095
	Kind                        Kind
	Order                       uint8 // of a page: 1<<Order pages; 0 for a tag
	AllocContext, FreeContext   Context
	Task                        uint32 // who allocated: place in Recording.Tasks, from 1; 0 if unknown, as in interrupts
}

// Task is one that allocated. A process that changed its name, as exec does, is a task for each name.
type Task struct {
	PID  uint32
	Comm string // the kernel's name of it, at most 64 bytes
}

// Source says where a recording comes from. Text recordings do not tell, so of those it is empty.
type Source struct {
	Recorder    string // what made it: "headroom record", or the format it was converted from
	Kernel      string // release
	Clock       string // the trace clock
	Command     string // what ran meanwhile
	StartedUnix int64  // s since 1970; 0 if unknown
	OnlineCPUs  int    // of the machine; 0 if unknown
	OwnEvents   int    // page events of the recorder's own allocations, left out
}

// Unmatched counts what found no partner.
type Unmatched struct {
	Starts int // allocations whose free was not seen
	Ends   int // frees whose allocation was not seen
}

// Recording is what one file holds. Its counts of events, losses and lines are of the whole file, also after Split.
type Recording struct {
	Name          string           // as given to Read: names the file in errors and in the summary
	Format        Format           // the program that printed it
	Lifetimes     []Lifetime       // in the order of their allocations
	Unmatched     [kinds]Unmatched // by Kind
	Events        int              // events of any name
	Lost          int              // events the recorder says it lost or overwrote
	Malformed     int              // lines that are neither an event nor anything else the recorder prints
	MalformedLine int              // number of the first of them, from 1; 0 when there is none
	Backwards     int              // events earlier than the event printed before them; put in order before pairing
	CPUs          int              // CPUs that recorded an event
	SpanNs        int64            // from the earliest event to the latest, ns
	Tasks         []Task           // who allocated; empty for text
	Source        Source           // of a stream file
}

// Split gives one recording for each kind that r has lifetimes of, tags first. Tags and pages are never ranked against
// each other, so what replays or sums up a recording wants one kind at a time.
func (r *Recording) Split() []*Recording {
	var parts []*Recording
	for kind := Tag; kind < kinds; kind++ {
		part := *r
		part.Lifetimes = nil
		for _, l := range r.Lifetimes {
			if l.Kind == kind {
				part.Lifetimes = append(part.Lifetimes, l)
			}
		}
		if len(part.Lifetimes) == 0 {
			continue
		}
		part.Unmatched = [kinds]Unmatched{}
		part.Unmatched[kind] = r.Unmatched[kind]
		renumber(part.Lifetimes, 2*len(r.Lifetimes))
		parts = append(parts, &part)
	}
	return parts
}

// renumber makes sequences that are unique and below bound dense, keeping their order (I2).
func renumber(lifetimes []Lifetime, bound int) {
	place := make([]uint32, bound)
	for _, l := range lifetimes {
		place[l.AllocSequence], place[l.FreeSequence] = 1, 1
	}
	next := uint32(0)
	for i, used := range place {
		place[i] = next
		next += used
	}
	for i := range lifetimes {
		l := &lifetimes[i]
		l.AllocSequence, l.FreeSequence = place[l.AllocSequence], place[l.FreeSequence]
	}
}

// step is one allocation or free: twice the index of its lifetime, plus one for a free.
type step uint32

func (s step) lifetime() uint32 { return uint32(s >> 1) }
func (s step) isFree() bool     { return s&1 == 1 }

// at is when the step happened, in ns from the first event.
func (r *Recording) at(s step) int64 {
	if s.isFree() {
		return r.Lifetimes[s.lifetime()].FreeNs
	}
	return r.Lifetimes[s.lifetime()].AllocNs
}

// steps lists every allocation and free in the order of their sequences; I2 makes it a permutation.
func (r *Recording) steps() []step {
	all := make([]step, 2*len(r.Lifetimes))
	for i, l := range r.Lifetimes {
		all[l.AllocSequence] = step(i) << 1
		all[l.FreeSequence] = step(i)<<1 | 1
	}
	return all
}

// Check walks the recording and reports the first invariant it finds broken.
func (r *Recording) Check() error {
	used := make([]bool, 2*len(r.Lifetimes))
	for i, l := range r.Lifetimes {
		if l.AllocNs < 0 || l.FreeNs < l.AllocNs || r.SpanNs < l.FreeNs {
			return fmt.Errorf("I1: lifetime %d from %d to %d ns of %d", i, l.AllocNs, l.FreeNs, r.SpanNs)
		}
		for _, s := range [2]uint32{l.AllocSequence, l.FreeSequence} {
			if int(s) >= len(used) || used[s] {
				return fmt.Errorf("I2: lifetime %d has sequence %d, out of range or taken", i, s)
			}
			used[s] = true
		}
		if l.AllocSequence >= l.FreeSequence {
			return fmt.Errorf("I3: lifetime %d is freed at sequence %d, allocated at %d", i, l.FreeSequence, l.AllocSequence)
		}
		if int(l.Task) > len(r.Tasks) {
			return fmt.Errorf("I4: lifetime %d is of task %d of %d", i, l.Task, len(r.Tasks))
		}
		if l.Kind >= kinds || max(l.AllocContext, l.FreeContext) > NMI || max(l.AllocCPU, l.FreeCPU) > maxCPU || l.Order > maxOrder {
			return fmt.Errorf("I5: lifetime %d is %+v, out of range", i, l)
		}
	}
	last := int64(0)
	for sequence, s := range r.steps() {
		if r.at(s) < last {
			return fmt.Errorf("I2: time falls from %d to %d ns at sequence %d", last, r.at(s), sequence)
		}
		last = r.at(s)
	}
	return nil
}
