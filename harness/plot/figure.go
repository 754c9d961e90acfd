package plot

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"headroom/harness/stats"
)

// Distances in points.
const (
	margin      = 14 // white around everything
	gap         = 12 // between panels, and between panels and legend
	tickLength  = 4
	tickGap     = 4   // between a tick and its label
	sampleWidth = 26  // line with a mark, in the legend
	legendWidth = 170 // longer names are wrapped
)

// figure is a chart with every place worked out. Lengths are points; y grows upwards.
type figure struct {
	*chart
	caption Caption
	looks   map[string]look
	x, y    scale
	unit    unit
	hollow  string // the class whose marks are hollow, "" when none are

	width, height vg.Length
	data          vg.Point // size of a panel's data area
	left          vg.Length
	below         vg.Length // room under the data area: ticks and their labels
	columns, rows int
	title         []string
	definition    []string
	notes         []string
	legend        []legendEntry
	axisRoom      vg.Length // room left of a panel's data area
	valueRoom     vg.Length // room right of it, for the figures of a dot chart
	names         map[string][]string
}

// legendEntry is a design with its name broken into lines.
type legendEntry struct {
	design string
	lines  []string
}

// newFigure works out sizes and places.
func newFigure(c *chart, caption Caption) *figure {
	f := &figure{chart: c, caption: caption}
	designs := f.designs()
	all := caption.Designs
	if all == nil {
		all = slices.Sorted(slices.Values(designs))
	}
	f.looks = looks(slices.Sorted(slices.Values(designs)), all)
	if len(c.classes) > 1 {
		f.hollow = c.classes[0] // "far" of far and near
	}
	f.grid()
	f.scales()
	if f.dots {
		f.dotRooms()
	} else {
		for _, t := range f.y.ticks {
			f.axisRoom = max(f.axisRoom, tickStyle.Width(t.label))
		}
		f.axisRoom += tickLength + tickGap
		f.left = lineHeight(labelStyle) + 4
		for _, d := range designs {
			f.legend = append(f.legend, legendEntry{d, wrap(legendStyle, d, legendWidth)})
		}
	}
	f.below = tickLength + tickGap + lineHeight(tickStyle)
	f.size()
	return f
}

// designs names the designs of the chart: those of one guarantee together, the one that ends highest first, so that the legend has the order of
// the lines.
func (f *figure) designs() []string {
	type end struct {
		design    string
		guarantee string
		last      point
		panel     int
	}
	var ends []end
	for i, p := range f.panels {
		for _, s := range p.series {
			e := end{s.design, s.guarantee, s.points[len(s.points)-1], i}
			if at := slices.IndexFunc(ends, func(o end) bool { return o.design == s.design }); at >= 0 {
				ends[at] = e
			} else {
				ends = append(ends, e)
			}
		}
	}
	slices.SortStableFunc(ends, func(a, b end) int {
		switch {
		case a.guarantee != b.guarantee:
			return strings.Compare(a.guarantee, b.guarantee)
		case a.last.x != b.last.x:
			return int(b.last.index - a.last.index)
		case a.last.y > b.last.y:
			return -1
		case a.last.y < b.last.y:
			return 1
		}
		return strings.Compare(a.design, b.design)
	})
	var names []string
	for _, e := range ends {
		names = append(names, e.design)
	}
	return names
}

// grid chooses columns and the size of the data areas.
func (f *figure) grid() {
	switch n := len(f.panels); {
	case n == 1:
		f.columns, f.data = 1, vg.Point{X: 330, Y: 215}
	case n <= 4 || f.spectrum: // an open loop has its two timings side by side
		f.columns, f.data = 2, vg.Point{X: 225, Y: 150}
	default:
		f.columns, f.data = 3, vg.Point{X: 175, Y: 125}
	}
	f.rows = (len(f.panels) + f.columns - 1) / f.columns
}

// scales makes the axes, which all panels share.
func (f *figure) scales() {
	least, greatest := f.values[0].y, f.values[0].y
	for _, p := range f.values {
		low, high := p.y, p.y
		if p.bounded {
			low, high = p.low, p.high
		}
		least, greatest = min(least, low), max(greatest, high)
	}
	f.unit = unitOf(greatest)
	switch {
	case f.spectrum:
		f.y, f.x = timeScale(least, greatest), nineScale(f.xs[0], f.xs[len(f.xs)-1])
		return
	case f.caption.LogY:
		f.y = decadeScale(least, greatest, f.unit)
	case f.dots:
		f.y = linearScale(greatest, f.unit, int(f.data.X/45))
	default:
		f.y = linearScale(greatest, f.unit, int(f.data.Y/28)) // I2
	}
	if !f.dots {
		f.x = powerScale(f.xs, f.data.X)
	}
}

