package sim

import (
	"fmt"
	"unsafe"

	"headroom/kernel/choice"
	"headroom/kernel/mutant"
)

// Memory says when the stores of a CPU are seen by the others, and which of the values that a word had a load may give. In short:
//
//	                                         SC      TSO     Weak
//	a store passed by a later load           -       yes     yes
//	a store passed by a later store          -       -       yes
//	a load passed by a later load            -       -       yes
//	a load passed by a later store           -       -       -
//	two CPUs see two stores in two orders    -       -       -      (all are multi-copy atomic)
//	dependencies order a load after a load   yes     yes     -
//
// TSO is that of x86-64 (Sewell and others, 2010): a store waits in a buffer of its CPU until the buffer's turn to take a step comes; it leaves in the
// order of the program; a load looks into its own CPU's buffer first. A locked instruction, which every read-modify-write is, a sequentially
// consistent store (XCHG) and a fence empty the buffer, and so do the arrival of an interrupt and the return from it.
//
// Weak honours what the source says and nothing else:
//
//	a store of a plain word or StoreRelaxed may leave the buffer before earlier stores of other words; StoreRelease leaves after all earlier ones
//	a load of a plain word or LoadRelaxed may give an older value of the word, one that it had at any time since the CPU's last fence, as long as
//	the CPU has not seen a newer one of that word (coherence), nor acquired anything that was stored after it was gone
//	LoadAcquire may give an older value likewise, and pins: nothing older than that moment is seen afterwards
//	Load and Store, sequentially consistent, are LoadAcquire and StoreRelease that act on memory at once; but later relaxed loads pass a Store
//	a read-modify-write that writes, and a fence, are full barriers; a compare-and-swap that fails is a LoadAcquire of the newest value
//
// It is weaker than ARMv8 (which orders dependent loads) and stronger than C11 (which lets a load be passed by a later store, and two CPUs see two
// stores in two orders); a relaxed load does not wait for data, as on no machine but Alpha, so a finding that needs that says so by its words.
//
// In both, what hands work from CPU to CPU is a full barrier for the one that gives: a wake-up, an interrupt raised, a task started or moved; and a
// task that comes onto a CPU finds an empty buffer and sees what is newest, as behind a kernel's run-queue lock. Under Weak an interrupt finds the buffer
// of whom it interrupted, and sees what is newest.
type Memory uint8

// The memory models.
const (
	SC   Memory = iota // an access takes effect at its step, for everybody
	TSO                // store buffers
	Weak               // store buffers without order, and loads of older values
)

var memoryNames = [...]string{"sc", "tso", "weak"}

// String is the model's name as files and flags write it.
func (o Memory) String() string {
	if int(o) < len(memoryNames) {
		return memoryNames[o]
	}
	return "?"
}

// ParseMemory reads a model's name; the error lists them.
func ParseMemory(name string) (Memory, error) {
	for i, n := range memoryNames {
		if n == name {
			return Memory(i), nil
		}
	}
	return SC, fmt.Errorf("memory %q: the models are sc, tso and weak", name)
}

// model is the memory of a machine that is not sequentially consistent.
//
// The words are accessed by ordinary instructions, right after their step was taken. So for the length of a step memory shows the one word accessed
// as the step's CPU sees it, and settle, which comes before anything else happens, puts that right: it takes a store that belongs into a buffer out
// of memory, and an older value that was shown likewise. Between steps memory holds what has left the buffers.
type model struct {
	machine *Machine
	weak    bool
	depth   int // most stores in a buffer
	views   []view
	step    pendingStep
	times   histories
}

// view is one CPU's side of memory.
type view struct {
	buffer []store // oldest first
	floor  uint32  // loads give values that were current at this time or later
}

// store is one that has not reached memory.
type store struct {
	word    unsafe.Pointer
	width   uintptr
	value   uint64
	release bool
}

// pendingStep is the access that comes between two calls of settle.
type pendingStep struct {
	kind   stepKind
	cpu    int
	store  store  // the word accessed
	before uint64 // what memory held
}

type stepKind uint8

const (
	idle     stepKind = iota // the access is done by the instruction itself
	shown                    // memory shows an older value, or a buffered one, for a load
	buffered                 // a store that goes into the buffer
	direct                   // a write that memory takes at once; weak models remember it
)

func newModel(m *Machine) *model {
	return &model{machine: m, weak: m.options.Memory == Weak, depth: m.options.Buffer, views: make([]view, m.options.CPUs),
		times: histories{cpus: m.options.CPUs}}
}

func (o *model) clear() {
	for i := range o.views {
		o.views[i].buffer, o.views[i].floor = o.views[i].buffer[:0], 0
	}
	o.step.kind = idle
	o.times.clear()
}

// peek and poke are memory itself.
func peek(word unsafe.Pointer, width uintptr) uint64 {
	if width == choice.Width64 {
		return *(*uint64)(word)
	}
	return uint64(*(*uint32)(word))
}

func poke(word unsafe.Pointer, width uintptr, value uint64) {
	if width == choice.Width64 {
		*(*uint64)(word) = value
		return
	}
	*(*uint32)(word) = uint32(value)
}

// settle ends the step before: from here on memory holds what has left the buffers.
func (o *model) settle() {
	s := &o.step
	switch s.kind {
	case shown:
		poke(s.store.word, s.store.width, s.before)
	case buffered:
		s.store.value = peek(s.store.word, s.store.width)
		poke(s.store.word, s.store.width, s.before)
		v := &o.views[s.cpu]
		v.buffer = append(v.buffer, s.store)
		o.machine.eligible |= 1 << (o.machine.agents.drain + s.cpu)
	case direct:
		o.times.publish(o, s.cpu, s.store, s.before, peek(s.store.word, s.store.width))
	}
	s.kind = idle
}

