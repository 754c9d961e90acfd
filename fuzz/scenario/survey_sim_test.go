//go:build sim

package scenario

import (
	"testing"

	"headroom/internal/rng"
)

// Every generated driver that deadlocks in some schedule is one that the lock checker warns of, in the schedules that were tried until then.
func TestDeadlocksOfDriversAreForeseen(t *testing.T) {
	survey := &Survey{Seed: 1, Drivers: 60, Executions: 100, Stop: func() bool { return false }}
	tally, err := survey.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d drivers, %d come to grief, %d of them foreseen; %d with a warning", tally.Drivers, tally.Grief, tally.Foreseen, tally.Warned)
	for _, f := range tally.Missed {
		t.Errorf("no warning, and it comes to grief:\n%s", f)
	}
	for i, f := range tally.Broken {
		t.Errorf("%s:\n%s", tally.Why[i], f)
	}
	if tally.Grief < 5 || tally.Drivers-tally.Warned < 10 {
		t.Errorf("%d of %d drivers come to grief and %d have a warning: too few of one kind to show anything", tally.Grief, tally.Drivers, tally.Warned)
	}
}

// Equal seeds give equal drivers, and what is written of them is read as the same.
func TestDriversAreReadAsWritten(t *testing.T) {
	one, two := rng.New(5), rng.New(5)
	for range 200 {
		f, g := GenerateDriver(&one), GenerateDriver(&two)
		if f.String() != g.String() {
			t.Fatalf("two streams of one seed give\n%s\nand\n%s", f, g)
		}
		back, err := Read("driver", []byte(f.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, f)
		}
		if back.String() != f.String() {
			t.Fatalf("%s is read as\n%s", f, back)
		}
	}
}
