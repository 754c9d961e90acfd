package reservation

import (
	"errors"
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/atomic"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/page"
	"headroom/kernel/slab"
)

// Slab is a cache of objects that promises objects: those promised lie in a depot of the cache. Its words live in machine memory; the fields here
// never change after New.
type Slab struct {
	_      [128]byte // the nil check of &s.field must not read a line that CPUs share
	cache  *slab.Cache
	pages  *page.Allocator
	memory *mem.Memory
	depot  *depot
	slots  []mem.Plain64 // slots[:depot.kept]; depot's lock
	bytes  int
}

// depot is the objects set aside. Every free reads wanted; it changes only when somebody reserves.
type depot struct {
	wanted   atomic.Uint32 // objects that callers inside Reserve ask for, together; changed under lock, read without
	_        [mem.LineBytes - 4]byte
	lock     lock.Spin
	kept     mem.Plain32   // objects in the depot; lock
	promised mem.Plain32   // and not drawn; lock
	changes  atomic.Uint32 // raised when the depot got closer to what is wanted
	waiters  lock.WaitQueue
	waits    atomic.Uint64 // times a caller slept for a promise
}

// NewSlab makes a cache of objects of config.Bytes, 0 meaning 256, in which config.Items objects, or config.Room when that is more, can be had from
// every CPU, and as many promised. It returns an error when config is out of range, an object needs more than a page, or memory is full.
func NewSlab(place kernel.Place, config designs.Config) (*Slab, error) {
	if err := config.Validate(cacheKnobs); err != nil {
		return nil, fmt.Errorf("reservation: %w", err)
	}
	cache, pages, err := newCache(place, config)
	if err != nil {
		return nil, err
	}
	s := &Slab{cache: cache, pages: pages, memory: place.Memory(), bytes: itemBytes(config, objectBytes)}
	var failures [2]error
	s.depot, failures[0] = mem.New[depot](place.Memory(), 0)
	s.slots, failures[1] = mem.Slice[mem.Plain64](place.Memory(), 0, max(config.Items, config.Room))
	if err := errors.Join(failures[:]...); err != nil {
		return nil, fmt.Errorf("reservation: depot of %d objects: %w", config.Items, err)
	}
	return s, nil
}

func (d *depot) enter(t *kernel.Task) {
	t.IRQSave()
	d.lock.Lock(t)
}

func (d *depot) leave(t *kernel.Task) {
	d.lock.Unlock(t)
	t.IRQRestore()
}

// Alloc hands out an object of the cache, or answers kernel.ErrNoMemory. Objects of the depot are none of its business. Any context but NMI.
func (s *Slab) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	o, err := s.cache.Alloc(t, gfp)
	return designs.Item(o), err
}

// Free gives an object back, and passes on what the CPU has at hand while somebody waits for it. It panics on what is no object of the cache. Any
// context but NMI.
//
// O1: the object is in the cache before this look. Whoever announces a wish later finds it there, unless another CPU has it at hand, for which the
// cache has objects to spare.
func (s *Slab) Free(t *kernel.Task, it designs.Item) {
	s.cache.Free(t, slab.Object(it))
	if s.depot.wanted.Load() != 0 && !mutant.On(rs03) {
		s.handOver(t)
	}
}

// handOver moves objects from the cache, the CPU's own first, into the depot, as long as they are wanted there.
func (s *Slab) handOver(t *kernel.Task) {
	d := s.depot
	if s.collect(t, 0, func() bool { return d.kept.Load() >= d.promised.Load()+d.wanted.Load() }) {
		reachHanded.Hit()
	}
	if !mutant.On(rs04) {
		s.trim(t) // O2
	}
}

// collect moves objects from the cache into the depot until enough, which is called with the lock held, or the depot is full. It returns with the
// lock released; false says that the cache had no more.
func (s *Slab) collect(t *kernel.Task, gfp kernel.GFP, enough func() bool) bool {
	d := s.depot
	for {
		d.enter(t)
		done := enough()
		full := int(d.kept.Load()) == len(s.slots)
		d.leave(t)
		if done || full {
			return done
		}
		o, err := s.cache.Alloc(t, gfp&^kernel.NoFail)
		if err != nil {
			return false
		}
		d.enter(t)
		n := d.kept.Load()
		if full = int(n) == len(s.slots); !full {
			s.slots[n].Store(uint64(o))
			d.kept.Store(n + 1)
		}
		d.leave(t)
		if full {
			s.cache.Free(t, o)
		}
	}
}

