package explore

import (
	"math/bits"

	"headroom/kernel/mutant"
	"headroom/kernel/sim"
)

var ex01 = mutant.Define(mutant.Mutant{ID: "EX-01", Host: "fuzz/explore", Breaks: "bounded search",
	Story: "under a bound any step that was tried may sleep, though its equals lie beyond the bound"})

// DFS tries every execution once, depth first, the one without preemptions first. With a bound it goes in rounds: all executions with no preemption,
// then all with at most one, those of the round before among them once more, and so on (Musuvathi and Qadeer, 2007, who do not repeat them); an answer
// other than 0 to another question costs as much as a preemption.
//
// Sleep sets (Godefroid, 1991) leave out executions that only change the order of steps without a conflict: when all that follows a step was tried,
// that step sleeps while the others at this place are tried, until one is taken that conflicts with it. A step's conflicts are those that sim.Effect
// knows of, which include who wakes and who spins.
//
// Under a bound only the step of the entity that goes on may sleep: what is left out then has an equal that took that step where it cost nothing, and
// no more preemptions than itself. Any other sleeping step may have cost one, and its equals may lie beyond the bound.
//
// On a machine that has entities of its own (store buffers, movers, hot-plug, kills) nobody sleeps: what their steps touch is not known.
type DFS struct {
	Most  int  // the most preemptions of an execution; negative for any number
	Plain bool // without sleep sets: to check those against

	plain  bool      // Plain, or the machine does not show what all steps touch
	path   []node    // the choices of the latest execution
	asleep []sleeper // those of all nodes, in their order
	at     int       // choices made of the execution that runs
	bound  int       // of this round
	cut    bool      // the bound left something out in this round
	began  bool
	done   bool
	untold bool // the effect of the last choice of path is not known yet
	watch  *sim.Watch
	pruned int
}

// node is a choice on the path.
type node struct {
	options uint64 // entities that can be chosen
	tried   uint64
	asleep  uint64
	effect  sim.Effect // of the chosen step
	from    int        // where its sleepers begin in DFS.asleep
	spent   int        // preemptions before it
	pick    int16
	current int8  // who took the step before, -1 for nobody
	answers int16 // how many answers another question has; 0 where an entity is chosen
}

// sleeper is a step that was tried already, and leads nowhere new until a step conflicts with it.
type sleeper struct {
	entity int16
	effect sim.Effect
}

// Watches is how the machine shows what each step touches.
func (d *DFS) Watches(w *sim.Watch) { d.watch, d.plain = w, d.Plain || w.Partial }

// NoneSlept reports whether the search was a plain one: no execution was left out because it orders steps without a conflict otherwise.
func (d *DFS) NoneSlept() bool { return d.plain }

// Exhausted reports whether every execution within Most was made; bound is up to which bound all were, -1 for none, and whole that there are none
// beyond it.
func (d *DFS) Exhausted() (bound int, done, whole bool) {
	if d.done {
		return d.bound, true, !d.cut
	}
	return d.bound - 1, false, false
}

// Begin goes on to the next execution. Neither seed nor length make a difference.
func (d *DFS) Begin(seed uint64, length int) bool {
	switch {
	case d.done:
		return false
	case !d.began:
		d.began = true
	default:
		d.learn()
		if !d.back() && !d.nextRound() {
			d.done = true
			return false
		}
	}
	d.at = 0
	return true
}

// nextRound starts over with a bound one higher, unless that is beyond Most, or would find nothing new.
func (d *DFS) nextRound() bool {
	if !d.cut || d.bound >= d.Most {
		return false
	}
	d.bound++
	d.cut = false
	return true
}

// Again starts the latest execution anew.
func (d *DFS) Again() { d.learn(); d.at = 0 }

// learn notes the effect of the last choice, now that it is over.
func (d *DFS) learn() {
	if d.untold {
		d.untold = false
		d.path[len(d.path)-1].effect = d.watch.Taken()
	}
}

