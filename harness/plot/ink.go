package plot

import (
	"image/color"
	"math"
	"slices"
	"strings"

	stdfont "golang.org/x/image/font"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var (
	black = color.Gray{Y: 0x00}
	dim   = color.Gray{Y: 0x55} // 7.5:1 against white
	faint = color.Gray{Y: 0xe2}
	white = color.Gray{Y: 0xff}
)

// Text styles, sizes in points. The face is Liberation Sans, whose metrics are Arial's.
var (
	titleStyle  = sans(12.5, stdfont.WeightBold, black)
	textStyle   = sans(9.5, stdfont.WeightNormal, dim)
	panelStyle  = sans(9.5, stdfont.WeightBold, black)
	labelStyle  = sans(9.5, stdfont.WeightNormal, black)
	tickStyle   = sans(9, stdfont.WeightNormal, black)
	legendStyle = sans(9, stdfont.WeightNormal, black)
	noteStyle   = sans(8, stdfont.WeightNormal, dim)
)

func sans(size float64, weight stdfont.Weight, c color.Color) text.Style {
	return text.Style{
		Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: vg.Points(size)},
		Handler: gonum.DefaultTextHandler,
	}
}

// lineHeight is the distance of two lines of text.
func lineHeight(s text.Style) vg.Length { return s.Font.Size * 1.3 }

// put writes one line of text whose reference point is (x, y). right is 0 for text that begins there, 0.5 for centred
// text and 1 for text that ends there; y is the middle of a capital letter.
func put(c draw.Canvas, s text.Style, x, y vg.Length, right float64, words string) {
	s.XAlign, s.YAlign = text.XAlignment(-right), text.YBottom
	c.FillText(s, vg.Point{X: x, Y: y - capMiddle(s)}, words)
}

// putUp is put for text that reads upwards, centred on (x, y).
func putUp(c draw.Canvas, s text.Style, x, y vg.Length, words string) {
	s.Rotation, s.XAlign, s.YAlign = math.Pi/2, text.XCenter, text.YBottom
	c.FillText(s, vg.Point{X: x + capMiddle(s), Y: y}, words)
}

// capMiddle is the height of the middle of a capital letter above the base line: half of Liberation Sans' 0.729 em.
func capMiddle(s text.Style) vg.Length { return s.Font.Size * 0.364 }

// wrap breaks words into lines no wider than width. It breaks at blanks; a word that is wider by itself is broken behind
// a colon, slash, hyphen or underscore, and otherwise between letters.
func wrap(s text.Style, words string, width vg.Length) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(words) {
		if next := strings.TrimSpace(line + " " + word); s.Width(next) <= width {
			line = next
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for s.Width(word) > width {
			head := breakWord(s, word, width)
			lines = append(lines, head)
			word = word[len(head):]
		}
		line = word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// breakWord is the longest beginning of word that fits into width and ends well; at least one letter.
func breakWord(s text.Style, word string, width vg.Length) string {
	best, fitting := "", ""
	for i, r := range word {
		head := word[:i+len(string(r))]
		if fitting != "" && s.Width(head) > width {
			break
		}
		fitting = head
		if strings.ContainsRune(":/-_", r) {
			best = head
		}
	}
	if best == "" {
		return fitting
	}
	return best
}

// look is how one design is drawn.
type look struct {
	color  color.Color
	dashes []vg.Length
	mark   int // index into marks
}

// palette is that of Okabe and Ito (2008), less its yellow, which is lost on white paper.
var palette = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0xd5, 0x5e, 0x00, 0xff}, color.RGBA{0x00, 0x9e, 0x73, 0xff},
	color.RGBA{0xcc, 0x79, 0xa7, 0xff}, color.RGBA{0xe6, 0x9f, 0x00, 0xff}, color.RGBA{0x56, 0xb4, 0xe9, 0xff},
	color.RGBA{0x00, 0x00, 0x00, 0xff},
}

// looks gives each of designs, at most MaxSeries of them, its own look. A design keeps the look that its place in all
// gives it, unless another one of the picture has that already.
func looks(designs, all []string) map[string]look {
	out := make(map[string]look)
	taken := make([]bool, MaxSeries)
	for _, d := range designs {
		i := max(0, slices.Index(all, d)) % MaxSeries
		for taken[i] {
			i = (i + 1) % MaxSeries
		}
		taken[i] = true
		l := look{color: palette[i%len(palette)], mark: i}
		if i >= len(palette) {
			l.dashes = []vg.Length{4, 2}
		}
		out[d] = l
	}
	return out
}

// marks are outlines around (0, 0), each of about the same area; nil is a circle of radius 1.
var marks = [MaxSeries][]vg.Point{
	nil,
	polygon(4, 1.25, 45),
	polygon(3, 1.4, 90),
	polygon(4, 1.3, 0),
	polygon(3, 1.4, -90),
	plus(0),
	plus(45),
	polygon(5, 1.2, 90),
	{{X: -1.2, Y: -1.25}, {X: 1.2, Y: -1.25}, {X: -1.2, Y: 1.25}, {X: 1.2, Y: 1.25}}, // an hourglass
	polygon(3, 1.4, 180),
	polygon(3, 1.4, 0),
	star(),
}

// polygon is a regular one; its first corner lies in the direction of turn, in degrees.
func polygon(corners int, radius, turn float64) []vg.Point {
	var p []vg.Point
	for i := range corners {
		p = append(p, polar(radius, turn+360*float64(i)/float64(corners)))
	}
	return p
}

func star() []vg.Point {
	var p []vg.Point
	for i := range 10 {
		p = append(p, polar([]float64{1.5, 0.65}[i%2], 90+36*float64(i)))
	}
	return p
}

// plus is a cross with arms 0.84 wide and 1.35 long, turned by so many degrees.
func plus(turn float64) []vg.Point {
	const long, half = 1.35, 0.42
	var p []vg.Point
	reach, corner := math.Hypot(long, half), math.Hypot(half, half)
	narrow := math.Atan2(half, long) * 180 / math.Pi
	for i := range 4 {
		a := turn + 90*float64(i)
		p = append(p, polar(reach, a-narrow), polar(reach, a+narrow), polar(corner, a+45))
	}
	return p
}

func polar(radius, degrees float64) vg.Point {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	return vg.Point{X: vg.Length(radius * cos), Y: vg.Length(radius * sin)}
}

const markRadius = vg.Length(3)

// drawMark draws the mark of a look at a point, filled with its colour or, hollow, with white.
func drawMark(c draw.Canvas, l look, at vg.Point, hollow bool) {
	var path vg.Path
	outline := marks[l.mark]
	if outline == nil {
		path.Move(vg.Point{X: at.X + markRadius, Y: at.Y})
		path.Arc(at, markRadius, 0, 2*math.Pi)
	}
	for i, p := range outline {
		corner := at.Add(p.Scale(markRadius))
		if i == 0 {
			path.Move(corner)
		} else {
			path.Line(corner)
		}
	}
	path.Close()
	fill, edge, width := l.color, color.Color(white), vg.Length(0.6)
	if hollow {
		fill, edge, width = white, l.color, 1.1
	}
	c.SetColor(fill)
	c.Fill(path)
	c.SetLineStyle(draw.LineStyle{Color: edge, Width: width})
	c.Stroke(path)
}

// stroke draws a line through points.
func stroke(c draw.Canvas, col color.Color, width vg.Length, dashes []vg.Length, points ...vg.Point) {
	c.StrokeLines(draw.LineStyle{Color: col, Width: width, Dashes: dashes}, points)
}
