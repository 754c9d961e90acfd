package trace

import (
	"strings"
	"testing"
)

// Fuzz must tell recordings from other data, or go-fuzz would not be guided.
func TestFuzzPrefersRecordings(t *testing.T) {
	if got := Fuzz([]byte(onePage)); got != 1 {
		t.Errorf("a recording: got %d, want 1", got)
	}
	if got := Fuzz([]byte("prose")); got != 0 {
		t.Errorf("prose: got %d, want 0", got)
	}
}

// A check that cannot fail shows nothing: each broken recording must be told by the invariant it breaks.
func TestCheckFindsEachBrokenInvariant(t *testing.T) {
	good := Lifetime{AllocNs: 1, FreeNs: 2, AllocSequence: 0, FreeSequence: 1}
	for _, c := range []struct {
		want   string
		damage func(l *Lifetime)
	}{
		{"I1: lifetime 0 from -1", func(l *Lifetime) { l.AllocNs = -1 }},
		{"I1: lifetime 0 from 1 to 0", func(l *Lifetime) { l.FreeNs = 0 }},
		{"I1: lifetime 0 from 1 to 4 ns of 3", func(l *Lifetime) { l.FreeNs = 4 }},
		{"I2: lifetime 0 has sequence 4", func(l *Lifetime) { l.FreeSequence = 4 }},
		{"I2: lifetime 0 has sequence 0", func(l *Lifetime) { l.FreeSequence = 0 }},
		{"I2: lifetime 1 has sequence 2", func(l *Lifetime) { l.FreeSequence = 2 }},
		{"I3: lifetime 0 is freed at sequence 0", func(l *Lifetime) { l.AllocSequence, l.FreeSequence = 1, 0 }},
		{"I2: time falls from 3 to 2", func(l *Lifetime) { l.FreeNs = 3 }},
		{"I4: lifetime 0 is of task 1 of 0", func(l *Lifetime) { l.Task = 1 }},
	} {
		r := &Recording{SpanNs: 3, Lifetimes: []Lifetime{good, {AllocNs: 2, FreeNs: 3, AllocSequence: 2, FreeSequence: 3}}}
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		c.damage(&r.Lifetimes[0])
		if err := r.Check(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// checkStreams is half of what fuzzing shows: it too must see what is wrong.
func TestCheckStreamsFindsEachFault(t *testing.T) {
	for _, fault := range []func(s []Stream){
		func(s []Stream) { s[0].Operations = s[0].Operations[1:] },
		func(s []Stream) { s[0].Operations[0].Free = true },
		func(s []Stream) { s[0].Operations[1].AtNs = -1 },
		func(s []Stream) { s[0].Operations[1].Lifetime = 1 },
		func(s []Stream) { s[0].Operations[0], s[0].Operations[1] = s[0].Operations[1], s[0].Operations[0] },
	} {
		r, err := Read(strings.NewReader(onePage), "f")
		if err != nil {
			t.Fatal(err)
		}
		streams := r.Streams(1)
		if err := r.checkStreams(streams); err != nil {
			t.Fatal(err)
		}
		fault(streams)
		if err := r.checkStreams(streams); err == nil {
			t.Errorf("nothing found in %+v", streams)
		}
	}
}

func TestStreamsOfNoCPUPanics(t *testing.T) {
	defer func() {
		if got := recover(); got != "trace: streams for 0 CPUs" {
			t.Errorf("recovered %v", got)
		}
	}()
	(&Recording{}).Streams(0)
}

func TestNamesOfUnknownValuesShowTheNumber(t *testing.T) {
	if got := Kind(7).String() + Context(8).String() + Format(9).String(); got != "Kind(7)Context(8)Format(9)" {
		t.Errorf("got %s", got)
	}
}
