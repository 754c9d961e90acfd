package fuzz

import (
	"fmt"

	"headroom/designs"
	"headroom/kernel/sim"
)

// history is the calls of one execution as their callers see them: when each was made and when it returned. It is kept of one execution in so many, since
// to look at it costs more than most executions. Porcupine (Athalye; after Wing and Gong 1993, and Lowe 2017) decides whether there is an order of the
// calls, each between its call and its return, in which every item is handed out while it is free and freed while it is held. An item's calls do not
// depend on other items', so each is decided by itself. The ledger asks the same in the order of steps; this check trusts neither it nor that order.
type history struct {
	every int // of so many executions one is looked at; 0 for none
	seen  int // executions
	keeps bool
	clock int64
	calls []operation
}

// linearEvery is how often hunts look at a history.
const linearEvery = 64

// call is what is asked about an item.
type call struct {
	item designs.Item
	free bool
}

// operation is a call, of a task, from a time until another.
type operation struct {
	task         int
	call         call
	began, ended int64
}

// begin prepares for an execution.
func (h *history) begin() {
	h.keeps = h.every > 0 && h.seen%max(1, h.every) == 0
	h.seen++
	h.clock, h.calls = 0, h.calls[:0]
}

// now is a time that no other event of the execution has.
func (h *history) now() int64 {
	h.clock++
	return h.clock
}

// add keeps a call that began at a time and returns now.
func (h *history) add(task int, c call, began int64) {
	if h.keeps {
		h.calls = append(h.calls, operation{task, c, began, h.now()})
	}
}

// check is a failure when no order of the calls is allowed.
func (h *history) check() *sim.Failure {
	if !h.keeps || consistent(h.calls) {
		return nil
	}
	return &sim.Failure{Class: sim.Linearizability, Message: fmt.Sprintf("no order of the %d calls hands out every item while it is free and frees it while it is held", len(h.calls))}
}
