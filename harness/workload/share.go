package workload

import (
	"slices"

	"headroom/designs"
	"headroom/harness/measure"
	"headroom/harness/result"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/mem"
)

// sharing is what false-share needs. In a round the CPUs take an item each in turn, until each holds its number; then all write to their items at the
// same time, again and again; then one counts which lie on the same lines, and all free theirs.
type sharing struct {
	turn    *atomic.Uint64 // items taken so far, over all rounds: whose turn it is
	over    *atomic.Uint32 // 1: this round was the last; written by CPU 0 between two meetings, read after the second
	words   []mem.Plain64  // records behind items that are not memory; nil for those that are
	held    [][]designs.Item
	written [][]*mem.Plain64 // by CPU: the first word of each item held
	owners  []owner
	rounds  int
	pairs   int // over the rounds
	lines   int
}

// owner is an item's line and the CPU that holds it.
type owner struct {
	line int
	cpu  int
}

const (
	wordBytes = 8
	// sweeps of a CPU over its items in a round: 64 times 32 writes of 1 ns are 2 us, of 50 ns 100 us, beside 64 turns of some 0.1 us.
	sweeps = 64
)

func (r *run) laySharing() error {
	n := r.spec.CPUs
	h := &sharing{owners: make([]owner, 0, n*r.spec.Hold)}
	for range n {
		h.held = append(h.held, make([]designs.Item, 0, r.spec.Hold))
		h.written = append(h.written, make([]*mem.Plain64, 0, r.spec.Hold))
	}
	r.sharing = h
	var err error
	if h.turn, err = mem.New[atomic.Uint64](r.machine.Memory(), 0); err != nil {
		return err
	}
	if h.over, err = mem.New[atomic.Uint32](r.machine.Memory(), 0); err != nil {
		return err
	}
	if !inMemory(r.variant) {
		h.words, err = mem.Slice[mem.Plain64](r.machine.Memory(), 0, r.config.Items*r.spec.Bytes/wordBytes)
	}
	return err
}

// shareOn is the body of false-share.
func (r *run) shareOn(t *kernel.Task, s *seat, _ int) {
	h := r.sharing
	end := s.started + r.spec.DurationNs
	for round := uint64(0); ; round++ {
		r.takeInTurn(t, s, round)
		r.barrier(s)
		r.write(s)
		if s.cpu == 0 && r.now() >= end {
			h.over.Store(1)
		}
		r.barrier(s)
		if s.cpu == 0 {
			h.count(r.spec.Bytes)
		}
		last := h.over.Load() != 0
		r.barrier(s)
		for _, it := range h.held[s.cpu] {
			r.allocator.Free(t, it)
		}
		if last {
			return
		}
	}
}

// takeInTurn takes the CPU's items, one each time the others have had one.
func (r *run) takeInTurn(t *kernel.Task, s *seat, round uint64) {
	h := r.sharing
	cpus := uint64(r.spec.CPUs)
	held, written := h.held[s.cpu][:0], h.written[s.cpu][:0]
	for i := range uint64(r.spec.Hold) {
		mine := (round*uint64(r.spec.Hold)+i)*cpus + uint64(s.cpu)
		var wait measure.Patience
		for h.turn.LoadAcquire() != mine {
			wait.Turn()
		}
		it, err := r.allocator.Alloc(t, kernel.NoWait)
		h.turn.StoreRelease(mine + 1)
		if err != nil {
			s.failed++
			continue
		}
		held, written = append(held, it), append(written, r.firstWord(it))
	}
	h.held[s.cpu], h.written[s.cpu] = held, written
}

// firstWord is the first word of an item, or of the record behind it.
func (r *run) firstWord(it designs.Item) *mem.Plain64 {
	if r.sharing.words != nil {
		return &r.sharing.words[int(it)*r.spec.Bytes/wordBytes]
	}
	return mem.At[mem.Plain64](r.machine.Memory(), uintptr(it))
}

// write adds one to the first word of each item held, in several sweeps.
func (r *run) write(s *seat) {
	written := r.sharing.written[s.cpu]
	began := r.now()
	for range sweeps {
		for _, word := range written {
			word.Store(word.Load() + 1)
		}
	}
	s.inside += r.lengthen(s, began, r.now()) - began
	s.ops += int64(sweeps * len(written))
}

// count adds the pairs and lines of the round. The items of all CPUs are held and none is written.
func (h *sharing) count(bytes int) {
	h.owners = h.owners[:0]
	for cpu, items := range h.held {
		for _, it := range items {
			at := int(it)
			if h.words != nil {
				at *= bytes
			}
			h.owners = append(h.owners, owner{at / mem.LineBytes, cpu})
		}
	}
	slices.SortFunc(h.owners, func(a, b owner) int { return a.line - b.line })
	h.rounds++
	for i, a := range h.owners {
		first := i == 0 || h.owners[i-1].line != a.line
		others := false
		for _, b := range h.owners[i+1:] {
			if b.line != a.line {
				break
			}
			if b.cpu != a.cpu {
				h.pairs++
				others = true
			}
		}
		if first && others {
			h.lines++
		}
	}
}

func (r *run) sharingFigures(o *result.Sample) error {
	h := r.sharing
	o.LoopNs = 0 // the loop of allocs and frees has no part in a write
	o.Counters[CounterPairs], o.Counters[CounterLines] = float64(h.pairs)/float64(h.rounds), float64(h.lines)/float64(h.rounds)
	return nil
}
