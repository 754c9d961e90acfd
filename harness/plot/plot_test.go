package plot_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"html"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"headroom/harness/plot"
	"headroom/harness/result"
	"headroom/harness/stats"
)

var (
	update  = flag.Bool("update", false, "rewrite the golden files in testdata")
	samples = flag.String("samples", "", "folder to put PNG files into, for looking at")
)

var (
	powers = []int{1, 2, 4, 8, 16, 32, 64}
	ratios = []float64{0.5, 1, 2, 4, 8, 16, 32, 64}
)

// twelve is as many designs as a picture holds, one of them with a name that must be broken.
var twelve = append([]string{
	"reservation:strict", "a_very_long_design_name_of_a_stranger:with_a_variant_name_that_never_ends", "mempool:mainline-optin-when-empty", "gfp_nolocks:trylock",
}, eight...)

// gallery is every kind of picture, by name, drawn once.
var gallery = sync.OnceValues(drawGallery)

func shown(t *testing.T) map[string]*plot.Picture {
	t.Helper()
	pictures, err := gallery()
	if err != nil {
		t.Fatal(err)
	}
	return pictures
}

func drawGallery() (map[string]*plot.Picture, error) {
	var failed error
	out := make(map[string]*plot.Picture)
	keep := func(name string) func(*plot.Picture, error) {
		return func(p *plot.Picture, err error) {
			if err != nil {
				failed = fmt.Errorf("%s: %w", name, err)
			}
			out[name] = p
		}
	}
	log := caption
	log.LogY = true
	mixed := fakes(eight, []int{1, 2}, 6, "hold", 32)
	for i := range mixed {
		if mixed[i].CPUs == 2 && i%3 == 0 {
			mixed[i].Class = "far"
		}
	}
	promises := fakes(eight[:6], []int{1, 2, 4}, 6, "hold", 32)
	for i := range promises {
		promises[i].Guarantee = map[bool]string{true: "waits, bounded", false: "may fail, bounded"}[strings.HasPrefix(promises[i].Design, "percpu")]
	}
	keep("guarantees")(plot.AgainstCPUs(promises, caption))
	gaps := slices.DeleteFunc(fakes(eight[:3], powers, 6, ""), func(r stats.Row) bool { return r.Design == eight[0] && r.CPUs == 8 })
	keep("two-cpus")(plot.AgainstCPUs(fakes(eight, []int{1, 2}, 6, "hold", 32), caption))
	keep("many-cpus")(plot.AgainstCPUs(fakes(eight, powers, 8, "hold", 32), caption))
	keep("one-cpu")(plot.AgainstCPUs(fakes(eight, []int{1}, 6, "hold", 32), caption))
	keep("twelve-designs")(plot.AgainstCPUs(fakes(twelve, []int{1, 2, 3, 6, 12, 24, 48, 96, 224}, 6, "hold", 32), caption))
	keep("twelve-dots")(plot.AgainstCPUs(fakes(twelve, []int{1}, 3, "hold", 32), caption))
	keep("panels")(plot.AgainstCPUs(fakes(eight, powers, 6, "hold", 8, 16, 32, 64), caption))
	keep("dot-panels")(plot.AgainstCPUs(fakes(eight, []int{2}, 6, "hold", 8, 16, 32), caption))
	keep("sweep")(plot.AgainstParam(fakes(eight, []int{2}, 6, "items-per-cpu", ratios...), "items-per-cpu", caption))
	keep("sweep-panels")(plot.AgainstParam(fakes(eight, powers[:6], 6, "items-per-cpu", ratios...), "items-per-cpu", caption))
	keep("logarithmic")(plot.AgainstCPUs(fakes(twelve, powers, 6, "hold", 32), log))
	keep("two-classes")(plot.AgainstCPUs(mixed, caption))
	keep("gap")(plot.AgainstCPUs(gaps, caption))
	keep("spectrum")(first(plot.Spectra(timedFakes(eight), caption)))
	keep("lone")(plot.AgainstCPUs(fakes(eight[:1], []int{1, 2}, 3, ""), plot.Caption{}))
	return out, failed
}

