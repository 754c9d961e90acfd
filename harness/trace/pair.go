package trace

// stillOpen stands in FreeNs until the end is seen.
const stillOpen = -1

// request is what tells one block request from another (R1).
type request struct {
	sector uint64
	device uint32
}

// openRequest is a request issued and not yet complete.
type openRequest struct {
	lifetime uint32
	sectors  uint32 // that remain
	requeued bool   // given back by the driver since its last issue
}

// flushes is the open requests of a device that have no sector (R2), oldest first.
type flushes struct {
	waiting  []uint32 // lifetimes
	requeued int      // how many of them were given back since their last issue
}

// pairing is the state of the walk over the events, in order of time.
type pairing struct {
	recording *Recording
	firstNs   int64
	requests  map[request]openRequest
	flushes   map[uint32]*flushes // by device
	pages     map[uint64]uint32   // lifetime by pfn
}

// pair fills the recording's lifetimes and unmatched counts from events sorted by time.
//
// A lifetime is appended when it starts, so they come out in the order of their allocations, and those never ended are
// dropped at the end: whatever displaced them, they are the unmatched starts.
func pair(r *Recording, events []event, firstNs int64) {
	p := pairing{
		recording: r,
		firstNs:   firstNs,
		requests:  map[request]openRequest{},
		flushes:   map[uint32]*flushes{},
		pages:     map[uint64]uint32{},
	}
	for i := range events {
		e, sequence := &events[i], uint32(i)
		switch e.op {
		case issue:
			p.issue(e, sequence)
		case complete:
			p.complete(e, sequence)
		case requeue:
			p.requeue(e)
		case pageAlloc:
			p.pages[e.key] = p.start(Page, e, sequence) // R4, R5
		case pageFree:
			if lifetime, ok := p.pages[e.key]; ok {
				delete(p.pages, e.key)
				p.end(lifetime, e, sequence)
			} else {
				r.Unmatched[Page].Ends++
			}
		}
	}
	p.dropOpen()
	renumber(r.Lifetimes, len(events))
}

// start opens a lifetime and returns its index.
func (p *pairing) start(kind Kind, e *event, sequence uint32) uint32 {
	r := p.recording
	r.Lifetimes = append(r.Lifetimes, Lifetime{
		AllocNs: e.atNs - p.firstNs, FreeNs: stillOpen, AllocSequence: sequence,
		AllocCPU: e.cpu, Kind: kind, Order: e.order, AllocContext: e.context, Task: e.task,
	})
	return uint32(len(r.Lifetimes) - 1)
}

// end closes a lifetime.
func (p *pairing) end(lifetime uint32, e *event, sequence uint32) {
	l := &p.recording.Lifetimes[lifetime]
	l.FreeNs, l.FreeSequence, l.FreeCPU, l.FreeContext = e.atNs-p.firstNs, sequence, e.cpu, e.context
}

// issue opens a request, or continues one that was requeued (R3, R4). Only an issue of the very sectors that remain
// continues it: a requeued request can also be merged into another, and is then never issued again under its own sector.
func (p *pairing) issue(e *event, sequence uint32) {
	tags := &p.recording.Unmatched[Tag]
	if !e.hasSector() {
		queue := p.flushes[e.device]
		if queue == nil {
			queue = &flushes{}
			p.flushes[e.device] = queue
		}
		if queue.requeued > 0 {
			queue.requeued--
			tags.Starts++
			return
		}
		queue.waiting = append(queue.waiting, p.start(Tag, e, sequence))
		return
	}
	key := request{e.key, e.device}
	if open, ok := p.requests[key]; ok && open.requeued && open.sectors == e.sectors {
		open.requeued = false
		p.requests[key] = open
		tags.Starts++
		return
	}
	p.requests[key] = openRequest{lifetime: p.start(Tag, e, sequence), sectors: e.sectors}
}

// complete ends a request, or moves its sector on (R1). A completion of no sectors ends it: it did not move.
func (p *pairing) complete(e *event, sequence uint32) {
	if !e.hasSector() {
		p.completeFlush(e, sequence)
		return
	}
	key := request{e.key, e.device}
	open, ok := p.requests[key]
	if !ok {
		p.recording.Unmatched[Tag].Ends++
		return
	}
	delete(p.requests, key)
	if e.sectors == 0 || e.sectors >= open.sectors {
		p.end(open.lifetime, e, sequence)
		return
	}
	key.sector += uint64(e.sectors)
	open.sectors -= e.sectors
	p.requests[key] = open
}

// completeFlush ends the oldest open request without a sector (R2).
func (p *pairing) completeFlush(e *event, sequence uint32) {
	queue := p.flushes[e.device]
	if queue == nil || len(queue.waiting) == 0 {
		p.recording.Unmatched[Tag].Ends++
		return
	}
	p.end(queue.waiting[0], e, sequence)
	queue.waiting = queue.waiting[1:]
	queue.requeued = min(queue.requeued, len(queue.waiting))
}

// requeue notes that the driver gave an open request back (R3).
func (p *pairing) requeue(e *event) {
	if !e.hasSector() {
		if queue := p.flushes[e.device]; queue != nil && queue.requeued < len(queue.waiting) {
			queue.requeued++
		}
		return
	}
	key := request{e.key, e.device}
	if open, ok := p.requests[key]; ok {
		open.requeued = true
		p.requests[key] = open
	}
}

// dropOpen counts the lifetimes that never ended and takes them out (R7).
func (p *pairing) dropOpen() {
	r := p.recording
	kept := r.Lifetimes[:0]
	for _, l := range r.Lifetimes {
		if l.FreeNs == stillOpen {
			r.Unmatched[l.Kind].Starts++
			continue
		}
		kept = append(kept, l)
	}
	r.Lifetimes = kept
}
