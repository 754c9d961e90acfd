//go:build sim

package percputags

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"headroom/designs/designtest"
	"headroom/kernel"
	"headroom/kernel/mutant"
)

// shown are the variants whose code holds each mistake, and in which it breaks a sentence that they keep otherwise.
var shown = map[mutant.ID][]string{
	pi01: {"lock", "flag", "flag-bit"},
	ai01: {"lock", "lock-3.12", "flag-bit"},
	pt02: {"lock", "lock-3.12", "flag", "flag-bit"},
	pt03: {"lock", "flag", "flag-bit"},
	pt04: {"lock", "lock-3.12", "flag", "flag-bit"},
	pt05: {"flag", "flag-bit"},
	pt06: {"flag"},
	pt07: {"xchg"},
	pt14: {"lock", "lock-3.12"},
	pt09: {"lock-reserve", "lock-reserve-nowait"},
}

// ofReserve are the mistakes of the layer that the suite does not see: its callers differ in what they may wait for, not in their right to a reserve,
// and a wake-up too many breaks no sentence. Each is killed by a check of its own.
var ofReserve = map[mutant.ID]func(t *testing.T) error{
	pi03: func(t *testing.T) error {
		if _, err := New(newBench(t, 1), Config{Tags: 4, Max: 2, Batch: 3}); err == nil {
			return errors.New("a batch of 3 is taken for lists of 2")
		}
		return nil
	},
	pi05: checkRound,
	pt08: func(t *testing.T) error { return checkPools(t, 1, false) },
	pt09: func(t *testing.T) error { return checkPools(t, 1, true) },
	pt10: func(t *testing.T) error { return checkPools(t, 1, false) },
	pt11: func(t *testing.T) error { return checkSleep(t, sleeps[0].gfp, sleeps[0].frees, sleeps[0].serves) },
	pt12: func(t *testing.T) error { return checkSleep(t, sleeps[1].gfp, sleeps[1].frees, sleeps[1].serves) },
}

// checkRound: I10: two CPUs that have tags all the time are robbed in turn.
func checkRound(t *testing.T) error {
	b := newBench(t, 3)
	p, err := New(b, Config{Tags: 2, Max: 4, Batch: 1})
	if err != nil {
		return err
	}
	for cpu := 1; cpu <= 2; cpu++ {
		it, err := p.Alloc(b.on(cpu), kernel.NoWait)
		if err != nil {
			return err
		}
		p.Free(b.on(cpu), it)
	}
	for _, robbed := range []int{1, 2, 1, 2} {
		it, err := p.Alloc(b.on(0), kernel.NoWait)
		if err != nil || p.Listed(robbed) != 0 {
			return fmt.Errorf("it was not the turn of the other CPU: %v, CPU %d has %d tags", err, robbed, p.Listed(robbed))
		}
		p.Free(b.on(robbed), it)
	}
	return nil
}

// Each of them fails its check, which passes without it.
func TestChecksOfTheReserveKillItsMutants(t *testing.T) {
	defer mutant.Set("")
	for _, id := range []mutant.ID{pi03, pi05, pt08, pt09, pt10, pt11, pt12} {
		mutant.Set("")
		if err := ofReserve[id](t); err != nil {
			t.Errorf("without %s: %v", id, err)
		}
		mutant.Set(id)
		if err := ofReserve[id](t); err == nil {
			t.Errorf("the check passes with %s", id)
		} else {
			t.Logf("%s: %v", id, err)
		}
	}
}

// Every planted mistake breaks the contract where the suite sees it; without one the variants pass (TestVariantsConform).
func TestSuiteKillsEveryMutant(t *testing.T) {
	defer mutant.Set("")
	for _, m := range mutant.All() {
		if m.Host != host {
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
			if tried == 0 && ofReserve[m.ID] == nil {
				t.Errorf("no variant shows %s", m.ID)
			}
		})
	}
}
