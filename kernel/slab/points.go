package slab

import (
	"headroom/kernel/fault"
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

const host = "kernel/slab"

// pagesFail: in a simulated run no page may be had for a new slab, whatever the zones have.
var pagesFail = fault.Define(host, "pages")

// The slow paths an exploration must have taken.
var (
	reachRefill   = reach.Define(host, "refill")
	reachSpill    = reach.Define(host, "spill")
	reachNew      = reach.Define(host, "new-slab")
	reachEmptied  = reach.Define(host, "emptied")  // every object of a slab is free
	reachReturned = reach.Define(host, "returned") // a slab's pages went back
	reachAlien    = reach.Define(host, "alien")    // objects of two nodes in one spill
	reachFar      = reach.Define(host, "far-slab") // another node's slab served
	reachDead     = reach.Define(host, "cpu-dead")
	reachEmpty    = reach.Define(host, "empty")
	reachHeld     = reach.Define(host, "node-held") // a node's lock could not be had at once
	reachUndone   = reach.Define(host, "undone")    // new pages went back, since the node's lock could not be had
)

var (
	sl03 = mutant.Define(mutant.Mutant{ID: "SL-03", Host: host, Breaks: "I1",
		Story: "who takes an object off his CPU's list stays on that CPU, and somebody else may come onto it; SLUB with rt=on, 2021"})
	so01 = mutant.Define(mutant.Mutant{ID: "SO-01", Host: host, Breaks: "I1",
		Story: "a list is filled without interrupts masked, and an interrupt's free in between is overwritten"})
	so02 = mutant.Define(mutant.Mutant{ID: "SO-02", Host: host, Breaks: "I2",
		Story: "a slab whose objects were all out is not linked again when the first comes back"})
	so03 = mutant.Define(mutant.Mutant{ID: "SO-03", Host: host, Breaks: "I3",
		Story: "a spill gives every object to the spilling CPU's node, to the slab there of the same number"})
	so04 = mutant.Define(mutant.Mutant{ID: "SO-04", Host: host, Breaks: "I4",
		Story: "a slab whose objects are all free stays linked until the lock is taken again to retire it, and is not looked at again then"})
	so05 = mutant.Define(mutant.Mutant{ID: "SO-05", Host: host, Breaks: "I5",
		Story: "slabs without an owned object are never given back"})
	so06 = mutant.Define(mutant.Mutant{ID: "SO-06", Host: host, Breaks: "I6",
		Story: "a CPU's death leaves what it kept on its list"})
	so07 = mutant.Define(mutant.Mutant{ID: "SO-07", Host: host, Breaks: "I7",
		Story: "without new pages the own node alone is looked at"})
	so08 = mutant.Define(mutant.Mutant{ID: "SO-08", Host: host, Breaks: "I1",
		Story: "a free picks its CPU's list, then masks interrupts; the caller moves in between and uses another CPU's list"})
	so09 = mutant.Define(mutant.Mutant{ID: "SO-09", Host: host, Breaks: "I8",
		Story: "pages that cannot be made a slab at once are forgotten"})
	so10 = mutant.Define(mutant.Mutant{ID: "SO-10", Host: host, Breaks: "I9",
		Story: "the entry that takes no locks waits for the node's lock"})
	so11 = mutant.Define(mutant.Mutant{ID: "SO-11", Host: host, Breaks: "I1",
		Story: "a bulk free does not mask interrupts, and an interrupt's free in between is overwritten"})
)
