package main

import (
	"fmt"
	"io"
	"strings"

	"headroom/harness/result"
)

// printTrace says what was found in a recording.
func printTrace(w io.Writer, t *result.Trace) {
	fmt.Fprintf(w, "%s: %s, %d events in %.3f s on %d CPUs\n", t.File, t.Format, t.Events, float64(t.SpanNs)/1e9, t.CPUs)
	fmt.Fprintf(w, "  %d %s lifetimes, %d freed on another CPU, %d events without a partner, %d lost\n", t.Pairs, t.Kind, t.CrossCPU, t.Unmatched, t.Lost)
	highest := 0
	for _, d := range t.Depth {
		highest = max(highest, d.Max)
	}
	var b strings.Builder
	for _, d := range t.Depth {
		b.WriteRune(level(d.Mean, highest))
	}
	fmt.Fprintf(w, "  depth over time, 0 to %d: %s\n", highest, b.String())
}

// level is a block of the height of v on a scale from 0 to highest.
func level(v float64, highest int) rune {
	blocks := []rune(" ▁▂▃▄▅▆▇█")
	if highest == 0 {
		return blocks[0]
	}
	return blocks[min(len(blocks)-1, int(v/float64(highest)*float64(len(blocks)-1)+0.5))]
}