// back drops choices of the path, from the end, up to one that has an alternative, and takes that.
func (d *DFS) back() bool {
	for last := len(d.path) - 1; last >= 0; last-- {
		n := &d.path[last]
		if n.answers == 0 && !d.plain && (d.Most < 0 || n.pick == int16(n.current) || mutant.On(ex01)) {
			d.asleep = append(d.asleep, sleeper{n.pick, n.effect})
			n.asleep |= 1 << n.pick
		}
		if d.choose(n) {
			return true
		}
		d.asleep = d.asleep[:n.from]
		d.path = d.path[:last]
	}
	return false
}

// choose takes the first choice of a node that was not tried, is not asleep and costs no more than the bound.
func (d *DFS) choose(n *node) bool {
	if n.answers != 0 {
		return d.chooseAnswer(n)
	}
	left := n.options &^ n.tried &^ n.asleep
	first := uint64(0) // what costs nothing
	if n.current >= 0 {
		first = 1 << n.current & n.options
	}
	pick := bits.TrailingZeros64(left)
	switch {
	case left == 0:
		return false
	case left&first != 0:
		pick = bits.TrailingZeros64(first)
	case first != 0 && d.Most >= 0 && n.spent >= d.bound:
		d.cut = true
		return false
	}
	n.pick = int16(pick)
	n.tried |= 1 << pick
	return true
}

// chooseAnswer takes the answers in their order; those after the first cost a preemption.
func (d *DFS) chooseAnswer(n *node) bool {
	switch {
	case n.pick+1 == n.answers:
		return false
	case n.pick >= 0 && d.Most >= 0 && n.spent >= d.bound:
		d.cut = true
		return false
	}
	n.pick++
	return true
}

// spent is how many preemptions there are up to and with the choice of a node.
func (n *node) spentWith() int {
	against := n.pick != 0
	if n.answers == 0 {
		against = n.current >= 0 && n.pick != int16(n.current) && n.options>>n.current&1 != 0
	}
	if against {
		return n.spent + 1
	}
	return n.spent
}

// Next takes the choice of the path, and lengthens the path at its end.
func (d *DFS) Next(eligible uint64, current int) int {
	if pick, ok := d.follow(); ok {
		return pick
	}
	d.learn()
	n := node{options: eligible, current: int8(current), from: len(d.asleep)}
	if last := len(d.path) - 1; last >= 0 {
		n.spent = d.path[last].spentWith()
		d.sleep(&n, &d.path[last])
	}
	if !d.choose(&n) {
		d.asleep = d.asleep[:n.from]
		return -1
	}
	d.append(n)
	d.untold = true
	return int(n.pick)
}

// follow gives the choice of the path, while there is one.
func (d *DFS) follow() (pick int, ok bool) {
	if d.at == len(d.path) {
		return 0, false
	}
	n := &d.path[d.at]
	d.at++
	if d.at == len(d.path) {
		d.watch.Taken() // what came before is known
		d.untold = n.answers == 0
	}
	return int(n.pick), true
}

func (d *DFS) append(n node) {
	d.path = append(d.path, n)
	d.at++
}

// sleep makes those sleep at a node that slept at the one before, or were tried there, and have no conflict with the step taken there.
func (d *DFS) sleep(n, before *node) {
	if before.answers != 0 { // the effect of the step around it is not known as a whole
		return
	}
	for _, s := range d.asleep[before.from:n.from] {
		if s.entity != before.pick && !s.effect.Conflicts(&before.effect) {
			d.asleep = append(d.asleep, s)
			n.asleep |= 1 << s.entity
		}
	}
}

// Choose takes the answer of the path, 0 at first, then the others.
func (d *DFS) Choose(n int) int {
	if pick, ok := d.follow(); ok {
		return pick
	}
	last := len(d.path) - 1
	answer := node{pick: -1, from: len(d.asleep), answers: int16(n)}
	if last >= 0 {
		answer.spent = d.path[last].spentWith()
		d.path[last].effect, d.untold = sim.All(), false // it has other effects by other answers
	}
	d.choose(&answer)
	d.append(answer)
	return int(answer.pick)
}