// access prepares memory for the step that a CPU takes now.
func (o *model) access(cpu int, kind choice.Kind, word unsafe.Pointer, detail uint64) {
	at := store{word: word, width: uintptr(detail), release: kind == choice.StoreRelease}
	switch kind {
	case choice.CAS32, choice.CAS64:
		at.width = choice.Width32
		if kind == choice.CAS64 {
			at.width = choice.Width64
		}
		o.compareAndSwap(cpu, at, detail)
	case choice.PlainLoad, choice.Load, choice.LoadAcquire, choice.LoadRelaxed:
		o.load(cpu, kind, at)
	case choice.PlainStore, choice.StoreRelease, choice.StoreRelaxed:
		if len(o.views[cpu].buffer) >= o.depth {
			o.drain(cpu, 0)
		}
		o.step = pendingStep{kind: buffered, cpu: cpu, store: at, before: peek(word, at.width)}
	case choice.Store:
		o.empty(cpu)
		o.write(cpu, at)
	case choice.Modify:
		o.fence(cpu)
		o.write(cpu, at)
	case choice.Fence:
		o.fence(cpu)
	}
}

// write lets the step's instruction change memory itself.
func (o *model) write(cpu int, at store) {
	if o.weak {
		o.step = pendingStep{kind: direct, cpu: cpu, store: at, before: peek(at.word, at.width)}
	}
}

func (o *model) compareAndSwap(cpu int, at store, expect uint64) {
	newest, own := o.forward(cpu, at)
	if !own {
		newest = peek(at.word, at.width)
	}
	if at.width == choice.Width32 {
		expect = uint64(uint32(expect))
	}
	if newest == expect || !o.weak {
		o.fence(cpu)
		if newest == expect {
			o.write(cpu, at)
		}
		return
	}
	if own {
		o.show(cpu, at, newest)
		return
	}
	o.times.pin(o, cpu, at)
}

// load decides what value a load gives: the CPU's own latest store, the newest value, or in the weak model an older one.
func (o *model) load(cpu int, kind choice.Kind, at store) {
	if value, own := o.forward(cpu, at); own {
		o.show(cpu, at, value)
		return
	}
	if !o.weak {
		return
	}
	if kind == choice.Load {
		o.views[cpu].floor = o.times.now
		o.times.pin(o, cpu, at)
		return
	}
	if value, older := o.times.choose(o, cpu, at, kind == choice.LoadAcquire); older {
		o.show(cpu, at, value)
	}
}

func (o *model) show(cpu int, at store, value uint64) {
	o.step = pendingStep{kind: shown, cpu: cpu, store: at, before: peek(at.word, at.width)}
	poke(at.word, at.width, value)
}

// forward looks for the latest store of a word in its own CPU's buffer. One that overlaps it with another width, as when memory is used anew for
// something else, first goes to memory with all before it.
func (o *model) forward(cpu int, at store) (value uint64, ok bool) {
	b := o.views[cpu].buffer
	for i := len(b) - 1; i >= 0; i-- {
		if b[i].word == at.word && b[i].width == at.width {
			return b[i].value, true
		}
		if b[i].overlaps(at) {
			o.empty(cpu)
			return 0, false
		}
	}
	return 0, false
}

func (s store) overlaps(t store) bool {
	a, b := uintptr(s.word), uintptr(t.word)
	return a < b+t.width && b < a+s.width
}

// look is the value of a 32-bit word as a CPU that spins on it sees it.
func (o *model) look(cpu int, word unsafe.Pointer) uint32 {
	at := store{word: word, width: choice.Width32}
	if value, own := o.forward(cpu, at); own {
		return uint32(value)
	}
	return *(*uint32)(word)
}

// empty brings every store of a CPU to memory, in the order of the program.
func (o *model) empty(cpu int) {
	o.settle()
	for len(o.views[cpu].buffer) > 0 {
		o.drain(cpu, 0)
	}
}

// fence is a full barrier of a CPU.
func (o *model) fence(cpu int) {
	o.empty(cpu)
	o.views[cpu].floor = o.times.now
}

// interrupted is the arrival of an interrupt at a CPU, or the return from it. Under TSO the buffer empties, as on x86-64 (both are among the events that
// drain the store buffer; Intel's manual, volume 3, "Store Buffer"). Under Weak the CPU's loads see what is newest, and stores stay where they are.
func (o *model) interrupted(cpu int) {
	if !o.weak {
		o.empty(cpu)
		return
	}
	o.settle()
	o.views[cpu].floor = o.times.now
}

// leaving are the places in a CPU's buffer of the stores that may leave it now.
//
// I5: TSO keeps the order of the program; Weak keeps it for one word, and a release leaves last of all before it.
func (o *model) leaving(cpu int) (places []int) {
	b := o.views[cpu].buffer
	if !o.weak && !mutant.On(sm05) {
		return []int{0}
	}
next:
	for i := range b {
		if i > 0 && b[i].release && !mutant.On(sm06) {
			continue
		}
		for _, earlier := range b[:i] {
			if earlier.overlaps(b[i]) {
				continue next
			}
		}
		places = append(places, i)
	}
	return places
}

// drain brings one store of a CPU to memory and lets those look who spin on its word.
func (o *model) drain(cpu, place int) store {
	m, v := o.machine, &o.views[cpu]
	s := v.buffer[place]
	v.buffer = append(v.buffer[:place], v.buffer[place+1:]...)
	if len(v.buffer) == 0 {
		m.eligible &^= 1 << (m.agents.drain + cpu)
	}
	before := peek(s.word, s.width)
	poke(s.word, s.width, s.value)
	if o.weak {
		o.times.publish(o, cpu, s, before, s.value)
	}
	m.release(uintptr(s.word))
	return s
}
