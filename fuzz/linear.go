package fuzz

import (
	"fmt"

	"github.com/anishathalye/porcupine"

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
	calls []porcupine.Operation
}

// linearEvery is how often hunts look at a history.
const linearEvery = 64

// call is what is asked about an item.
type call struct {
	item designs.Item
	free bool
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
		h.calls = append(h.calls, porcupine.Operation{ClientId: task, Input: c, Call: began, Return: h.now()})
	}
}

// check is a failure when no order of the calls is allowed.
func (h *history) check() *sim.Failure {
	if !h.keeps || porcupine.CheckOperations(itemModel, h.calls) {
		return nil
	}
	return &sim.Failure{Class: sim.Linearizability, Message: fmt.Sprintf("no order of the %d calls hands out every item while it is free and frees it while it is held", len(h.calls))}
}

// itemModel is an item: held or not.
var itemModel = porcupine.Model{
	Partition: func(calls []porcupine.Operation) [][]porcupine.Operation {
		var parts [][]porcupine.Operation
		place := map[designs.Item]int{}
		for _, o := range calls {
			at, known := place[o.Input.(call).item]
			if !known {
				at = len(parts)
				place[o.Input.(call).item] = at
				parts = append(parts, nil)
			}
			parts[at] = append(parts[at], o)
		}
		return parts
	},
	Init: func() any { return false },
	Step: func(held, input, _ any) (bool, any) {
		c := input.(call)
		return held.(bool) == c.free, !c.free
	},
}
