package families

import "headroom/kernel/mutant"

// What a mistake needs to show, beside a program.
const (
	needsSC  = "SC"  // steps of several CPUs, in some order
	needsTSO = "TSO" // a store that others see late
	needsIRQ = "IRQ" // an interrupt in mid-operation
	needsPRE = "PRE" // a task that preempts, or moves to another CPU
	needsHP  = "HP"  // a CPU that goes or comes
	needsFI  = "FI"  // a backing that has nothing
	needsTF  = "TF"  // time, or turns
	needsSEQ = "SEQ" // one task
	needsCTX = "CTX" // a check of what is allowed where
)

// Class says what kind of harm a mistake does.
type Class string

// The classes.
const (
	Safety   Class = "safety"   // an item with two owners, or none; memory of somebody else
	Liveness Class = "liveness" // somebody waits for ever
	Policy   Class = "policy"   // a promise is broken, or a reserve is gone
)

// Bug is a mistake of the kernel's history, or of another allocator's, that is planted somewhere here. What it is, the mutant's story says.
type Bug struct {
	ID    mutant.ID
	Needs string
	Class Class
}

// Bugs lists them.
var Bugs = []Bug{
	{"MP-02", needsFI, Liveness},
	{"MP-04", needsFI + " " + needsTF, Policy},
	{"MP-05", needsSEQ + " " + needsFI, Policy},
	{"MP-06", needsFI, Liveness},
	{"MP-07", needsSC + " " + needsFI, Liveness},
	{"MP-08", needsSC, Liveness},
	{"MP-10", needsIRQ, Policy},
	{"MP-11", needsFI, Liveness},
	{"PI-01", needsSC, Liveness},
	{"PI-03", needsSEQ, Safety},
	{"PI-05", needsTF, Policy},
	{"AI-01", needsIRQ, Safety},
	{"AI-02", needsSC, Policy},
	{"SB-01", needsTSO, Liveness},
	{"SB-05", needsSC + " " + needsPRE, Liveness},
	{"SB-07", needsSC, Liveness},
	{"SB-09", needsSC, Liveness},
	{"PA-01", needsSC, Policy},
	{"PA-02", needsSC, Policy},
	{"PA-03", needsSC, Liveness},
	{"PA-04", needsIRQ, Safety},
	{"PA-06", needsSEQ, Policy},
	{"PA-09", needsHP, Safety},
	{"NL-01", needsSEQ, Safety},
	{"NL-02", needsSEQ, Policy},
	{"KF-01", needsCTX, Policy},
	{"KF-02", needsSC, Safety},
	{"BI-01", needsFI, Liveness},
	{"SL-01", needsPRE, Safety},
	{"SL-03", needsPRE, Safety},
	{"ID-01", needsSEQ, Safety},
	{"ID-02", needsSEQ, Safety},
	{"SP-02", needsSC, Safety},
	{"SP-05", needsHP, Safety},
	{"UM-01", needsSC, Policy},
	{"JE-01", needsSC, Safety},
	{"JE-02", needsSC, Safety},
}

// BugOf is the historical mistake of that name; false when there is none.
func BugOf(id mutant.ID) (Bug, bool) {
	for _, b := range Bugs {
		if b.ID == id {
			return b, true
		}
	}
	return Bug{}, false
}

// Order puts the mistakes of history first, as they are listed here, then the others as they are.
func Order(all []mutant.Mutant) []mutant.Mutant {
	var first, rest []mutant.Mutant
	for _, b := range Bugs {
		if m, ok := mutant.Find(b.ID); ok {
			first = append(first, m)
		}
	}
	for _, m := range all {
		if _, ok := BugOf(m.ID); !ok {
			rest = append(rest, m)
		}
	}
	return append(first, rest...)
}
