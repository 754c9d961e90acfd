//go:build sim

package ida

import (
	"fmt"
	"testing"

	"headroom/designs"
	"headroom/designs/designtest"
	"headroom/kernel"
	"headroom/kernel/machine"
	"headroom/kernel/mutant"
)

// freeTwoBesideTwoSleepers runs, under many schedules, a task of CPU 1 that holds all ids and frees two of them when two callers of CPU 0 sleep. With
// private magazines of one id a free that does not see a caller keeps its id on CPU 1, out of the callers' reach.
func freeTwoBesideTwoSleepers() error {
	const ids = 8
	var w *Wrapped
	must := func(_ designs.Item, err error) {
		if err != nil {
			panic(err)
		}
	}
	return designtest.Explore(designtest.Program{CPUs: 2, MemoryBytes: 512 << 10, StepLimit: 30_000, Seeds: 10_000,
		Build: func(m machine.Machine) (err error) {
			w, err = NewWrapped(m, Options{IDs: ids, Size: 1})
			if err == nil && w.size != 1 {
				err = fmt.Errorf("magazines of %d ids, want 1", w.size)
			}
			return err
		},
		Stage: func(m machine.Machine) {
			m.Spawn(nil, machine.Spec{Name: "owner", CPU: 1, Body: func(t *kernel.Task) {
				for range ids {
					must(w.Alloc(t, kernel.NoWait))
				}
				var sleepers []*kernel.Task
				for range 2 {
					m.Spawn(t, machine.Spec{Name: "sleeper", CPU: 0, Body: func(t *kernel.Task) {
						sleepers = append(sleepers, t)
						must(w.Alloc(t, kernel.Kernel))
					}})
				}
				for len(sleepers) < 2 || !sleepers[0].Parked() || !sleepers[1].Parked() {
					t.Resched()
				}
				w.Free(t, 0)
				w.Free(t, 1)
			}})
		},
		Verdict: func() error { return w.Check() },
	})
}

// I7: each of two sleeping callers gets one of two ids freed on another CPU, whatever happens between its looks.
func TestIDsFreedWhileCallersWaitReachThem(t *testing.T) {
	defer mutant.Set("")
	mutant.Set("")
	if err := freeTwoBesideTwoSleepers(); err != nil {
		t.Error(err)
	}
	mutant.Set(id09)
	err := freeTwoBesideTwoSleepers()
	if err == nil {
		t.Errorf("nobody is left asleep with %s", id09)
	}
	t.Log(err)
}
