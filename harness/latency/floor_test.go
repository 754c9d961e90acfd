package latency

import (
	"strings"
	"testing"

	"headroom/harness/result"
	"headroom/kernel/latency"
)

// spun is a machine whose loop spun for 100 ms with turns of 10 ns, held up so often for so long (ns).
func spun(t *testing.T, gaps map[float64]int) *Floor {
	t.Helper()
	const spunNs, turnNs = 100e6, 10
	turns := new(latency.Histogram)
	left := float64(spunNs)
	for ns, n := range gaps {
		for range n {
			turns.Record(uint64(ns * ticksPerNs))
		}
		left -= ns * float64(n)
	}
	for range int(left / turnNs) {
		turns.Record(turnNs * ticksPerNs)
	}
	stored, err := FloorOf(0, spunNs, turns, ticksPerNs)
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFloor([]result.Floor{stored})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A percentile is the machine's when its gaps are as long and come as often as half of what lies above it; not when they are shorter or rarer. In
// each case 1,000,000 operations of 50 ns take 50 ms, half of the time the loop spun, so half as many gaps fall into them as the loop saw.
func TestFloorIsWhatTheGapsExplain(t *testing.T) {
	const operations, slowNs = 1_000_000, 5000
	for _, c := range []struct {
		name string
		slow int // operations of slowNs
		gaps map[float64]int
		p    float64
		want bool
	}{
		{"no gaps", 100, nil, 99.995, false},
		{"as long and as often", 100, map[float64]int{5200: 200}, 99.995, true},
		{"half as often", 100, map[float64]int{5200: 55}, 99.995, true},
		{"too rare", 100, map[float64]int{5200: 45}, 99.995, false},
		{"too short", 100, map[float64]int{4000: 200}, 99.995, false},
		{"too short, however many", 100, map[float64]int{4000: 2000}, 99.995, false},
		{"longer ones count", 100, map[float64]int{50_000: 200}, 99.995, true},
		{"the usual operation", 100, map[float64]int{5200: 200}, 50, false},
		{"little more than the usual", 100, map[float64]int{5200: 200}, 90, false},
		{"the longest of all", 1, map[float64]int{5200: 2}, 100, true},
		{"the longest, but no gap like it", 1, map[float64]int{400: 2000}, 100, false},
	} {
		d := merged(t, stored(t, result.TimedOperation, map[float64]int{50: operations - c.slow, slowNs: c.slow}))
		if got := spun(t, c.gaps).Explains(d, c.p); got != c.want {
			t.Errorf("%s: p%v of %v ns explained: %v, want %v", c.name, c.p, d.Percentile(c.p), got, c.want)
		}
	}
}

// An operation timed from when it was due waits for the rest of a gap: one gap of 10 ms in 100 ms makes a tenth of the operations late, though it
// hits only one that is under way.
func TestGapsDelayWhatIsDueMeanwhile(t *testing.T) {
	f := spun(t, map[float64]int{10e6: 1})
	late := map[float64]int{50: 93_000, 4e6: 7000} // 6 % of the moments have 4 ms of the gap or more ahead
	if d := merged(t, stored(t, result.TimedIntended, late)); !f.Explains(d, 95) {
		t.Error("operations due in the gap: not explained by it")
	}
	if d := merged(t, stored(t, result.TimedActual, late)); f.Explains(d, 95) {
		t.Error("thousands of operations that began outside of the gap: explained by it")
	}
	if d := merged(t, stored(t, result.TimedIntended, map[float64]int{50: 80_000, 4e6: 20_000})); f.Explains(d, 85) {
		t.Error("15 % of the operations late, where the gap accounts for 6 %: explained by it")
	}
}

// Floors of several CPUs are added up: gaps of one that was spun on as long as the other hit half as often. The usual turn is the reading's cost.
func TestFloorsOfCPUsAddUp(t *testing.T) {
	busy, quiet := new(latency.Histogram), new(latency.Histogram)
	for range 1000 {
		busy.Record(25)
		quiet.Record(25)
	}
	const gapTicks = 12_500
	for range 10 {
		busy.Record(gapTicks)
	}
	var floors []result.Floor
	for cpu, h := range []*latency.Histogram{busy, quiet} {
		f, err := FloorOf(cpu, 1e6, h, ticksPerNs)
		if err != nil {
			t.Fatal(err)
		}
		floors = append(floors, f)
	}
	d := merged(t, stored(t, result.TimedOperation, map[float64]int{50: 19_985, 4000: 15})) // 1 ms: 10 gaps on busy, 5 on both
	both, err := NewFloor(floors)
	if err != nil {
		t.Fatal(err)
	}
	one, err := NewFloor(floors[:1])
	if err != nil {
		t.Fatal(err)
	}
	if one.ReadingNs() < 9.9 || one.ReadingNs() > 10.1 {
		t.Errorf("a reading takes %v ns, want 10", one.ReadingNs())
	}
	const p = 99.93 // 14 operations above
	if !one.Explains(d, p) || both.Explains(d, p) {
		t.Errorf("p%v: explained by the busy CPU %v, by both %v; want true and false", p, one.Explains(d, p), both.Explains(d, p))
	}
}

// A damaged floor is one line that names the CPU and the remedy; no floor explains nothing.
func TestDamagedFloorsAreRefused(t *testing.T) {
	good, err := FloorOf(3, 1000, new(latency.Histogram), ticksPerNs)
	if err != nil {
		t.Fatal(err)
	}
	never := good
	never.SpunNs = 0
	torn := good
	torn.Histogram = torn.Histogram[1:]
	for want, bad := range map[string]result.Floor{"floor of CPU 3: 0 turns in 0 ns cannot be; copy": never, "floor of CPU 3: damaged histogram (": torn} {
		if _, err := NewFloor([]result.Floor{good, bad}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	none, err := NewFloor(nil)
	if err != nil || none.Explains(merged(t, stored(t, result.TimedAlloc, map[float64]int{20: 10, 900: 1})), 100) {
		t.Errorf("no floor explains something, or is refused: %v", err)
	}
}
