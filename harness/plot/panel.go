package plot

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// barCap is the width of an interval's end marks, in points.
const barCap = 5

// drawLines draws one panel of lines into its data area.
func (f *figure) drawLines(c draw.Canvas, p panel, data vg.Rectangle) {
	size := data.Size()
	for _, t := range f.y.ticks {
		y := data.Min.Y + f.y.at(t.value)*size.Y
		if t.label == "" {
			stroke(c, black, 0.6, nil, vg.Point{X: data.Min.X, Y: y}, vg.Point{X: data.Min.X - tickLength/2, Y: y})
			continue
		}
		stroke(c, faint, 0.5, nil, vg.Point{X: data.Min.X, Y: y}, vg.Point{X: data.Max.X, Y: y})
		stroke(c, black, 0.6, nil, vg.Point{X: data.Min.X, Y: y}, vg.Point{X: data.Min.X - tickLength, Y: y})
		put(c, tickStyle, data.Min.X-tickLength-tickGap, y, 1, t.label)
	}
	for _, t := range f.x.ticks {
		f.drawXTick(c, t, data.Min.X+f.x.at(t.value)*size.X, data.Min.Y)
	}
	stroke(c, black, 0.8, nil, vg.Point{X: data.Min.X, Y: data.Max.Y}, data.Min, vg.Point{X: data.Max.X, Y: data.Min.Y})
	places := f.places(p, data)
	if f.spectrum {
		for i, s := range p.series {
			f.drawSpectrum(c, s, places[i])
		}
		return
	}
	for i, s := range p.series {
		f.drawLine(c, s, places[i])
	}
	for i, s := range p.series { // marks above all lines
		for j, pt := range s.points {
			f.drawPoint(c, f.looks[s.design], pt, places[i][j])
		}
	}
}

// drawXTick draws a tick of the horizontal axis at x, on the base line y.
func (f *figure) drawXTick(c draw.Canvas, t tick, x, y vg.Length) {
	length := vg.Length(tickLength)
	if t.label == "" {
		length /= 2
	}
	stroke(c, black, 0.6, nil, vg.Point{X: x, Y: y}, vg.Point{X: x, Y: y - length})
	put(c, tickStyle, x, y-tickLength-tickGap-lineHeight(tickStyle)/2, 0.5, t.label)
}

// place is where a point and the ends of its interval lie on the canvas.
type place struct {
	at, low, high vg.Point
}

// places works out where the points of a panel lie. Series are moved sideways by a little, each by its own constant, so
// that marks of one x do not cover each other.
func (f *figure) places(p panel, data vg.Rectangle) [][]place {
	nearest := data.Size().X
	for i := 1; i < len(f.xs); i++ {
		nearest = min(nearest, (f.x.at(f.xs[i])-f.x.at(f.xs[i-1]))*data.Size().X)
	}
	step := min(3.2, 0.4*nearest/vg.Length(len(p.series)))
	if f.spectrum {
		step = 0 // the lines carry the picture
	}
	order := f.sideways(p)
	places := make([][]place, len(p.series))
	for i, s := range p.series {
		aside := (vg.Length(order[i]) - vg.Length(len(p.series)-1)/2) * step
		for _, pt := range s.points {
			up := func(v float64) vg.Length { return data.Min.Y + f.y.at(v)*data.Size().Y }
			x := data.Min.X + f.x.at(pt.x)*data.Size().X + aside
			at := place{at: vg.Point{X: x, Y: up(pt.y)}}
			if pt.bounded {
				at.low, at.high = vg.Point{X: x, Y: up(pt.low)}, vg.Point{X: x, Y: up(pt.high)}
			}
			places[i] = append(places[i], at)
		}
	}
	return places
}

// sideways gives each series of a panel its place from left to right: by name, the same in all panels.
func (f *figure) sideways(p panel) []int {
	names := make([]string, len(p.series))
	for i, s := range p.series {
		names[i] = s.design
	}
	sorted := slices.Sorted(slices.Values(names))
	order := make([]int, len(names))
	for i, n := range names {
		order[i] = slices.Index(sorted, n)
	}
	return order
}

// drawLine draws a line through the points of a series, broken where a measured x has no point and where the class changes.
func (f *figure) drawLine(c draw.Canvas, s series, places []place) {
	l := f.looks[s.design]
	for i := 1; i < len(places); i++ {
		if f.joined(s.points[i-1], s.points[i]) {
			stroke(c, l.color, 1.2, l.dashes, places[i-1].at, places[i].at)
		}
	}
}

