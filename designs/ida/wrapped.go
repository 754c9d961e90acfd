package ida

import (
	"errors"
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/percpu"
	"headroom/kernel/reach"
)

// The slow paths of the wrapper and its magazines.
var (
	reachEmpty    = reach.Define(host, "empty")    // a caller that may not wait was refused
	reachWait     = reach.Define(host, "wait")     // a caller slept
	reachWake     = reach.Define(host, "wake")     // a free woke somebody
	reachPrevious = reach.Define(host, "previous") // the two magazines of a CPU changed places
	reachDepot    = reach.Define(host, "depot")    // a full magazine came from the depot
	reachStored   = reach.Define(host, "stored")   // a full magazine went there
	reachFlush    = reach.Define(host, "flush")    // a full magazine was emptied into the tree
	reachSteal    = reach.Define(host, "steal")    // another CPU's ids were taken
	reachDead     = reach.Define(host, "cpu-dead") // a dead CPU's ids came back
)

const (
	defaultSize  = 32 // ids in a magazine, from 8 to 128 as its users have it
	defaultDepot = 8  // full magazines in the depot
)

// Options say what a Wrapped has in front of its tree.
type Options struct {
	IDs    int  // ids, 1 to 2^31
	Size   int  // ids in a magazine; 0 for no magazines
	Depot  int  // full magazines that the depot takes
	Locked bool // a CPU's magazines have a lock, and can be robbed
	Pages  int  // pages of the zones below the tree; 0 for enough
}

// Wrapped is a Tree behind the interface of a tag allocator, with magazines in front of it or without. Its words live in machine memory; the fields
// here never change after New.
type Wrapped struct {
	_      [128]byte // the nil check of &w.field must not read a line that CPUs share
	cpus   []cpu
	tree   *Tree
	shared *shared
	rounds [][]mem.Plain32 // by magazine: its ids; protected by whoever has the magazine
	stock  []mem.Plain32   // the depot: magazines, full ones from the start on, empty ones behind them
	size   uint32
	locked bool
}

// cpu is one CPU's magazines.
type cpu struct{ *words }

// words are written by the CPU itself with interrupts masked, under lock in magazine-steal; there a thief writes them under lock too.
type words struct {
	lock   lock.Spin   // no raw one: the tree's is taken under it
	loaded mem.Plain32 // which magazine serves
	count  mem.Plain32 // ids in it
	before mem.Plain32 // the magazine that served before: full or empty
	filled mem.Plain32 // ids in that
	_      mem.Plain32

	waits, failed, steals, refills, spills mem.Plain64
}

// shared is the depot and the queue, on lines of their own.
type shared struct {
	lock    lock.RawSpin
	full    mem.Plain32   // full magazines in the depot; protected by lock
	locks   mem.Plain64   // acquisitions of lock
	waiting atomic.Uint32 // callers that wait for an id: asleep, about to sleep, or looking again
	_       [mem.LineBytes - 24]byte
	waiters lock.WaitQueue
}

// NewWrapped lays a tree and its magazines out on a machine. Private magazines are made smaller than asked for when they could keep more than half of
// the ids from a caller. It returns an error when a number is out of range or the machine's memory is full. Construction only: no task may run.
func NewWrapped(place kernel.Place, o Options) (*Wrapped, error) {
	const most = 1 << 16
	if o.Size < 0 || o.Size > most || o.Depot < 0 || o.Depot > most {
		return nil, fmt.Errorf("ida: magazines of %d ids, %d in the depot: give 0 to %d", o.Size, o.Depot, most)
	}
	tree, err := NewTree(place, o.IDs, o.Pages)
	if err != nil {
		return nil, err
	}
	if !o.Locked && !mutant.On(id08) {
		o.Size = min(o.Size, o.IDs/2/(2*place.CPUs()))
	}
	w := &Wrapped{tree: tree, size: uint32(o.Size), locked: o.Locked, cpus: make([]cpu, place.CPUs())}
	m := place.Memory()
	var failures [3]error
	w.shared, failures[0] = mem.New[shared](m, 0)
	w.stock, failures[1] = mem.Slice[mem.Plain32](m, 0, o.Depot)
	heads, err := percpu.New[words](place)
	failures[2] = err
	if err := errors.Join(failures[:]...); err != nil {
		return nil, fmt.Errorf("ida: %w", err)
	}
	if w.rounds, err = magazines(place, o); err != nil {
		return nil, fmt.Errorf("ida: %w", err)
	}
	for i := range w.cpus {
		w.cpus[i] = cpu{heads[i]}
		heads[i].loaded.Store(uint32(2 * i))
		heads[i].before.Store(uint32(2*i + 1))
	}
	for i := range w.stock {
		w.stock[i].Store(uint32(2*len(w.cpus) + i)) // all empty
	}
	return w, nil
}