// size adds everything up and breaks the texts into lines of the width that comes out.
func (f *figure) size() {
	legend := vg.Length(0)
	var legendHeight vg.Length
	for _, e := range f.legend {
		for _, line := range e.lines {
			legend = max(legend, sampleWidth+6+legendStyle.Width(line))
		}
		legendHeight += vg.Length(len(e.lines))*lineHeight(legendStyle) + 3
	}
	if legend > 0 {
		legend += gap + 4
	}
	f.width = 2*margin + f.left + vg.Length(f.columns)*f.cell().X - gap + legend
	inner := f.width - 2*margin
	f.title = wrap(titleStyle, f.chart.title, inner)
	f.definition = wrap(textStyle, f.caption.Definition, inner)
	for _, n := range f.noteTexts() {
		f.notes = append(f.notes, wrap(noteStyle, n, inner)...)
	}
	f.height = f.head() + max(f.body(), legendHeight) + f.foot()
}

// cell is the size of a panel with its axes, its title and the gap behind it.
func (f *figure) cell() vg.Point {
	return vg.Point{X: f.axisRoom + f.data.X + f.valueRoom + gap, Y: f.panelTitle() + f.data.Y + f.below + gap}
}

func (f *figure) panelTitle() vg.Length {
	if len(f.panels) == 1 {
		return 4
	}
	most := 1
	for _, p := range f.panels {
		most = max(most, len(f.panelLines(p)))
	}
	return vg.Length(most)*lineHeight(panelStyle) + 3
}

// panelLines breaks the title of a panel into lines that stay clear of the panel beside it.
func (f *figure) panelLines(p panel) []string {
	return wrap(panelStyle, p.title, f.data.X+f.valueRoom)
}

func (f *figure) head() vg.Length {
	return margin + vg.Length(len(f.title))*lineHeight(titleStyle) + vg.Length(len(f.definition))*lineHeight(textStyle) + 6
}

func (f *figure) body() vg.Length {
	return vg.Length(f.rows)*f.cell().Y - gap + 2 + lineHeight(labelStyle)
}

func (f *figure) foot() vg.Length {
	return 10 + vg.Length(len(f.notes))*lineHeight(noteStyle) + margin - 4
}

// noteTexts says what the marks and bars are and where the figures come from (I3).
func (f *figure) noteTexts() []string {
	samples := fmt.Sprintf("%d samples", f.counts[0])
	if f.counts[0] != f.counts[1] {
		samples = fmt.Sprintf("%d to %d samples", f.counts[0], f.counts[1])
	} else if f.counts[0] == 1 {
		samples = "1 sample"
	}
	notes := []string{f.spectrumNotes(samples)}
	if !f.spectrum {
		notes = []string{f.markNotes(samples)}
	}
	switch {
	case f.hollow != "" && f.spectrum:
		notes = append(notes, fmt.Sprintf("Distance classes of the CPUs differ (%s): lines of different classes must not be compared.", strings.Join(f.classes, ", ")))
	case f.hollow != "":
		notes = append(notes, fmt.Sprintf("Distance classes of the CPUs differ (%s): hollow marks are %s, and hollow and filled marks must not be compared.",
			strings.Join(f.classes, ", "), f.hollow))
	case len(f.classes) == 1:
		notes = append(notes, fmt.Sprintf("Distance class of the CPUs: %s.", f.classes[0]))
	}
	if list := f.guarantees(); len(list) > 1 {
		notes = append(notes, f.guaranteeNote(list))
	}
	known := func(s string) string {
		if s == "" {
			return "unknown"
		}
		return s
	}
	return append(notes, fmt.Sprintf("headroom commit %s. CPU: %s.", known(f.caption.Commit), known(f.caption.CPU)))
}

// guaranteeNote says which designs promise what: those of different guarantees share the axes, not a ranking.
func (f *figure) guaranteeNote(list []string) string {
	var parts []string
	for _, g := range list {
		var names []string
		for _, p := range f.panels {
			for _, s := range p.series {
				if s.guarantee == g {
					names = append(names, s.design)
				}
			}
		}
		slices.Sort(names)
		if g == "" {
			g = "unknown"
		}
		parts = append(parts, g+": "+strings.Join(slices.Compact(names), ", "))
	}
	return "Guarantees differ, and designs of different ones are not ranked against each other. " + strings.Join(parts, "; ") + "."
}

