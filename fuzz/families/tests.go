package families

import "headroom/kernel/mutant"

// test is a test of a package that kills mistakes planted there, where programs of operations do not come: they need a second node, a killer, promises, an
// interface of its own, or are in the machinery itself.
type test struct {
	folder, name string
	kills        []mutant.ID
}

var tests = []test{
	{"internal/coro", "TestMutantsAreCaught", []mutant.ID{"CO-01", "CO-02"}},
	{"kernel/mem", "TestChecksCatchTheMutants", []mutant.ID{"MM-01", "MM-02", "MM-03"}},
	{"kernel/percpu", "TestCheckCatchesTheMutants", []mutant.ID{"PC-01", "PC-02"}},
	{"kernel/machine", "TestMutantsAreCaught", []mutant.ID{"MC-01", "MC-02", "MC-03", "MC-04"}},
	{"kernel/lock", "TestChecksCatchTheMutants", []mutant.ID{"LK-02"}},
	{"kernel/page", "TestChecksCatchTheMutants", []mutant.ID{"NL-07", "PG-03", "PG-05", "PG-06", "PG-07", "PG-08", "PG-09", "PG-10", "PG-11", "PG-12", "PG-13",
		"PG-14", "RV-01", "RV-02", "RV-03", "RV-04", "RV-05", "RV-06"}},
	{"kernel/slab", "TestChecksCatchTheMutants", []mutant.ID{"SO-03", "SO-06", "SO-07", "SO-09"}},
	{"kernel/sim", "TestReplayCatchesTheMutant", []mutant.ID{"SM-03"}},
	{"kernel/sim", "TestRacesCatchTheMutant", []mutant.ID{"SM-04"}},
	{"kernel/sim", "TestLitmusTestsCatchTheMutants", []mutant.ID{"SM-05", "SM-07", "SM-08"}},
	{"kernel/sim", "TestInterruptsNestByPriority", []mutant.ID{"SM-09"}},
	{"kernel/sim", "TestNMIsAreNotMasked", []mutant.ID{"SM-10"}},
	{"kernel/sim", "TestTasksMoveWhereTheyMay", []mutant.ID{"SM-11"}},
	{"kernel/sim", "TestVictimsAreChosen", []mutant.ID{"SM-14"}},
	{"kernel/sim", "TestBackingAllocationsFailByChoice", []mutant.ID{"SM-15"}},
	{"fuzz/explore", "TestSleepingTooMuchIsNoticed", []mutant.ID{"EX-01", "SM-16"}},
	{"fuzz/scenario", "TestVerdictsKillTheCheckersMutants", []mutant.ID{"LD-01", "LD-02"}},
	{"fuzz/lockdep", "TestInterruptsAreComparedByClass", []mutant.ID{"LD-03"}},
	{"fuzz/lockdep", "TestReportsAreMadeOnceAndAlike", []mutant.ID{"LD-04"}},
	{"designs/percpu_tags", "TestChecksOfTheReserveKillItsMutants", []mutant.ID{"PT-08", "PT-10", "PT-11", "PT-12"}},
	{"designs/percpu_tags", "TestSuiteKillsEveryMutant", []mutant.ID{"PT-07"}},
	{"designs/gfp_nolocks", "TestChecksCatchTheMutants", []mutant.ID{"KR-02", "KR-03"}},
	{"designs/ida", "TestTreeKillsItsMutants", []mutant.ID{"ID-03"}},
	{"designs/ida", "TestIDsFreedWhileCallersWaitReachThem", []mutant.ID{"ID-09"}},
	{"designs/mempool", "TestChecksKillEveryMutant", []mutant.ID{"PO-05", "PO-07", "PO-10", "PO-11", "PO-13", "PO-15", "PO-16", "PO-18", "PO-19"}},
	{"designs/reservation", "TestSuiteKillsEveryMutant", []mutant.ID{"RS-01", "RS-03", "RS-04", "RS-05", "RS-06", "RS-07", "RS-08"}},
}

// TestOf is the test that kills a mistake which the families do not come to, as its package and name; "" for one that is hunted.
func TestOf(id mutant.ID) string {
	for _, t := range tests {
		for _, killed := range t.kills {
			if killed == id {
				return t.folder + " " + t.name
			}
		}
	}
	return ""
}
