package trace

import "testing"

func TestContextComesFromItsColumn(t *testing.T) {
	for _, c := range []struct {
		flags  string
		column int
		want   Context
	}{
		{".....", 2, Process}, {"..s1.", 2, SoftIRQ}, {"..S1.", 2, Unknown}, {"d.h1.", 2, HardIRQ}, {"d.H1.", 2, HardIRQ},
		{"d.z1.", 2, NMI}, {"d.Z1.", 2, NMI}, {"d..s..", 3, SoftIRQ}, {"..s", 3, Unknown}, {"", 2, Unknown},
	} {
		if got := contextOf([]byte(c.flags), c.column); got != c.want {
			t.Errorf("column %d of %q: got %v, want %v", c.column, c.flags, got, c.want)
		}
	}
}

func TestLostEventsAreRead(t *testing.T) {
	for _, c := range []struct {
		text string
		want int // -1: no such line
	}{
		{"CPU:1 [LOST 1234 EVENTS]", 1234}, {"CPU:12 [LOST EVENTS]", 1}, {"CPU:1 [123 EVENTS DROPPED]", 123},
		{"CPU:3 [EVENTS DROPPED]", 1}, {"LOST 12 events", 12}, {"LOST 12 events, Check IO/CPU overload!", 12},
		{"dd 42 [001] 7.000001: PERF_RECORD_LOST lost 12", 12}, {"dd 42 [001] 7.000001: PERF_RECORD_LOST_SAMPLES lost 5", 5},
		{"dd 42 [001] 7.000001: PERF_RECORD_LOST", -1}, {"CPU:1", -1}, {"LOST", -1}, {"", -1},
	} {
		n, ok := lostEvents([]byte(c.text))
		if ok != (c.want >= 0) || ok && n != c.want {
			t.Errorf("%q: got %d, %v", c.text, n, ok)
		}
	}
}

// A name that holds what looks like a prefix must not be taken for one, and a line must not be cut in the wrong place.
func TestTheFirstPrefixThatFitsIsTaken(t *testing.T) {
	for _, c := range []struct {
		line string
		cpu  uint16
		name string
	}{
		{"[9] 1.000000: x-1 [002] ..... 1.000001: kfree: x", 2, "kfree"},
		{"a [1]-1 (     12) [002] ..... 1.000001: kfree: [3] 1.000000: b: c", 2, "kfree"},
		{"[001] 12 [002] 1.000001: kmem:kfree: x", 2, "kfree"},
		{"a-1 [002] 1.000001: func <-caller", 2, ""},
		{"a-1 [002] 1.000001: <stack trace>", 2, ""},
	} {
		pre, form := splitEvent([]byte(c.line))
		if form != isEvent || pre.cpu != c.cpu || string(pre.name) != c.name {
			t.Errorf("%q: got %+v, form %d", c.line, pre, form)
		}
	}
}