// Reserve promises n objects and moves them into the depot. If the cache has too few, a caller with DirectReclaim waits until others have given some
// back (process context, no spinning lock held), and one without gets kernel.ErrWouldBlock. More than the items configured are
// kernel.ErrNoMemory. It panics when n is below 0. Any context but NMI.
//
// O2: changes is read before the look for objects, and again after the queue is entered (a full barrier); who adds objects raises changes before he
// looks at the queue.
func (s *Slab) Reserve(t *kernel.Task, gfp kernel.GFP, n int) error {
	if n < 0 {
		misuse("a promise of less than nothing")
	}
	if n > len(s.slots) {
		return kernel.ErrNoMemory
	}
	d := s.depot
	d.wanted.Add(uint32(n))
	for {
		seen := d.changes.Load()
		if s.collect(t, gfp, func() bool { return d.promise(uint32(n)) }) {
			s.trim(t)
			return nil
		}
		if !gfp.MayWait() {
			d.wanted.Add(-uint32(n))
			s.trim(t)
			reachRefused.Hit()
			return kernel.ErrWouldBlock
		}
		d.waiters.Prepare(t, false)
		if d.changes.Load() == seen {
			reachWait.Hit()
			d.waits.Add(1)
			t.Schedule()
		}
		d.waiters.Finish(t)
	}
}

// promise makes the promise if the depot has the objects; lock held.
func (d *depot) promise(n uint32) bool {
	promised := d.promised.Load()
	if mutant.On(rs01) {
		promised = 0
	}
	if d.kept.Load() < promised+n {
		return false
	}
	d.promised.Store(d.promised.Load() + n)
	d.wanted.Add(-n)
	return true
}

// AllocReserved draws a promised object. It never fails or waits, and panics when no promise is left. Any context but NMI.
func (s *Slab) AllocReserved(t *kernel.Task) (designs.Item, error) {
	d := s.depot
	d.enter(t)
	promised, n := d.promised.Load(), d.kept.Load()
	if promised == 0 || n == 0 {
		misuse("a draw, and no promise is left")
	}
	it := designs.Item(s.slots[n-1].Load())
	d.kept.Store(n - 1)
	d.promised.Store(promised - 1)
	d.leave(t)
	if mutant.On(rs08) {
		it = designs.Item(s.slots[n-1].Load())
	}
	s.trim(t)
	return it, nil
}

// Cancel takes n promises back that were not drawn on; their objects go to who waits, or to the cache. It panics when fewer are left. Any context
// but NMI.
func (s *Slab) Cancel(t *kernel.Task, n int) {
	d := s.depot
	d.enter(t)
	promised := d.promised.Load()
	if n < 0 || uint32(n) > promised {
		misuse("a cancelling of more promises than there are")
	}
	d.promised.Store(promised - uint32(n))
	d.leave(t)
	if !mutant.On(rs05) {
		s.trim(t)
	}
}

// trim gives objects that are neither promised nor wanted back to the cache, and lets those look again who wait.
func (s *Slab) trim(t *kernel.Task) {
	d := s.depot
	for {
		d.enter(t)
		n := d.kept.Load()
		spare := n > d.promised.Load()+d.wanted.Load()
		var o slab.Object
		if spare {
			o = slab.Object(s.slots[n-1].Load())
			d.kept.Store(n - 1)
		}
		d.leave(t)
		if !spare {
			break
		}
		reachTrimmed.Hit()
		s.cache.Free(t, o)
	}
	if d.wanted.Load() != 0 {
		d.changes.Add(1)
		d.waiters.Wake(t, 0)
	}
}

// Check walks the depot, the cache and the zones. Only at quiescence.
func (s *Slab) Check() error {
	d := s.depot
	n, promised, wanted := d.kept.Load(), d.promised.Load(), d.wanted.Load()
	if d.lock.Held() || d.waiters.Waiting() != 0 || wanted != 0 {
		return fmt.Errorf("reservation: the depot's lock is held, or somebody waits, at quiescence")
	}
	if n != promised {
		return fmt.Errorf("reservation: %d objects are promised and %d set aside (I1)", promised, n)
	}
	for i := range n {
		if o := slab.Object(s.slots[i].Load()); !s.cache.Holds(o) || s.cache.Idle(o) {
			return fmt.Errorf("reservation: object %d of the depot is none, or in the cache too (I3)", o)
		}
	}
	return errors.Join(s.cache.Check(), s.pages.Check())
}

// CPUDead gives back the objects, and then the pages, that a dead CPU kept. t runs on another CPU, in process context.
func (s *Slab) CPUDead(t *kernel.Task, cpu int) {
	s.cache.CPUDead(t, cpu)
	s.pages.CPUDead(t, cpu)
	if s.depot.wanted.Load() != 0 {
		s.handOver(t)
	}
}

// Stats are the counts of slow paths, the locks those of the cache and of its pages; only at quiescence.
func (s *Slab) Stats() designs.Stats {
	all := cacheStats(s.cache, s.pages)
	all.Waits = s.depot.waits.Load()
	return all
}

func cacheStats(cache *slab.Cache, pages *page.Allocator) designs.Stats {
	c := cache.Stats()
	return designs.Stats{Locks: c.Locks + pages.Stats().Locks, Refills: c.Refills, Spills: c.Spills, Failed: c.Failed}
}

// Bytes is the memory behind an item.
func (s *Slab) Bytes(it designs.Item) []byte { return s.memory.Span(uintptr(it), s.bytes) }

//go:noinline
func misuse(what string) { panic("reservation: " + what) }
