package designtest

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/mem"
)

// toy is the simplest allocator that keeps the whole contract: a stack of items and one item kept for each CPU, all under one lock. Each fault
// makes it break one sentence.
type toy struct {
	fault  string
	items  uint32
	bytes  int
	first  uint64 // offset of the first object; 0 when items are numbers
	stride uint64 // 1 when items are numbers
	base   unsafe.Pointer
	words  *toyWords
	stack  []mem.Plain32 // numbers of free items; under words.lock
	kept   []mem.Plain32 // by CPU: number+1 of the item it freed last; under words.lock
}

type toyWords struct {
	lock                lock.RawSpin
	free, allocs, frees mem.Plain32
	failed              mem.Plain64
	waiters             lock.WaitQueue
}

var errForeign = errors.New("an error of the toy's own")

// toyVariant is the toy with a fault, "" for none.
func toyVariant(fault string) designs.Variant {
	contexts := []kernel.Context{kernel.Process, kernel.SoftIRQ, kernel.HardIRQ}
	v := designs.Variant{
		Design:  "toy",
		Name:    fault,
		Summary: "a stack under a lock",
		Capabilities: designs.Capabilities{Kind: designs.Tag, AllocIn: contexts, FreeIn: contexts, MayWait: true, MayFail: true,
			Guarantee: "all items", TakesLocks: true, NoLocks: true, PerCPU: true, Memory: true},
		Knobs:      []designs.Knob{{Name: "nothing", Standard: 2, Low: 1, High: 3, Meaning: "has no effect"}},
		Guaranteed: func(c designs.Config) int { return c.Items },
		Loops:      &designs.Loops{Pair: toyPair, Window: toyWindow},
	}
	v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
		if err := c.Validate(v.Knobs); err != nil {
			return nil, err
		}
		return newToy(place, c, fault)
	}
	return v
}

func newToy(place kernel.Place, c designs.Config, fault string) (designs.Allocator, error) {
	m := place.Memory()
	a := &toy{fault: fault, items: uint32(c.Items), bytes: c.Bytes, stride: 1}
	var failures [4]error
	a.words, failures[0] = mem.New[toyWords](m, 0)
	a.stack, failures[1] = mem.Slice[mem.Plain32](m, 0, 2*c.Items+8) // room for what faults push
	a.kept, failures[2] = mem.Slice[mem.Plain32](m, 0, place.CPUs())
	if c.Bytes > 0 {
		a.stride = uint64(c.Bytes)
		if fault == "overlapping objects" {
			a.stride /= 2
		}
		var objects unsafe.Pointer
		objects, failures[3] = m.Alloc(0, uintptr(c.Bytes*c.Items), mem.LineBytes)
		offset, _ := m.Offset(objects)
		a.first, a.base = uint64(offset), m.Base()
	}
	if err := errors.Join(failures[:]...); err != nil {
		return nil, err
	}
	for i := range uint32(c.Items) {
		a.stack[i].Store(a.items - 1 - i)
	}
	a.words.free.Store(a.items)
	return a, nil
}

func (a *toy) Alloc(t *kernel.Task, gfp kernel.GFP) (designs.Item, error) {
	if gfp&kernel.NoLocks != 0 {
		return a.AllocNoLocks(t)
	}
	wait := gfp.MayWait()
	switch {
	case a.fault == "refuses who may wait":
		wait = false
	case a.fault == "sleeps without leave", a.fault == "sleeps in interrupts" && t.Context() == kernel.HardIRQ:
		wait = true
	}
	for {
		if wait && a.fault != "looks before it queues" && a.fault != "polls" {
			a.words.waiters.Prepare(t, false)
		}
		n, ok := a.take(t)
		if ok || !wait {
			if wait {
				a.words.waiters.Finish(t)
			}
			if !ok {
				return a.refuse()
			}
			return a.hand(t, n)
		}
		switch a.fault {
		case "polls":
			t.Resched()
			continue
		case "looks before it queues":
			a.words.waiters.Prepare(t, false)
		}
		t.Schedule()
		a.words.waiters.Finish(t)
	}
}

// take pops the own item, one of the stack, or one that another CPU keeps.
func (a *toy) take(t *kernel.Task) (n uint32, ok bool) {
	t.IRQSave()
	a.words.lock.Lock(t)
	n, ok = a.takeLocked(t)
	a.words.lock.Unlock(t)
	t.IRQRestore()
	return n, ok
}

// AllocNoLocks is take for who does not wait for the lock.
func (a *toy) AllocNoLocks(t *kernel.Task) (designs.Item, error) {
	if a.fault == "locks all the same" {
		n, ok := a.take(t)
		if !ok {
			return a.refuse()
		}
		return a.hand(t, n)
	}
	t.IRQSave()
	ok := a.words.lock.TryLock(t)
	n := uint32(0)
	if ok {
		n, ok = a.takeLocked(t)
		if ok && a.fault == "gives without locks what it keeps" {
			a.put(t.CPU(), n)
		}
		a.words.lock.Unlock(t)
	}
	t.IRQRestore()
	if !ok {
		return a.refuse()
	}
	return a.hand(t, n)
}

