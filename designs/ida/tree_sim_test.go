//go:build sim

package ida

import (
	"fmt"
	"testing"

	"headroom/kernel/mutant"
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
