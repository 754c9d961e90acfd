//go:build sim

package mempool

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"headroom/designs"
	"headroom/designs/designtest"
	"headroom/kernel"
	"headroom/kernel/mutant"
)

// killer says what shows a mistake: a check written for it, the conformance suite on some variants, or both.
type killer struct {
	check func(t *testing.T) error
	suite func(v designs.Variant) bool
}

// bySuite is what shows most: the suite, on both orders over slab and page, and on the pool with a worker. The others run the same code.
var bySuite = killer{suite: func(v designs.Variant) bool {
	return slices.Contains([]string{"mainline", "mainline-page", "molnar", "molnar-page", "async"}, v.Name)
}}

// killers are the exceptions. In the mainline order the window of PO-02 is narrow, since a whole free has to fall into it: package fuzz finds it there.
var killers = map[mutant.ID]killer{
	po01: {check: func(*testing.T) error { return explore(frees()) }},
	po02: {suite: func(v designs.Variant) bool { return bySuite.suite(v) && strings.HasPrefix(v.Name, "molnar") }},
	po05: {check: func(t *testing.T) error { return serveFromBelow(t, Molnar) }},
	po07: {check: checkAttempts},
	mp04: {check: func(t *testing.T) error {
		if got, err := takeWithRights(t, Config{}, kernel.RightMemalloc); err != nil || got != 8 {
			return fmt.Errorf("%d items of 8 above the reserve, %v", got, err)
		}
		return nil
	}},
	mp05: {check: func(t *testing.T) error {
		if got, err := takeWithRights(t, Config{}, kernel.RightMemalloc); err != nil || got != 8 {
			return fmt.Errorf("%d items of 8 above the reserve, %v", got, err)
		}
		return nil
	}},
	po08: {check: func(t *testing.T) error {
		if got, err := takeWithRights(t, Config{}, kernel.RightMemalloc); err != nil || got != 8 {
			return fmt.Errorf("%d items of 8 above the reserve, %v", got, err)
		}
		return nil
	}},
	mp02: {check: func(t *testing.T) error { return noneServes(t, Mainline) }},
	po10: {check: checkAttempts},
	po11: {check: func(t *testing.T) error {
		if got, err := takeWithRights(t, Config{Reserves: VictimsOnly}, kernel.RightMemalloc); err != nil || got != 8 {
			return fmt.Errorf("%d items of 8 above the reserve, %v", got, err)
		}
		return nil
	}},
	po12: {check: func(t *testing.T) error { return growthWakes(t, Mainline) }},
	po13: {check: resizeMoves},
	mp07: {check: func(*testing.T) error { return explore(bulks()) }},
	po15: {check: func(*testing.T) error { return explore(refills()) }},
	po16: {check: pollingReturns},
	po17: {check: chunksRefuse},
	po18: {check: func(*testing.T) error { return explore(areas()) }},
	po19: {check: shrinkWakes},
}

// Every planted mistake breaks the contract where the suite sees it, or the check written for it; without one both pass.
func TestChecksKillEveryMutant(t *testing.T) {
	defer mutant.Set("")
	killed := 0
	for _, m := range mutant.All() {
		if m.Host != host {
			continue
		}
		killed++
		t.Run(string(m.ID), func(t *testing.T) {
			mutant.Set(m.ID)
			k, special := killers[m.ID]
			if !special {
				k = bySuite
			}
			if k.check != nil {
				told(t, k.check(t), m, "the check written for it")
				mutant.Set("")
				if err := k.check(t); err != nil {
					t.Errorf("without the mistake: %v", err)
				}
			}
			for _, v := range Variants() {
				if k.suite != nil && k.suite(v) {
					told(t, designtest.TrySimulated(v), m, v.FullName())
				}
			}
		})
	}
	if killed != 21 {
		t.Errorf("%d mutants have the host %s, want 21", killed, host)
	}
}

// told: what was tried must have failed.
func told(t *testing.T, err error, m mutant.Mutant, what string) {
	if err == nil {
		t.Errorf("%s passes with %s: %s", what, m.ID, m.Story)
		return
	}
	t.Log(err)
}
