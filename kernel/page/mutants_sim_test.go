//go:build sim

package page

import (
	"fmt"
	"testing"

	"headroom/kernel/mutant"
)

// The mutants that need one CPU only are found by the same checks.
func TestSequentialChecksCatchTheMutants(t *testing.T) {
	for _, c := range []struct {
		id    mutant.ID
		check func() error
	}{
		{pa06, func() error { return setAsideIsSigned(t) }},
		{um01, func() error { return reserveIsNotCached(t, TryLock) }},
		{um01, func() error { return reserveIsNotCached(t, IRQOff) }},
		{nl01, func() error { return pathsAgree(t) }},
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
