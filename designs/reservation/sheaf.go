package reservation

import (
	"errors"
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
	"headroom/kernel/page"
	"headroom/kernel/percpu"
	"headroom/kernel/slab"
)

// Sheaf is a cache of objects that promises objects by filling an array of the caller's CPU with them, in a context that may sleep. Its words live in
// machine memory; the fields here never change after New.
type Sheaf struct {
	_       [128]byte // the nil check of &s.field must not read a line that CPUs share
	cache   *slab.Cache
	pages   *page.Allocator
	memory  *mem.Memory
	sheaves []sheaf // by CPU
	bytes   int
}

// sheaf is the promised objects of one CPU: slots 0 to length-1, the newest last. Its lock is taken by others only for callers who have moved away
// from the CPU on which they reserved.
type sheaf struct {
	words *sheafWords
	slots []mem.Plain64
}

type sheafWords struct {
	lock   lock.Spin
	length mem.Plain32
}

// NewSheaf makes a cache as NewSlab does, and for each CPU room for as many promised objects as there are items. Errors as NewSlab.
func NewSheaf(place kernel.Place, config designs.Config) (*Sheaf, error) {
	if err := config.Validate(cacheKnobs); err != nil {
		return nil, fmt.Errorf("reservation: %w", err)
	}
	cache, pages, err := newCache(place, config)
	if err != nil {
		return nil, err
	}
	s := &Sheaf{cache: cache, pages: pages, memory: place.Memory(), bytes: itemBytes(config, objectBytes), sheaves: make([]sheaf, place.CPUs())}
	words, err := percpu.New[sheafWords](place)
	if err != nil {
		return nil, fmt.Errorf("reservation: %w", err)
	}
	rows, err := percpu.Rows[mem.Plain64](place, max(config.Items, config.Room))
	if err != nil {
		return nil, fmt.Errorf("reservation: sheaves of %d objects: %w", config.Items, err)
	}
	for cpu := range s.sheaves {
		s.sheaves[cpu] = sheaf{words: words[cpu], slots: rows[cpu]}
	}
	return s, nil
}

func (f *sheaf) enter(t *kernel.Task) {
	t.IRQSave()
	f.words.lock.Lock(t)
}

func (f *sheaf) leave(t *kernel.Task) {
	f.words.lock.Unlock(t)
	t.IRQRestore()
}

// pop takes the newest object; lock held.
func (f *sheaf) pop() (slab.Object, bool) {
	n := f.words.length.Load()
	if n == 0 {
		return 0, false
	}
	f.words.length.Store(n - 1)
	return slab.Object(f.slots[n-1].Load()), true
}

// Alloc hands out an object of the cache, or answers kernel.ErrNoMemory. Sheaves are none of its business. Any context but NMI.
func (s *Sheaf) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	o, err := s.cache.Alloc(t, gfp)
	return designs.Item(o), err
}

// Free gives an object back to the cache. It panics on what is no object of it. Any context but NMI.
func (s *Sheaf) Free(t *kernel.Task, it designs.Item) { s.cache.Free(t, slab.Object(it)) }

// Reserve fills the sheaf of the caller's CPU with n objects more, all or none: with DirectReclaim (process context, no spinning lock held) the cache
// may reclaim memory for them, but nobody waits for other users. It answers kernel.ErrNoMemory when the cache has too few, or the sheaf no room. It
// panics when n is below 0. Any context but NMI.
func (s *Sheaf) Reserve(t *kernel.Task, gfp kernel.GFP, n int) error {
	if n < 0 {
		misuse("a promise of less than nothing")
	}
	f := &s.sheaves[t.CPU()]
	for got := range n {
		o, err := s.cache.Alloc(t, gfp&^kernel.NoFail)
		full := false
		if err == nil {
			f.enter(t)
			length := f.words.length.Load()
			if full = int(length) == len(f.slots); !full {
				f.slots[length].Store(uint64(o))
				f.words.length.Store(length + 1)
			}
			f.leave(t)
		}
		if full {
			s.cache.Free(t, o)
		}
		if full || err != nil {
			reachShort.Hit()
			if !mutant.On(rs06) {
				s.Cancel(t, got)
			}
			return kernel.ErrNoMemory
		}
	}
	return nil
}

// AllocReserved draws an object from the sheaf of the caller's CPU, or, if he has moved since he reserved, from another. It never fails or waits, and
// panics when no sheaf has any. Any context but NMI.
func (s *Sheaf) AllocReserved(t *kernel.Task) (designs.Item, error) {
	f := &s.sheaves[t.CPU()]
	f.enter(t)
	o, ok := f.pop()
	f.leave(t)
	if !ok && !mutant.On(rs07) {
		o, ok = s.drawElsewhere(t)
	}
	if !ok {
		misuse("a draw, and no promise is left")
	}
	return designs.Item(o), nil
}

// drawElsewhere takes an object from any sheaf. It holds all locks: one after the other, a sheaf could be filled behind it and the next drawn empty
// before it came there.
func (s *Sheaf) drawElsewhere(t *kernel.Task) (o slab.Object, ok bool) {
	reachMoved.Hit()
	for cpu := range s.sheaves {
		s.sheaves[cpu].enter(t)
	}
	for cpu := range s.sheaves {
		if o, ok = s.sheaves[cpu].pop(); ok {
			break
		}
	}
	for cpu := range s.sheaves {
		s.sheaves[cpu].leave(t)
	}
	return o, ok
}

// Cancel gives n promised objects that were not drawn back to the cache. It panics when there are fewer. Any context but NMI.
func (s *Sheaf) Cancel(t *kernel.Task, n int) {
	for range n {
		it, _ := s.AllocReserved(t)
		s.cache.Free(t, slab.Object(it))
	}
}

// Check walks the sheaves, the cache and the zones. Only at quiescence.
func (s *Sheaf) Check() error {
	seen := map[slab.Object]bool{}
	for cpu := range s.sheaves {
		f := &s.sheaves[cpu]
		if f.words.lock.Held() {
			return fmt.Errorf("reservation: the lock of CPU %d's sheaf is held at quiescence", cpu)
		}
		for i := range f.words.length.Load() {
			o := slab.Object(f.slots[i].Load())
			if seen[o] || !s.cache.Holds(o) || s.cache.Idle(o) {
				return fmt.Errorf("reservation: object %d of CPU %d's sheaf is none, or somewhere else too (I3)", o, cpu)
			}
			seen[o] = true
		}
	}
	return errors.Join(s.cache.Check(), s.pages.Check())
}

// CPUDead gives back the objects, and then the pages, that a dead CPU kept; its sheaf is promised and stays. t runs on another CPU, in process
// context.
func (s *Sheaf) CPUDead(t *kernel.Task, cpu int) {
	s.cache.CPUDead(t, cpu)
	s.pages.CPUDead(t, cpu)
}

// Stats are the counts of slow paths, the locks those of the cache and of its pages; only at quiescence.
func (s *Sheaf) Stats() designs.Stats { return cacheStats(s.cache, s.pages) }

// Bytes is the memory behind an item.
func (s *Sheaf) Bytes(it designs.Item) []byte { return s.memory.Span(uintptr(it), s.bytes) }
