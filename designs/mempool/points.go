package mempool

import (
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

const host = "designs/mempool"

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
)

var (
	mp01 = mutant.Define(mutant.Mutant{ID: "MP-01", Host: host, Breaks: "I1",
		Story: "a free that saw the pool lack an element does not look again under the lock"})
	mp02 = mutant.Define(mutant.Mutant{ID: "MP-02", Host: host, Breaks: "I4",
		Story: "lost wake-up: a caller finds the pool empty first and enters the queue afterwards, outside the lock"})
	mp03 = mutant.Define(mutant.Mutant{ID: "MP-03", Host: host, Breaks: "I3",
		Story: "a caller that may wait is refused after its second round"})
	mp04 = mutant.Define(mutant.Mutant{ID: "MP-04", Host: host, Breaks: "I5",
		Story: "on CPUs other than 0 a free sees the count as it was before its element was taken; possible in Linux until 2012, commit 5b990546e334"})
	mp05 = mutant.Define(mutant.Mutant{ID: "MP-05", Host: host, Breaks: "I4",
		Story: "a caller woken for an element of the pool that the backing serves keeps the wake-up to itself; Linux 2.5.1"})
	mp06 = mutant.Define(mutant.Mutant{ID: "MP-06", Host: host, Breaks: "I2",
		Story: "the count is lowered under the lock and the element read afterwards, when a free may have overwritten it"})
	mp07 = mutant.Define(mutant.Mutant{ID: "MP-07", Host: host, Breaks: "I6",
		Story: "the first attempt has all of the caller's flags, so it waits in the backing while the pool has elements"})
	mp08 = mutant.Define(mutant.Mutant{ID: "MP-08", Host: host, Breaks: "I7",
		Story: "callers whose task has a right to the reserves use these up before the pool; Linux until 2005, commit b84a35be0285"})
)