func (a *toy) takeLocked(t *kernel.Task) (n uint32, ok bool) {
	w := a.words
	w.allocs.Store(w.allocs.Load() + 1)
	free := w.free.Load()
	switch {
	case a.takeKept(t.CPU(), &n):
		ok = true
	case free > 0 && !(a.fault == "keeps one back" && free == 1):
		n, ok = a.stack[free-1].Load(), true
		if a.fault != "hands out twice" || w.allocs.Load()%5 != 0 {
			w.free.Store(free - 1)
		}
	default:
		for cpu := range a.kept {
			if ok = a.takeKept(cpu, &n); ok {
				break
			}
		}
	}
	if !ok {
		w.failed.Store(w.failed.Load() + 1)
	}
	return n, ok
}

func (a *toy) takeKept(cpu int, n *uint32) bool {
	kept := a.kept[cpu].Load()
	if kept == 0 {
		return false
	}
	a.kept[cpu].Store(0)
	*n = kept - 1
	return true
}

func (a *toy) refuse() (designs.Item, error) {
	switch a.fault {
	case "foreign error":
		return 0, errForeign
	case "item with an error":
		return 1, kernel.ErrWouldBlock
	case "wrong error":
		return 0, kernel.ErrNoSpace
	}
	return 0, kernel.ErrWouldBlock
}

func (a *toy) hand(t *kernel.Task, n uint32) (designs.Item, error) {
	switch {
	case a.fault == "panics in Alloc":
		panic("toy: no alloc today")
	case a.fault == "out of range" && n == 0:
		return designs.Item(a.first + uint64(a.items)*a.stride<<20), nil
	}
	return designs.Item(a.first + uint64(n)*a.stride), nil
}

func (a *toy) Free(t *kernel.Task, it designs.Item) {
	n := (uint64(it) - a.first) / a.stride
	if n >= uint64(a.items) {
		switch a.fault {
		case "takes anything":
			return
		case "panics too late":
			a.words.free.Store(a.words.free.Load() + 1)
		}
		panic(fmt.Sprintf("toy: free of item %d of %d", it, a.items))
	}
	if a.fault == "panics in Free" {
		panic("toy: no free today")
	}
	unlocked := a.fault == "forgets the lock"
	t.IRQSave()
	if !unlocked {
		a.words.lock.Lock(t)
	}
	a.put(t.CPU(), uint32(n))
	if !unlocked {
		a.words.lock.Unlock(t)
	}
	switch {
	case a.fault == "never wakes", a.fault == "wakes a lone waiter only" && a.words.waiters.Waiting() > 1:
	default:
		a.words.waiters.Wake(t, 0)
	}
	t.IRQRestore()
}

// put keeps the item for the CPU, or pushes it; words.lock held.
func (a *toy) put(cpu int, n uint32) {
	w := a.words
	frees := w.frees.Load() + 1
	w.frees.Store(frees)
	switch {
	case a.fault == "loses items" && frees%7 == 0:
	case a.kept[cpu].Load() == 0:
		a.kept[cpu].Store(n + 1)
	default:
		free := w.free.Load()
		a.stack[free].Store(n)
		w.free.Store(free + 1)
	}
}

func (a *toy) CPUDead(t *kernel.Task, cpu int) {
	if a.fault == "panics at a CPU's death" {
		panic("toy: long live the CPU")
	}
	t.IRQSave()
	a.words.lock.Lock(t)
	var n uint32
	if a.takeKept(cpu, &n) && a.fault != "buries items" {
		free := a.words.free.Load()
		a.stack[free].Store(n)
		a.words.free.Store(free + 1)
	}
	a.words.lock.Unlock(t)
	t.IRQRestore()
}

func (a *toy) Check() error {
	switch a.fault {
	case "sees ghosts":
		return errForeign
	case "panics in Check":
		panic("toy: do not look")
	case "overlooks doubles":
		return nil
	}
	var free []uint32
	for i := range a.words.free.Load() {
		free = append(free, a.stack[i].Load())
	}
	for cpu := range a.kept {
		if kept := a.kept[cpu].Load(); kept != 0 {
			free = append(free, kept-1)
		}
	}
	slices.Sort(free)
	if len(slices.Compact(slices.Clone(free))) != len(free) || len(free) > int(a.items) {
		return errors.New("toy: an item is free twice")
	}
	return nil
}

func (a *toy) Bytes(it designs.Item) []byte {
	at, n := uintptr(it), a.bytes
	switch a.fault {
	case "short memory":
		n--
	case "shared memory":
		at = uintptr(a.first)
	}
	return unsafe.Slice((*byte)(unsafe.Add(a.base, at)), n)
}

func (a *toy) Stats() designs.Stats {
	s := designs.Stats{Failed: a.words.failed.Load()}
	if a.fault == "miscounts" {
		s.Failed++
	}
	return s
}

func toyPair(a designs.Allocator, t *kernel.Task, gfp kernel.GFP, ops int, records *designs.Records) (failed int) {
	for range ops {
		it, err := a.Alloc(t, gfp)
		if err != nil {
			failed++
			continue
		}
		if records != nil {
			records.Touch(it)
		}
		a.Free(t, it)
	}
	return failed
}

func toyWindow(a designs.Allocator, t *kernel.Task, gfp kernel.GFP, held []designs.Item, ops int, records *designs.Records) (failed int) {
	for ; ops > 0; ops -= len(held) {
		n := 0
		for range held {
			it, err := a.Alloc(t, gfp)
			if err != nil {
				failed++
				continue
			}
			held[n] = it
			n++
		}
		for _, it := range held[:n] {
			if records != nil {
				records.Touch(it)
			}
			a.Free(t, it)
		}
	}
	return failed
}
