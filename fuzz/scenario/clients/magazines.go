package clients

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel"
	"headroom/kernel/lock"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
	"headroom/kernel/mutant"
)

// magazines is a depot of items, and on each CPU that is up a magazine of a few of them. A CPU that has come online later than the allocator was made
// gets its magazine when it is brought up, and goes without it before that. Who finds nothing takes all locks, so that he sees all there is.
type magazines struct {
	depot     *depotWords
	stack     []mem.Plain32 // stack[:depot.count] lie in the depot
	magazines []magazine    // by CPU
	boot      magazine      // of the mutant PA-09
	size      uint32
	batch     uint32
}

type depotWords struct {
	lock  lock.RawSpin // taken before those of magazines, which are taken in the order of their CPUs; interrupts masked
	count mem.Plain32
}

type magazine struct {
	words *magazineWords
	slots []mem.Plain32 // slots[:words.count]
}

// magazineWords are written under lock.
type magazineWords struct {
	lock  lock.RawSpin
	up    mem.Plain32 // 1 once the CPU may use it
	count mem.Plain32
}

const (
	knobOnline = "online"
	knobSize   = "size"
	knobBatch  = "batch"
)

func magazinesVariant() designs.Variant {
	table := []designs.Knob{
		{Name: knobSize, Standard: 4, Low: 1, High: 16, Meaning: "items in a magazine"},
		{Name: knobBatch, Standard: 2, Low: 1, High: 16, Meaning: "items moved at a time between a magazine and the depot; size counts when that is less"},
		{Name: knobOnline, Standard: 10, Low: 0, High: 10, Meaning: "CPUs that are up from the start; the others when they are brought up"},
	}
	v := variant("magazines", "per-CPU lists over a depot, on CPUs that come up later (SPL 2013-15, page lists 2010)", designs.Tag, table, newMagazines)
	v.Capabilities.MayWait = false
	v.Capabilities.PerCPU = true
	return v
}

func newMagazines(m machine.Machine, c designs.Config) (designs.Allocator, error) {
	a := &magazines{size: uint32(c.Knob(knobSize, 4))}
	a.batch = min(a.size, uint32(c.Knob(knobBatch, 2)))
	online := min(m.CPUs(), c.Knob(knobOnline, m.CPUs()))
	count := m.CPUs()
	if mutant.On(sp05) {
		count = online
	}
	var err error
	if a.depot, err = mem.New[depotWords](m.Memory(), 0); err != nil {
		return nil, err
	}
	if a.stack, err = mem.Slice[mem.Plain32](m.Memory(), 0, c.Items); err != nil {
		return nil, err
	}
	for i := range a.stack {
		a.stack[i].Store(uint32(i))
	}
	a.depot.count.Store(uint32(c.Items))
	if a.boot, err = newMagazine(m, a.size); err != nil {
		return nil, err
	}
	for cpu := range count {
		one, err := newMagazine(m, a.size)
		if err != nil {
			return nil, err
		}
		if cpu < online {
			one.words.up.Store(1)
		}
		a.magazines = append(a.magazines, one)
	}
	return a, nil
}

func newMagazine(m machine.Machine, size uint32) (a magazine, err error) {
	if a.words, err = mem.New[magazineWords](m.Memory(), 0); err != nil {
		return a, err
	}
	a.slots, err = mem.Slice[mem.Plain32](m.Memory(), 0, int(size))
	return a, err
}

func (a *magazine) pop() (id uint32, ok bool) {
	n := a.words.count.Load()
	if n == 0 {
		return 0, false
	}
	id = a.slots[n-1].Load()
	a.words.count.Store(n - 1)
	return id, true
}

func (a *magazine) push(id uint32) bool {
	n := a.words.count.Load()
	if int(n) == len(a.slots) {
		return false
	}
	a.slots[n].Store(id)
	a.words.count.Store(n + 1)
	return true
}

// ExactRefusals says that who is refused has seen everything (I5).
func (a *magazines) ExactRefusals() {}

// own is the magazine of the caller's CPU, locked, or nil while it is not up; interrupts masked.
func (a *magazines) own(t *kernel.Task) *magazine {
	m := &a.magazines[t.CPU()]
	m.words.lock.Lock(t)
	if m.words.up.Load() != 0 {
		return m
	}
	m.words.lock.Unlock(t)
	return nil
}

// Alloc takes an item of the CPU's magazine, of the depot, or of another CPU's; kernel.ErrWouldBlock when there is none. Any context but NMI.
func (a *magazines) Alloc(t *kernel.Task, _ kernel.GFP) (designs.Item, error) {
	t.IRQSave()
	defer t.IRQRestore()
	if m := a.own(t); m != nil {
		id, ok := m.pop()
		m.words.lock.Unlock(t)
		if ok {
			return designs.Item(id), nil
		}
	} else if mutant.On(pa09) {
		if id, ok := a.boot.pop(); ok {
			return designs.Item(id), nil
		}
	}
	return a.allocSlow(t)
}

