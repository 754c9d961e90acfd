package shrink

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"headroom/fuzz/explore"
	"headroom/kernel/sim"
)

// A schedule for a smaller case leaves out who is gone, and calls the others, the machine's own among them, by their new numbers.
func TestSchedulesAreRenumbered(t *testing.T) {
	larger := sim.Options{CPUs: 2, Entities: 5, Memory: sim.TSO, Migrations: 1} // 0 to 4, buffers 5 and 6, movers 7 and 8
	smaller := sim.Options{CPUs: 2, Entities: 4, Migrations: 1}                 // 0 to 3, movers 4 and 5
	schedule := func(entities ...int) (list []explore.Segment) {
		for i, e := range entities {
			list = append(list, explore.Segment{Entity: e, Steps: i + 1})
		}
		return list
	}
	got := Refit(schedule(0, 1, 2, 3, 5, 8, 1), 1, larger, smaller)
	want := []explore.Segment{{Entity: 0, Steps: 1}, {Entity: 1, Steps: 3}, {Entity: 2, Steps: 4}, {Entity: 5, Steps: 6}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("renumbered: %+v; want %+v", got, want)
	}
	if got := Refit(schedule(0, 3, 7), -1, larger, larger); !reflect.DeepEqual(got, schedule(0, 3, 7)) {
		t.Errorf("nothing is gone, and it becomes %+v", got)
	}
}

// What shrinking did is said in figures, and faults only where there were any.
func TestShrunkIsDescribed(t *testing.T) {
	s := Shrunk{Executions: 9, Finished: true, Before: Extent{Tasks: 3, Ops: 8, Preemptions: 4}, After: Extent{Tasks: 2, Ops: 5, Preemptions: 1}}
	sum, rest := s.Describe(true)
	if !strings.Contains(sum, "in 9 executions: tasks 3 to 2, operations 8 to 5") || strings.Contains(sum, "by itself") || !strings.Contains(rest, "none fails so") {
		t.Errorf("%s; %s", sum, rest)
	}
	s.Before.Acts, s.Finished = 4, false
	if sum, rest = s.Describe(false); !strings.Contains(sum, "by itself 4 to 0, preemptions 4 to 1") || !strings.Contains(rest, "budget") {
		t.Errorf("%s; %s", sum, rest)
	}
}

// What is needed is found whatever is around it, the last among it, and an error ends the search.
func TestNeededIsKept(t *testing.T) {
	for _, needed := range [][]int{{9}, {0, 9}, {3, 4, 9}, {1, 5, 8, 9}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		shows := func(some []int) (bool, error) {
			for _, n := range needed {
				if !slices.Contains(some, n) {
					return false, nil
				}
			}
			return slices.IsSorted(some), nil
		}
		got, err := Needed([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, shows)
		if err != nil || !slices.Equal(got, needed) {
			t.Errorf("%v are kept of those needed, %v; %v", got, needed, err)
		}
	}
	broken := errors.New("broken")
	if _, err := Needed([]int{1, 2}, func([]int) (bool, error) { return true, broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
