package sim

import (
	"errors"

	"headroom/kernel/choice"
	"headroom/kernel/mutant"
)

var sm16 = mutant.Define(mutant.Mutant{ID: "SM-16", Host: "kernel/sim", Breaks: "I11",
	Story: "who waits for a CPU or spins on a word does not count as an effect of a step"})

// ErrAbandoned: the strategy ended the run, because it knows that nothing new comes of it. It is no failure.
var ErrAbandoned = errors.New("sim: the strategy abandoned the run")

// abandoned stands in Machine.failure while a run is brought to that end.
var abandoned = &Failure{Class: Machinery, Message: "abandoned"}

// Access is a step that an entity is about to take: what it does, to which word.
type Access struct {
	Kind choice.Kind
	Word uintptr // its number in the machine's memory, in words of 64 bits, from 1; 0 for none
}

// Races reports whether the order of two accesses can matter: they touch the same word, and one may write.
func (a Access) Races(b Access) bool {
	return a.Word == b.Word && a.Word != 0 && (a.Kind.Writes() || b.Kind.Writes())
}

// Watch is what a machine shows to a strategy that asks for it. The strategy reads it while it is asked for the next step.
type Watch struct {
	// Pending is the next access of each entity; none of one that has not begun, the latest of one that waits or spins.
	Pending [MaxEntities]Access

	// Partial: the machine has agents, of whose steps neither accesses nor effects are shown: they are no ground to leave out an order of steps.
	Partial bool

	effect Effect
}

// Taken is the effect of what ran since it was asked last: of one step, if it is asked at each choice.
func (w *Watch) Taken() Effect {
	e := w.effect
	w.effect = Effect{}
	return e
}

// looks is how many words a step may look at beside its access, without being taken for one that touches everything.
const looks = 3

// Effect is what a step touched: its access, and all that happened until the machine asked for the next one. Two steps without a conflict lead to
// the same state in either order, and neither makes the other possible or impossible.
type Effect struct {
	word   uintptr        // of the access, as Access has it
	writes bool           // it changes its word
	frees  bool           // it lets those go on that spin on its word, as a compare-and-swap does even when it fails
	looked [looks]uintptr // words that were looked at without a step: by one that spins
	cpus   uint64         // whose running, ready or pending entities changed, and that of the one that took the step
	marks  uint64         // of the harness; see Machine.Touch
	starts bool           // an entity began to be: entities are numbered in this order
	all    bool           // it conflicts with everything
}

// All is an effect that conflicts with every other.
func All() Effect { return Effect{all: true} }

// Conflicts reports whether the order of two steps can matter. It errs on the side of yes: steps on one CPU always conflict.
func (e *Effect) Conflicts(o *Effect) bool {
	if mutant.On(sm16) {
		return e.word != 0 && e.word == o.word && (e.writes || o.writes)
	}
	if e.all || o.all || e.cpus&o.cpus != 0 || e.marks&o.marks != 0 || e.starts && o.starts {
		return true
	}
	if e.word != 0 && e.word == o.word && (e.writes || o.writes) {
		return true
	}
	return e.frees && o.saw(e.word) || o.frees && e.saw(o.word)
}

// saw reports whether the step looked at a word without an access.
func (e *Effect) saw(word uintptr) bool {
	for _, w := range e.looked {
		if w == word && w != 0 {
			return true
		}
	}
	return false
}

// watcher is a strategy that wants to see what the steps touch.
type watcher interface{ Watches(*Watch) }

// besider is a strategy that wants to know which entities are the machine's own.
type besider interface{ Beside(agents uint64) }

// wordNumber is the number of a word as Access has it.
func wordNumber(offset uintptr) uintptr { return offset>>3 + 1 }

// step notes an access that is taken now.
func (w *Watch) step(cpu int, a Access, writes bool) {
	e := &w.effect
	e.cpus |= 1 << cpu
	e.word, e.writes, e.frees = a.Word, writes, a.Kind.Writes()
}

// look notes a word that is looked at without a step.
func (w *Watch) look(cpu int, number uintptr) {
	e := &w.effect
	e.cpus |= 1 << cpu
	for i, have := range e.looked {
		if have == number || have == 0 {
			e.looked[i] = number
			return
		}
	}
	e.all = true
}

// Touch tells a strategy that watches that the running step touched state of the harness: two steps whose sets have a member in common do not
// change places. Without such a strategy it does nothing.
func (m *Machine) Touch(set uint64) {
	if m.watch != nil {
		m.watch.effect.marks |= set
	}
}
