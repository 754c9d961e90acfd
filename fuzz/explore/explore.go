// Package explore holds the strategies: the rules by which a simulated machine's next step is chosen. One strategy a file.
//
//	Random  every entity that may go on is equally likely
//	Replay  the choices of an earlier run, strictly
//	Record  notes the choices of another strategy, for Replay
//
// A strategy is a function of its seed and of what it was asked before: nothing else may enter into a choice, or a run could not be repeated.
package explore

// Segment is a stretch of a schedule: the same entity took so many steps in a row, or so many questions in a row had the same answer.
type Segment struct {
	Entity int // below 0 for answers: see Answer
	Steps  int
}

// Answer turns the answer to a question (sim.Chooser) into the Entity of a Segment, a number below 0, and back.
func Answer(k int) int { return ^k }

// Seeded is a strategy that starts anew from a seed.
type Seeded interface {
	Seed(seed uint64)
	Next(eligible uint64, current int) int
}
