//go:build sim

package page

import (
	"fmt"
	"testing"

	"headroom/kernel/mutant"
	"headroom/kernel/reach"
)

// The mutants that need one CPU only are found by the same checks.
func TestSequentialChecksCatchTheMutants(t *testing.T) {
	for _, c := range []struct {
		id    mutant.ID
		check func() error
	}{
		{pa06, func() error { return setAsideIsSigned(t) }},
		{pg12, func() error { return setAsideIsGiven(t) }},
		{um01, func() error { return reserveIsNotCached(t, TryLock) }},
		{um01, func() error { return reserveIsNotCached(t, IRQOff) }},
		{nl01, func() error { return pathsAgree(t) }},
		{nl02, func() error { return lateIsNoExcuse(t) }},
		{nl03, func() error { return pathsAgree(t) }},
		{nl04, func() error { return nmiAnywhere(t) }},
		{pg01, func() error { return buddyStory(t, mergeStory) }},
	} {
		if err := with(c.id, c.check); err == nil {
			t.Errorf("%s: its check finds nothing", c.id)
		} else {
			t.Logf("%s: %v", c.id, err)
		}
	}
}

// with runs a check with a mutant on; a panic is a finding too.
func with(id mutant.ID, check func() error) (err error) {
	mutant.Set(id)
	defer mutant.Set("")
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return check()
}

// catches expects that some schedule of a program fails with the mutant.
func catches(t *testing.T, id string, p program) {
	t.Helper()
	err := with(mutant.ID(id), func() error { return explore(p) })
	if err == nil {
		t.Errorf("%s: its check finds nothing", id)
		return
	}
	t.Logf("%s: %v", id, err)
}

// Every mutant of this package is in one of the tables above.
func TestEveryMutantHasItsCheck(t *testing.T) {
	checked := map[mutant.ID]bool{"PA-01": true, "PA-02": true, "PA-03": true, "PA-04": true, "PA-06": true, "UM-01": true, "NL-01": true,
		"PG-01": true, "PG-02": true, "PG-03": true, "PG-04": true, "PG-05": true, "PG-06": true, "PG-07": true, "PG-08": true, "PG-09": true,
		"NL-02": true, "NL-03": true, "NL-04": true, "NL-05": true, "NL-06": true, "NL-07": true,
		"PG-10": true, "PG-11": true, "PG-12": true,
		"RV-01": true, "RV-02": true, "RV-03": true, "RV-04": true, "RV-05": true, "RV-06": true}
	for _, m := range mutant.All() {
		if m.Host == host && !checked[m.ID] {
			t.Errorf("%s has no check", m.ID)
		}
	}
}

func reachPoints() []*reach.Point { return reach.All() }