// allocSlow fills the CPU's magazine from the depot, or looks into those of others, with all locks held.
func (a *magazines) allocSlow(t *kernel.Task) (designs.Item, error) {
	a.enter(t)
	m := &a.magazines[t.CPU()]
	id, ok := m.pop() // an interrupt, or the CPU before this one, may have freed since the look
	if !ok {
		id, ok = a.takeOut(t, m)
	}
	for i := 0; i < len(a.magazines) && !ok; i++ {
		id, ok = a.magazines[i].pop()
	}
	if !ok && mutant.On(pa09) {
		id, ok = a.boot.pop()
	}
	a.leave(t)
	if !ok {
		return 0, kernel.ErrWouldBlock
	}
	return designs.Item(id), nil
}

// takeOut takes a batch out of the depot, one of it for the caller, the others for the CPU's magazine if it is up; all locks held.
func (a *magazines) takeOut(t *kernel.Task, m *magazine) (id uint32, ok bool) {
	have := a.depot.count.Load()
	n := min(have, a.batch)
	if m.words.up.Load() == 0 {
		n = min(have, 1)
	}
	if n == 0 {
		return 0, false
	}
	a.depot.count.Store(have - n)
	id = a.stack[have-1].Load()
	if !mutant.On(mp10) {
		for i := have - n; i < have-1; i++ {
			m.push(a.stack[i].Load())
		}
		return id, true
	}
	var rest [16]uint32
	for i := range n - 1 {
		rest[i] = a.stack[have-n+i].Load()
	}
	a.leave(t)
	t.IRQRestore()
	t.Resched()
	t.IRQSave()
	a.enter(t)
	for _, surplus := range rest[:n-1] {
		if !m.push(surplus) {
			a.putBack(surplus)
		}
	}
	return id, true
}

// putBack puts an item into the depot; its lock held.
func (a *magazines) putBack(id uint32) {
	n := a.depot.count.Load()
	a.stack[n].Store(id)
	a.depot.count.Store(n + 1)
}

// Free puts an item into the CPU's magazine, and a batch of a full one into the depot. Any context but NMI.
func (a *magazines) Free(t *kernel.Task, it designs.Item) {
	t.IRQSave()
	defer t.IRQRestore()
	if m := a.own(t); m != nil {
		ok := m.push(uint32(it))
		m.words.lock.Unlock(t)
		if ok {
			return
		}
	} else if mutant.On(pa09) && a.boot.push(uint32(it)) {
		return
	}
	a.enter(t)
	m := &a.magazines[t.CPU()]
	for range a.batch {
		if id, ok := m.pop(); ok {
			a.putBack(id)
		}
	}
	a.putBack(uint32(it))
	a.leave(t)
}

// enter takes all locks; interrupts masked.
func (a *magazines) enter(t *kernel.Task) {
	a.depot.lock.Lock(t)
	for i := range a.magazines {
		a.magazines[i].words.lock.Lock(t)
	}
}

func (a *magazines) leave(t *kernel.Task) {
	for i := range a.magazines {
		a.magazines[i].words.lock.Unlock(t)
	}
	a.depot.lock.Unlock(t)
}

// CPUOnline lets a CPU use its magazine. Any context but NMI.
func (a *magazines) CPUOnline(t *kernel.Task, cpu int) { a.turn(t, cpu, 1) }

// CPUDead empties the magazine of a CPU that went offline, which goes without it when it comes again. Any context but NMI, on another CPU.
func (a *magazines) CPUDead(t *kernel.Task, cpu int) { a.turn(t, cpu, 0) }

// turn empties a CPU's magazine and says whether it may be used.
func (a *magazines) turn(t *kernel.Task, cpu int, up uint32) {
	t.IRQSave()
	a.enter(t)
	m := &a.magazines[cpu]
	for id, ok := m.pop(); ok; id, ok = m.pop() {
		a.putBack(id)
	}
	m.words.up.Store(up)
	a.leave(t)
	t.IRQRestore()
}

// Check: at quiescence no magazine of a CPU that is not up holds anything, and no lock is held.
func (a *magazines) Check() error {
	for cpu := range a.magazines {
		w := a.magazines[cpu].words
		if w.lock.Held() || w.up.Load() == 0 && w.count.Load() != 0 {
			return fmt.Errorf("clients: the magazine of CPU %d is locked at quiescence, or is not up and holds %d items", cpu, w.count.Load())
		}
	}
	return nil
}
