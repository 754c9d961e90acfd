package trace

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Ring collects a recording from the sub-buffers of the kernel's ring buffer, as read from per_cpu/cpuN/trace_pipe_raw of a
// tracefs instance. It reads little-endian kernels only. It is not safe for use by several goroutines.
type Ring struct {
	layout    pageLayout
	byID      map[uint16]*eventLayout
	limit     int // events that pair, at most
	events    []event
	total     int // block and page events
	namings   []naming
	named     map[uint32]bool // by Name
	seen      [maxCPU + 1]bool
	firstNs   int64
	lastNs    int64
	ownEvents int
}

// naming is that a task got a name.
type naming struct {
	atNs int64
	pid  uint32
	comm string
}

// NewRing reads the kernel's own description of its buffer: events/header_page, and the format files of events by name, of
// which it knows block_rq_issue, block_rq_complete, block_rq_requeue, mm_page_alloc, mm_page_free, task_newtask and
// task_rename. It fails with ErrFormat on what it cannot read.
func NewRing(headerPage string, formats map[string]string) (*Ring, error) {
	r := &Ring{byID: map[uint16]*eventLayout{}, named: map[uint32]bool{}, limit: maxEvents, firstNs: math.MaxInt64}
	var err error
	if r.layout, err = parsePage(headerPage); err != nil {
		return nil, err
	}
	for name, text := range formats {
		id, l, err := parseEvent(name, text)
		if err != nil {
			return nil, err
		}
		r.byID[id] = l
	}
	return r, nil
}

// Name gives the name that a task has from the start, unless it was given one before; events that rename it say from when.
func (r *Ring) Name(pid uint32, comm string) {
	if !r.named[pid] {
		r.named[pid] = true
		r.namings = append(r.namings, naming{math.MinInt64, pid, comm})
	}
}

// Events is how many block and page events were taken in so far.
func (r *Ring) Events() int { return r.total }

// The lengths and types of the kernel's record headers: 5 bits of type or length in words, 27 bits of time.
const (
	typeBits     = 5
	typeDataMax  = 28
	typePadding  = 29
	typeExtend   = 30
	typeStamp    = 31
	deltaBits    = 27
	commitMask   = 1<<20 - 1
	stampTopBits = uint64(0xf8) << 56 // of an absolute time that a record has no room for
)

// Take reads one sub-buffer of the given CPU, as one read of trace_pipe_raw returns it. It fails with ErrFormat where the
// bytes make no sense, and with ErrTooLarge above 16777216 events that pair; what was taken in before stays.
func (r *Ring) Take(cpu int, page []byte) error {
	l := &r.layout
	if cpu < 0 || cpu > maxCPU || len(page) < l.data.offset {
		return fmt.Errorf("%w: %d bytes of CPU %d are no sub-buffer", ErrFormat, len(page), cpu)
	}
	nowNs := l.timestamp.number(page)
	data := page[l.data.offset:]
	length := int(l.commit.number(page) & commitMask)
	if length > len(data) {
		return fmt.Errorf("%w: a sub-buffer of CPU %d claims %d bytes of %d", ErrFormat, cpu, length, len(data))
	}
	data = data[:length]
	for at := 0; at < len(data); {
		record, bodyNs, size, ok := nextRecord(data[at:], nowNs)
		if !ok {
			return fmt.Errorf("%w: offset %d in a sub-buffer of CPU %d", ErrFormat, at, cpu)
		}
		if size == 0 {
			return nil // the rest is padding
		}
		nowNs = bodyNs
		at += size
		if record == nil {
			continue
		}
		if err := r.record(cpu, nowNs, record); err != nil {
			return err
		}
	}
	return nil
}

// nextRecord reads the record that data begins with: its body, nil if it has none that counts, the time after it, and its
// size, 0 if padding fills what is left.
func nextRecord(data []byte, nowNs uint64) (body []byte, atNs uint64, size int, ok bool) {
	const word = 4
	if len(data) < word {
		return nil, 0, 0, false
	}
	header := binary.LittleEndian.Uint32(data)
	kind, delta := header&(1<<typeBits-1), uint64(header>>typeBits)
	if kind >= 1 && kind <= typeDataMax {
		size = word + word*int(kind)
		if size > len(data) {
			return nil, 0, 0, false
		}
		return data[word:size], nowNs + delta, size, true
	}
	if kind == typePadding && delta == 0 {
		return nil, nowNs, 0, true
	}
	if len(data) < 2*word {
		return nil, 0, 0, false
	}
	second := binary.LittleEndian.Uint32(data[word:])
	switch kind {
	case typeExtend:
		return nil, nowNs + uint64(second)<<deltaBits + delta, 2 * word, true
	case typeStamp:
		stamp := uint64(second)<<deltaBits + delta
		return nil, stamp&^stampTopBits | nowNs&stampTopBits, 2 * word, true
	}
	// Padding of a record that was given up, or a body longer than the header can say: its length stands in the second word,
	// which it counts.
	if second < word || uint64(second) > uint64(len(data)-word) {
		return nil, 0, 0, false
	}
	size = word + int(second)
	if kind == typePadding {
		return nil, nowNs + delta, size, true
	}
	return data[2*word : size], nowNs + delta, size, true
}