// drawPoint draws an interval above its filled mark, so that the mark's white edge does not cut it, or below a hollow one.
func (f *figure) drawPoint(c draw.Canvas, l look, pt point, p place) {
	hollow := f.isHollow(pt)
	if !hollow {
		drawMark(c, l, p.at, false)
	}
	if pt.bounded {
		stroke(c, l.color, 0.9, nil, p.low, p.high)
		across := vg.Point{X: barCap / 2}
		if f.dots {
			across = vg.Point{Y: barCap / 2}
		}
		for _, end := range []vg.Point{p.low, p.high} {
			stroke(c, l.color, 0.9, nil, end.Sub(across), end.Add(across))
		}
	}
	if hollow {
		drawMark(c, l, p.at, true)
	}
}

// joined reports whether a line leads from a to b: neighbours of one class, or b's class after one CPU, which has none.
func (f *figure) joined(a, b point) bool {
	return b.index == a.index+1 && (a.class == b.class || a.class == "")
}

// isHollow reports whether the mark of a point is drawn hollow: it is of the class that must not be compared.
func (f *figure) isHollow(p point) bool { return f.hollow != "" && p.class == f.hollow }

// rowHeight is the height of one design in a dot chart, in points; a name of more lines takes more.
const rowHeight = 17

// dotRooms works out the room that a dot chart's names and figures need, and its height.
func (f *figure) dotRooms() {
	f.names = make(map[string][]string)
	var most vg.Length
	for _, p := range f.panels {
		var height vg.Length
		for _, s := range p.series {
			f.names[s.design] = wrap(legendStyle, s.design, legendWidth)
			for _, line := range f.names[s.design] {
				f.axisRoom = max(f.axisRoom, legendStyle.Width(line)+8)
			}
			f.valueRoom = max(f.valueRoom, legendStyle.Width(f.figures(s.points[0]))+10)
			height += f.dotHeight(s)
		}
		most = max(most, height)
	}
	f.data.Y = most + 8
}

func (f *figure) dotHeight(s series) vg.Length {
	return rowHeight + vg.Length(len(f.names[s.design])-1)*lineHeight(legendStyle)
}

// figures writes a point's median and interval: "81.2 [80.9, 81.7]".
func (f *figure) figures(p point) string {
	short := func(v float64) string {
		return strings.TrimSuffix(fmt.Sprintf("%#.4g", v/f.unit.size), ".")
	}
	if !p.bounded {
		return short(p.y)
	}
	return fmt.Sprintf("%s [%s, %s]", short(p.y), short(p.low), short(p.high))
}

// drawDots draws one panel of a dot chart: designs of one guarantee together, the greatest throughput on top.
func (f *figure) drawDots(c draw.Canvas, p panel, data vg.Rectangle) {
	along := func(v float64) vg.Length { return data.Min.X + f.y.at(v)*data.Size().X }
	for _, t := range f.y.ticks {
		if t.label != "" {
			stroke(c, faint, 0.5, nil, vg.Point{X: along(t.value), Y: data.Min.Y}, vg.Point{X: along(t.value), Y: data.Max.Y})
		}
		f.drawXTick(c, t, along(t.value), data.Min.Y)
	}
	stroke(c, black, 0.8, nil, vg.Point{X: data.Min.X, Y: data.Max.Y}, data.Min, vg.Point{X: data.Max.X, Y: data.Min.Y})
	ranked := slices.Clone(p.series)
	slices.SortStableFunc(ranked, func(a, b series) int {
		switch {
		case a.guarantee != b.guarantee:
			return strings.Compare(a.guarantee, b.guarantee)
		case a.points[0].y > b.points[0].y:
			return -1
		case a.points[0].y < b.points[0].y:
			return 1
		}
		return strings.Compare(a.design, b.design)
	})
	y := data.Max.Y - 4
	for _, s := range ranked {
		pt := s.points[0]
		middle := y - f.dotHeight(s)/2
		for i, line := range f.names[s.design] {
			down := (vg.Length(i) - vg.Length(len(f.names[s.design])-1)/2) * lineHeight(legendStyle)
			put(c, legendStyle, data.Min.X-6, middle-down, 1, line)
		}
		at := place{at: vg.Point{X: along(pt.y), Y: middle}}
		if pt.bounded {
			at.low, at.high = vg.Point{X: along(pt.low), Y: middle}, vg.Point{X: along(pt.high), Y: middle}
		}
		f.drawPoint(c, f.looks[s.design], pt, at)
		put(c, legendStyle, data.Max.X+8, middle, 0, f.figures(pt))
		y -= f.dotHeight(s)
	}
}
