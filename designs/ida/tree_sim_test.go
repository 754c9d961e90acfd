//go:build sim

package ida

import (
	"fmt"
	"slices"
	"testing"

	"headroom/designs"
	"headroom/kernel/choice"
	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

// inTree are the mistakes that show in ranges, in full chunks, and in frees of what is not taken.
var inTree = []mutant.ID{id01, id02, id03, id07}

// Each of them makes the tree differ from a plain set, or breaks what Check walks.
func TestTreeKillsItsMutants(t *testing.T) {
	defer mutant.Set("")
	for _, id := range inTree {
		mutant.Set(id)
		var found error
		for seed := uint64(0); seed < 20 && found == nil; seed++ {
			found = func() (err error) {
				defer func() {
					if said := recover(); said != nil {
						err = fmt.Errorf("panic: %v", said)
					}
				}()
				return compare(newBench(t, 1), seed, 1000)
			}()
		}
		if found == nil {
			t.Errorf("the tree passes with %s", id)
		} else {
			t.Logf("%s: %v", id, found)
		}
	}
}

// ofTree are the slow paths of the tree, which explored programs are too small for.
var ofTree = []*reach.Point{reachAgain, reachBitmap, reachGrow, reachShrink, reachFull, reachUntaken}

// The calls that are compared with a plain set, and those without memory, go through every slow path of the tree; those of explored programs are named by
// the variants.
func TestTreeTakesEverySlowPath(t *testing.T) {
	hits := make([]int, len(reach.All()))
	choice.Reached = func(point int) { hits[point]++ }
	defer func() { choice.Reached = nil }()
	for seed := range uint64(4) {
		if err := compare(newBench(t, 1), seed, 1000); err != nil {
			t.Fatal(err)
		}
	}
	TestCallersFlagsDecideOverMemory(t) // comes to the second look for memory
	for i, point := range reach.All() {
		switch {
		case point.Host != host:
		case slices.Contains(ofTree, point) && hits[i] == 0:
			t.Errorf("no call took %s", point.Name)
		case !slices.Contains(ofTree, point) && !slices.ContainsFunc(Variants(), func(v designs.Variant) bool { return slices.Contains(v.SlowPaths, point.Name) }):
			t.Errorf("%s is a slow path of no variant, and not of the tree", point.Name)
		}
	}
}
