//go:build sim

package coro

import (
	"fmt"
	"runtime"
	"testing"

	"headroom/kernel/mutant"
)

// Each invariant's check passes as it is, and notices the mutant that breaks it.
func TestMutantsAreCaught(t *testing.T) {
	for _, c := range []struct {
		id    mutant.ID
		check func() error
	}{{"CO-01", theNamedOneRuns}, {"CO-02", nothingIsLeft}} {
		if err := c.check(); err != nil {
			t.Errorf("without %s: %v", c.id, err)
		}
		mutant.Set(c.id)
		err := c.check()
		mutant.Set("")
		if err == nil {
			t.Errorf("%s was not noticed", c.id)
		}
	}
}

// I1
func theNamedOneRuns() (err error) {
	var s *Set
	wanted := 0
	s = New(3, true, func(self int) {
		if !s.Closing() && self != wanted {
			err = fmt.Errorf("%d runs, wanted %d", self, wanted)
		}
		s.Switch(Main)
	})
	for _, wanted = range []int{2, 1, 3, 3} {
		s.Switch(wanted)
	}
	s.Close()
	return err
}

// I2
func nothingIsLeft() error {
	before := runtime.NumGoroutine()
	var s *Set
	s = New(3, false, func(int) {
		if !s.Closing() {
			s.Switch(Main)
		}
	})
	s.Switch(2)
	s.Close()
	if after := runtime.NumGoroutine(); after != before {
		return fmt.Errorf("%d goroutines, %d before", after, before)
	}
	return nil
}
