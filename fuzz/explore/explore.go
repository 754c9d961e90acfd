// Package explore holds the strategies: the rules by which a simulated machine's next step is chosen. One strategy a file.
//
//	Random    every entity that may go on is equally likely
//	PCT       random priorities, lowered at a few random steps
//	POS       random priorities of steps, drawn anew where their order matters
//	Swarm     another of these for each execution, and another stickiness
//	DFS       all executions with at most so many preemptions, in rounds
//	Bytes     a fuzzer's data, read in one of two ways
//	Replay    the choices of an earlier run, strictly
//	Tolerant  the choices of an earlier run, as far as they can be followed
//	Record    notes the choices of another strategy, for Replay
//	Twice     every execution of another strategy two times, compared
//
// A strategy is a function of its seed, of the length it was told, and of what it was asked before: nothing else may enter into a choice, or a run
// could not be repeated.
//
// A preemption is a choice against the entity that took the step before, although that one could go on: another task, another CPU, an interrupt.
package explore

import "fmt"

// Segment is a stretch of a schedule: the same entity took so many steps in a row.
type Segment struct {
	Entity  int
	Steps   int      // choices: one more than accesses where the entity begins, or comes back from waiting
	Print   uint32   // digest of the accesses, Unprinted where it was not recorded
	Answers []Answer // to other questions that the machine asked while the segment ran
	Place   string   // where in the source its last access was; for the reader, never compared
}

// Unprinted is the Print of a segment whose accesses are not known.
const Unprinted = 0

// Answer is the answer to a question of the machine other than who goes on: whether an allocation fails, say.
type Answer struct {
	Step   int // after so many choices of its segment, from 1
	Choice int
	Of     int // the possible answers are 0 to Of-1
}

// Strategy chooses the steps of one execution after another.
type Strategy interface {
	// Begin starts the execution of a seed; length is about how many choices it will take, 0 when that is not known. It reports false when there is
	// nothing left to try, which only a strategy that counts its executions ever does.
	Begin(seed uint64, length int) bool
	// Again starts the latest execution anew.
	Again()
	// Next returns a member of eligible, never empty, a set with bit i for entity i; or a negative number to abandon the execution. current took the
	// step before, -1 for nobody; it may not be eligible.
	Next(eligible uint64, current int) int
	// Choose answers any other question of the machine (sim.Chooser), with a number from 0 to n-1; n is at least 2. 0 is what ordinarily happens.
	Choose(n int) int
}

// Names lists the strategies that New makes.
var Names = []string{"swarm", "random", "pct", "pos", "dfs"}

// New makes the strategy of a name. bound is what it takes of preemptions: for dfs the most of them, negative for any number; for pct the number of
// places where priorities change, at most MaxChanges, 0 or less for 2; the others have no use for it.
func New(name string, bound int) (Strategy, error) {
	switch name {
	case "swarm":
		return &Swarm{}, nil
	case "random":
		return &Random{}, nil
	case "pct":
		if bound > MaxChanges {
			return nil, fmt.Errorf("pct with %d changes of priority: give 1 to %d", bound, MaxChanges)
		}
		if bound <= 0 {
			bound = 2
		}
		return &PCT{Changes: bound}, nil
	case "pos":
		return &POS{}, nil
	case "dfs":
		return &DFS{Most: bound}, nil
	}
	return nil, fmt.Errorf("no strategy is called %q: there are %v", name, Names)
}
