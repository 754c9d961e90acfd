//go:build sim

package fuzz

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"headroom/kernel/sim"
)

// A diagram is well-formed XML that shows every step once, a box a stretch, as many red arrows as there are preemptions, and how the run ended; the
// same run gives the same bytes.
func TestDiagramShowsTheRun(t *testing.T) {
	defer SetMutant("")
	r := huntMutant(t, "PT-03")
	run, err := r.Play()
	if err != nil {
		t.Fatal(err)
	}
	var drawings [2]bytes.Buffer
	for i := range drawings {
		if err := run.Draw(&drawings[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(drawings[0].Bytes(), drawings[1].Bytes()) {
		t.Error("drawn twice, the run gives other bytes")
	}
	text := drawings[0].String()
	for decoder := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for i := range run.Steps {
		if n := strings.Count(text, fmt.Sprintf(">%d</text>", run.Steps[i].Number)); n != 1 {
			t.Errorf("step %d is there %d times", run.Steps[i].Number, n)
		}
	}
	if n := strings.Count(text, `style="fill:`+preemptTint); n != r.Preemptions || n == 0 {
		t.Errorf("%d red arrows for %d preemptions", n, r.Preemptions)
	}
	stretches := 1
	for i := 1; i < len(run.Steps); i++ {
		if a, b := &run.Steps[i-1], &run.Steps[i]; a.Entity != b.Entity || a.CPU != b.CPU || a.Name != b.Name {
			stretches++
		}
	}
	if n := strings.Count(text, `style="fill:#fff;stroke:`); n != stretches {
		t.Errorf("%d boxes for %d stretches", n, stretches)
	}
	for _, want := range []string{"mutant PT-03", "CPU 0", "T0: ", string(r.Class) + ": "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not there", want)
		}
	}
}

// Of a long run the edges of long stretches are drawn, and of one with many stretches the start and the end. What is left out is counted.
func TestLongRunsAreDrawnInPart(t *testing.T) {
	const stretches = 100
	for _, c := range []struct {
		length, drawn int // steps of a stretch, and of the run
		says          []string
	}{
		{5, stretches * 5, nil},
		{6, stretches * 6, nil},
		{7, 43 * 7 * 2, []string{"... 98 steps in 14 stretches, which a listing has ..."}},
		{100, 13 * 24 * 2, []string{"... 76 steps, which a listing has ...", "... 7400 steps in 74 stretches, which a listing has ..."}},
	} {
		run := &Trace{Title: "long"}
		for i := range stretches * c.length {
			run.Steps = append(run.Steps, PlayedStep{Step: sim.Step{Number: i, Entity: i / c.length % 2, Name: "T"}})
		}
		var b bytes.Buffer
		err, drawn := run.Draw(&b), run.Drawn()
		if err != nil || drawn != c.drawn || strings.Count(b.String(), "which a listing has") < len(c.says) {
			t.Errorf("stretches of %d: %d steps are drawn, want %d; %v", c.length, drawn, c.drawn, err)
		}
		for _, want := range c.says {
			if !strings.Contains(b.String(), want) {
				t.Errorf("stretches of %d: %q is not there", c.length, want)
			}
		}
		if first, last := ">0</text>", fmt.Sprintf(">%d</text>", len(run.Steps)-1); !strings.Contains(b.String(), first) || !strings.Contains(b.String(), last) {
			t.Errorf("stretches of %d: the first step or the last is left out", c.length)
		}
	}
}