// magazines places two for each CPU on its node, and those of the depot.
func magazines(place kernel.Place, o Options) ([][]mem.Plain32, error) {
	var all [][]mem.Plain32
	rows, err := percpu.Rows[mem.Plain32](place, 2*o.Size)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		all = append(all, row[:o.Size:o.Size], row[o.Size:])
	}
	for range o.Depot {
		row, err := mem.Slice[mem.Plain32](place.Memory(), 0, o.Size)
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
}

// Alloc hands out an id. With DirectReclaim it sleeps until it finds one (process context); without it the answer is kernel.ErrWouldBlock when it
// finds none, or no memory for the tree. Any context but NMI.
func (w *Wrapped) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	t.IRQSave()
	c := w.cpus[t.CPU()]
	w.enter(t, c)
	if n := c.count.Load(); n != 0 {
		id := w.rounds[c.loaded.Load()][n-1].Load()
		if mutant.On(id06) {
			w.leave(t, c)
			t.IRQRestore()
			t.IRQSave()
			w.enter(t, c)
		}
		c.count.Store(n - 1)
		w.leave(t, c)
		t.IRQRestore()
		return designs.Item(id), nil
	}
	w.leave(t, c)
	t.IRQRestore()
	return w.allocSlow(t, gfp)
}

// Free puts an id into the CPU's magazine, or into the tree while callers wait. It panics on an id out of range. Any context but NMI.
func (w *Wrapped) Free(t *kernel.Task, it designs.Item) {
	if it >= designs.Item(w.tree.limit) {
		misuse(it, w.tree.limit)
	}
	t.IRQSave()
	c := w.cpus[t.CPU()]
	w.enter(t, c)
	n := c.count.Load()
	if n < w.size && w.shared.waiting.Load() == 0 {
		w.rounds[c.loaded.Load()][n].Store(uint32(it))
		c.count.Store(n + 1)
		w.leave(t, c)
		t.IRQRestore()
		return
	}
	w.freeSlow(t, c, it)
	t.IRQRestore()
}

// enter gets hold of a CPU's magazines; interrupts masked.
func (w *Wrapped) enter(t *kernel.Task, c cpu) {
	if w.locked {
		c.lock.Lock(t)
	}
}

func (w *Wrapped) leave(t *kernel.Task, c cpu) {
	if w.locked {
		c.lock.Unlock(t)
	}
}

// CPUDead puts the ids that a dead CPU kept into the tree. t runs on another CPU, in process context.
func (w *Wrapped) CPUDead(t *kernel.Task, dead int) {
	t.IRQSave()
	c := w.cpus[dead]
	w.enter(t, c)
	found := c.count.Load() + c.filled.Load()
	w.empty(t, c.loaded.Load(), c.count.Load())
	w.empty(t, c.before.Load(), c.filled.Load())
	c.count.Store(0)
	c.filled.Store(0)
	w.leave(t, c)
	t.IRQRestore()
	if found != 0 {
		reachDead.Hit()
		w.wake(t)
	}
	w.tree.CPUDead(t, dead)
}

// empty puts the ids of a magazine into the tree.
func (w *Wrapped) empty(t *kernel.Task, magazine, n uint32) {
	for i := range n {
		w.tree.Free(t, designs.Item(w.rounds[magazine][i].Load()))
	}
}

// Stats sums the counts of slow paths of all CPUs; only at quiescence. A refill is a full magazine from the depot, a spill one emptied into the tree.
func (w *Wrapped) Stats() designs.Stats {
	s := designs.Stats{Locks: w.shared.locks.Load() + w.tree.Stats().Locks}
	for _, c := range w.cpus {
		s.Waits += c.waits.Load()
		s.Failed += c.failed.Load()
		s.Steals += c.steals.Load()
		s.Refills += c.refills.Load()
		s.Spills += c.spills.Load()
	}
	return s
}
