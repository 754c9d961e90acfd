package measure

import (
	"testing"

	"headroom/kernel"
	"headroom/kernel/arch"
	"headroom/kernel/atomic"
	"headroom/kernel/machine"
	"headroom/kernel/mem"
)

// processors are the first few of this process, two where there are two.
func processors(t *testing.T) []machine.CPU {
	t.Helper()
	ids, err := machine.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	topology, err := machine.ReadTopology("/sys", ids)
	if err != nil {
		t.Fatal(err)
	}
	return topology.CPUs[:min(2, len(ids))]
}

// A compare-and-swap and the empty loop take some time, and the chain of swaps really was one: the word holds its last value.
func TestCostsArePositive(t *testing.T) {
	m, err := machine.NewNative(machine.Options{CPUs: processors(t)[:1]})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	word, err := mem.New[atomic.Uint64](m.Memory(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var cas, loop float64
	m.Spawn(nil, machine.Spec{Name: "costs", Body: func(t *kernel.Task) { cas, loop = CAS(t, word), Loop(t) }})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	const absurdNs = 1e6
	if cas <= 0 || loop <= 0 || cas > absurdNs || loop > absurdNs || word.Load() != casPerBatch {
		t.Errorf("a compare-and-swap takes %v ns, a turn of the loop %v ns, and the word is %d", cas, loop, word.Load())
	}
}

// Both sides of a court come back with an answer, time after time on the same court, whoever comes first.
func TestBothSidesOfACourtReturn(t *testing.T) {
	cpus := processors(t)
	m, err := machine.NewNative(machine.Options{CPUs: cpus})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	court, err := NewCourt(m)
	if err != nil {
		t.Fatal(err)
	}
	const games = 5
	trips := make([][]float64, len(cpus))
	for i := range cpus {
		m.Spawn(nil, machine.Spec{Name: "side", CPU: i, Body: func(*kernel.Task) {
			for len(cpus) > 1 && len(trips[i]) < games {
				trips[i] = append(trips[i], court.Serve(i == 0))
			}
		}})
	}
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	for i, list := range trips {
		if len(cpus) > 1 && len(list) != games {
			t.Errorf("side %d played %d of %d games", i, len(list), games)
		}
		for _, ns := range list {
			if ns <= 0 {
				t.Errorf("side %d saw round trips of %v ns", i, list)
			}
		}
	}
}

// The median is the middle value, or the mean of the two in the middle.
func TestMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{7}, 7}, {[]float64{9, 1}, 5}, {[]float64{3, 100, 1}, 3}, {[]float64{4, 1, 100, 2}, 3}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median %v, want %v", got, c.want)
		}
	}
}

// Whoever waits for another CPU gives way as soon as a million ticks have passed, whether one look takes a nanosecond or all of that, and goes on
// waiting.
func TestPatienceGivesWayByTheClock(t *testing.T) {
	var dear Patience
	if dear.Round() {
		t.Error("the first look gives way")
	}
	for range 3 {
		for began := arch.TSC(); arch.TSC()-began <= patientTicks; { // one long look
		}
		if !dear.Round() {
			t.Error("a look of a million ticks does not give way")
		}
	}
	var cheap Patience
	cheap.Round()
	began, first := arch.TSC(), cheap.since
	for cheap.since == first {
		cheap.Turn()
	}
	if took := arch.TSC() - first; arch.TSC()-began < patientTicks/2 || took < patientTicks {
		t.Errorf("quick looks give way after %d ticks", took)
	}
}