// markNotes says what marks and bars are.
func (f *figure) markNotes(samples string) string {
	marks := fmt.Sprintf("Marks: median of %s, each a fresh process. ", samples)
	bars := fmt.Sprintf("Bars: interval of the median at %.0f %% confidence or more, from order statistics; ", 100*stats.Confidence)
	switch f.bare {
	case 0:
		bars += "a bar that is not seen is shorter than its mark."
	case len(f.values):
		bars = "No bars: too few samples for an interval of the median."
	default:
		bars += "a mark without a bar has too few samples for one, or one shorter than the mark."
	}
	if !f.dots && len(f.looks) > 1 {
		bars += " Marks of one position stand side by side where there is room."
	}
	return marks + bars
}

// draw puts the figure on a canvas of its size.
func (f *figure) draw(c draw.Canvas) {
	c.SetColor(white)
	c.Fill(c.Rectangle.Path())
	y := f.height - margin
	lines := func(s text.Style, words []string) {
		for _, line := range words {
			put(c, s, margin, y-lineHeight(s)/2, 0, line)
			y -= lineHeight(s)
		}
	}
	lines(titleStyle, f.title)
	lines(textStyle, f.definition)

	top := f.height - f.head()
	for i, p := range f.panels {
		corner := vg.Point{
			X: margin + f.left + vg.Length(i%f.columns)*f.cell().X,
			Y: top - vg.Length(i/f.columns)*f.cell().Y,
		}
		f.drawPanel(c, p, corner)
	}
	f.drawAxisTitles(c, top)
	f.drawLegend(c, top-f.panelTitle())
	y = f.foot() - 10
	lines(noteStyle, f.notes)
}

// drawPanel draws one panel whose upper left corner, axis labels included, is corner.
func (f *figure) drawPanel(c draw.Canvas, p panel, corner vg.Point) {
	data := vg.Rectangle{Min: vg.Point{X: corner.X + f.axisRoom, Y: corner.Y - f.panelTitle() - f.data.Y}}
	data.Max = data.Min.Add(f.data)
	if len(f.panels) > 1 {
		for i, line := range f.panelLines(p) {
			put(c, panelStyle, data.Min.X, corner.Y-(vg.Length(i)+0.5)*lineHeight(panelStyle), 0, line)
		}
	}
	if f.dots {
		f.drawDots(c, p, data)
		return
	}
	f.drawLines(c, p, data)
}

func (f *figure) drawAxisTitles(c draw.Canvas, top vg.Length) {
	panels := vg.Length(f.columns)*f.cell().X - gap
	bottom := top - vg.Length(f.rows)*f.cell().Y + gap
	center := margin + f.left + f.axisRoom + (panels-f.axisRoom-f.valueRoom)/2
	x := f.xLabel
	if f.dots {
		x = f.throughput("operations per second")
	} else {
		y := f.throughput("op/s")
		if f.spectrum {
			y = "time"
		}
		putUp(c, labelStyle, margin+lineHeight(labelStyle)/2-2, (top-f.panelTitle()+bottom+f.below)/2, y)
	}
	put(c, labelStyle, center, bottom-lineHeight(labelStyle)/2-2, 0.5, x)
}

// throughput is the title of the throughput axis: "throughput of all CPUs (million op/s)".
func (f *figure) throughput(operations string) string {
	return "throughput of all CPUs (" + strings.TrimSpace(f.unit.word+" "+operations) + ")"
}

func (f *figure) drawLegend(c draw.Canvas, y vg.Length) {
	x := margin + f.left + vg.Length(f.columns)*f.cell().X + 4
	for _, e := range f.legend {
		l := f.looks[e.design]
		middle := y - lineHeight(legendStyle)/2
		stroke(c, l.color, 1.2, l.dashes, vg.Point{X: x, Y: middle}, vg.Point{X: x + sampleWidth, Y: middle})
		drawMark(c, l, vg.Point{X: x + sampleWidth/2, Y: middle}, false)
		for _, line := range e.lines {
			put(c, legendStyle, x+sampleWidth+6, y-lineHeight(legendStyle)/2, 0, line)
			y -= lineHeight(legendStyle)
		}
		y -= 3
	}
}
