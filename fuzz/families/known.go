package families

import (
	"slices"
	"strings"

	"headroom/designs"
	"headroom/fuzz"
	"headroom/kernel/sim"
)

// Fault is what a variant fails by without a mutant, because its original does, or because its documentation says so.
type Fault struct {
	Variant string      // its full name
	Classes []sim.Class // it fails so
	Says    []string    // in one of these words
	Code    fuzz.Code   // in programs with this operation; "" for any
	Why     string
	File    string // a run that shows it, below fuzz/corpus/replay
}

var stuck = []sim.Class{sim.Waiting, sim.Deadlock}

// asleep and outOfReach are how the checks put it. A structure that is broken, they say in other words: that is no known fault of any variant.
const (
	asleep     = " sleeps "
	outOfReach = "with everything free a sole caller got "
)

// KnownFaults lists them. A replay file of each is kept, and fails as it did (TestKnownFaultsAreThere). percpu_tags:lock-3.12 has the first of them too,
// and promises no more than it keeps.
var KnownFaults = []Fault{
	{"percpu_tags:xchg", []sim.Class{sim.Waiting, sim.Conservation}, []string{asleep, outOfReach}, "",
		"the threshold for stealing of the draft, and a cursor that stays at the caller's own bit", "known-percpu_tags-xchg"},
	{"mempool:mainline-mempool", stuck, []string{asleep}, fuzz.Bulk,
		"a pool over a pool asks that for one element after the other, and sleeps in between with those it has (Pool.AllocBulk)", "known-mempool-mainline-mempool"},
	{"mempool:molnar-mempool", stuck, []string{asleep}, fuzz.Bulk, "the same as of mainline-mempool", "known-mempool-molnar-mempool"},
}

// Known is the known fault that a failing run without a mutant shows, nil for none.
func Known(r *fuzz.Replay) *Fault {
	name := designs.Variant{Design: r.Program.Design, Name: r.Program.Variant}.FullName()
	for i := range KnownFaults {
		f := &KnownFaults[i]
		said := slices.ContainsFunc(f.Says, func(words string) bool { return strings.Contains(r.Message, words) })
		if f.Variant == name && slices.Contains(f.Classes, r.Class) && said && (f.Code == "" || r.Program.Has(f.Code)) {
			return f
		}
	}
	return nil
}
