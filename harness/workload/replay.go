package workload

import (
	"fmt"

	"headroom/designs"
	"headroom/harness/measure"
	"headroom/harness/trace"
	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// replay is a recording made ready to run: each CPU's operations in their order, and a slot for each lifetime through which the item gets
// from the CPU that allocates it to the CPU that frees it.
//
// The recording is run again and again until the time is up. No CPU gets more than skewWindow operations ahead of another, so that the items in
// use stay near what was recorded: at most the recorded depth, plus the window. Paced, that matters when a CPU falls behind.
type replay struct {
	streams   []trace.Stream
	slots     []atomic.Uint64 // pass number + 1 in the upper half, item + 1 in the lower; lower 0 when the allocation failed
	progress  []progress      // how far each CPU is
	total     uint64          // operations of one pass
	ended     *atomic.Uint64  // passes ended, all CPUs together
	verdict   *atomic.Uint64  // CPU 0's word on whether another pass follows: passes done, and in bit 0 the end
	spanNs    int64
	itemShift uint // memory items are offsets: shifted down, they fit a slot's 32 bits
	skipped   int  // lifetimes that no design here can serve (page orders above 0)
}

// progress is one CPU's position, on lines of its own.
type progress struct {
	at atomic.Uint64
	_  [120]byte
}

// skewWindow is how far a CPU may be ahead, and skewLook how often it looks: a look at a foreign line costs up to 300 ns, over 64 operations.
const (
	skewWindow = 256
	skewLook   = 64
)

func newReplay(m machine.Machine, recording *trace.Recording, s Spec) (*replay, error) {
	r := &replay{streams: recording.Streams(s.CPUs), spanNs: recording.SpanNs, total: uint64(2 * len(recording.Lifetimes))}
	if s.Kind == trace.Page.String() {
		r.itemShift = lineShift
	}
	for i := range r.streams {
		stream := &r.streams[i]
		kept := stream.Operations[:0]
		for _, op := range stream.Operations {
			if recording.Lifetimes[op.Lifetime].Order == 0 {
				kept = append(kept, op)
			}
		}
		stream.Operations = kept
	}
	for _, l := range recording.Lifetimes {
		if l.Order != 0 {
			r.skipped++
		}
	}
	if r.skipped == len(recording.Lifetimes) {
		return nil, fmt.Errorf("%s: every lifetime is of an order above 0, which no design here serves", recording.Name)
	}
	var err error
	if r.slots, err = mem.Slice[atomic.Uint64](m.Memory(), 0, len(recording.Lifetimes)); err != nil {
		return nil, err
	}
	if r.progress, err = mem.Slice[progress](m.Memory(), 0, s.CPUs); err != nil {
		return nil, err
	}
	if r.ended, err = mem.New[atomic.Uint64](m.Memory(), 0); err != nil {
		return nil, err
	}
	r.verdict, err = mem.New[atomic.Uint64](m.Memory(), 0)
	return r, err
}

// replayStream is the body of the trace workload on one CPU.
func (r *run) replayStream(t *kernel.Task, s *seat, _ int) {
	p := r.replay
	stream := p.streams[s.cpu].Operations
	end := s.started + r.spec.DurationNs
	mine := &p.progress[s.cpu].at
	for pass := uint64(0); ; pass++ {
		began := s.started + r.passesNs(pass)
		for i := range stream {
			op := &stream[i]
			at := pass*p.total + uint64(op.Sequence)
			if r.spec.Pace > 0 {
				due := began + int64(float64(op.AtNs)/r.spec.Pace)
				if r.now() < due {
					mine.StoreRelease(at)
				}
				s.late.add(r.waitUntil(due) - due)
			}
			if i%skewLook == 0 {
				mine.StoreRelease(at)
				p.keepNear(at)
			}
			if r.spec.Pace == 0 {
				r.replayStep(t, s, op, pass, at)
				continue
			}
			before := r.now()
			r.replayStep(t, s, op, pass, at)
			s.inside += r.now() - before
		}
		mine.StoreRelease((pass + 1) * p.total)
		if s.cpu == 0 { // the others wait for CPU 0's word
			r.linger(s)
		}
		if p.lastPass(r.spec.CPUs, s.cpu, pass, r.now() >= end) {
			return
		}
	}
}

// passesNs is the length of so many paced passes; flat out there is none.
func (r *run) passesNs(passes uint64) int64 {
	if r.spec.Pace == 0 {
		return 0
	}
	return int64(float64(passes) * float64(r.replay.spanNs) / r.spec.Pace)
}

// keepNear waits while another CPU is more than skewWindow behind. Who waits anywhere has said how far he is, and the one furthest behind waits
// for nobody, so somebody always goes on.
func (p *replay) keepNear(at uint64) {
	var wait measure.Patience
	for i := range p.progress {
		for p.progress[i].at.LoadAcquire()+skewWindow < at {
			arch.Pause(1)
			wait.Turn()
		}
	}
}

// lastPass ends a pass: when all CPUs have, CPU 0 says whether there is another, and the rest wait for its word. So all make the same number of
// passes, and no slot is used again before the item in it was freed.
func (p *replay) lastPass(cpus, cpu int, pass uint64, late bool) bool {
	p.ended.Add(1)
	var wait measure.Patience
	if cpu == 0 {
		for p.ended.Load() < (pass+1)*uint64(cpus) {
			arch.Pause(1)
			wait.Turn()
		}
		word := (pass + 1) << 1
		if late {
			word |= 1
		}
		p.verdict.Store(word)
		return late
	}
	word := p.verdict.Load()
	for word>>1 < pass+1 {
		arch.Pause(1)
		wait.Turn()
		word = p.verdict.Load()
	}
	return word&1 == 1
}

func (r *run) replayStep(t *kernel.Task, s *seat, op *trace.Operation, pass, at uint64) {
	if op.Free {
		r.replayFree(t, s, op, pass, at)
		return
	}
	r.replayAlloc(t, s, op, pass)
}

func (r *run) replayAlloc(t *kernel.Task, s *seat, op *trace.Operation, pass uint64) {
	word := (pass + 1) << 32
	it, err := r.allocator.Alloc(t, kernel.NoWait)
	if err != nil {
		s.failed++
	} else {
		word |= uint64(it>>r.replay.itemShift) + 1
	}
	r.replay.slots[op.Lifetime].StoreRelease(word)
}

// replayFree frees what the lifetime's alloc left in its slot, waiting for it if that CPU is behind.
func (r *run) replayFree(t *kernel.Task, s *seat, op *trace.Operation, pass, at uint64) {
	slot := &r.replay.slots[op.Lifetime]
	word := slot.LoadAcquire()
	if word>>32 != pass+1 {
		r.replay.progress[s.cpu].at.StoreRelease(at)
		var wait measure.Patience
		for word>>32 != pass+1 {
			arch.Pause(1)
			wait.Turn()
			word = slot.LoadAcquire()
		}
	}
	if it := uint32(word); it != 0 {
		r.allocator.Free(t, designs.Item(it-1)<<r.replay.itemShift)
		s.ops++
	}
}
