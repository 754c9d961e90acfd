package reservation

import (
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

const host = "designs/reservation"

// The slow paths an exploration must have taken.
var (
	reachAdmitted = reach.Define(host, "admitted") // strict: a page was promised to its caller, then drawn
	reachRefused  = reach.Define(host, "refused")  // a caller that may not wait was refused
	reachWait     = reach.Define(host, "wait")     // slab: a reserver slept
	reachHanded   = reach.Define(host, "handed")   // slab: a free brought the depot all that was wanted
	reachTrimmed  = reach.Define(host, "trimmed")  // slab: an object of the depot went back to the cache
	reachShort    = reach.Define(host, "short")    // sheaf: it could not be filled
	reachMoved    = reach.Define(host, "moved")    // sheaf: a caller drew from another CPU's
)

var (
	rs01 = mutant.Define(mutant.Mutant{ID: "RS-01", Host: host, Breaks: "I1",
		Story: "slab: a reserver counts all objects of the depot as his, those promised to others too"})
	rs02 = mutant.Define(mutant.Mutant{ID: "RS-02", Host: host, Breaks: "I2",
		Story: "strict: a caller that may wait is refused when nothing is free"})
	rs03 = mutant.Define(mutant.Mutant{ID: "RS-03", Host: host, Breaks: "I4",
		Story: "slab: a free does not look whether somebody waits for the object"})
	rs04 = mutant.Define(mutant.Mutant{ID: "RS-04", Host: host, Breaks: "I4",
		Story: "slab: a free moves objects into the depot and wakes nobody who waits for them"})
	rs05 = mutant.Define(mutant.Mutant{ID: "RS-05", Host: host, Breaks: "I5",
		Story: "slab: a cancelled promise leaves its objects in the depot"})
	rs06 = mutant.Define(mutant.Mutant{ID: "RS-06", Host: host, Breaks: "I5",
		Story: "sheaf: objects of a sheaf that could not be filled stay in it"})
	rs07 = mutant.Define(mutant.Mutant{ID: "RS-07", Host: host, Breaks: "I1",
		Story: "sheaf: a caller that has moved looks at the sheaf of his new CPU only"})
	rs08 = mutant.Define(mutant.Mutant{ID: "RS-08", Host: host, Breaks: "I3",
		Story: "slab: a draw reads the object after it has released the depot's lock"})
)
