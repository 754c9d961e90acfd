package sim

import (
	"unsafe"

	"headroom/kernel/mutant"
)

// histories remember the last values of each word, with the time from which each was current: a load of the weak model is one that looked at memory
// at some moment of the past. Time counts the stores that reached memory.
type histories struct {
	cpus  int
	now   uint32
	run   uint32 // stamps cells, so that a new run need not clear them
	cells []history
}

// history is one word's.
type history struct {
	run    uint32
	values []version // oldest first; the last is what memory holds
	floors []uint32  // by CPU: the start of the newest value it has seen of this word
}

type version struct {
	start uint32
	value uint64
}

// keptVersions is how many values of a word a load may choose from, the newest included.
const keptVersions = 4

func (h *histories) clear() {
	h.run++
	h.now = 0
}

// at is the history of a word; its last value is what memory holds, or there are none.
func (h *histories) at(o *model, s store) *history {
	c := cellOf(&h.cells, (uintptr(s.word)-o.machine.base)/4)
	if c.run != h.run {
		c.run, c.values = h.run, c.values[:0]
		if c.floors == nil {
			c.floors = make([]uint32, h.cpus)
		}
		clear(c.floors)
	}
	return c
}

// publish records that a store of a CPU has reached memory.
func (h *histories) publish(o *model, cpu int, s store, before, value uint64) {
	h.now++
	c := h.at(o, s)
	if n := len(c.values); n == 0 || c.values[n-1].value != before { // the first store, or the word was changed as part of something else
		c.values = append(c.values[:0], version{0, before})
	}
	if len(c.values) == keptVersions {
		c.values = append(c.values[:0], c.values[1:]...)
	}
	c.values = append(c.values, version{h.now, value})
	c.floors[cpu] = h.now
}

// pin is a load of the newest value that later loads of the CPU do not pass.
func (h *histories) pin(o *model, cpu int, s store) {
	c := h.at(o, s)
	if n := len(c.values); n > 0 {
		c.floors[cpu] = c.values[n-1].start
		o.views[cpu].floor = max(o.views[cpu].floor, c.values[n-1].start)
	}
}

// choose lets the strategy decide which value a load gives and reports whether it is not the newest.
//
// I5: a value counts if it was current after the CPU's floor, and is not older than what the CPU has seen of the word. It is seen at its start at the
// earliest, so that is all that an acquire pins.
func (h *histories) choose(o *model, cpu int, s store, acquire bool) (value uint64, older bool) {
	c := h.at(o, s)
	n := len(c.values)
	if n == 0 || c.values[n-1].value != peek(s.word, s.width) {
		return 0, false
	}
	least := n - 1
	for least > 0 && c.values[least].start > max(o.views[cpu].floor, c.floors[cpu]) {
		least--
	}
	back := o.machine.choose(n-least, "loads the value that a word had so many stores ago:")
	v := c.values[n-1-back]
	if !mutant.On(sm08) {
		c.floors[cpu] = v.start
	}
	if acquire && !mutant.On(sm07) {
		o.views[cpu].floor = max(o.views[cpu].floor, v.start)
	}
	return v.value, back > 0
}

// offsetOf is where a word lies in the machine's memory.
func (m *Machine) offsetOf(word unsafe.Pointer) uintptr {
	if word == nil {
		return 0
	}
	return uintptr(word) - m.base
}
