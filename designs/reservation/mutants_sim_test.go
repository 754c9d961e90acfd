//go:build sim

package reservation

import (
	"slices"
	"testing"

	"headroom/designs"
	"headroom/designs/designtest"
	"headroom/kernel"
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

// shown are the variants whose code holds each mistake.
var shown = map[mutant.ID][]string{
	rs01: {"slab"}, rs02: {"strict"}, rs03: {"slab"}, rs04: {"slab"}, rs05: {"slab"}, rs06: {"sheaf"}, rs07: {"sheaf"}, rs08: {"slab"},
	"RV-01": {"page"}, "RV-04": {"strict"}, "RV-05": {"page", "strict"},
}

// Every planted mistake breaks the contract where the suite sees it, those of the page allocator's promises among them; without one the variants pass
// (TestVariantsConform).
func TestSuiteKillsEveryMutant(t *testing.T) {
	defer mutant.Set("")
	for _, m := range mutant.All() {
		if m.Host != host && shown[m.ID] == nil {
			continue
		}
		t.Run(string(m.ID), func(t *testing.T) {
			mutant.Set(m.ID)
			tried := 0
			for _, v := range Variants() {
				if !slices.Contains(shown[m.ID], v.Name) {
					continue
				}
				tried++
				if err := designtest.TrySimulated(v); err == nil {
					t.Errorf("%s passes with %s: %s", v.FullName(), m.ID, m.Story)
				} else {
					t.Log(err)
				}
			}
			if tried == 0 {
				t.Errorf("no variant shows %s", m.ID)
			}
		})
	}
}

// The suite goes through every slow path of every variant: of one that no run came to it would show nothing.
func TestSuiteTakesEverySlowPath(t *testing.T) {
	var machines []interface{ Reached() []uint32 }
	for _, v := range Variants() {
		build := v.New
		v.New = func(place kernel.Place, c designs.Config) (designs.Allocator, error) {
			if m, ok := place.(interface{ Reached() []uint32 }); ok { // a simulated one
				machines = append(machines, m)
			}
			return build(place, c)
		}
		if err := designtest.TrySimulated(v); err != nil {
			t.Error(err)
		}
	}
	for i, point := range reach.All() {
		if point.Host == host && !slices.ContainsFunc(machines, func(m interface{ Reached() []uint32 }) bool { return i < len(m.Reached()) && m.Reached()[i] > 0 }) {
			t.Errorf("no run of the suite took %s", point.Name)
		}
	}
}
