package page

import (
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

const host = "kernel/page"

// The slow paths an exploration must have taken.
var (
	reachRefill   = reach.Define(host, "refill")
	reachSpill    = reach.Define(host, "spill")
	reachSplit    = reach.Define(host, "split")
	reachMerge    = reach.Define(host, "merge")
	reachBusy     = reach.Define(host, "trylock-failed")
	reachLow      = reach.Define(host, "below-low")
	reachReserve  = reach.Define(host, "reserve")  // a block came from below the ordinary mark
	reachExact    = reach.Define(host, "exact")    // the shared word could not decide
	reachFar      = reach.Define(host, "far-zone") // another node's zone served
	reachDrain    = reach.Define(host, "drain")    // another CPU's list was emptied
	reachAsked    = reach.Define(host, "drain-interrupt")
	reachDead     = reach.Define(host, "cpu-dead")
	reachReclaim  = reach.Define(host, "reclaim")
	reachDropped  = reach.Define(host, "dropped") // a look-up came too late
	reachKswapd   = reach.Define(host, "kswapd")
	reachWrite    = reach.Define(host, "write")
	reachThrottle = reach.Define(host, "throttle") // a caller waits for a write
	reachKill     = reach.Define(host, "oom-kill")
	reachReap     = reach.Define(host, "oom-reap")
	reachGiven    = reach.Define(host, "set-aside-given")
	reachRaised   = reach.Define(host, "limit-raised") // a list may hold more
	reachEmpty    = reach.Define(host, "empty")
	reachDry      = reach.Define(host, "no-locks-dry") // a no-locks caller found nothing
	reachHeld     = reach.Define(host, "zone-held")    // a zone's lock could not be had at once
	reachLate     = reach.Define(host, "late")         // a block was put aside
	reachCollect  = reach.Define(host, "late-collected")

	reachNotPromised = reach.Define(host, "not-promised")
	reachMissed      = reach.Define(host, "draw-missed") // no zone had a promise when it was looked at
	reachDrawnClean  = reach.Define(host, "drawn-clean") // a draw dropped a clean page
	reachBacks       = reach.Define(host, "backs-promise")
	reachMoved       = reach.Define(host, "promise-moved")
	reachAwait       = reach.Define(host, "promise-wait")
)

var (
	pa01 = mutant.Define(mutant.Mutant{ID: "PA-01", Host: host, Breaks: "I3 I4",
		Story: "the mark is compared with the shared word alone, which differs from the free count by every CPU's drift; Linux, fixed in 2010 by commit aa45484031dd"})
	pa02 = mutant.Define(mutant.Mutant{ID: "PA-02", Host: host, Breaks: "I3 I4",
		Story: "a flush raises the free count before it takes the lock and links its pages; Linux, fixed in 2010 by commit 72853e2991a2"})
	pa03 = mutant.Define(mutant.Mutant{ID: "PA-03", Host: host, Breaks: "I6",
		Story: "a flush trusts the batch although the list is shorter, and looks for pages for ever; Linux, fixed in 2020 by commit 88e8ac11d2ea"})
	pa04 = mutant.Define(mutant.Mutant{ID: "PA-04", Host: host, Breaks: "I1",
		Story: "a trylock that fails counts as taken, as on one CPU where it kept no state; Linux, commit 038a102535eb of 2022"})
	pa06 = mutant.Define(mutant.Mutant{ID: "PA-06", Host: host, Breaks: "I4",
		Story: "the marks are compared without a sign, so less than nothing counts as plenty; Linux, fixed in 2022 by commit 9282012fc0aa"})
	um01 = mutant.Define(mutant.Mutant{ID: "UM-01", Host: host, Breaks: "I5",
		Story: "a caller who may use the reserve refills a whole batch from it; FreeBSD UMA, 2020"})
	pg16 = mutant.Define(mutant.Mutant{ID: "PG-16", Host: host, Breaks: "I9",
		Story: "a block straight from the zone has no owner; Linux, alloc_pages_nolock, 2025"})
	nl02 = mutant.Define(mutant.Mutant{ID: "NL-02", Host: host, Breaks: "I21",
		Story: "a no-locks caller gives up while any block is late, as while any memory was unaccepted; Linux, try_alloc_pages, 2025"})
	nl01 = mutant.Define(mutant.Mutant{ID: "NL-01", Host: host, Breaks: "I9",
		Story: "a block that came without a lock has no owner: the no-locks path alone forgot it; Linux, try_alloc_pages, 2025"})
	nl04 = mutant.Define(mutant.Mutant{ID: "NL-04", Host: host, Breaks: "I20",
		Story: "the no-locks path takes the zone's lock once the list is empty, and spins on a lock that the interrupted task holds"})
	nl05 = mutant.Define(mutant.Mutant{ID: "NL-05", Host: host, Breaks: "I1",
		Story: "the walk over the lists does not mask interrupts, and an interrupt takes the same page"})
	nl06 = mutant.Define(mutant.Mutant{ID: "NL-06", Host: host, Breaks: "I22",
		Story: "a late block becomes the head by a store, which loses what others pushed since the load"})
	nl07 = mutant.Define(mutant.Mutant{ID: "NL-07", Host: host, Breaks: "I18",
		Story: "a block that is freed without locks wakes nobody who waits for a promise"})
	pg01 = mutant.Define(mutant.Mutant{ID: "PG-01", Host: host, Breaks: "I2",
		Story: "a merge takes any free block at the buddy's place, whatever its order"})
	pg02 = mutant.Define(mutant.Mutant{ID: "PG-02", Host: host, Breaks: "I1",
		Story: "a list is refilled without interrupts masked, and an interrupt's free in between is overwritten"})
	pg03 = mutant.Define(mutant.Mutant{ID: "PG-03", Host: host, Breaks: "I7",
		Story: "a CPU's death folds its share of the free count and leaves its lists"})
	sp02 = mutant.Define(mutant.Mutant{ID: "SP-02", Host: host, Breaks: "I1",
		Story: "Drain empties another CPU's list without its lock; SPL, fixed in 2013 by commit 251e7a779ba5"})
	pg05 = mutant.Define(mutant.Mutant{ID: "PG-05", Host: host, Breaks: "I8",
		Story: "a look-up in the cache finds its page without the cache's lock and does not look again under it"})
	pg06 = mutant.Define(mutant.Mutant{ID: "PG-06", Host: host, Breaks: "I10",
		Story: "kswapd looks whether it is wanted first and enters its queue afterwards"})
	pg07 = mutant.Define(mutant.Mutant{ID: "PG-07", Host: host, Breaks: "I12",
		Story: "who waits for a write looks first and enters the queue afterwards"})
	pg08 = mutant.Define(mutant.Mutant{ID: "PG-08", Host: host, Breaks: "I11",
		Story: "the write of a dirty page may not use the reserve, and starts a reclaim of its own"})
	pg09 = mutant.Define(mutant.Mutant{ID: "PG-09", Host: host, Breaks: "I13",
		Story: "whether a victim lives is looked at in one step and a new one chosen in another"})
	pg10 = mutant.Define(mutant.Mutant{ID: "PG-10", Host: host, Breaks: "I14",
		Story: "a refill raises the list's limit by what it takes, ceiling or not"})
	pg11 = mutant.Define(mutant.Mutant{ID: "PG-11", Host: host, Breaks: "I15",
		Story: "the victim learns that it is one before it is reaped, and is not waited for"})
	pg12 = mutant.Define(mutant.Mutant{ID: "PG-12", Host: host, Breaks: "I16",
		Story: "what is set aside for urgent callers is never given back"})
	pg13 = mutant.Define(mutant.Mutant{ID: "PG-13", Host: host, Breaks: "I16",
		Story: "direct reclaim gives up what is set aside, then honours what an urgent caller has set aside since"})
	pg14 = mutant.Define(mutant.Mutant{ID: "PG-14", Host: host, Breaks: "I14",
		Story: "a refill raises the list's limit to a ceiling that has come down meanwhile, and does not look again"})
	pg15 = mutant.Define(mutant.Mutant{ID: "PG-15", Host: host, Breaks: "I1",
		Story: "a free picks its CPU's list, then masks interrupts; the caller moves in between and uses another CPU's list"})
	rv01 = mutant.Define(mutant.Mutant{ID: "RV-01", Host: host, Breaks: "I17",
		Story: "ordinary allocations look at the mark alone, and take what is promised"})
	rv02 = mutant.Define(mutant.Mutant{ID: "RV-02", Host: host, Breaks: "I17",
		Story: "reclaim drops clean pages whatever they back, and has them in its hands between the cache and the zone"})
	rv03 = mutant.Define(mutant.Mutant{ID: "RV-03", Host: host, Breaks: "I17",
		Story: "a clean page that backs a promise is pinned without a look at promises"})
	rv04 = mutant.Define(mutant.Mutant{ID: "RV-04", Host: host, Breaks: "I18",
		Story: "who waits for a promise tries first and notes afterwards how much has changed"})
	rv05 = mutant.Define(mutant.Mutant{ID: "RV-05", Host: host, Breaks: "I18",
		Story: "lists are filled, and keep what is freed, while somebody waits for a promise"})
	rv06 = mutant.Define(mutant.Mutant{ID: "RV-06", Host: host, Breaks: "I17 I19",
		Story: "admission trusts the shared word of the free count, which differs from it by every CPU's drift"})
)
