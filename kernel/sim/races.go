package sim

import (
	"fmt"
	"unsafe"

	"headroom/kernel"
	"headroom/kernel/choice"
	"headroom/kernel/mutant"
)

// races finds unordered accesses of plain words by happens-before: each entity has a vector clock; synchronising accesses pass clocks on through
// their word. What shares a CPU is ordered too, as the kernel's scheduler and interrupt entry do: an interrupt sees all that came before it.
//
// The algorithm is that of FastTrack (Flanagan and Freund, 2009), with a full read clock for each word.
type races struct {
	n      int
	clocks [][]uint32  // by entity
	cpus   [][]uint32  // what the last entity of each CPU knew
	fenced [][]uint32  // by entity: its clock at its last fence, which its relaxed stores carry
	seen   [][]uint32  // by entity: what its relaxed loads saw, which its next fence takes over
	plain  []plainCell // by word of 32 bits, up to the highest one accessed
	sync   []syncCell  // likewise
	run    uint32      // stamps cells, so that a new run need not clear them
}

type plainCell struct {
	run    uint32
	writer int32
	wrote  uint32   // the writer's own clock then
	reads  []uint32 // the own clock of each reader at its last load
}

type syncCell struct {
	run   uint32
	clock []uint32
}

func newRaces(entities, cpus int) *races {
	r := &races{n: entities}
	r.clocks, r.cpus = vectors(entities, entities), vectors(cpus, entities)
	r.fenced, r.seen = vectors(entities, entities), vectors(entities, entities)
	return r
}

// cellOf is the cell at index of a table, which grows to hold it: most of a machine's memory is never used.
func cellOf[Cell any](table *[]Cell, index uintptr) *Cell {
	if n := uintptr(len(*table)); index >= n {
		*table = append(*table, make([]Cell, index+1-n)...)
	}
	return &(*table)[index]
}

func vectors(count, length int) [][]uint32 {
	all := make([][]uint32, count)
	for i := range all {
		all[i] = make([]uint32, length)
	}
	return all
}

func (r *races) clear() {
	r.run++
	for i := range r.clocks {
		clear(r.clocks[i])
		r.clocks[i][i] = 1
	}
	for i := range r.cpus {
		clear(r.cpus[i])
	}
	for i := range r.fenced {
		clear(r.fenced[i])
		clear(r.seen[i])
	}
}

// join makes a know what b knows.
func join(a, b []uint32) {
	for i, v := range b {
		if v > a[i] {
			a[i] = v
		}
	}
}

// spawn starts an entity that knows what its parent knows, or what those knew who left a CPU; without either, from outside a run, it knows all that
// happened so far.
func (r *races) spawn(i int, by *kernel.Task, cpu int) {
	switch {
	case by != nil:
		r.passOn(i, by)
	case cpu >= 0:
		join(r.clocks[i], r.cpus[cpu])
	default:
		for j := range r.clocks {
			join(r.clocks[i], r.clocks[j])
			r.clocks[j][j]++
		}
	}
	r.clocks[i][i]++
}

// passOn makes entity i know what by knows.
func (r *races) passOn(i int, by *kernel.Task) {
	join(r.clocks[i], r.clocks[by.Index()])
	r.clocks[by.Index()][by.Index()]++
}

// handover orders what left a CPU before what comes onto it; -1 is nobody.
func (r *races) handover(cpu, from, to int) {
	if mutant.On(sm04) {
		cpu = 0
	}
	if from >= 0 {
		join(r.cpus[cpu], r.clocks[from])
		r.clocks[from][from]++
	}
	if to >= 0 {
		join(r.clocks[to], r.cpus[cpu])
	}
}

// access checks and records one step of entity self.
func (r *races) access(m *Machine, self int, kind choice.Kind, word unsafe.Pointer, expect uint64) {
	mine := r.clocks[self]
	if kind == choice.Fence {
		join(mine, r.seen[self])
		copy(r.fenced[self], mine)
		mine[self]++
		return
	}
	if kind == choice.Note {
		return
	}
	index := (uintptr(word) - m.base) / 4
	if kind <= choice.PlainStore {
		r.plainAccess(m, self, kind, index)
		return
	}
	acquire, release, keep := orders(kind, word, expect)
	cell := cellOf(&r.sync, index)
	if cell.run != r.run {
		cell.run = r.run
		if cell.clock == nil {
			cell.clock = make([]uint32, r.n)
		}
		clear(cell.clock)
	}
	switch {
	case kind == choice.StoreRelaxed:
		copy(cell.clock, r.fenced[self]) // what came before the entity's last fence, and no more
	case kind == choice.LoadRelaxed:
		join(r.seen[self], cell.clock) // for the entity's next fence
	}
	if acquire {
		join(mine, cell.clock)
	}
	if acquire && release { // a read-modify-write is a full barrier, in the kernel's sense
		join(mine, r.seen[self])
		copy(r.fenced[self], mine)
	}
	if release {
		if !keep {
			clear(cell.clock)
		}
		join(cell.clock, mine)
		mine[self]++
	}
}

// orders says what an atomic access synchronises: acquire takes what the word carries, release leaves what the entity knows there, keep adds to
// what is there (a read-modify-write continues the release before it, a store replaces it).
func orders(kind choice.Kind, word unsafe.Pointer, expect uint64) (acquire, release, keep bool) {
	switch kind {
	case choice.Load, choice.LoadAcquire:
		return true, false, true
	case choice.Store, choice.StoreRelease:
		return false, true, false
	case choice.Modify:
		return true, true, true
	case choice.CAS32:
		return true, uint64(*(*uint32)(word)) == expect, true
	case choice.CAS64:
		return true, *(*uint64)(word) == expect, true
	}
	return false, false, false
}

func (r *races) plainAccess(m *Machine, self int, kind choice.Kind, index uintptr) {
	mine := r.clocks[self]
	cell := cellOf(&r.plain, index)
	if cell.run != r.run {
		cell.run, cell.writer = r.run, -1
		if cell.reads == nil {
			cell.reads = make([]uint32, r.n)
		}
		clear(cell.reads)
	}
	if w := int(cell.writer); w >= 0 && w != self && cell.wrote > mine[w] {
		m.fail(race(m, self, w, kind, "store", index))
	}
	if kind == choice.PlainLoad {
		cell.reads[self] = mine[self]
		return
	}
	for other, at := range cell.reads {
		if other != self && at > mine[other] {
			m.fail(race(m, self, other, kind, "load", index))
		}
	}
	cell.writer, cell.wrote = int32(self), mine[self]
}

func race(m *Machine, self, other int, kind choice.Kind, earlier string, index uintptr) *Failure {
	a, b := &m.entities[self].task, &m.entities[other].task
	return &Failure{Class: DataRace, Message: fmt.Sprintf("plain %v by %s on CPU %d and earlier plain %s by %s on CPU %d of the word at offset %#x: nothing orders them",
		kind, a.Name(), a.CPU(), earlier, b.Name(), b.CPU(), index*4)}
}
