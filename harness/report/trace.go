package report

import (
	"fmt"
	"strconv"
	"strings"

	"headroom/harness/result"
)

// Lengths of a trace's depth over time.
const (
	sparkWidth = 60 // signs in the line
	depthRows  = 16 // lines in the table
)

// traces writes what was found in each recording.
func (d *document) traces() {
	if len(d.run.Traces) == 0 {
		return
	}
	d.line("## Traces\n")
	for i := range d.run.Traces {
		d.trace(&d.run.Traces[i])
	}
}

func (d *document) trace(t *result.Trace) {
	d.line("### %s\n", code(t.File))
	if t.Description != "" {
		d.line("%s\n", words(t.Description))
	}
	g := grid{header: []string{"what", "value"}, left: 1}
	g.add("format", words(t.Format))
	g.add("kind of lifetime", words(t.Kind))
	g.add("events read", strconv.Itoa(t.Events))
	g.add("lifetimes paired", strconv.Itoa(t.Pairs))
	g.add("unmatched starts and ends", share(t.Unmatched, 2*t.Pairs+t.Unmatched, "of starts and ends"))
	g.add("events lost by the recorder", strconv.Itoa(t.Lost))
	g.add("freed on another CPU", share(t.CrossCPU, t.Pairs, "of lifetimes"))
	g.add("CPUs seen", strconv.Itoa(t.CPUs))
	g.add("span", duration(t.SpanNs))
	g.add("most open at once", strconv.Itoa(t.MaxDepth))
	d.line("%s", g.String())
	if t.Lost > 0 {
		d.line("> The recorder lost %s, so lifetimes are missing and the depth below is too low by an unknown amount.\n", plural(t.Lost, "event"))
	}
	if len(t.Depth) == 0 {
		d.line("Depth over time: not recorded.\n")
		return
	}
	d.line("Open lifetimes over time (mean of each slice, from 0 to %s):\n", number(greatestMean(thin(t.Depth, sparkWidth))))
	d.line("    %s\n", sparkline(thin(t.Depth, sparkWidth)))
	depth := grid{header: []string{"from", "mean open", "most open"}}
	for _, p := range thin(t.Depth, depthRows) {
		depth.add(duration(p.AtNs), number(p.Mean), strconv.Itoa(p.Max))
	}
	d.line("%s", depth.String())
}

// share writes a count with its percentage of a whole, which may be 0.
func share(n, whole int, of string) string {
	if whole == 0 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d (%s %s)", n, percent(100*float64(n)/float64(whole)), of)
}

// thin joins neighbouring slices of equal length until there are at most count: means are averaged, the greatest kept.
func thin(points []result.DepthPoint, count int) []result.DepthPoint {
	step := (len(points) + count - 1) / count
	var out []result.DepthPoint
	for i := 0; i < len(points); i += step {
		joined := points[i]
		part := points[i:min(i+step, len(points))]
		sum := 0.0
		for _, p := range part {
			sum += p.Mean
			joined.Max = max(joined.Max, p.Max)
		}
		joined.Mean = sum / float64(len(part))
		out = append(out, joined)
	}
	return out
}

func greatestMean(points []result.DepthPoint) float64 {
	greatest := 0.0
	for _, p := range points {
		greatest = max(greatest, p.Mean)
	}
	return greatest
}

// sparkline draws the means as one line of text; a blank is 0.
func sparkline(points []result.DepthPoint) string {
	bars := []rune(" ▁▂▃▄▅▆▇█")
	greatest := greatestMean(points)
	var b strings.Builder
	for _, p := range points {
		level := 0
		if p.Mean > 0 {
			level = 1 + int(p.Mean/greatest*7.999)
		}
		b.WriteRune(bars[level])
	}
	return b.String()
}
