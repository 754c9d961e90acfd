package plot

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"headroom/harness/result"
	"headroom/harness/stats"
)

// timedTitles says what a panel of a spectrum timed.
var timedTitles = map[string]string{
	result.TimedOperation: "one operation",
	result.TimedAlloc:     "one alloc",
	result.TimedFree:      "one free",
	result.TimedIntended:  "alloc, from intended start",
	result.TimedStart:     "submission to alloc",
	result.TimedActual:    "alloc, uncorrected",
	result.TimedServed:    "release to served",
}

// Spectra draws the percentile spectra of every workload and item kind whose rows have distributions: the percentile, on an axis on which each
// nine takes the same room, against the time on a logarithmic one. It gives no picture when no row has any.
func Spectra(rows []stats.Row, c Caption) ([]Picture, error) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r stats.Row) bool { return len(r.Tails) == 0 || result.IsControl(r.Params) })
	if c.Designs == nil {
		c.Designs = distinct(rows, func(r stats.Row) string { return r.Design })
	}
	var pictures []Picture
	for _, group := range groupBy(rows, func(r stats.Row) string { return r.Workload + "\x00" + r.ItemKind }) {
		if len(spectrumChart(group).values) == 0 {
			continue // no sample has operations enough
		}
		p, err := drawParts(group, c, spectrumChart)
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, p...)
	}
	return pictures, nil
}

// spectrumChart arranges the distributions of rows of one workload and item kind, with a panel for each thing timed.
func spectrumChart(rows []stats.Row) *chart {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, byParams)
	c := &chart{workload: rows[0].Workload, kind: rows[0].ItemKind, spectrum: true, xLabel: "percentile of operations", xName: "percentile"}
	c.name = fileName(c.workload, c.kind, "spectrum")
	c.title = c.workload + ": percentiles of single operations"
	var shared []result.Pair // parameters that all rows have alike: they stand in the title
	for _, p := range rows[0].Params {
		if !slices.ContainsFunc(rows, func(r stats.Row) bool { return !slices.Contains(r.Params, p) }) {
			shared = append(shared, p)
		}
	}
	for _, r := range rows {
		own := slices.DeleteFunc(slices.Clone(r.Params), func(p result.Pair) bool { return slices.Contains(shared, p) })
		for _, t := range r.Tails {
			c.addSpectrum(&r, &t, paramText(own))
		}
	}
	c.shared = paramText(shared)
	slices.Sort(c.xs)
	c.xs = slices.Compact(c.xs)
	c.finishTitle()
	return c
}

// addSpectrum adds one line, in a panel that it shares with the other designs timed in the same way.
func (c *chart) addSpectrum(r *stats.Row, t *stats.Tail, params string) {
	timed := timedTitles[t.Timed]
	if timed == "" {
		timed = t.Timed
	}
	title := strings.Join(slices.DeleteFunc([]string{cpus(r.CPUs), params, timed}, func(s string) bool { return s == "" }), ", ")
	s := series{design: r.Design, guarantee: r.Guarantee}
	for _, at := range t.Spectrum {
		if at.Ns <= 0 || at.Share >= 1 {
			continue
		}
		p := point{name: r.Name, x: 1 / (1 - at.Share), y: at.Ns, class: r.Class, samples: r.Ns.Count(), floor: at.Floor}
		s.points = append(s.points, p)
		c.values, c.xs = append(c.values, p), append(c.xs, p.x)
		c.note(r, p)
	}
	if len(s.points) == 0 {
		return
	}
	i := slices.IndexFunc(c.panels, func(p panel) bool { return p.title == title })
	if i < 0 {
		i = len(c.panels)
		c.panels = append(c.panels, panel{title: title})
	}
	c.panels[i].series = append(c.panels[i].series, s)
}