// The bits of an event's common flags that tell its context.
const (
	flagHardIRQ = 0x08
	flagSoftIRQ = 0x10
	flagNMI     = 0x40
)

func contextOfBits(flags uint64) Context {
	switch {
	case flags&flagNMI != 0:
		return NMI
	case flags&flagHardIRQ != 0:
		return HardIRQ
	case flags&flagSoftIRQ != 0:
		return SoftIRQ
	}
	return Process
}

// record takes in the body of a record. Events that nobody asked for are passed over: the kernel puts notes of its own into
// the buffer.
func (r *Ring) record(cpu int, nowNs uint64, body []byte) error {
	if len(body) < 2 {
		return fmt.Errorf("%w: an event of %d bytes", ErrFormat, len(body))
	}
	l := r.byID[binary.LittleEndian.Uint16(body)]
	if l == nil {
		return nil
	}
	if len(body) < l.bytes || nowNs > math.MaxInt64 {
		return fmt.Errorf("%w: an event of %d bytes at %d ns; it should have %d", ErrFormat, len(body), nowNs, l.bytes)
	}
	pid := uint32(l.pid.number(body))
	if l.comm.size > 0 {
		if l.task.size > 0 {
			pid = uint32(l.task.number(body))
		}
		comm, _, _ := bytes.Cut(body[l.comm.offset:l.comm.offset+l.comm.size], []byte{0})
		r.namings = append(r.namings, naming{int64(nowNs), pid, string(comm)})
		return nil
	}
	e := event{
		atNs: int64(nowNs), key: l.key.number(body), device: uint32(l.device.number(body)), sectors: uint32(l.sectors.number(body)),
		cpu: uint16(cpu), op: l.op, order: uint8(min(l.order.number(body), maxOrder)), context: contextOfBits(l.flags.number(body)),
	}
	if e.context == Process && pid < math.MaxUint32 {
		e.task = pid + 1
	}
	if e.op == pageAlloc && e.key == math.MaxUint64 {
		e.op = other // R6
	}
	return r.keep(e)
}

// keep counts an event, and keeps it if it pairs.
func (r *Ring) keep(e event) error {
	if len(r.events) == r.limit {
		return fmt.Errorf("%w: more than %d events", ErrTooLarge, r.limit)
	}
	r.total++
	r.seen[e.cpu] = true
	r.firstNs, r.lastNs = min(r.firstNs, e.atNs), max(r.lastNs, e.atNs)
	if e.op != other {
		r.events = append(r.events, e)
	}
	return nil
}

// Recording pairs what was taken in; the Ring is of no use afterwards. lost is how many events the kernel says it dropped.
// own are the threads of the recorder: pages that they allocated are left out and counted in Source. It fails with
// ErrNoLifetimes if nothing pairs.
func (r *Ring) Recording(name string, source Source, lost int, own []uint32) (*Recording, error) {
	slices.SortStableFunc(r.events, func(a, b event) int { return cmp.Compare(a.atNs, b.atNs) }) // each CPU's are in order
	slices.SortStableFunc(r.namings, func(a, b naming) int { return cmp.Compare(a.atNs, b.atNs) })
	tasks := r.nameTasks()
	events := r.withoutOwn(tasks, own)
	source.OwnEvents = r.ownEvents
	recording := &Recording{Name: name, Format: StreamFile, Events: r.total - r.ownEvents, Lost: lost, Tasks: tasks, Source: source}
	for _, is := range r.seen {
		if is {
			recording.CPUs++
		}
	}
	if r.total > 0 {
		recording.SpanNs = r.lastNs - r.firstNs
	}
	pair(recording, events, r.firstNs)
	if len(recording.Lifetimes) == 0 {
		return nil, fmt.Errorf("%s: %w in %d events: nothing was allocated and freed meanwhile; record for longer, or while the load runs", name, ErrNoLifetimes, r.total)
	}
	return recording, nil
}

// nameTasks replaces the pids of the events by places in the table it returns.
func (r *Ring) nameTasks() []Task {
	var tasks []Task
	known := map[Task]uint32{}
	comms := map[uint32]string{0: "idle"}
	next := 0
	for i := range r.events {
		e := &r.events[i]
		for ; next < len(r.namings) && r.namings[next].atNs <= e.atNs; next++ {
			comms[r.namings[next].pid] = r.namings[next].comm
		}
		if e.task == 0 || e.op != issue && e.op != pageAlloc {
			continue
		}
		t := Task{PID: e.task - 1, Comm: comms[e.task-1]}
		if known[t] == 0 {
			tasks = append(tasks, t)
			known[t] = uint32(len(tasks))
		}
		e.task = known[t]
	}
	return tasks
}

// withoutOwn takes out the allocations of pages by the recorder's own threads, and what frees those pages.
func (r *Ring) withoutOwn(tasks []Task, own []uint32) []event {
	held := map[uint64]bool{} // pages of the recorder
	kept := r.events[:0]
	for _, e := range r.events {
		switch e.op {
		case pageAlloc:
			if e.task > 0 && slices.Contains(own, tasks[e.task-1].PID) {
				held[e.key] = true
				r.ownEvents++
				continue
			}
			delete(held, e.key)
		case pageFree:
			if held[e.key] {
				delete(held, e.key)
				r.ownEvents++
				continue
			}
		}
		kept = append(kept, e)
	}
	return kept
}