// first is the one picture that a group of rows calls for.
func first(pictures []plot.Picture, err error) (*plot.Picture, error) {
	if err == nil && len(pictures) != 1 {
		err = fmt.Errorf("%d pictures", len(pictures))
	}
	if err != nil {
		return nil, err
	}
	return &pictures[0], nil
}

// I1, by drawing everything twice.
func TestSameRowsGiveTheSameBytes(t *testing.T) {
	first := shown(t)
	second, err := drawGallery()
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range first {
		if !bytes.Equal(p.SVG, second[name].SVG) {
			t.Errorf("%s: SVG differs", name)
		}
		if !bytes.Equal(p.PNG, second[name].PNG) {
			t.Errorf("%s: PNG differs", name)
		}
	}
}

// The golden files are SVG because their differences can be read; look at a change with -samples DIR before -update.
func TestPicturesAreTheGoldenOnes(t *testing.T) {
	pictures := shown(t)
	for _, name := range []string{"two-cpus", "one-cpu", "twelve-designs", "sweep", "two-classes", "spectrum", "guarantees"} {
		golden := filepath.Join("testdata", name+".svg")
		if *update {
			if err := os.WriteFile(golden, pictures[name].SVG, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(pictures[name].SVG, want) {
			t.Errorf("%s differs from %s; look at it with -samples DIR, then: go test ./harness/plot -update", name, golden)
		}
	}
	for name, p := range pictures {
		if *samples == "" {
			break
		}
		if err := os.WriteFile(filepath.Join(*samples, name+".png"), p.PNG, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// I4: nothing reaches into the white margin, so nothing was cut.
func TestNothingIsCutOff(t *testing.T) {
	for name, p := range shown(t) {
		img, err := png.Decode(bytes.NewReader(p.PNG))
		if err != nil {
			t.Fatal(err)
		}
		b := img.Bounds()
		inner := b.Inset(12) // pixels; the margin is 14 points, which is 39 pixels
		white := color.NRGBA64{0xffff, 0xffff, 0xffff, 0xffff}
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				if x == inner.Min.X && y >= inner.Min.Y && y < inner.Max.Y {
					x = inner.Max.X
				}
				if c := color.NRGBA64Model.Convert(img.At(x, y)); c != white {
					t.Fatalf("%s: colour %x at %d,%d in a picture of %v", name, c, x, y, b)
				}
			}
		}
	}
}

// I4 for readers without our face: every line of an SVG has the length that its place was reckoned with.
func TestLinesOfTextHaveTheirLengths(t *testing.T) {
	for name, p := range shown(t) {
		lines := bytes.Count(p.SVG, []byte("<text "))
		if lengths := bytes.Count(p.SVG, []byte("<text textLength=")); lines < 8 || lengths != lines {
			t.Errorf("%s: %d of %d lines of text have a length", name, lengths, lines)
		}
	}
}

// I3, and that the SVG is well-formed.
func TestEveryPictureSaysWhatItShows(t *testing.T) {
	for name, p := range shown(t) {
		words := svgText(t, p.SVG)
		want := []string{"throughput of all CPUs (million op", "Marks: median of ", "each a fresh process.", "interval of the median", "headroom commit ", "CPU: ", p.Workload}
		if name == "spectrum" {
			want = []string{"percentile of operations", "each a fresh process", "Dotted, with hollow marks: floor", "headroom commit ", "CPU: ", p.Workload}
		}
		if name != "lone" {
			want = append(want, caption.Definition, caption.Commit, caption.CPU)
		}
		for _, w := range want {
			if !strings.Contains(words, w) {
				t.Errorf("%s does not say %q: %s", name, w, words)
			}
		}
		if !strings.Contains(string(p.SVG), "<title>"+html.EscapeString(p.Alt)+"</title>") {
			t.Errorf("%s: the SVG has no description", name)
		}
	}
}

// svgText is the text of an SVG, its lines joined by blanks.
func svgText(t *testing.T, svg []byte) string {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	var words []string
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return strings.Join(words, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := tok.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			words = append(words, strings.TrimSpace(string(text)))
		}
	}
}

func TestWhatCannotBeDrawnIsAnError(t *testing.T) {
	log := plot.Caption{LogY: true}
	zero := fakes(eight[:2], []int{1, 2}, 6, "")
	zero[1].Throughput = stats.Estimate{Values: []float64{0}, Median: 0, Low: 0, High: 0}
	negative := fakes(eight[:2], []int{1, 2}, 6, "")
	negative[0].Throughput = negative[0].Throughput.Plus(-1e12)
	pages := append(fakes(eight[:1], []int{1}, 6, ""), fake("window", "page", "sbitmap", 1, 6))
	hold := func(v string) []stats.Row {
		return []stats.Row{fake("window", "tag", "sbitmap", 1, 6, result.Pair{Key: "hold", Value: v})}
	}
	against := func(rows []stats.Row) func() (*plot.Picture, error) {
		return func() (*plot.Picture, error) { return plot.AgainstParam(rows, "hold", caption) }
	}
	cpus := func(rows []stats.Row, c plot.Caption) func() (*plot.Picture, error) {
		return func() (*plot.Picture, error) { return plot.AgainstCPUs(rows, c) }
	}
	for name, c := range map[string]struct {
		draw func() (*plot.Picture, error)
		want string
	}{
		"no rows":           {cpus(nil, caption), "plot: no cell with samples, so there is nothing to draw"},
		"no samples":        {cpus([]stats.Row{fake("window", "tag", "sbitmap", 1, 0)}, caption), "plot: no cell with samples, so there is nothing to draw"},
		"zero on log":       {cpus(zero, log), "plot: Window/design=percpu_tags:lock/cpus=2: throughput 0 op/s cannot stand on a logarithmic axis; draw it on a linear one"},
		"negative":          {cpus(negative, caption), fmt.Sprintf("plot: Window/design=percpu_tags:lock/cpus=1: throughput %v op/s is below 0", negative[0].Throughput.Low)},
		"two item kinds":    {cpus(pages, caption), "plot: Window/design=percpu_tags:lock/cpus=1 (tag) and Window/design=sbitmap/cpus=1 (page) cannot share a picture; draw each workload and item kind by itself"},
		"a cell twice":      {cpus(append(fakes(eight[:1], []int{1}, 6, ""), fakes(eight[:1], []int{1}, 6, "")...), caption), "plot: two rows of Window/design=percpu_tags:lock/cpus=1; a picture shows a cell once"},
		"13 designs":        {cpus(fakes(append(twelve, "one-more"), []int{1}, 6, ""), caption), "plot: 13 designs, but only 12 can be told apart in one picture"},
		"parameter zero":    {against(hold("0")), "plot: Window/hold=0/design=sbitmap/cpus=1: hold=0 cannot stand on a log2 axis, which has values above 0 only"},
		"parameter a word":  {against(hold("all")), "plot: Window/hold=all/design=sbitmap/cpus=1 has no number for the parameter hold"},
		"parameter lacking": {against(fakes(eight[:1], []int{1}, 6, "")), "plot: Window/design=percpu_tags:lock/cpus=1 has no number for the parameter hold"},
	} {
		if _, err := c.draw(); err == nil || err.Error() != c.want {
			t.Errorf("%s\ngot  %v\nwant %s", name, err, c.want)
		}
	}
	if _, err := plot.Draw(nil, caption); err == nil {
		t.Error("Draw of nothing gave no error")
	}
	if _, err := plot.AgainstCPUs(zero, caption); err != nil {
		t.Errorf("a throughput of 0 on a linear axis: %v", err)
	}
}

// Draw makes the pictures that the rows call for, under names that do not collide.
func TestDrawChoosesThePictures(t *testing.T) {
	var thirty []string
	for i := range 30 {
		thirty = append(thirty, fmt.Sprintf("design%02d", i))
	}
	fastpath := []stats.Row{fake("fastpath", "tag", "sbitmap", 1, 6), fake("fastpath", "page", "page", 1, 6), fake("fastpath", "id", "ida:tree", 1, 0)}
	control := append(fakes(eight, []int{2}, 6, "hold", 8, 32), fake("window", "tag", "sbitmap", 2, 6, result.Pair{Key: result.ParamControl, Value: "a"}))
	for name, c := range map[string]struct {
		rows []stats.Row
		want []string
	}{
		"control is left out":    {control, []string{"window-tag-hold"}},
		"one value on two CPUs":  {fakes(eight, []int{1, 2}, 6, "hold", 32), []string{"window-tag-cpus"}},
		"sweep on two CPUs":      {fakes(eight, []int{1, 2}, 6, "hold", 8, 32), []string{"window-tag-hold", "window-tag-cpus"}},
		"sweep on one CPU":       {fakes(eight, []int{2}, 6, "hold", 8, 32), []string{"window-tag-hold"}},
		"two kinds, one unkept":  {fastpath, []string{"fastpath-tag-cpus", "fastpath-page-cpus"}},
		"more than one can hold": {fakes(thirty, []int{1, 2}, 6, ""), []string{"window-tag-cpus-1", "window-tag-cpus-2", "window-tag-cpus-3"}},
	} {
		pictures, err := plot.Draw(c.rows, caption)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var names []string
		for _, p := range pictures {
			names = append(names, p.Name)
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%s: %q, want %q", name, names, c.want)
		}
	}
}

// I6: a picture of several guarantees says so and names a leader of each; a picture of one does not.
func TestPicturesOfSeveralGuaranteesSaySo(t *testing.T) {
	p := shown(t)["guarantees"]
	for _, want := range []string{
		`among those of guarantee "waits, bounded": percpu_tags:`, `among those of guarantee "may fail, bounded": `,
	} {
		if !strings.Contains(p.Alt, want) {
			t.Errorf("%q does not say %q", p.Alt, want)
		}
	}
	const note = "Guarantees differ, and designs of different ones are not ranked against each other."
	if words := svgText(t, p.SVG); !strings.Contains(words, note) || !strings.Contains(words, "waits, bounded: percpu_tags:flag, percpu_tags:lock, percpu_tags:xchg.") {
		t.Errorf("no note in %q", words)
	}
	if strings.Contains(svgText(t, shown(t)["two-cpus"].SVG), note) {
		t.Error("a note about guarantees in a picture of one")
	}
}

// A row without distributions has no spectrum, and neither has one whose operations are too few for a single percentile.
func TestSpectraOfNothing(t *testing.T) {
	thin := timedFakes(eight[:1])
	for i := range thin {
		for j := range thin[i].Tails {
			thin[i].Tails[j].Spectrum = nil
		}
	}
	for _, rows := range [][]stats.Row{nil, fakes(eight, []int{1}, 6, ""), thin} {
		if pictures, err := plot.Spectra(rows, caption); err != nil || len(pictures) > 0 {
			t.Errorf("%d pictures, error %v", len(pictures), err)
		}
	}
}

// Where percentiles are missing the line is broken: each of the four lines lacks five strokes for four points.
func TestSpectraAreBrokenWherePercentilesAreMissing(t *testing.T) {
	paths := func(rows []stats.Row) int {
		pictures, err := plot.Spectra(rows, caption)
		if err != nil || len(pictures) != 1 {
			t.Fatalf("%d pictures, error %v", len(pictures), err)
		}
		return bytes.Count(pictures[0].SVG, []byte("<path"))
	}
	whole, holed := timedFakes(eight[:1]), timedFakes(eight[:1])
	const gone, lines = 4, 4
	for i := range holed {
		for j := range holed[i].Tails {
			holed[i].Tails[j].Spectrum = slices.Delete(holed[i].Tails[j].Spectrum, 18, 18+gone)
		}
	}
	if a, b := paths(whole), paths(holed); a-b != lines*(gone+1) {
		t.Errorf("%d strokes, and %d where %d of each of %d lines are missing", a, b, gone, lines)
	}
}

func TestAltTextNamesTheLeader(t *testing.T) {
	p, err := plot.AgainstCPUs(fakes(eight, []int{1, 2}, 6, "hold", 32), caption)
	if err != nil {
		t.Fatal(err)
	}
	const want = "window: throughput against CPUs (hold = 32; item kind: tag), 8 designs. Highest median at CPUs = 2: channel with 186.5 million operations per second."
	if p.Alt != want {
		t.Errorf("got  %s\nwant %s", p.Alt, want)
	}
}