// nineScale is the axis of a spectrum: 1/(1-p) on a logarithmic scale, from low to high, with the usual percentiles marked.
func nineScale(low, high float64) scale {
	s := scale{low: low, high: max(high, 10*low), log: true}
	for _, at := range []float64{2, 10, 100, 1e3, 1e4, 1e5, 1e6} {
		if at >= low*(1-1e-9) && at <= s.high*(1+1e-9) {
			s.ticks = append(s.ticks, tick{at, percent(at)})
		}
	}
	return s
}

// percent writes the percentile of 1/(1-p) = x in per cent, with no more digits than tell it from 100: 99.9, 99.98.
func percent(x float64) string {
	decimals := max(0, int(math.Floor(math.Log10(x)+1e-9))-2)
	if x > 10 && math.Abs(math.Log10(x)-math.Round(math.Log10(x))) > 1e-3 {
		decimals++
	}
	return strconv.FormatFloat(100-100/x, 'f', decimals, 64)
}

// timeScale is a logarithmic axis of ns that labels its ticks with their units.
func timeScale(low, high float64) scale {
	s := decadeScale(low, high, unit{size: 1})
	for i, t := range s.ticks {
		if t.label != "" {
			s.ticks[i].label = span(t.value)
		}
	}
	return s
}

// span writes a number of ns in the unit that leaves one to three digits before the point.
func span(ns float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if ns >= u.size {
			return shortest(ns/u.size) + " " + u.name
		}
	}
	return shortest(ns) + " ns"
}

// shortest writes three significant digits at most.
func shortest(v float64) string {
	digits := 2 - int(math.Floor(math.Log10(v)))
	power := math.Pow10(digits)
	return strconv.FormatFloat(math.Round(v*power)/power, 'f', -1, 64)
}

// drawSpectrum draws the line of a series: dotted inside the machine's floor, with its mark at the labelled percentiles.
func (f *figure) drawSpectrum(c draw.Canvas, s series, places []place) {
	l := f.looks[s.design]
	for i := 1; i < len(places); i++ {
		if !next(s.points[i-1], s.points[i]) {
			continue
		}
		dashes := l.dashes
		if s.points[i].floor {
			dashes = []vg.Length{1, 2}
		}
		stroke(c, l.color, 1.3, dashes, places[i-1].at, places[i].at)
	}
	for i, p := range s.points {
		for _, t := range f.x.ticks {
			if math.Abs(math.Log10(p.x/t.value)) < 2e-3 {
				drawMark(c, l, places[i].at, p.floor)
			}
		}
	}
}

// next reports whether no percentile of a spectrum was left out between two points: ten of them make a nine.
func next(a, b point) bool { return math.Log10(b.x/a.x) < 1.5/10 }

// spectrumNotes says what the lines are.
func (f *figure) spectrumNotes(samples string) string {
	notes := fmt.Sprintf("Lines: the operations of all kept samples together (%s, each a fresh process), as far as enough operations lie above; broken where those that were timed are too few. ", samples)
	if slices.ContainsFunc(f.values, func(p point) bool { return p.floor }) {
		notes += "Dotted, with hollow marks: floor, where the machine's own gaps explain the percentile and nothing about the design can be read. "
	}
	return notes + "Intervals over the samples stand in the report's table."
}

// spectrumAlt describes the spectra in words: each design's last percentile in the last panel, by name.
func (c *chart) spectrumAlt() string {
	if len(c.panels) == 0 {
		return c.title + "."
	}
	p := c.panels[len(c.panels)-1]
	var parts []string
	for _, s := range p.series {
		last := s.points[len(s.points)-1]
		text := fmt.Sprintf("%s %s at %s %%", s.design, span(last.y), percent(last.x))
		if last.floor {
			text += " (floor)"
		}
		parts = append(parts, text)
	}
	slices.Sort(parts)
	where := ""
	if p.title != "" {
		where = " (" + p.title + ")"
	}
	return c.title + ". Where the lines end" + where + ": " + strings.Join(parts, ", ") + "."
}
