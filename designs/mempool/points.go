package mempool

import (
	"headroom/kernel/fault"
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

const host = "designs/mempool"

// backingFails: in a simulated run the backing may fail at any call, whatever it has.
var backingFails = fault.Define(host, "backing")

// The slow paths an exploration must have taken.
var (
	reachPool     = reach.Define(host, "pool")      // an element came from the pool
	reachRefill   = reach.Define(host, "refill")    // a free went to the pool
	reachSpill    = reach.Define(host, "spill")     // a free meant to, and found the pool full again
	reachWait     = reach.Define(host, "wait")      // a caller slept
	reachWake     = reach.Define(host, "wake")      // a free woke somebody
	reachEmpty    = reach.Define(host, "empty")     // a caller that may not wait was refused
	reachRetry    = reach.Define(host, "retry")     // Mainline: the second round, with all flags
	reachFilled   = reach.Define(host, "filled")    // Molnar: step 2, the pool before a wait in the backing
	reachBlocking = reach.Define(host, "blocking")  // Molnar: step 3
	reachEarly    = reach.Define(host, "early")     // Molnar: an element came between the entry of the queue and the sleep
	reachPassOn   = reach.Define(host, "passed-on") // Molnar: a sleeper that the backing served left elements in the pool to the next
	reachVictim   = reach.Define(host, "victim")    // VictimsOnly: a victim was let into the reserves
	reachGrow     = reach.Define(host, "grow")      // Resize: a larger pool
	reachShrink   = reach.Define(host, "shrink")    // Resize: an element was given back
	reachFill     = reach.Define(host, "fill")      // Resize or the worker: an element came from the backing
	reachRaced    = reach.Define(host, "raced")     // Resize or the worker: the pool was full by the time it came
	reachBulk     = reach.Define(host, "bulk")      // AllocBulk: a caller slept for several elements
	reachWanted   = reach.Define(host, "wanted")    // the worker was asked for
	reachAgain    = reach.Define(host, "again")     // the worker was asked for while it was at work
	reachChunk    = reach.Define(host, "chunk")     // Chunks: one more was made
)

var (
	mp04 = mutant.Define(mutant.Mutant{ID: "MP-04", Host: host, Breaks: "I7",
		Story: "when the pool is empty, the task's rights open the reserves to the attempts that follow; Linux 4.6, commit f9054c70d28b, reverted by 4e390b2b2f34"})
	mp05 = mutant.Define(mutant.Mutant{ID: "MP-05", Host: host, Breaks: "I7",
		Story: "the first attempt, which does not wait, goes by the task's rights down to the last page, before the pool is tried; Linux until 2002, commit 49c7ca7c5b72"})
	po01 = mutant.Define(mutant.Mutant{ID: "PO-01", Host: host, Breaks: "I1",
		Story: "a free that saw the pool lack an element does not look again under the lock"})
	po02 = mutant.Define(mutant.Mutant{ID: "PO-02", Host: host, Breaks: "I4",
		Story: "lost wake-up: a caller finds the pool empty first and enters the queue afterwards, outside the lock"})
	po03 = mutant.Define(mutant.Mutant{ID: "PO-03", Host: host, Breaks: "I3",
		Story: "a caller that may wait is refused after its second round"})
	po04 = mutant.Define(mutant.Mutant{ID: "PO-04", Host: host, Breaks: "I5",
		Story: "on CPUs other than 0 every free finds the pool full, as a count from before the last take would show it; Linux until 2012 could see such a count, commit 5b990546e334"})
	po05 = mutant.Define(mutant.Mutant{ID: "PO-05", Host: host, Breaks: "I4",
		Story: "a caller woken for an element of the pool that the backing serves keeps the wake-up to itself; Linux 2.5.1"})
	po06 = mutant.Define(mutant.Mutant{ID: "PO-06", Host: host, Breaks: "I2",
		Story: "the count is lowered under the lock and the element read afterwards, when a free may have overwritten it"})
	po07 = mutant.Define(mutant.Mutant{ID: "PO-07", Host: host, Breaks: "I6",
		Story: "the first attempt has all of the caller's flags, so it waits in the backing while the pool has elements"})
	po08 = mutant.Define(mutant.Mutant{ID: "PO-08", Host: host, Breaks: "I7",
		Story: "callers whose task has a right to the reserves use these up before the pool; Linux until 2005, commit b84a35be0285"})
	mp02 = mutant.Define(mutant.Mutant{ID: "MP-02", Host: host, Breaks: "I10",
		Story: "a pool of no elements keeps none, so its frees go to the backing and wake nobody; Linux until 2025, commit a5867a218d7c"})
	po10 = mutant.Define(mutant.Mutant{ID: "PO-10", Host: host, Breaks: "I8",
		Story: "who may use the reserves may do so while the pool has elements"})
	po11 = mutant.Define(mutant.Mutant{ID: "PO-11", Host: host, Breaks: "I9",
		Story: "a task with any right counts as the killer's victim, so writers with a right to the reserves drain them"})
	po12 = mutant.Define(mutant.Mutant{ID: "PO-12", Host: host, Breaks: "I11",
		Story: "an element that Resize or the worker adds wakes nobody; Linux's mempool_resize to this day, for five seconds"})
	po13 = mutant.Define(mutant.Mutant{ID: "PO-13", Host: host, Breaks: "I12",
		Story: "the elements that are too many for a smaller pool are forgotten"})
	mp07 = mutant.Define(mutant.Mutant{ID: "MP-07", Host: host, Breaks: "I13",
		Story: "a caller who wants several elements takes what the pool has and sleeps for the rest; dm-crypt until 2015, commit 7145c241a1bf, dm until 2017, commit 318716ddea08"})
	po15 = mutant.Define(mutant.Mutant{ID: "PO-15", Host: host, Breaks: "I14",
		Story: "the worker goes to rest without a look at whether somebody has asked for it meanwhile"})
	po16 = mutant.Define(mutant.Mutant{ID: "PO-16", Host: host, Breaks: "I15",
		Story: "a caller of a pool that is to be polled sleeps when his flags allow it"})
	po17 = mutant.Define(mutant.Mutant{ID: "PO-17", Host: host, Breaks: "I16",
		Story: "a chunk is made for a caller that may not enter file systems, or not even wait"})
	po18 = mutant.Define(mutant.Mutant{ID: "PO-18", Host: host, Breaks: "I2",
		Story: "an area is claimed outside the lock under which others are given back"})
	po19 = mutant.Define(mutant.Mutant{ID: "PO-19", Host: host, Breaks: "I17",
		Story: "a Resize that shrinks wakes nobody, and a caller who sleeps for more elements than the pool now keeps is never served"})
)
