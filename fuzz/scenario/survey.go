package scenario

import (
	"fmt"

	"headroom/internal/rng"
	"headroom/kernel/sim"
)

// Survey runs generated drivers, and counts what the lock checker foresaw. A driver comes to grief when one of the schedules tried ends in a deadlock or a
// livelock. That it does not is no proof that it cannot: a warning without grief may be right.
type Survey struct {
	Seed       uint64
	Drivers    int         // end after so many; 0 for no limit
	Executions int         // schedules for each driver
	Stop       func() bool // asked between executions; once true, always true
}

// Tally is what a survey ends with.
type Tally struct {
	Drivers  int     // that were run to their budget
	Grief    int     // that come to grief
	Foreseen int     // of these, with a warning
	Warned   int     // with a warning, whether they come to grief or not
	Missed   []*File // that come to grief without a warning
	Broken   []*File // that fail in any other way
	Why      []string
}

// Run draws drivers and searches each for grief and for warnings.
func (s *Survey) Run() (*Tally, error) {
	stream, tally := rng.New(s.Seed), &Tally{}
	for (s.Drivers == 0 || tally.Drivers < s.Drivers) && !s.Stop() {
		f := GenerateDriver(&stream)
		f.Name = fmt.Sprintf("driver-%d", tally.Drivers)
		f.Expect = []Class{Class(sim.Deadlock), Class(sim.Livelock), Lockdep}
		search := &Search{File: f, Seed: stream.Uint64(), Executions: s.Executions, Stop: s.Stop}
		found, err := search.Run()
		if err != nil {
			return nil, err
		}
		if s.Stop() && found.Executions < s.Executions && !found.has(Lockdep) {
			break // it had not its chance
		}
		tally.add(found)
	}
	return tally, nil
}

// add counts one driver.
func (t *Tally) add(found *Found) {
	t.Drivers++
	grief, warned := found.has(Class(sim.Deadlock)) || found.has(Class(sim.Livelock)), found.has(Lockdep)
	switch {
	case grief && warned:
		t.Grief++
		t.Foreseen++
	case grief:
		t.Grief++
		t.Missed = append(t.Missed, found.File)
	}
	if warned {
		t.Warned++
	}
	for _, r := range found.Failures {
		if r.Class != sim.Deadlock && r.Class != sim.Livelock {
			t.Broken = append(t.Broken, found.File)
			t.Why = append(t.Why, r.Message)
		}
	}
}
