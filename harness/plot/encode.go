package plot

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strconv"

	stdfont "golang.org/x/image/font"

	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// pngDPI makes a picture of 7 inches about 1400 pixels wide: sharp on a screen of double density and in print.
const pngDPI = 200

// picture draws the chart in both forms.
func (c *chart) picture(caption Caption) (Picture, error) {
	p := Picture{Name: c.name, Workload: c.workload, ItemKind: c.kind, Title: c.title, Alt: c.alt()}
	f := newFigure(c, caption)

	vector := vgsvg.New(f.width, f.height)
	f.draw(draw.New(vector))
	var b bytes.Buffer
	if _, err := vector.WriteTo(&b); err != nil {
		return Picture{}, err
	}
	p.SVG = finishSVG(b.Bytes(), p.Alt)

	pixels := vgimg.NewWith(vgimg.UseWH(f.width, f.height), vgimg.UseDPI(pngDPI))
	f.draw(draw.New(pixels))
	b = bytes.Buffer{}
	if _, err := (vgimg.PngCanvas{Canvas: pixels}).WriteTo(&b); err != nil {
		return Picture{}, err
	}
	p.PNG = b.Bytes()
	return p, nil
}

// textElement is a line of text as the SVG canvas writes it: weight, size in points, and the text.
var textElement = regexp.MustCompile(`<text ([^>]*font-weight:(bold|normal);[^>]*font-size:([0-9.]+)px[^>]*)>([^<]+)</text>`)

// finishSVG names faces of the same metrics for readers that lack Liberation Sans, gives each line of text the length that was reckoned with, so
// that a wider face is not cut at the edge, and adds the description.
func finishSVG(svg []byte, alt string) []byte {
	svg = bytes.ReplaceAll(svg, []byte("font-family:Liberation Sans;"),
		[]byte("font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif;"))
	svg = textElement.ReplaceAllFunc(svg, func(element []byte) []byte {
		part := textElement.FindSubmatch(element)
		weight := stdfont.WeightNormal
		if string(part[2]) == "bold" {
			weight = stdfont.WeightBold
		}
		size, err := strconv.ParseFloat(string(part[3]), 64)
		if err != nil {
			return element
		}
		length := sans(size, weight, black).Width(html.UnescapeString(string(part[4])))
		return fmt.Appendf(nil, `<text textLength="%.2f" lengthAdjust="spacingAndGlyphs" %s>%s</text>`, length.Points(), part[1], part[4])
	})
	title := []byte("<title>" + html.EscapeString(alt) + "</title>\n<g transform=")
	return bytes.Replace(svg, []byte("<g transform="), title, 1)
}
